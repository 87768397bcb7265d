//! What can go wrong with a connection.

use audit::AuditError;
use db::DbError;
use jobs::JobsError;
use kernel::{Classified, ErrorKind};
use vault::VaultError;

use crate::{model::BrokenCode, provider::ProviderError};

#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    #[error("the connection could not be read or stored")]
    Db(#[from] DbError),
    #[error("a secret of the connection could not be sealed or opened")]
    Vault(#[from] VaultError),
    #[error("the audit entry could not be written")]
    Audit(#[from] AuditError),
    #[error("a job or lease of the connection could not be stored")]
    Jobs(#[from] JobsError),
    #[error("randomness is not available")]
    Randomness,
    #[error("a stored token is not readable")]
    Malformed,
    #[error("only a person in a session may do this")]
    NotHuman,
    #[error("{field}: {message}")]
    Input {
        field: &'static str,
        message: &'static str,
    },
    #[error("nobody has configured the connection")]
    NotConfigured,
    #[error("the connection is not connected")]
    NotConnected,
    #[error("the connection is broken: {}", .0.name())]
    Broken(BrokenCode),
    #[error("application or host of a connected connection cannot change")]
    InUse,
    #[error("the connection changed meanwhile")]
    Moved,
    #[error("the returned state is unknown, used, or another session's")]
    StateInvalid,
    #[error("the returned state is older than ten minutes")]
    StateExpired,
    #[error("the grant belongs to another organisation")]
    OrganisationMismatch,
    #[error("the grant was refused: {0}")]
    GrantRefused(String),
    #[error("the instance address is outside the provider's domains")]
    HostRefused,
    #[error("the provider does not answer")]
    Provider(#[source] ProviderError),
    #[error("the login was cut short")]
    Cut,
    #[error("another refresh has not ended yet")]
    Refreshing,
}

impl From<diesel::result::Error> for ConnectionError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl ConnectionError {
    /// Whether the database was away, so that the same unit of work may succeed later.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, Self::Db(_) | Self::Jobs(_) | Self::Audit(_))
            && self.kind() == ErrorKind::Unavailable
    }
}

impl Classified for ConnectionError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Db(error) => error.kind(),
            Self::Vault(error) => error.kind(),
            Self::Audit(error) => error.kind(),
            Self::Jobs(error) => error.kind(),
            Self::Randomness | Self::Malformed | Self::Cut => ErrorKind::Internal,
            Self::NotHuman => ErrorKind::Denied,
            Self::Input { .. } | Self::StateInvalid | Self::StateExpired => ErrorKind::Invalid,
            Self::NotConfigured
            | Self::NotConnected
            | Self::Broken(_)
            | Self::InUse
            | Self::Moved
            | Self::OrganisationMismatch
            | Self::GrantRefused(_)
            | Self::HostRefused => ErrorKind::Conflict,
            Self::Provider(_) | Self::Refreshing => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Audit(error) => error.code(),
            Self::Jobs(error) => error.code(),
            Self::Randomness | Self::Malformed | Self::Cut => "internal",
            Self::NotHuman => "person_needed",
            Self::Input { .. } => "invalid",
            Self::NotConfigured => "connection_not_configured",
            Self::NotConnected => "connection_not_connected",
            Self::Broken(_) => "connection_broken",
            Self::InUse => "connection_in_use",
            Self::Moved => "version_conflict",
            Self::StateInvalid => "state_invalid",
            Self::StateExpired => "state_expired",
            Self::OrganisationMismatch => "organisation_mismatch",
            Self::GrantRefused(_) => "grant_refused",
            Self::HostRefused => "host_refused",
            Self::Provider(_) => "provider_unavailable",
            Self::Refreshing => "connection_refreshing",
        }
    }

    fn message(&self) -> String {
        let text = match self {
            Self::Db(error) => return error.message(),
            Self::Vault(error) => return error.message(),
            Self::Audit(error) => return error.message(),
            Self::Jobs(error) => return error.message(),
            Self::Broken(code) => return format!("{} {}", code.message(), code.next_step()),
            Self::Input { message, .. } => message,
            Self::Randomness | Self::Malformed | Self::Cut => {
                "Something failed on our side; the log has the cause."
            }
            Self::NotHuman => "This needs a person who is signed in.",
            Self::NotConfigured => {
                "The connection is not configured yet. Store the consumer key of your External Client App first."
            }
            Self::NotConnected => "The connection is not connected. Connect it first.",
            Self::InUse => {
                "The connection is in use with another application or host. Disconnect it first, then change it."
            }
            Self::Moved => "The connection was changed meanwhile. Look at it and try again.",
            Self::StateInvalid => {
                "This return from Salesforce does not belong to a login that you started here, or was used already. Start the connection again."
            }
            Self::StateExpired => {
                "More than ten minutes passed at Salesforce. Start the connection again."
            }
            Self::OrganisationMismatch => {
                "You signed in to another Salesforce organisation than the one that Revkeep was connected to. Sign in to that one, or choose the option for a new organisation."
            }
            Self::GrantRefused(_) => {
                "Salesforce did not grant the access. Start again, sign in as the integration user and allow all that is asked for."
            }
            Self::HostRefused => {
                "Salesforce named an instance outside its own domains, so nothing was connected. An address of your own must be declared in Revkeep's root configuration."
            }
            Self::Provider(_) => {
                "Salesforce does not answer. Nothing was changed; try again in a moment."
            }
            Self::Refreshing => "The access to Salesforce is being renewed. Try again in a moment.",
        };
        text.to_owned()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Input { field, .. } => Some((*field).to_owned()),
            _ => None,
        }
    }
}
