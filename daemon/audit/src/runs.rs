//! Runs of `revkeep verify`, kept so that the console shows the last one with its time. They are of the
//! whole appliance: the caller's unit of work is in the reserved tenant `platform`.

use chrono::{DateTime, TimeDelta, Utc};
use db::{DbError, TenantTx, Unit};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};
use schema::verify_runs;
use serde_json::Value;
use uuid::Uuid;

/// Two years and a month, as long as the audit log at least.
const KEPT: TimeDelta = TimeDelta::days(760);

/// One run over the control table.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = verify_runs)]
pub struct VerifyRun {
    pub run_id: Uuid,
    pub asked_by: String,
    pub version: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Probes that have answered, of `total`.
    pub done: i32,
    pub total: i32,
    /// Over every control.
    pub whole: bool,
    pub failing: Option<i32>,
    pub unknown: Option<i32>,
    pub report: Option<Value>,
    /// What was signed, and the Ed25519 signature over exactly these bytes.
    pub statement: Option<String>,
    pub signature: Option<Vec<u8>>,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct RunEnd {
    pub failing: i32,
    pub unknown: i32,
    pub report: Value,
    pub statement: String,
    pub signature: Vec<u8>,
}

/// Begins a run, and forgets those that are older than anybody asks for.
pub fn run_begin(
    tx: &mut TenantTx<'_>,
    run: Uuid,
    asked_by: &str,
    version: &str,
    total: i32,
    whole: bool,
) -> Result<(), DbError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    diesel::delete(
        verify_runs::table
            .filter(verify_runs::tenant_id.eq(tenant))
            .filter(verify_runs::started_at.lt(now - KEPT)),
    )
    .execute(tx.conn())?;
    diesel::insert_into(verify_runs::table)
        .values((
            verify_runs::tenant_id.eq(tenant),
            verify_runs::run_id.eq(run),
            verify_runs::asked_by.eq(asked_by),
            verify_runs::version.eq(version),
            verify_runs::started_at.eq(now),
            verify_runs::total.eq(total),
            verify_runs::whole.eq(whole),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// So many probes have answered.
pub fn run_step(tx: &mut TenantTx<'_>, run: Uuid, done: i32) -> Result<(), DbError> {
    diesel::update(
        verify_runs::table
            .filter(verify_runs::tenant_id.eq(tx.tenant().uuid()))
            .filter(verify_runs::run_id.eq(run)),
    )
    .set(verify_runs::done.eq(done))
    .execute(tx.conn())?;
    Ok(())
}

pub fn run_end(tx: &mut TenantTx<'_>, run: Uuid, end: RunEnd) -> Result<(), DbError> {
    let now = tx.now();
    diesel::update(
        verify_runs::table
            .filter(verify_runs::tenant_id.eq(tx.tenant().uuid()))
            .filter(verify_runs::run_id.eq(run)),
    )
    .set((
        verify_runs::finished_at.eq(now),
        verify_runs::failing.eq(end.failing),
        verify_runs::unknown.eq(end.unknown),
        verify_runs::report.eq(end.report),
        verify_runs::statement.eq(end.statement),
        verify_runs::signature.eq(end.signature),
    ))
    .execute(tx.conn())?;
    Ok(())
}

pub fn run_get(tx: &mut TenantTx<'_>, run: Uuid) -> Result<Option<VerifyRun>, DbError> {
    Ok(verify_runs::table
        .filter(verify_runs::tenant_id.eq(tx.tenant().uuid()))
        .filter(verify_runs::run_id.eq(run))
        .select(VerifyRun::as_select())
        .first(tx.conn())
        .optional()?)
}

/// Of the runs over every control, the last that ended, or the last that was begun.
pub fn run_latest(tx: &mut TenantTx<'_>, finished: bool) -> Result<Option<VerifyRun>, DbError> {
    let mut query = verify_runs::table
        .filter(verify_runs::tenant_id.eq(tx.tenant().uuid()))
        .filter(verify_runs::whole)
        .order(verify_runs::started_at.desc())
        .select(VerifyRun::as_select())
        .into_boxed();
    if finished {
        query = query.filter(verify_runs::finished_at.is_not_null());
    }
    Ok(query.first(tx.conn()).optional()?)
}
