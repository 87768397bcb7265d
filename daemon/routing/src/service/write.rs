//! From a proposal to an owner at the CRM: claim, execute (elsewhere), record what happened.
//!
//! A claim is a fence: outcomes count only under the claim that took the record. When a claim ends
//! without a report, nobody knows whether the owner was written; the record is in doubt until its
//! owner has been read back, and is not written again before.

use std::collections::HashMap;

use audit::Entry;
use chrono::{DateTime, TimeDelta, Utc};
use db::{TenantTx, Unit};
use diesel::{
    ExpressionMethods, QueryDsl, QueryableByName, RunQueryDsl, SelectableHelper,
    sql_types::{Array, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use kernel::{Action, AssignmentId, RouterId};
use layer::value::id_key;
use schema::{assignments, reps, routers, routing_records};
use uuid::Uuid;

use crate::{
    error::RoutingError,
    model::failure::MAX_ATTEMPTS,
    service::propose::{failures_publish, retry_at},
    store::{
        Router,
        marks::{self, Claimed},
    },
};

/// Work that this claim holds until its time is over.
#[derive(Clone, Debug)]
pub struct Batch {
    pub claim: Uuid,
    pub until: DateTime<Utc>,
    pub items: Vec<Claimed>,
}

/// What happened to one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteResult {
    /// The CRM said that the owner was written.
    Written,
    /// The CRM refused this record; it is tried again, up to the cap (LR-51).
    Failed { code: String },
    /// The call was cut; nobody knows.
    InDoubt { code: String },
    /// Nothing was sent, for a reason that is not the record's (connection, limits): it waits, and
    /// no attempt is counted.
    Held { code: String },
}

#[derive(Clone, Debug)]
pub struct WriteOutcome {
    pub record_id: String,
    pub result: WriteResult,
}

/// What the CRM says about a record in doubt.
#[derive(Clone, Debug)]
pub struct Truth {
    pub record_id: String,
    /// The owner now; `None` when the record is gone.
    pub owner: Option<String>,
}

/// How many records ended up where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub assigned: usize,
    pub failed: usize,
    pub given_up: usize,
    pub in_doubt: usize,
    /// Waiting or proposed again.
    pub waiting: usize,
}

/// Claims that ended without a report become in doubt. Says how many.
pub fn claims_expire(tx: &mut TenantTx<'_>, router: RouterId) -> Result<usize, RoutingError> {
    let lost = marks::claims_expire(tx, router.uuid())?;
    if lost > 0 {
        db::hint(tx, "failures")?;
    }
    Ok(lost)
}

/// Takes proposals of an active router, for `lease`: longer than twice the time-out of the call
/// that is to follow. Of a router that is not active nothing is taken.
pub fn claim(
    tx: &mut TenantTx<'_>,
    router: RouterId,
    limit: u16,
    lease: TimeDelta,
) -> Result<Batch, RoutingError> {
    take(tx, router, limit, lease, false)
}

/// Takes records in doubt, to read their owners back. In any state of the router: what may have
/// been written must be found out.
pub fn claim_in_doubt(
    tx: &mut TenantTx<'_>,
    router: RouterId,
    limit: u16,
    lease: TimeDelta,
) -> Result<Batch, RoutingError> {
    take(tx, router, limit, lease, true)
}

fn take(
    tx: &mut TenantTx<'_>,
    id: RouterId,
    limit: u16,
    lease: TimeDelta,
    in_doubt: bool,
) -> Result<Batch, RoutingError> {
    let claim = kernel::uuid_at(tx.clock().as_ref());
    let until = tx.now() + lease;
    let router = router(tx, id)?;
    let items = if in_doubt || router.state == "active" {
        marks::claim_take(
            tx,
            router.router_id,
            claim,
            until,
            i64::from(limit),
            in_doubt,
        )?
    } else {
        Vec::new()
    };
    Ok(Batch {
        claim,
        until,
        items,
    })
}

fn router(tx: &mut TenantTx<'_>, id: RouterId) -> Result<Router, RoutingError> {
    Ok(routers::table
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .filter(routers::router_id.eq(id.uuid()))
        .select(Router::as_select())
        .first(tx.conn())?)
}

/// Stores what happened to the records of a claim. Records that the claim no longer holds are left
/// as they are: whoever took them over finds out by reading.
pub fn record_outcomes(
    tx: &mut TenantTx<'_>,
    id: RouterId,
    claim: Uuid,
    outcomes: &[WriteOutcome],
) -> Result<Settled, RoutingError> {
    let told = |outcome: &WriteOutcome| {
        let (verb, code) = match &outcome.result {
            WriteResult::Written => (Verb::Written, None),
            WriteResult::Failed { code } => (Verb::Failed, Some(code.clone())),
            WriteResult::InDoubt { code } => (Verb::InDoubt, Some(code.clone())),
            WriteResult::Held { code } => (Verb::Held, Some(code.clone())),
        };
        Told {
            record_id: outcome.record_id.clone(),
            verb,
            code,
        }
    };
    settle(
        tx,
        id,
        claim,
        outcomes.iter().map(told).collect(),
        Action::RecordAssign,
    )
}

/// Settles records in doubt by what the CRM says their owner is. With the new owner: it was
/// written. With the previous one: it was not, and is proposed again. Gone, or with a third owner:
/// given up with that reason, since somebody else's decision is not overwritten.
pub fn reconcile(
    tx: &mut TenantTx<'_>,
    id: RouterId,
    batch: &Batch,
    truths: &[Truth],
) -> Result<Settled, RoutingError> {
    let held: HashMap<&str, &Claimed> = batch
        .items
        .iter()
        .map(|item| (item.record_id.as_str(), item))
        .collect();
    let same = |a: &str, b: &str| id_key(a) == id_key(b);
    let told = |truth: &Truth| {
        let item = held.get(truth.record_id.as_str())?;
        let (verb, code) = match truth.owner.as_deref() {
            None => (Verb::Ended, "record_gone"),
            Some(owner) if same(owner, &item.new_owner) => (Verb::Written, "reconciled"),
            Some(owner)
                if item
                    .previous_owner
                    .as_deref()
                    .is_some_and(|old| same(owner, old)) =>
            {
                (Verb::Again, "not_written")
            }
            Some(_) => (Verb::Ended, "owner_changed"),
        };
        Some(Told {
            record_id: truth.record_id.clone(),
            verb,
            code: Some(code.to_owned()),
        })
    };
    let told = truths.iter().filter_map(told).collect();
    settle(tx, id, batch.claim, told, Action::RecordReconcile)
}

#[derive(Clone, Copy)]
enum Verb {
    Written,
    Failed,
    InDoubt,
    Held,
    Again,
    Ended,
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Failed => "failed",
            Self::InDoubt => "in_doubt",
            Self::Held => "held",
            Self::Again => "again",
            Self::Ended => "ended",
        }
    }
}

struct Told {
    record_id: String,
    verb: Verb,
    code: Option<String>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    record_id: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason_code: Option<String>,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = SqlUuid)]
    assignment_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    rep_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    new_owner: String,
}

const SETTLE: &str = "WITH told AS ( \
        SELECT * FROM unnest($5, $6, $7) AS page (record_id, verb, code) \
     ), settled AS ( \
        UPDATE routing_records r SET \
            state = CASE t.verb WHEN 'written' THEN 'assigned' WHEN 'in_doubt' THEN 'in_doubt' \
                WHEN 'held' THEN 'waiting' WHEN 'again' THEN 'proposed' WHEN 'ended' THEN 'given_up' \
                ELSE CASE WHEN r.attempts + 1 >= $8 THEN 'given_up' ELSE 'failed' END END, \
            attempts = r.attempts + CASE t.verb WHEN 'failed' THEN 1 ELSE 0 END, \
            reason_code = CASE t.verb WHEN 'written' THEN NULL WHEN 'again' THEN NULL ELSE t.code END, \
            next_attempt_at = CASE t.verb WHEN 'failed' THEN $9 WHEN 'held' THEN $9 END, \
            claim = NULL, claim_until = NULL, updated_at = $4 \
        FROM told t \
        WHERE r.tenant_id = $1 AND r.object = $2 AND r.record_id = t.record_id AND r.claim = $3 \
          AND r.state IN ('claimed', 'in_doubt') \
        RETURNING r.record_id, r.state, r.reason_code, r.attempts, r.assignment_id, r.assignment_at, \
                  t.verb, t.code \
     ) \
     UPDATE assignments a SET \
        state = CASE s.verb WHEN 'written' THEN 'assigned' WHEN 'in_doubt' THEN 'in_doubt' \
            WHEN 'held' THEN 'proposed' WHEN 'again' THEN 'proposed' ELSE 'failed' END, \
        written_at = CASE s.verb WHEN 'written' THEN $4 END, \
        outcome_code = s.code \
     FROM settled s \
     WHERE a.tenant_id = $1 AND a.decided_at = s.assignment_at AND a.assignment_id = s.assignment_id \
     RETURNING s.record_id, s.state, s.reason_code, s.attempts, a.assignment_id, a.rep_id, a.new_owner";

#[expect(
    clippy::disallowed_methods,
    reason = "marks and log move in one statement"
)]
fn settle(
    tx: &mut TenantTx<'_>,
    id: RouterId,
    claim: Uuid,
    told: Vec<Told>,
    action: Action,
) -> Result<Settled, RoutingError> {
    if told.is_empty() {
        return Ok(Settled::default());
    }
    let router = router(tx, id)?;
    let (tenant, now, retry) = (tx.tenant().uuid(), tx.now(), retry_at(tx, &router));
    let rows: Vec<Row> = diesel::sql_query(SETTLE)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Text, _>(&router.object)
        .bind::<SqlUuid, _>(claim)
        .bind::<Timestamptz, _>(now)
        .bind::<Array<Text>, _>(
            told.iter()
                .map(|told| told.record_id.as_str())
                .collect::<Vec<_>>(),
        )
        .bind::<Array<Text>, _>(told.iter().map(|told| told.verb.name()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(
            told.iter()
                .map(|told| told.code.as_deref())
                .collect::<Vec<_>>(),
        )
        .bind::<Integer, _>(MAX_ATTEMPTS)
        .bind::<Timestamptz, _>(retry)
        .load(tx.conn())?;
    after(tx, &router, &rows, action)?;
    Ok(count(&rows))
}

/// What follows from an outcome: the layer learns the new owner, the rep's last turn is noted,
/// audit and events are written.
fn after(
    tx: &mut TenantTx<'_>,
    router: &Router,
    rows: &[Row],
    action: Action,
) -> Result<(), RoutingError> {
    let written: Vec<&Row> = rows.iter().filter(|row| row.state == "assigned").collect();
    let owners: Vec<_> = written
        .iter()
        .map(|row| (row.record_id.as_str(), row.new_owner.as_str()))
        .collect();
    layer::owner_set(tx, router.object()?, &owners)?;
    let served: Vec<Uuid> = written.iter().filter_map(|row| row.rep_id).collect();
    let (now, tenant) = (tx.now(), tx.tenant().uuid());
    // Everyone locks reps in the order of their ids, so nobody waits in a circle.
    let held: Vec<Uuid> = reps::table
        .filter(reps::tenant_id.eq(tenant))
        .filter(reps::rep_id.eq_any(&served))
        .order(reps::rep_id)
        .select(reps::rep_id)
        .for_no_key_update()
        .load(tx.conn())?;
    diesel::update(reps::table)
        .filter(reps::tenant_id.eq(tenant))
        .filter(reps::rep_id.eq_any(&held))
        .set(reps::last_assigned_at.eq(now))
        .execute(tx.conn())?;
    audit::write_all(
        tx,
        rows.iter().filter_map(|row| entry(row, action)).collect(),
    )?;
    let failed: Vec<(&str, &str)> = rows
        .iter()
        .filter(|row| row.state == "given_up" || (row.state == "failed" && row.attempts == 1))
        .filter_map(|row| Some((row.record_id.as_str(), row.reason_code.as_deref()?)))
        .collect();
    failures_publish(tx, &failed)?;
    db::hint(tx, "assignments")?;
    Ok(())
}

/// Waiting is no event; everything else that happened to a record is.
fn entry(row: &Row, action: Action) -> Option<Entry> {
    let id = AssignmentId::from_uuid(row.assignment_id);
    let code = row.reason_code.as_deref().unwrap_or("unknown");
    match row.state.as_str() {
        "assigned" => Some(Entry::new(action, "assignment", id)),
        "failed" | "given_up" => {
            Some(Entry::new(Action::RecordFail, "assignment", id).failed(code))
        }
        "in_doubt" => Some(Entry::new(action, "assignment", id).failed(code)),
        "proposed" => Some(Entry::new(action, "assignment", id)),
        _ => None,
    }
}

fn count(rows: &[Row]) -> Settled {
    let of = |wanted: &[&str]| {
        rows.iter()
            .filter(|row| wanted.contains(&row.state.as_str()))
            .count()
    };
    Settled {
        assigned: of(&["assigned"]),
        failed: of(&["failed"]),
        given_up: of(&["given_up"]),
        in_doubt: of(&["in_doubt"]),
        waiting: of(&["waiting", "proposed"]),
    }
}

/// Proposes failed assignments again as they were decided.
pub(crate) fn reopen(
    tx: &mut TenantTx<'_>,
    router: &Router,
    which: &[(Uuid, DateTime<Utc>)],
) -> Result<(), RoutingError> {
    if which.is_empty() {
        return Ok(());
    }
    let (ids, times): (Vec<Uuid>, Vec<DateTime<Utc>>) = which.iter().copied().unzip();
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    diesel::update(routing_records::table)
        .filter(routing_records::tenant_id.eq(tenant))
        .filter(routing_records::router_id.eq(router.router_id))
        .filter(routing_records::state.eq("failed"))
        .filter(routing_records::assignment_id.eq_any(&ids))
        .set((
            routing_records::state.eq("proposed"),
            routing_records::next_attempt_at.eq(None::<DateTime<Utc>>),
            routing_records::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    diesel::update(assignments::table)
        .filter(assignments::tenant_id.eq(tenant))
        .filter(assignments::decided_at.eq_any(&times))
        .filter(assignments::assignment_id.eq_any(&ids))
        .filter(assignments::state.eq("failed"))
        .set(assignments::state.eq("proposed"))
        .execute(tx.conn())?;
    Ok(())
}
