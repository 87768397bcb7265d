//! What a tenant's identity provider does about its people between their sign-ins: it makes, changes and
//! shuts out members, and keeps groups that give roles (SCIM 2.0; how it speaks is the console's).
//!
//! A provider reaches memberships of its own tenant, and an account only where the tenant owns it
//! (CX-34). It never reaches the tenant's owner, the last administrator, whoever has the appliance in
//! their care, nor an account that is no member here. Whoever is shut out is so by the verb that an
//! administrator has as well.
//!
//! | Module | Holds |
//! |---|---|
//! | `model` | types and pure rules |
//! | `token` | what the provider shows, and who is behind it |
//! | `people`, `groups` | the verbs |
//! | `profiles` | what is known of a person, sealed and opened |
//! | `reach` | whose account the provider may touch |
//! | `roles` | what groups give |
//! | `rows` | queries |

mod groups;
mod model;
mod people;
mod profiles;
mod reach;
mod rewrap;
mod roles;
mod rows;
mod token;

use audit::Entry;
use db::{AuthScope, AuthTx};
use kernel::{Actor, Principal, RequestId, ScimTokenId, TenantId, UserId, principal::Origin};

pub use groups::{GroupView, ScimOverview};
pub use model::{Group, GroupInput, GroupName, Mail, Person, PersonInput, PersonName, Profile};
pub use people::PersonKey;
pub(crate) use profiles::profile_binding;
pub use token::ScimToken;

use crate::{error::IdentityError, identity::Caller, refusal::Refusal};

type Outcome<T> = Result<T, IdentityError>;

/// A provider that knocked with a valid token. Made by [`crate::Identity::scim_provisioner`] alone.
#[derive(Clone, Debug)]
pub struct Provisioner {
    tenant: TenantId,
    token: ScimTokenId,
    caller: Caller,
    /// The tenant's trial is over: people may be shut out, and nothing else changes (CX-27).
    read_only: bool,
}

impl Provisioner {
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub const fn token(&self) -> ScimTokenId {
        self.token
    }

    /// In its tenant, for a person or for nobody in particular.
    const fn scope(&self, user: Option<UserId>) -> AuthScope {
        AuthScope {
            tenant: Some(self.tenant),
            user,
        }
    }

    fn pen(&self) -> Pen {
        Pen {
            actor: Actor::Provisioner { token: self.token },
            origin: Some(self.caller.origin()),
            request: self.caller.request,
        }
    }

    fn check_writes(&self) -> Outcome<()> {
        if self.read_only {
            return Err(Refusal::TrialOver.into());
        }
        Ok(())
    }
}

/// Writes down what is done, in the name of whoever does it.
#[derive(Clone)]
struct Pen {
    actor: Actor,
    origin: Option<Origin>,
    request: Option<RequestId>,
}

impl Pen {
    fn of(who: &Principal) -> Self {
        Self {
            actor: who.actor.clone(),
            origin: who.origin.clone(),
            request: who.request,
        }
    }

    fn note(&self, tx: &mut AuthTx<'_>, entry: Entry) -> Outcome<()> {
        entry.write_auth(tx, &self.actor, self.origin.as_ref(), self.request)?;
        Ok(())
    }
}
