//! `SystemTx`: work across tenants, through definer functions only. It lends no connection, so no
//! other statement can be run in it.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{
        Array, BigInt, Bool, Integer, Interval, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
    },
};
use kernel::{TenantId, UserId};
use uuid::Uuid;

use crate::error::DbError;

/// A transaction without a tenant. Made by [`crate::Db::system`] alone.
pub struct SystemTx<'c> {
    conn: &'c mut PgConnection,
}

/// A job that this worker now holds until its lease ends.
#[derive(Debug, QueryableByName)]
pub struct ClaimedJob {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub job_id: Uuid,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Jsonb)]
    pub payload: serde_json::Value,
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
    #[diesel(sql_type = Integer)]
    pub max_attempts: i32,
    #[diesel(sql_type = BigInt)]
    pub fence: i64,
}

#[derive(Debug, QueryableByName)]
pub struct JobCount {
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = BigInt)]
    pub jobs: i64,
}

/// How many tenants' jobs of one rewrap are in a state, and how much they have done.
#[derive(Debug, QueryableByName)]
pub struct RewrapCount {
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = BigInt)]
    pub tenants: i64,
    /// Sealed values that were looked at, and those that were moved to a newer version of their key.
    #[diesel(sql_type = BigInt)]
    pub seen: i64,
    #[diesel(sql_type = BigInt)]
    pub moved: i64,
    /// Why one of them waits or was given up.
    #[diesel(sql_type = Nullable<Text>)]
    pub error_code: Option<String>,
}

#[derive(QueryableByName)]
struct TenantKey {
    #[diesel(sql_type = SqlUuid)]
    tenant_id: Uuid,
}

#[derive(QueryableByName)]
struct UserKey {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
}

/// A trial that is over, or that ends soon.
#[derive(Debug, QueryableByName)]
pub struct TrialDue {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = Bool)]
    pub over: bool,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Integer)]
    n: i32,
}

impl<'c> SystemTx<'c> {
    pub(crate) const fn new(conn: &'c mut PgConnection) -> Self {
        Self { conn }
    }

    pub(crate) const fn conn(&mut self) -> &mut PgConnection {
        self.conn
    }

    /// Takes up to `most` due jobs of `kinds` for `worker` until `at + lease`.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn jobs_claim(
        &mut self,
        kinds: &[&str],
        worker: &str,
        at: DateTime<Utc>,
        lease: TimeDelta,
        most: i32,
    ) -> Result<Vec<ClaimedJob>, DbError> {
        Ok(sql_query("SELECT * FROM jobs_claim($1, $2, $3, $4, $5)")
            .bind::<Array<Text>, _>(kinds)
            .bind::<Text, _>(worker)
            .bind::<Timestamptz, _>(at)
            .bind::<Interval, _>(lease)
            .bind::<Integer, _>(most)
            .load(self.conn)?)
    }

    /// Turns due schedules into jobs; answers how many.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn schedules_fire(&mut self, at: DateTime<Utc>, most: i32) -> Result<i32, DbError> {
        let count: Count = sql_query("SELECT schedules_fire($1, $2) AS n")
            .bind::<Timestamptz, _>(at)
            .bind::<Integer, _>(most)
            .get_result(self.conn)?;
        Ok(count.n)
    }

    /// Deletes up to `most` jobs that were done before `before`; answers how many.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn jobs_forget(&mut self, before: DateTime<Utc>, most: i32) -> Result<i32, DbError> {
        let count: Count = sql_query("SELECT jobs_forget($1, $2) AS n")
            .bind::<Timestamptz, _>(before)
            .bind::<Integer, _>(most)
            .get_result(self.conn)?;
        Ok(count.n)
    }

    /// Forgets up to `most` requests of interface keys that are older than `before`; how many went.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn api_requests_forget(
        &mut self,
        before: DateTime<Utc>,
        most: i32,
    ) -> Result<i32, DbError> {
        let count: Count = sql_query("SELECT api_requests_forget($1, $2) AS n")
            .bind::<Timestamptz, _>(before)
            .bind::<Integer, _>(most)
            .get_result(self.conn)?;
        Ok(count.n)
    }

    /// Forgets up to `most` deliveries of webhooks that have ended and are older than `before`; how many went.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn webhook_deliveries_forget(
        &mut self,
        before: DateTime<Utc>,
        most: i32,
    ) -> Result<i32, DbError> {
        let count: Count = sql_query("SELECT webhook_deliveries_forget($1, $2) AS n")
            .bind::<Timestamptz, _>(before)
            .bind::<Integer, _>(most)
            .get_result(self.conn)?;
        Ok(count.n)
    }

    /// Whose proposals of programs have waited since before `before`.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn intents_due(&mut self, before: DateTime<Utc>) -> Result<Vec<TenantId>, DbError> {
        let due: Vec<TenantKey> = sql_query("SELECT tenant_id FROM intents_due($1)")
            .bind::<Timestamptz, _>(before)
            .load(self.conn)?;
        Ok(due
            .into_iter()
            .map(|row| TenantId::from_uuid(row.tenant_id))
            .collect())
    }

    /// Forgets up to `most` proposals of programs that ended before `before`; how many went.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn intents_forget(&mut self, before: DateTime<Utc>, most: i32) -> Result<i32, DbError> {
        let count: Count = sql_query("SELECT intents_forget($1, $2) AS n")
            .bind::<Timestamptz, _>(before)
            .bind::<Integer, _>(most)
            .get_result(self.conn)?;
        Ok(count.n)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn jobs_census(&mut self) -> Result<Vec<JobCount>, DbError> {
        Ok(sql_query("SELECT * FROM jobs_census()").load(self.conn)?)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn tenants_all(&mut self) -> Result<Vec<TenantId>, DbError> {
        let found: Vec<TenantKey> =
            sql_query("SELECT tenant_id FROM tenants_all()").load(self.conn)?;
        Ok(found
            .into_iter()
            .map(|row| TenantId::from_uuid(row.tenant_id))
            .collect())
    }

    /// The next `most` people by id.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn users_after(&mut self, last: Option<Uuid>, most: i32) -> Result<Vec<UserId>, DbError> {
        let found: Vec<UserKey> = sql_query("SELECT user_id FROM users_after($1, $2)")
            .bind::<Nullable<SqlUuid>, _>(last)
            .bind::<Integer, _>(most)
            .load(self.conn)?;
        Ok(found
            .into_iter()
            .map(|row| UserId::from_uuid(row.user_id))
            .collect())
    }

    /// How far one rewrap is.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn rewraps_census(&mut self, run: Uuid) -> Result<Vec<RewrapCount>, DbError> {
        Ok(sql_query("SELECT * FROM rewraps_census($1)")
            .bind::<Text, _>(run.to_string())
            .load(self.conn)?)
    }

    /// Makes the partitions of the next months; answers how many were missing.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn partitions_ensure(&mut self, months_ahead: i32) -> Result<i32, DbError> {
        let count: Count = sql_query("SELECT partitions_ensure($1) AS n")
            .bind::<Integer, _>(months_ahead)
            .get_result(self.conn)?;
        Ok(count.n)
    }

    /// Trials that are over at `at`, and those that end within `ahead` and whose owner was not told.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn trials_due(
        &mut self,
        at: DateTime<Utc>,
        ahead: TimeDelta,
    ) -> Result<Vec<TrialDue>, DbError> {
        Ok(sql_query("SELECT * FROM trials_due($1, $2)")
            .bind::<Timestamptz, _>(at)
            .bind::<Interval, _>(ahead)
            .load(self.conn)?)
    }
}
