//! What a connection is, without its secrets, and why it can be broken.

use chrono::{DateTime, Utc};
use kernel::{ConnectionId, UserId};

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }
        }
    )*};
}

named! {
    /// Where a connection stands. A connection that nobody configured has no row.
    State {
        Configured = "configured",
        /// A person was sent to the provider and has not come back.
        Authorizing = "authorizing",
        Connected = "connected",
        /// A person must reconnect it (LR-24).
        Broken = "broken",
        Disconnected = "disconnected",
    }
    /// Which authorization server the person uses.
    Environment {
        Production = "production",
        Sandbox = "sandbox",
        MyDomain = "my_domain",
    }
    /// What the connection is for (CX-05, CX-06).
    Kind {
        /// The tenant's own, by a dedicated integration user: reads leads, writes their owner.
        Routing = "routing",
        /// One person's, read only.
        Pipeline = "pipeline",
    }
    /// Why a connection is broken. The names are stable.
    BrokenCode {
        GrantRevoked = "grant_revoked",
        UserInactive = "user_inactive",
        OrganisationInactive = "organisation_inactive",
        ClientRefused = "client_refused",
        LoginRefused = "login_refused",
        RefreshRefused = "refresh_refused",
        RefreshInDoubt = "refresh_in_doubt",
        HostRefused = "host_refused",
        OrganisationChanged = "organisation_changed",
        ApiDisabled = "api_disabled",
        Restored = "restored",
    }
}

impl BrokenCode {
    /// What happened, for the person who looks at the connection.
    pub const fn message(self) -> &'static str {
        match self {
            Self::GrantRevoked => {
                "Salesforce no longer accepts the grant: it was revoked, has expired, or the user was frozen."
            }
            Self::UserInactive => "The integration user is inactive in Salesforce.",
            Self::OrganisationInactive => {
                "The Salesforce organisation is inactive or its trial has ended."
            }
            Self::ClientRefused => {
                "Salesforce does not accept the consumer key or secret of the External Client App."
            }
            Self::LoginRefused => {
                "Salesforce refuses the login: a password reset, an IP policy or the user's permissions stand in the way."
            }
            Self::RefreshRefused => "Salesforce refused to renew the access.",
            Self::RefreshInDoubt => {
                "A renewal of the access was cut off, so Revkeep cannot know which token is valid and presents none."
            }
            Self::HostRefused => {
                "Salesforce named an address outside its own domains, and Revkeep sends it no token."
            }
            Self::OrganisationChanged => {
                "The grant suddenly belongs to another Salesforce organisation."
            }
            Self::Restored => {
                "Revkeep was restored from a backup. The tokens of then may have been renewed since, so none of them is presented."
            }
            Self::ApiDisabled => {
                "The API is not enabled for this Salesforce organisation or for the integration user."
            }
        }
    }

    /// What the person is to do.
    pub const fn next_step(self) -> &'static str {
        match self {
            Self::GrantRevoked | Self::RefreshRefused | Self::RefreshInDoubt | Self::Restored => {
                "Reconnect: sign in to Salesforce once more as the integration user."
            }
            Self::UserInactive => "Activate the integration user in Salesforce, then reconnect.",
            Self::OrganisationInactive => {
                "Have the organisation reactivated by Salesforce, then reconnect."
            }
            Self::ClientRefused => {
                "Compare consumer key and secret with the External Client App, store them again, then reconnect."
            }
            Self::LoginRefused => {
                "Check the login history of the integration user in Salesforce, then reconnect."
            }
            Self::HostRefused => {
                "Check the My Domain of the connection; an address of your own must be declared in Revkeep's root configuration. Then reconnect."
            }
            Self::OrganisationChanged => {
                "Reconnect to the former organisation, or reconnect with the option for a new one."
            }
            Self::ApiDisabled => {
                "Give the integration user the permission API Enabled, then reconnect."
            }
        }
    }
}

/// Since when and why a connection is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    pub code: BrokenCode,
    pub since: DateTime<Utc>,
}

/// API requests of the organisation, as the provider last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub used: i32,
    pub max: i32,
    pub at: DateTime<Utc>,
}

/// A connection as a face may show it: no secret in it, sealed or not.
#[derive(Clone, Debug)]
pub struct Connection {
    pub id: ConnectionId,
    pub provider: String,
    pub kind: Kind,
    pub owner: Option<UserId>,
    pub state: State,
    pub environment: Environment,
    /// Host or host:port of the authorization server.
    pub login_host: String,
    pub instance_url: Option<String>,
    pub organisation: Option<String>,
    /// Id of the user at the provider.
    pub external_user: Option<String>,
    pub scopes: Vec<String>,
    pub consumer_key: String,
    pub has_consumer_secret: bool,
    pub broken: Option<Broken>,
    pub connected_at: Option<DateTime<Utc>>,
    pub refreshed_at: Option<DateTime<Utc>>,
    pub limits: Option<Limits>,
    pub version: i64,
}

impl Connection {
    /// The end of the consumer key, enough to recognise it.
    pub fn consumer_key_tail(&self) -> String {
        let skipped = self.consumer_key.chars().count().saturating_sub(4);
        self.consumer_key.chars().skip(skipped).collect()
    }
}
