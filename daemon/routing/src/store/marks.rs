//! Marks and log entries, a page at a time. Written by hand because whole columns are sent as
//! arrays (`unnest`) and marks and log move together in one statement; every value is bound.

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{
    ExpressionMethods, QueryableByName, RunQueryDsl,
    sql_types::{Array, BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use schema::routing_records;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::error::RoutingError;

/// Where a record stands after a decision.
#[derive(Debug)]
pub(crate) struct Mark<'a> {
    pub(crate) record_id: &'a str,
    pub(crate) state: &'static str,
    pub(crate) reason_code: Option<&'static str>,
    pub(crate) attempts: i32,
    pub(crate) next_attempt_at: Option<DateTime<Utc>>,
    pub(crate) assignment_id: Option<Uuid>,
    /// The claim under which it is written at once, and when that ends.
    pub(crate) claim: Option<(Uuid, DateTime<Utc>)>,
}

/// An entry of the routing log.
#[derive(Debug)]
pub(crate) struct NewAssignment<'a> {
    pub(crate) assignment_id: Uuid,
    pub(crate) record_id: &'a str,
    pub(crate) rule: Option<(Uuid, i64)>,
    pub(crate) target_kind: &'static str,
    pub(crate) target_id: Uuid,
    pub(crate) rep_id: Option<Uuid>,
    pub(crate) new_owner: String,
    pub(crate) previous_owner: Option<&'a str>,
    pub(crate) already_owner: bool,
    pub(crate) reasons: Json,
    pub(crate) source_created_at: Option<DateTime<Utc>>,
}

/// What marks and assignments of one page have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page<'a> {
    pub(crate) router: Uuid,
    pub(crate) object: &'a str,
    pub(crate) rules_version: i64,
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Text)]
    record_id: String,
}

/// Which of these records have a mark. One look into the primary key for each, however many marks
/// there are: the ids as a list would make PostgreSQL read the tenant's marks through.
#[expect(
    clippy::disallowed_methods,
    reason = "a page of ids as rows, by unnest"
)]
pub(crate) fn marks_known(
    tx: &mut TenantTx<'_>,
    object: &str,
    ids: &[&str],
) -> Result<Vec<String>, RoutingError> {
    let tenant = tx.tenant().uuid();
    let known: Vec<Known> = diesel::sql_query(
        "SELECT r.record_id FROM unnest($3) AS page (record_id) \
         CROSS JOIN LATERAL (SELECT r.record_id FROM routing_records r \
             WHERE r.tenant_id = $1 AND r.object = $2 AND r.record_id = page.record_id LIMIT 1) AS r",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(object)
    .bind::<Array<Text>, _>(ids)
    .load(tx.conn())?;
    Ok(known.into_iter().map(|known| known.record_id).collect())
}

/// Adds marks for records that have none, or (`again`) moves those that failed.
#[expect(
    clippy::disallowed_methods,
    reason = "a page of rows in one statement, by unnest"
)]
pub(crate) fn marks_store(
    tx: &mut TenantTx<'_>,
    page: Page<'_>,
    marks: &[Mark<'_>],
    again: bool,
) -> Result<(), RoutingError> {
    if marks.is_empty() {
        return Ok(());
    }
    let statement = if again {
        "UPDATE routing_records r SET state = page.state, reason_code = page.reason_code, \
                attempts = page.attempts, next_attempt_at = page.next_attempt_at, \
                assignment_id = COALESCE(page.assignment_id, r.assignment_id), \
                assignment_at = CASE WHEN page.assignment_id IS NULL THEN r.assignment_at ELSE $4 END, \
                claim = page.claim, claim_until = page.claim_until, updated_at = $4 \
         FROM unnest($5, $6, $7, $8, $9, $10, $11, $12) \
              AS page (record_id, state, reason_code, attempts, next_attempt_at, assignment_id, claim, claim_until) \
         WHERE r.tenant_id = $1 AND r.object = $2 AND r.router_id = $3 \
           AND r.record_id = page.record_id AND r.state IN ('failed', 'postponed')"
    } else {
        "INSERT INTO routing_records (tenant_id, object, record_id, router_id, state, reason_code, \
                attempts, next_attempt_at, assignment_id, assignment_at, claim, claim_until, \
                first_seen_at, updated_at) \
         SELECT $1, $2, record_id, $3, state, reason_code, attempts, next_attempt_at, assignment_id, \
                CASE WHEN assignment_id IS NULL THEN NULL ELSE $4 END, claim, claim_until, $4, $4 \
         FROM unnest($5, $6, $7, $8, $9, $10, $11, $12) \
              AS page (record_id, state, reason_code, attempts, next_attempt_at, assignment_id, claim, claim_until)"
    };
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    diesel::sql_query(statement)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Text, _>(page.object)
        .bind::<SqlUuid, _>(page.router)
        .bind::<Timestamptz, _>(now)
        .bind::<Array<Text>, _>(column(marks, |mark| mark.record_id))
        .bind::<Array<Text>, _>(column(marks, |mark| mark.state))
        .bind::<Array<Nullable<Text>>, _>(column(marks, |mark| mark.reason_code))
        .bind::<Array<Integer>, _>(column(marks, |mark| mark.attempts))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(marks, |mark| mark.next_attempt_at))
        .bind::<Array<Nullable<SqlUuid>>, _>(column(marks, |mark| mark.assignment_id))
        .bind::<Array<Nullable<SqlUuid>>, _>(column(marks, |mark| {
            mark.claim.map(|(claim, _)| claim)
        }))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(marks, |mark| {
            mark.claim.map(|(_, until)| until)
        }))
        .execute(tx.conn())?;
    Ok(())
}

/// Adds log entries, as proposed, or as assigned when the record has that owner already.
#[expect(
    clippy::disallowed_methods,
    reason = "a page of rows in one statement, by unnest"
)]
pub(crate) fn assignments_insert(
    tx: &mut TenantTx<'_>,
    page: Page<'_>,
    rows: &[NewAssignment<'_>],
) -> Result<(), RoutingError> {
    if rows.is_empty() {
        return Ok(());
    }
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    diesel::sql_query(
        "INSERT INTO assignments (tenant_id, decided_at, object, router_id, rules_version, \
                assignment_id, record_id, rule_id, rule_version, target_kind, target_id, rep_id, \
                new_owner, previous_owner, reasons, source_created_at, state, written_at, outcome_code) \
         SELECT $1, $2, $3, $4, $5, assignment_id, record_id, rule_id, rule_version, target_kind, \
                target_id, rep_id, new_owner, previous_owner, reasons, source_created_at, \
                CASE outcome WHEN 'already_owner' THEN 'assigned' ELSE 'proposed' END, \
                CASE outcome WHEN 'already_owner' THEN $2 END, outcome \
         FROM unnest($6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
              AS page (assignment_id, record_id, rule_id, rule_version, target_kind, target_id, rep_id, \
                       new_owner, previous_owner, reasons, source_created_at, outcome)",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Timestamptz, _>(now)
    .bind::<Text, _>(page.object)
    .bind::<SqlUuid, _>(page.router)
    .bind::<BigInt, _>(page.rules_version)
    .bind::<Array<SqlUuid>, _>(column(rows, |row| row.assignment_id))
    .bind::<Array<Text>, _>(column(rows, |row| row.record_id))
    .bind::<Array<Nullable<SqlUuid>>, _>(column(rows, |row| row.rule.map(|(id, _)| id)))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |row| row.rule.map(|(_, version)| version)))
    .bind::<Array<Text>, _>(column(rows, |row| row.target_kind))
    .bind::<Array<SqlUuid>, _>(column(rows, |row| row.target_id))
    .bind::<Array<Nullable<SqlUuid>>, _>(column(rows, |row| row.rep_id))
    .bind::<Array<Text>, _>(column(rows, |row| row.new_owner.as_str()))
    .bind::<Array<Nullable<Text>>, _>(column(rows, |row| row.previous_owner))
    .bind::<Array<Jsonb>, _>(column(rows, |row| &row.reasons))
    .bind::<Array<Nullable<Timestamptz>>, _>(column(rows, |row| row.source_created_at))
    .bind::<Array<Nullable<Text>>, _>(column(rows, |row| row.already_owner.then_some("already_owner")))
    .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn column<'a, R, T>(rows: &'a [R], of: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

/// Marks records as handled before routing began (LR-30). Says how many had no mark yet.
#[expect(
    clippy::disallowed_methods,
    reason = "a page of rows in one statement, by unnest"
)]
pub(crate) fn baseline_insert(
    tx: &mut TenantTx<'_>,
    router: Uuid,
    object: &str,
    ids: &[&str],
) -> Result<usize, RoutingError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    Ok(diesel::sql_query(
        "INSERT INTO routing_records (tenant_id, object, record_id, router_id, state, first_seen_at, updated_at) \
         SELECT DISTINCT $1, $2, record_id, $3, 'baseline', $4, $4 FROM unnest($5) AS page (record_id) \
         ON CONFLICT (tenant_id, object, record_id) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(object)
    .bind::<SqlUuid, _>(router)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<Text>, _>(ids)
    .execute(tx.conn())?)
}

/// Decides anew in the next cycle about every record that waits for somebody: who is available, or
/// what the rules say, may be different now.
pub(crate) fn postponed_wake(tx: &mut TenantTx<'_>) -> Result<(), RoutingError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    diesel::update(routing_records::table)
        .filter(routing_records::tenant_id.eq(tenant))
        .filter(routing_records::state.eq("postponed"))
        .filter(routing_records::next_attempt_at.gt(now))
        .set(routing_records::next_attempt_at.eq(now))
        .execute(tx.conn())?;
    Ok(())
}
