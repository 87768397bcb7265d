//! Who is acting, in which tenant, with which roles.

use serde::{Deserialize, Serialize};

use crate::id::{ApiKeyId, GrantId, JobId, RequestId, ScimTokenId, SessionId, TenantId, UserId};

/// The four roles of LM-27 to LM-30. `owner` is a flag on an admin's membership (CX-28).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Member,
    Admin,
    Reviewer,
    SuperAdmin,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Member, Self::Admin, Self::Reviewer, Self::SuperAdmin];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Reviewer => "reviewer",
            Self::SuperAdmin => "super_admin",
        }
    }
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// How far the roles reach at this moment, whatever they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Whole,
    /// The tenant's trial is over: it is read, and nothing in it is changed (CX-27).
    TrialOver,
    /// A super_admin who visits a tenant that is not theirs (CX-33): reads.
    SupportRead,
    /// As before, with the owner's consent or by breaking the glass: runs the routing as well.
    SupportWrite,
}

/// The roles of one person in one tenant; a person may hold several (CX-28).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    held: Vec<Role>,
    owner: bool,
    reach: Reach,
}

impl Roles {
    pub fn new(held: impl IntoIterator<Item = Role>, owner: bool) -> Self {
        Self {
            held: held.into_iter().collect(),
            owner,
            reach: Reach::Whole,
        }
    }
    #[must_use]
    pub const fn within(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }
    pub const fn reach(&self) -> Reach {
        self.reach
    }
    pub fn has(&self, role: Role) -> bool {
        self.held.contains(&role)
    }
    pub const fn is_owner(&self) -> bool {
        self.owner
    }
    pub fn iter(&self) -> impl Iterator<Item = Role> + '_ {
        self.held.iter().copied()
    }
}

/// What kind of actor an audit entry names (LM-76).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person in an interactive session.
    Human { user: UserId, session: SessionId },
    /// The daemon itself, working on a job.
    System { job: Option<JobId> },
    /// An administrator on the machine, through the admin socket.
    Local { os_user: String },
    /// A tenant's identity provider, by the token that it showed.
    Provisioner { token: ScimTokenId },
    /// A tenant's own program, by the interface key that it showed (LR-33).
    Program { key: ApiKeyId },
    /// A program of others that a person let in, by what it was let in for (OB-23).
    Client { grant: GrantId },
}

impl Actor {
    /// `human`, `agent` or `system`, the closed set of LM-76.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Human { .. } => "human",
            Self::Client { .. } => "agent",
            Self::System { .. }
            | Self::Local { .. }
            | Self::Provisioner { .. }
            | Self::Program { .. } => "system",
        }
    }
    /// A pseudonymous id for audit rows: never a name or an address.
    pub fn id(&self) -> String {
        match self {
            Self::Human { user, .. } => user.to_string(),
            Self::System { job: Some(job) } => job.to_string(),
            Self::System { job: None } => String::from("daemon"),
            Self::Local { os_user } => format!("local:{os_user}"),
            Self::Provisioner { token } => token.to_string(),
            Self::Program { key } => key.to_string(),
            Self::Client { grant } => grant.to_string(),
        }
    }
}

/// An authenticated actor inside one tenant. `db` opens a tenant's data for a principal only.
#[derive(Clone, Debug)]
pub struct Principal {
    pub tenant: TenantId,
    pub actor: Actor,
    pub roles: Roles,
    pub request: Option<RequestId>,
    /// Where a human's request came from, for the audit log (sealed there; CX-35).
    pub origin: Option<Origin>,
}

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub address: String,
    pub user_agent: String,
}

impl Principal {
    /// The daemon, working inside `tenant` on `job`.
    pub fn system(tenant: TenantId, job: Option<JobId>) -> Self {
        Self {
            tenant,
            actor: Actor::System { job },
            roles: Roles::default(),
            request: None,
            origin: None,
        }
    }
    /// Whoever runs the appliance itself, in no tenant of a customer: an administrator at the machine, or
    /// the daemon by itself. What they may do was decided where they came in.
    pub fn of_appliance(actor: &Actor) -> Self {
        Self {
            tenant: TenantId::PLATFORM,
            actor: actor.clone(),
            roles: Roles::default(),
            request: None,
            origin: None,
        }
    }
    pub const fn user(&self) -> Option<UserId> {
        match self.actor {
            Actor::Human { user, .. } => Some(user),
            Actor::System { .. }
            | Actor::Local { .. }
            | Actor::Provisioner { .. }
            | Actor::Program { .. }
            | Actor::Client { .. } => None,
        }
    }
}
