//! Jobs that come back by themselves.

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, upsert::excluded};
use schema::schedules;
use serde_json::Value;

use crate::{error::JobsError, queue::with_tenant};

/// Runs `kind` every `every_seconds`, first at once. A run that is still queued when the next is due
/// is not doubled; a handler of a scheduled job says its troubles in its own state, because the
/// schedule itself is the retry.
pub fn schedule_set(
    tx: &mut TenantTx<'_>,
    name: &str,
    kind: &str,
    payload: Value,
    every_seconds: i32,
) -> Result<(), JobsError> {
    let values = (
        schedules::tenant_id.eq(tx.tenant().uuid()),
        schedules::name.eq(name),
        schedules::kind.eq(kind),
        schedules::payload.eq(with_tenant(tx, payload)),
        schedules::every_seconds.eq(every_seconds),
        schedules::next_at.eq(tx.now()),
    );
    diesel::insert_into(schedules::table)
        .values(values)
        .on_conflict((schedules::tenant_id, schedules::name))
        .do_update()
        .set((
            schedules::kind.eq(excluded(schedules::kind)),
            schedules::payload.eq(excluded(schedules::payload)),
            schedules::every_seconds.eq(excluded(schedules::every_seconds)),
            schedules::next_at.eq(excluded(schedules::next_at)),
            schedules::enabled.eq(true),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// A schedule of the appliance itself: made when it is not there, first due at `first_at`, and left as it
/// is otherwise, so that a restart neither hurries nor delays it.
pub fn schedule_ensure(
    tx: &mut TenantTx<'_>,
    name: &str,
    kind: &str,
    every_seconds: i32,
    first_at: DateTime<Utc>,
) -> Result<(), JobsError> {
    let payload = with_tenant(tx, Value::Object(serde_json::Map::new()));
    diesel::insert_into(schedules::table)
        .values((
            schedules::tenant_id.eq(tx.tenant().uuid()),
            schedules::name.eq(name),
            schedules::kind.eq(kind),
            schedules::payload.eq(payload),
            schedules::every_seconds.eq(every_seconds),
            schedules::next_at.eq(first_at),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn())?;
    Ok(())
}

/// Ends a schedule. A run that is queued already still runs.
pub fn schedule_remove(tx: &mut TenantTx<'_>, name: &str) -> Result<(), JobsError> {
    diesel::delete(
        schedules::table
            .filter(schedules::tenant_id.eq(tx.tenant().uuid()))
            .filter(schedules::name.eq(name)),
    )
    .execute(tx.conn())?;
    Ok(())
}
