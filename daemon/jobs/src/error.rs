//! What can go wrong with the queue, and what a handler says of a job that did not work.

use std::time::Duration;

use audit::AuditError;
use db::DbError;
use kernel::{Classified, ErrorKind};

#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    #[error("the queue could not be read or written")]
    Db(#[from] DbError),
    #[error("the audit entry could not be written")]
    Audit(#[from] AuditError),
    #[error("the job is not a dead letter")]
    NotDead,
}

impl From<diesel::result::Error> for JobsError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl Classified for JobsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Db(error) => error.kind(),
            Self::Audit(error) => error.kind(),
            Self::NotDead => ErrorKind::Conflict,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Audit(error) => error.code(),
            Self::NotDead => "job_not_dead",
        }
    }
    fn message(&self) -> String {
        match self {
            Self::Db(error) => error.message(),
            Self::Audit(error) => error.message(),
            Self::NotDead => {
                "Only a job that was given up can be retried or discarded; this one moved on. Reload the list.".to_owned()
            }
        }
    }
}

/// Why a job did not work. `code` is stable; `detail` is for the administrator and names no person.
#[derive(Clone, Debug)]
pub enum JobError {
    /// Again later: after the given time, or by the usual backoff. Counts as an attempt.
    Retry {
        code: &'static str,
        detail: String,
        after: Option<Duration>,
    },
    /// Nothing was tried because a part is not there (sealed Vault, database): again soon, and the
    /// attempt does not count.
    Wait { code: &'static str, detail: String },
    /// Never again without a person.
    Dead { code: &'static str, detail: String },
}

impl JobError {
    /// Classes a domain's error: what may pass by itself is waited for or retried.
    pub fn from_classified<E: Classified>(error: &E) -> Self {
        let mut detail = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            detail = format!("{detail}: {cause}");
            source = cause.source();
        }
        let code = error.code();
        match error.kind() {
            ErrorKind::Sealed | ErrorKind::Unavailable => Self::Wait { code, detail },
            ErrorKind::RateLimited | ErrorKind::Internal | ErrorKind::Conflict => Self::Retry {
                code,
                detail,
                after: None,
            },
            ErrorKind::Invalid
            | ErrorKind::Unauthenticated
            | ErrorKind::Denied
            | ErrorKind::NotFound => Self::Dead { code, detail },
        }
    }
}
