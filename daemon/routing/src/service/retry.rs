//! Trying again what failed.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};
use kernel::RouterId;
use schema::{assignments, reps, routing_records};
use serde_json::Map;
use uuid::Uuid;

use crate::{
    error::RoutingError,
    model::failure::FailureCode,
    service::{
        propose::{Case, Proposed, active, decide_all},
        write::reopen,
    },
    store::{RepRow, Router, presence::Calendars},
};

/// A record that failed or waited for somebody, and is due.
struct Due {
    record_id: String,
    attempts: i32,
    assignment: Option<(Uuid, DateTime<Utc>)>,
    reopen: bool,
}

/// Tries again what failed and is due (LR-51): each cycle calls it. A write that failed is written
/// again as it was decided, so it costs nobody a turn, unless its rep is away, Salesforce refused the
/// owner, or the router has had a baseline since; then, after a failed decision, and when it waited for
/// somebody, it is decided about anew.
pub fn retry_due(
    tx: &mut TenantTx<'_>,
    router: RouterId,
    epoch: i32,
    limit: u16,
) -> Result<Proposed, RoutingError> {
    let router = active(tx, router, epoch)?;
    let due = due(tx, &router, limit)?;
    let reopened: Vec<_> = due
        .iter()
        .filter(|due| due.reopen)
        .filter_map(|due| due.assignment)
        .collect();
    reopen(tx, &router, &reopened)?;
    let anew: HashMap<&str, i32> = due
        .iter()
        .filter(|due| !due.reopen)
        .map(|due| (due.record_id.as_str(), due.attempts))
        .collect();
    let ids: Vec<&str> = anew.keys().copied().collect();
    let records = layer::records_by_id(tx, router.object()?, &ids)?;
    let none = Map::new();
    let held: HashMap<&str, _> = records
        .iter()
        .map(|record| (record.record_id.as_str(), record))
        .collect();
    // A record whose fields have left the layer is decided about with none: it goes to the
    // fallback, or fails with its reason, and is not forgotten.
    let mut cases = Vec::with_capacity(anew.len());
    for (record_id, attempts) in &anew {
        let record = held.get(record_id);
        cases.push(Case {
            record_id,
            fields: record
                .and_then(|record| record.fields.as_object())
                .unwrap_or(&none),
            owner: record.and_then(|record| record.owner_id.as_deref()),
            created: record.and_then(|record| record.source_created_at),
            attempts: *attempts,
        });
    }
    cases.sort_unstable_by_key(|case| case.record_id);
    let (decided, _) = decide_all(tx, &router, &cases, true, None)?;
    Ok(Proposed {
        proposed: decided.proposed.saturating_add(reopened.len()),
        ..decided
    })
}

fn due(tx: &mut TenantTx<'_>, router: &Router, limit: u16) -> Result<Vec<Due>, RoutingError> {
    type Row = (
        String,
        i32,
        Option<String>,
        Option<Uuid>,
        Option<DateTime<Utc>>,
    );
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let rows: Vec<Row> = routing_records::table
        .filter(routing_records::tenant_id.eq(tenant))
        .filter(routing_records::router_id.eq(router.router_id))
        .filter(routing_records::state.eq_any(["failed", "postponed"]))
        .filter(routing_records::next_attempt_at.le(now))
        .order((routing_records::next_attempt_at, routing_records::record_id))
        .limit(i64::from(limit))
        .select((
            routing_records::record_id,
            routing_records::attempts,
            routing_records::reason_code,
            routing_records::assignment_id,
            routing_records::assignment_at,
        ))
        .for_update()
        .skip_locked()
        .load(tx.conn())?;
    let ids: Vec<Uuid> = rows.iter().filter_map(|row| row.3).collect();
    let writable = writable(tx, &ids)?;
    let due = |(record_id, attempts, reason, id, at): Row| {
        let decided_wrong = reason
            .as_deref()
            .is_some_and(FailureCode::asks_new_decision);
        let out_of_date = at < router.activated_at;
        let reopen = !decided_wrong && !out_of_date && id.is_some_and(|id| writable.contains(&id));
        Due {
            record_id,
            attempts,
            assignment: id.zip(at),
            reopen,
        }
    };
    Ok(rows.into_iter().map(due).collect())
}

/// Of these assignments, those whose write failed and whose rep, where there is one, is available.
fn writable(tx: &mut TenantTx<'_>, ids: &[Uuid]) -> Result<HashSet<Uuid>, RoutingError> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let tenant = tx.tenant().uuid();
    let failed: Vec<(Uuid, Option<Uuid>)> = assignments::table
        .filter(assignments::tenant_id.eq(tenant))
        .filter(assignments::assignment_id.eq_any(ids))
        .filter(assignments::state.eq("failed"))
        .select((assignments::assignment_id, assignments::rep_id))
        .load(tx.conn())?;
    let wanted: Vec<Uuid> = failed.iter().filter_map(|(_, rep)| *rep).collect();
    let rows: Vec<RepRow> = reps::table
        .filter(reps::tenant_id.eq(tenant))
        .filter(reps::rep_id.eq_any(wanted))
        .filter(reps::active)
        .filter(reps::paused.eq(false))
        .select(RepRow::as_select())
        .load(tx.conn())?;
    let (calendars, now) = (Calendars::load(tx, &rows, &[])?, tx.now());
    let mut available = HashSet::new();
    for row in &rows {
        if calendars.schedule(row, None)?.absence(now).is_none() {
            available.insert(row.rep_id);
        }
    }
    let writable = failed
        .into_iter()
        .filter(|(_, rep)| rep.is_none_or(|rep| available.contains(&rep)));
    Ok(writable.map(|(id, _)| id).collect())
}
