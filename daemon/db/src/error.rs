//! What can go wrong at the door.

use diesel::result::{DatabaseErrorKind, Error as Diesel};
use kernel::{Classified, ErrorKind};

/// A database error, classed. The cause is for the log alone.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("the database cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the database went away while it committed: nobody knows whether it did")]
    InDoubt(#[source] Diesel),
    #[error("the database refused the statement")]
    Query(#[source] Diesel),
    #[error("no such row")]
    NotFound,
    #[error("the row is there already")]
    Duplicate(#[source] Diesel),
    #[error("a row that this one refers to is not there")]
    Reference(#[source] Diesel),
    #[error("the database was busy and the work was given up")]
    Busy(#[source] Diesel),
    #[error("the tenant context has no key yet: the secrets backend has not answered since start")]
    NoContextKey,
    #[error("the unit of work was cut short")]
    Cut,
    #[error("{0}")]
    Setup(String),
}

impl DbError {
    /// Whether the connection is gone, so that nothing more can be learned from it.
    pub(crate) fn is_disconnect(error: &Diesel) -> bool {
        match error {
            Diesel::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => true,
            Diesel::DatabaseError(DatabaseErrorKind::Unknown, info) => {
                let text = info.message();
                text.contains("server closed the connection")
                    || text.contains("terminating connection")
                    || text.contains("no connection to the server")
                    || text.contains("could not send data to server")
            }
            Diesel::BrokenTransactionManager => true,
            _ => false,
        }
    }
}

impl From<Diesel> for DbError {
    fn from(error: Diesel) -> Self {
        if Self::is_disconnect(&error) {
            return Self::Unreachable(Box::new(error));
        }
        match &error {
            Diesel::NotFound => Self::NotFound,
            // A server that was the primary when the transaction opened.
            Diesel::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => {
                Self::Unreachable(Box::new(error))
            }
            Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Duplicate(error),
            Diesel::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => {
                Self::Reference(error)
            }
            Diesel::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Self::Busy(error),
            Diesel::DatabaseError(_, info)
                if info.message().contains("lock timeout")
                    || info.message().contains("statement timeout")
                    || info.message().contains("deadlock detected") =>
            {
                Self::Busy(error)
            }
            _ => Self::Query(error),
        }
    }
}

impl Classified for DbError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable(_) | Self::InDoubt(_) | Self::Busy(_) | Self::Cut => {
                ErrorKind::Unavailable
            }
            Self::NoContextKey => ErrorKind::Sealed,
            Self::NotFound => ErrorKind::NotFound,
            Self::Duplicate(_) | Self::Reference(_) => ErrorKind::Conflict,
            Self::Query(_) | Self::Setup(_) => ErrorKind::Internal,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "database_unreachable",
            Self::InDoubt(_) => "commit_in_doubt",
            Self::Busy(_) | Self::Cut => "database_busy",
            Self::NoContextKey => "sealed",
            Self::NotFound => "not_found",
            Self::Duplicate(_) => "already_exists",
            Self::Reference(_) => "reference_missing",
            Self::Query(_) | Self::Setup(_) => "internal",
        }
    }
    fn message(&self) -> String {
        match self {
            Self::Unreachable(_) => {
                "The database does not answer. Nothing was changed; try again in a moment."
            }
            Self::InDoubt(_) => {
                "The database went away as this was being stored: it may be there or not. Look first, then try again if it is not."
            }
            Self::Busy(_) | Self::Cut => {
                "The database was busy. Nothing was changed; try again in a moment."
            }
            Self::NoContextKey => {
                "The secrets backend is sealed or cannot be reached. An administrator must unseal it; work then resumes by itself."
            }
            Self::NotFound => "There is no such thing here.",
            Self::Duplicate(_) => "Something with this name or id is there already.",
            Self::Reference(_) => "It refers to something that is not there, or is still in use.",
            Self::Query(_) | Self::Setup(_) => "Something failed on our side; the log has the cause.",
        }
        .to_owned()
    }
}
