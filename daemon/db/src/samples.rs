//! A sample a minute of each daemon, for the charts of the System page.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Double, Integer, Nullable, Text, Timestamptz},
};

use crate::{error::DbError, system::SystemTx};

/// A daemon's own figures of a minute, and those of the whole as it saw them at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub at: DateTime<Utc>,
    pub answers: i64,
    /// Answers with a status of 500 and above.
    pub errors: i64,
    /// Until half of the answers, and 95 of 100, were ready. `None` where there were none.
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub memory: i64,
    pub disk_free: i64,
    /// Jobs that are due, how long the oldest of them has been, and those that were given up.
    pub waiting: i64,
    pub waited_seconds: i64,
    pub dead: i64,
    pub database_bytes: i64,
    pub connections: i64,
    /// Rows of the audit log that are not sealed yet.
    pub unsealed: i64,
}

/// Samples of all daemons drawn together: load is added up, of the rest the worst counts.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct SampleStep {
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    pub daemons: i64,
    /// Minutes of the step that have a sample.
    #[diesel(sql_type = BigInt)]
    pub minutes: i64,
    #[diesel(sql_type = BigInt)]
    pub answers: i64,
    #[diesel(sql_type = BigInt)]
    pub errors: i64,
    #[diesel(sql_type = Nullable<Double>)]
    pub p50_ms: Option<f64>,
    #[diesel(sql_type = Nullable<Double>)]
    pub p95_ms: Option<f64>,
    #[diesel(sql_type = BigInt)]
    pub memory: i64,
    #[diesel(sql_type = BigInt)]
    pub disk_free: i64,
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    #[diesel(sql_type = BigInt)]
    pub waited_seconds: i64,
    #[diesel(sql_type = BigInt)]
    pub dead: i64,
    #[diesel(sql_type = BigInt)]
    pub database_bytes: i64,
    #[diesel(sql_type = BigInt)]
    pub connections: i64,
    #[diesel(sql_type = BigInt)]
    pub unsealed: i64,
}

#[expect(
    clippy::disallowed_methods,
    reason = "definer functions of the golden list"
)]
impl SystemTx<'_> {
    /// Keeps the sample of the daemon `name`, one a minute; what is older than eight days goes.
    pub fn daemon_sampled(&mut self, name: &str, sample: &Sample) -> Result<(), DbError> {
        sql_query(
            "SELECT daemon_sampled($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind::<Text, _>(name)
        .bind::<Timestamptz, _>(sample.at)
        .bind::<BigInt, _>(sample.answers)
        .bind::<BigInt, _>(sample.errors)
        .bind::<Nullable<Double>, _>(sample.p50_ms)
        .bind::<Nullable<Double>, _>(sample.p95_ms)
        .bind::<BigInt, _>(sample.memory)
        .bind::<BigInt, _>(sample.disk_free)
        .bind::<BigInt, _>(sample.waiting)
        .bind::<BigInt, _>(sample.waited_seconds)
        .bind::<BigInt, _>(sample.dead)
        .bind::<BigInt, _>(sample.database_bytes)
        .bind::<BigInt, _>(sample.connections)
        .bind::<BigInt, _>(sample.unsealed)
        .execute(self.conn())?;
        Ok(())
    }

    /// All daemons' samples since then over steps of this length, oldest first. A step without any is not there.
    pub fn daemon_series(
        &mut self,
        since: DateTime<Utc>,
        step: TimeDelta,
    ) -> Result<Vec<SampleStep>, DbError> {
        let seconds = i32::try_from(step.num_seconds()).unwrap_or(i32::MAX);
        Ok(sql_query("SELECT * FROM daemon_series($1, $2) ORDER BY at")
            .bind::<Timestamptz, _>(since)
            .bind::<Integer, _>(seconds)
            .load(self.conn())?)
    }
}
