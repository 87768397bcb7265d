//! The look-ups of `AuthTx` that tenants, invitations and interface keys need: one definer function
//! each, typed.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{
        Array, BigInt, Bool, Bytea, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
    },
};
use kernel::UserId;
use uuid::Uuid;

use crate::{auth::AuthTx, error::DbError, unit::Unit};

/// An invitation that waits, as whoever holds its link finds it.
#[derive(Clone, Debug, QueryableByName)]
pub struct InvitationFound {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub invitation_id: Uuid,
    #[diesel(sql_type = Bytea)]
    pub email_hash: Vec<u8>,
    #[diesel(sql_type = Bytea)]
    pub email_sealed: Vec<u8>,
    #[diesel(sql_type = Array<Text>)]
    pub roles: Vec<String>,
    #[diesel(sql_type = Bool)]
    pub owner: bool,
    #[diesel(sql_type = Timestamptz)]
    pub expires_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    pub organisation: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub inviter: Option<String>,
}

/// An interface key as its check needs it.
#[derive(Clone, Debug, QueryableByName)]
pub struct ApiKeyStanding {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = Text)]
    pub secret_hash: String,
    #[diesel(sql_type = Array<Text>)]
    pub scopes: Vec<String>,
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

/// A tenant as a super_admin sees it from outside.
#[derive(Clone, Debug, QueryableByName)]
pub struct TenantLine {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub trial_ends_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    pub members: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub owner_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    pub owner_name: Option<String>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Integer)]
    n: i32,
}

impl AuthTx<'_> {
    /// Ends the sessions that `who` has in the scope's tenant, and takes the tokens from the
    /// connections there that are theirs alone; answers how many sessions ended.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn member_cut(&mut self, who: UserId, why: &str) -> Result<i32, DbError> {
        let now = self.now();
        let count: Count = sql_query("SELECT member_cut($1, $2, $3) AS n")
            .bind::<SqlUuid, _>(who.uuid())
            .bind::<Timestamptz, _>(now)
            .bind::<Text, _>(why)
            .get_result(self.conn())?;
        Ok(count.n)
    }

    /// The waiting invitation whose token has this SHA-256. Whether it is too old is for the caller.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn invitation_by_token(&mut self, hash: &[u8]) -> Result<Option<InvitationFound>, DbError> {
        Ok(sql_query("SELECT * FROM invitation_by_token($1)")
            .bind::<Bytea, _>(hash)
            .get_result(self.conn())
            .optional()?)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn api_key_by_id(&mut self, key: Uuid) -> Result<Option<ApiKeyStanding>, DbError> {
        Ok(sql_query("SELECT * FROM api_key_by_id($1)")
            .bind::<SqlUuid, _>(key)
            .get_result(self.conn())
            .optional()?)
    }

    /// Tenants by name, after `after`; nothing unless the scope's user is a super_admin.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn tenants_listed(
        &mut self,
        after: Option<(&str, Uuid)>,
        most: i32,
        state: Option<&str>,
        search: Option<&str>,
    ) -> Result<Vec<TenantLine>, DbError> {
        Ok(
            sql_query("SELECT * FROM tenants_listed($1, $2, $3, $4, $5)")
                .bind::<Nullable<Text>, _>(after.map(|(name, _)| name))
                .bind::<Nullable<SqlUuid>, _>(after.map(|(_, id)| id))
                .bind::<Integer, _>(most)
                .bind::<Nullable<Text>, _>(state)
                .bind::<Nullable<Text>, _>(search)
                .load(self.conn())?,
        )
    }
}
