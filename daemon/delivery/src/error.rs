//! What can go wrong with a notice before a mail server is spoken to.

use audit::AuditError;
use db::DbError;
use identity::IdentityError;
use jobs::{JobError, JobsError};
use kernel::{Classified, ErrorKind};
use vault::VaultError;

#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    #[error("the notice could not be read or stored")]
    Db(#[from] DbError),
    #[error("the audit entry could not be written")]
    Audit(#[from] AuditError),
    #[error("the mail's job could not be queued")]
    Jobs(#[from] JobsError),
    #[error("the mail server's password could not be read")]
    Vault(#[from] VaultError),
    #[error("an address could not be opened")]
    Identity(#[from] IdentityError),
}

impl From<diesel::result::Error> for DeliveryError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl Classified for DeliveryError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Db(error) => error.kind(),
            Self::Audit(error) => error.kind(),
            Self::Jobs(error) => error.kind(),
            Self::Vault(error) => error.kind(),
            Self::Identity(error) => error.kind(),
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Audit(error) => error.code(),
            Self::Jobs(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Identity(error) => error.code(),
        }
    }
    fn message(&self) -> String {
        match self {
            Self::Db(error) => error.message(),
            Self::Audit(error) => error.message(),
            Self::Jobs(error) => error.message(),
            Self::Vault(error) => error.message(),
            Self::Identity(error) => error.message(),
        }
    }
}

impl From<DeliveryError> for JobError {
    fn from(error: DeliveryError) -> Self {
        Self::from_classified(&error)
    }
}
