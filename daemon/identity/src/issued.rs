//! What an administrator issues to a program, a key or a token: until when it counts, and who made it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use schema::people;
use uuid::Uuid;

use crate::error::IdentityError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuedState {
    Active,
    Expired,
    Revoked,
}

impl IssuedState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Who revoked it has the last word, whatever its end was.
    pub(crate) fn of(
        revoked_at: Option<DateTime<Utc>>,
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        match (revoked_at, expires_at) {
            (Some(_), _) => Self::Revoked,
            (None, Some(end)) if end <= now => Self::Expired,
            (None, _) => Self::Active,
        }
    }
}

/// An end lies ahead, or there is none.
pub(crate) fn check_end(
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), IdentityError> {
    if expires_at.is_some_and(|end| end <= now) {
        return Err(IdentityError::input("expires_at", "expires_in_past"));
    }
    Ok(())
}

/// The names of those of the tenant's people who made something.
pub(crate) fn makers(
    tx: &mut AuthTx<'_>,
    people_ids: &[Uuid],
) -> Result<HashMap<Uuid, String>, IdentityError> {
    let names: Vec<(Uuid, String)> = people::table
        .filter(people::tenant_id.eq(tx.tenant().uuid()))
        .filter(people::user_id.eq_any(people_ids))
        .select((people::user_id, people::name))
        .load(tx.conn())?;
    Ok(names.into_iter().collect())
}
