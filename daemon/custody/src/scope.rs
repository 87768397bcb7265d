//! What an archive is of: the whole tenant, one account, or what a search found of a person.

use kernel::{CaseId, UserId};
use uuid::Uuid;

use crate::error::CustodyError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Tenant,
    Account(UserId),
    Person(CaseId),
}

impl Scope {
    /// As the columns `scope` and `subject` have it.
    pub(crate) fn read(name: &str, subject: Option<Uuid>) -> Result<Self, CustodyError> {
        match (name, subject) {
            ("tenant", None) => Ok(Self::Tenant),
            ("account", Some(user)) => Ok(Self::Account(UserId::from_uuid(user))),
            ("person", Some(case)) => Ok(Self::Person(CaseId::from_uuid(case))),
            _ => Err(CustodyError::Unreadable),
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Account(_) => "account",
            Self::Person(_) => "person",
        }
    }

    pub(crate) const fn subject(self) -> Option<Uuid> {
        match self {
            Self::Tenant => None,
            Self::Account(user) => Some(user.uuid()),
            Self::Person(case) => Some(case.uuid()),
        }
    }

    /// Whose rows row security shows, where tables belong to people.
    pub(crate) const fn user(self) -> Option<UserId> {
        match self {
            Self::Account(user) => Some(user),
            Self::Tenant | Self::Person(_) => None,
        }
    }
}
