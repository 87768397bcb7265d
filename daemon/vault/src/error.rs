//! What can go wrong with a secret, told apart by what has to be done about it.

use std::path::PathBuf;

use kernel::{Classified, ErrorKind, TenantId};

/// No variant ever carries a secret: details are the backend's own words, paths and modes.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The backend is there and locked.
    #[error("the secrets backend is sealed: {0}")]
    Sealed(String),
    /// The backend does not answer.
    #[error("the secrets backend cannot be reached: {0}")]
    Unreachable(String),
    /// The backend refuses this daemon: its credential or its policy is wrong.
    #[error("the secrets backend refuses this daemon: {0}")]
    Denied(String),
    /// A file that holds a secret is open to others, or is not what it should be.
    #[error("{}: {problem}", path.display())]
    UnsafeFile { path: PathBuf, problem: String },
    /// The tenant has no key: never made, or destroyed with the tenant.
    #[error("{0} has no key in the secrets backend")]
    NoKey(TenantId),
    /// A named secret is not there, and the caller asked not to make one.
    #[error("there is no secret named {0}")]
    NoSecret(String),
    /// The ciphertext does not open: it was changed, or it belongs to another tenant, provider,
    /// owner or column (OB-08).
    #[error("the ciphertext does not open here: it was changed or belongs elsewhere")]
    Refused,
    /// The bytes are no envelope.
    #[error("not a sealed value: {0}")]
    Malformed(&'static str),
    /// The configuration can never work.
    #[error("secrets configuration: {0}")]
    Config(String),
    /// The backend answered something that it should not.
    #[error("the secrets backend failed: {0}")]
    Backend(String),
}

impl VaultError {
    /// Whether the same call may succeed later without a change in the daemon: work that needs the
    /// secret waits.
    pub const fn is_waiting(&self) -> bool {
        matches!(
            self,
            Self::Sealed(_) | Self::Unreachable(_) | Self::Denied(_) | Self::UnsafeFile { .. }
        )
    }
}

impl Classified for VaultError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Sealed(_) | Self::Unreachable(_) | Self::Denied(_) | Self::UnsafeFile { .. } => {
                ErrorKind::Sealed
            }
            Self::NoKey(_)
            | Self::NoSecret(_)
            | Self::Refused
            | Self::Malformed(_)
            | Self::Config(_)
            | Self::Backend(_) => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Sealed(_) => "secrets_sealed",
            Self::Unreachable(_) => "secrets_unreachable",
            Self::Denied(_) => "secrets_denied",
            Self::UnsafeFile { .. } => "secrets_file_unsafe",
            Self::NoKey(_) => "secrets_no_key",
            Self::NoSecret(_) => "secrets_missing",
            Self::Refused => "secret_does_not_open",
            Self::Malformed(_) => "secret_malformed",
            Self::Config(_) => "secrets_config",
            Self::Backend(_) => "secrets_failed",
        }
    }

    fn message(&self) -> String {
        String::from(match self {
            Self::Sealed(_) => {
                "The secrets store is sealed. An administrator has to unseal it; work that needs a \
                 secret waits and then goes on by itself."
            }
            Self::Unreachable(_) => {
                "The secrets store does not answer. Work that needs a secret waits and goes on by \
                 itself when it is back."
            }
            Self::Denied(_) | Self::UnsafeFile { .. } => {
                "The secrets store does not admit Revkeep. An administrator finds the reason with \
                 `revkeep status`; work that needs a secret waits."
            }
            Self::NoKey(_)
            | Self::NoSecret(_)
            | Self::Refused
            | Self::Malformed(_)
            | Self::Config(_)
            | Self::Backend(_) => {
                "A stored secret could not be used. The log of the daemon says why."
            }
        })
    }
}
