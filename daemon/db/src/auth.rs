//! `AuthTx`: identity's unit of work, and the look-ups that come before anyone is known.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Array, Bool, Bytea, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use kernel::{SharedClock, TenantId, UserId, port::AuditSeals};
use uuid::Uuid;

use crate::{error::DbError, unit::Unit};

/// For whom identity works.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuthScope {
    pub tenant: Option<TenantId>,
    pub user: Option<UserId>,
}

/// A transaction of the role `revkeep_auth`: the rows of one person, one tenant's memberships, and
/// the platform's keys and counters. Made by [`crate::Db::auth`] alone.
pub struct AuthTx<'c> {
    conn: &'c mut PgConnection,
    scope: AuthScope,
    clock: SharedClock,
    now: DateTime<Utc>,
    seals: AuditSeals,
}

/// What sign-in needs to know of an account.
#[derive(QueryableByName)]
pub struct UserLogin {
    #[diesel(sql_type = SqlUuid)]
    pub user_id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    pub password_hash: Option<String>,
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Bytea)]
    pub email_sealed: Vec<u8>,
    #[diesel(sql_type = Bool)]
    pub super_admin: bool,
}

/// Which token, of which session, of whom, in which tenant.
#[derive(QueryableByName)]
pub struct RefreshTokenRef {
    #[diesel(sql_type = SqlUuid)]
    pub token_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub session_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub user_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
}

/// Whether a session may act, and as what.
#[derive(Clone, Debug, QueryableByName)]
pub struct SessionStanding {
    #[diesel(sql_type = SqlUuid)]
    pub user_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    pub expires_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub last_used_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub ended_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Text)]
    pub user_state: String,
    #[diesel(sql_type = Bool)]
    pub super_admin: bool,
    #[diesel(sql_type = Array<Text>)]
    pub roles: Vec<String>,
    #[diesel(sql_type = Bool)]
    pub owner: bool,
    #[diesel(sql_type = Integer)]
    pub epoch: i32,
    #[diesel(sql_type = Text)]
    pub tenant_state: String,
    /// When a second factor was last proven in this session.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub factor_at: Option<DateTime<Utc>>,
    /// Whether the person has enrolled one.
    #[diesel(sql_type = Bool)]
    pub has_factor: bool,
    /// Whether the tenant asks everybody for one.
    #[diesel(sql_type = Bool)]
    pub factor_for_all: bool,
    #[diesel(sql_type = Text)]
    pub tenant_name: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub trial_ends_at: Option<DateTime<Utc>>,
    /// A super_admin's visit, where there is no membership; it may be over.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub visit_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    pub visit_reason: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    pub visit_writes: Option<bool>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub visit_ends_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub visit_left_at: Option<DateTime<Utc>>,
}

/// Which challenge, for whom.
#[derive(QueryableByName)]
pub struct ChallengeRef {
    #[diesel(sql_type = SqlUuid)]
    pub challenge_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub user_id: Uuid,
}

/// Which passkey, of whom.
#[derive(QueryableByName)]
pub struct PasskeyRef {
    #[diesel(sql_type = SqlUuid)]
    pub passkey_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub user_id: Uuid,
    #[diesel(sql_type = Text)]
    pub user_state: String,
}

#[derive(Clone, Debug, QueryableByName)]
pub struct TenantName {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    pub state: String,
}

#[derive(QueryableByName)]
struct Owner {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

impl<'c> AuthTx<'c> {
    pub(crate) fn new(
        conn: &'c mut PgConnection,
        scope: AuthScope,
        clock: SharedClock,
        seals: AuditSeals,
    ) -> Self {
        let now = clock.now();
        Self {
            conn,
            scope,
            clock,
            now,
            seals,
        }
    }

    pub const fn scope(&self) -> AuthScope {
        self.scope
    }

    /// The account with this keyed hash of an address.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn user_by_email(&mut self, hash: &[u8]) -> Result<Option<UserLogin>, DbError> {
        Ok(sql_query("SELECT * FROM user_by_email($1)")
            .bind::<Bytea, _>(hash)
            .get_result(self.conn)
            .optional()?)
    }

    /// The refresh token with this SHA-256.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn refresh_token_by_hash(
        &mut self,
        hash: &[u8],
    ) -> Result<Option<RefreshTokenRef>, DbError> {
        Ok(sql_query("SELECT * FROM refresh_token_by_hash($1)")
            .bind::<Bytea, _>(hash)
            .get_result(self.conn)
            .optional()?)
    }

    /// Whose reset link has this SHA-256.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn reset_link_by_hash(&mut self, hash: &[u8]) -> Result<Option<Uuid>, DbError> {
        let found: Option<Owner> = sql_query("SELECT * FROM reset_link_by_hash($1)")
            .bind::<Bytea, _>(hash)
            .get_result(self.conn)
            .optional()?;
        Ok(found.map(|owner| owner.user_id))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn session_standing(&mut self, session: Uuid) -> Result<Option<SessionStanding>, DbError> {
        Ok(sql_query("SELECT * FROM session_standing($1)")
            .bind::<SqlUuid, _>(session)
            .get_result(self.conn)
            .optional()?)
    }

    /// The sign-in challenge whose cookie has this SHA-256.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn factor_challenge_by_hash(
        &mut self,
        hash: &[u8],
    ) -> Result<Option<ChallengeRef>, DbError> {
        Ok(sql_query("SELECT * FROM factor_challenge_by_hash($1)")
            .bind::<Bytea, _>(hash)
            .get_result(self.conn)
            .optional()?)
    }

    /// The passkey with this credential id.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn passkey_by_credential(&mut self, id: &[u8]) -> Result<Option<PasskeyRef>, DbError> {
        Ok(sql_query("SELECT * FROM passkey_by_credential($1)")
            .bind::<Bytea, _>(id)
            .get_result(self.conn)
            .optional()?)
    }

    /// The tenants that the scope's user belongs to, by name.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn own_tenants(&mut self) -> Result<Vec<TenantName>, DbError> {
        Ok(sql_query("SELECT * FROM own_tenants()").load(self.conn)?)
    }

    /// Whether any account exists: set-up is over once one does.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn anyone_set_up(&mut self) -> Result<bool, DbError> {
        let answer: Answer = sql_query("SELECT anyone_set_up() AS yes").get_result(self.conn)?;
        Ok(answer.yes)
    }
}

impl Unit for AuthTx<'_> {
    fn conn(&mut self) -> &mut PgConnection {
        self.conn
    }
    fn now(&self) -> DateTime<Utc> {
        self.now
    }
    fn tenant(&self) -> TenantId {
        self.scope.tenant.unwrap_or(TenantId::PLATFORM)
    }
    fn clock(&self) -> &SharedClock {
        &self.clock
    }
    fn seals(&self) -> &AuditSeals {
        &self.seals
    }
}
