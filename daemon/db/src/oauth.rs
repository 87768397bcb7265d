//! Whose a code or a token of a program is: looked up before a tenant is known, by a definer function of the
//! golden list.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Array, Bool, Bytea, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;

use crate::{auth::AuthTx, error::DbError, unit::Unit};

/// A code or token with everything that it hangs on.
#[derive(Clone, Debug, QueryableByName)]
pub struct OauthStanding {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub grant_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub client_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub user_id: Uuid,
    #[diesel(sql_type = Array<Text>)]
    pub scopes: Vec<String>,
    /// Whom its tokens are for.
    #[diesel(sql_type = Text)]
    pub resource: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub used_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    pub token_expires_at: DateTime<Utc>,
    /// The grant's own end.
    #[diesel(sql_type = Timestamptz)]
    pub expires_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub ended_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub client_revoked_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Array<Text>)]
    pub roles: Vec<String>,
    #[diesel(sql_type = Bool)]
    pub owner: bool,
    #[diesel(sql_type = Text)]
    pub tenant_state: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub trial_ends_at: Option<DateTime<Utc>>,
}

/// What is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OauthKind {
    Code,
    Access,
    Refresh,
}

impl OauthKind {
    /// As rows hold it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}

impl AuthTx<'_> {
    /// What has this SHA-256; nothing where its person is no active member any more. Whether it still counts is
    /// for the caller.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn oauth_standing(
        &mut self,
        hash: &[u8],
        kind: OauthKind,
    ) -> Result<Option<OauthStanding>, DbError> {
        Ok(sql_query("SELECT * FROM oauth_standing($1, $2)")
            .bind::<Bytea, _>(hash)
            .bind::<Text, _>(kind.name())
            .get_result(self.conn())
            .optional()?)
    }
}
