//! Whose token a provisioning request shows: looked up before a tenant is known, by a definer function
//! of the golden list.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Bytea, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;

use crate::{auth::AuthTx, error::DbError, unit::Unit};

/// A provisioning token as its check needs it.
#[derive(Clone, Debug, QueryableByName)]
pub struct ScimTokenStanding {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub token_id: Uuid,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub expires_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub revoked_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_used_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Text)]
    pub tenant_state: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub trial_ends_at: Option<DateTime<Utc>>,
}

impl AuthTx<'_> {
    /// The token with this SHA-256. Whether it still counts is for the caller.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn scim_token_by_hash(
        &mut self,
        hash: &[u8],
    ) -> Result<Option<ScimTokenStanding>, DbError> {
        Ok(sql_query("SELECT * FROM scim_token_by_hash($1)")
            .bind::<Bytea, _>(hash)
            .get_result(self.conn())
            .optional()?)
    }
}
