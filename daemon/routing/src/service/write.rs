//! From a proposal to an owner at the CRM: claim, execute (elsewhere), record what happened.
//!
//! A claim is a fence: outcomes count only under the claim that took the record. When a claim ends
//! without a report, nobody knows whether the owner was written; the record is in doubt until its
//! owner has been read back, and is not written again before.

use std::collections::HashMap;

use audit::Entry;
use chrono::{DateTime, TimeDelta, Utc};
use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};
use kernel::{Action, AssignmentId, RouterId};
use layer::value::id_key;
use schema::{assignments, reps, routers, routing_records};
use uuid::Uuid;

use crate::{
    error::RoutingError,
    model::failure::{MAX_ATTEMPTS, OWNER_CHANGED, ROUTING_RESTARTED},
    service::propose::{failures_publish, retry_at},
    store::{
        Router,
        claims::{self, Claimed, Later, Row, Told, Verb},
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
    /// Nothing was sent, and nothing is wrong: it is proposed as before.
    Unsent,
}

#[derive(Clone, Debug)]
pub struct WriteOutcome {
    pub record_id: String,
    pub result: WriteResult,
}

/// What became of a claim.
#[derive(Debug)]
pub struct Report {
    pub batch: Batch,
    /// When the CRM was asked, if it was.
    pub sent_at: Option<DateTime<Utc>>,
    pub outcomes: Vec<WriteOutcome>,
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
    let lost = claims::claims_expire(tx, router.uuid())?;
    if lost > 0 {
        db::hint(tx, "failures")?;
    }
    Ok(lost)
}

/// Takes proposals of an active router, for `lease`: longer than twice the time-out of the call
/// that is to follow. Of a router that is not active nothing is taken. What must not be written any
/// more is ended here: a proposal from before the router's last baseline (LR-30), and one for a record
/// that, as the layer knows, was given to somebody else meanwhile.
pub fn claim(
    tx: &mut TenantTx<'_>,
    router: RouterId,
    limit: u16,
    lease: TimeDelta,
) -> Result<Batch, RoutingError> {
    let router = load(tx, router)?;
    loop {
        let mut batch = Batch::new(tx, lease);
        if router.state != "active" {
            return Ok(batch);
        }
        batch.take(tx, &router, limit, false)?;
        if batch.items.is_empty() {
            return Ok(batch);
        }
        let over = over(tx, &router, &mut batch)?;
        settle(tx, &router, &over, lease, Action::RecordAssign)?;
        if !batch.items.is_empty() {
            return Ok(batch);
        }
    }
}

/// Takes records in doubt, to read their owners back. In any state of the router: what may have
/// been written must be found out.
pub fn claim_in_doubt(
    tx: &mut TenantTx<'_>,
    router: RouterId,
    limit: u16,
    lease: TimeDelta,
) -> Result<Batch, RoutingError> {
    let router = load(tx, router)?;
    let mut batch = Batch::new(tx, lease);
    batch.take(tx, &router, limit, true)?;
    Ok(batch)
}

impl Batch {
    /// An empty one.
    pub(crate) fn new(tx: &TenantTx<'_>, lease: TimeDelta) -> Self {
        Self {
            claim: kernel::uuid_at(tx.clock().as_ref()),
            until: tx.now() + lease,
            items: Vec::new(),
        }
    }

    fn take(
        &mut self,
        tx: &mut TenantTx<'_>,
        router: &Router,
        limit: u16,
        in_doubt: bool,
    ) -> Result<(), RoutingError> {
        let (id, limit) = (router.router_id, i64::from(limit));
        self.items = claims::claim_take(tx, id, self.claim, self.until, limit, in_doubt)?;
        Ok(())
    }
}

/// Takes out of a batch what must not be written any more.
fn over(
    tx: &mut TenantTx<'_>,
    router: &Router,
    batch: &mut Batch,
) -> Result<Vec<Told>, RoutingError> {
    let ids: Vec<&str> = batch
        .items
        .iter()
        .map(|item| item.record_id.as_str())
        .collect();
    let owners = layer::owners(tx, router.object()?, &ids)?;
    let why = |item: &Claimed| {
        if router.activated_at.is_some_and(|at| item.decided_at < at) {
            return Some(ROUTING_RESTARTED);
        }
        let owner = owners.get(&item.record_id)?;
        let known = [Some(&item.new_owner), item.previous_owner.as_ref()];
        let same = known.into_iter().flatten().any(|one| same(owner, one));
        (!same).then_some(OWNER_CHANGED)
    };
    let claim = batch.claim;
    let mut told = Vec::new();
    batch.items.retain(|item| {
        let code = why(item);
        told.extend(code.map(|code| Told {
            record_id: item.record_id.clone(),
            claim,
            decided_at: item.decided_at,
            sent_at: None,
            verb: Verb::Ended,
            code: Some(code.to_owned()),
        }));
        code.is_none()
    });
    Ok(told)
}

/// Whether two ids name one record: the last three of 18 characters only repeat the case.
fn same(a: &str, b: &str) -> bool {
    id_key(a) == id_key(b)
}

fn load(tx: &mut TenantTx<'_>, id: RouterId) -> Result<Router, RoutingError> {
    Ok(routers::table
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .filter(routers::router_id.eq(id.uuid()))
        .select(Router::as_select())
        .first(tx.conn())?)
}

/// Stores what happened to the records of claims. Records that their claim no longer holds are left
/// as they are: whoever took them over finds out by reading. What is in doubt is not read back before
/// `doubt` has passed, since Salesforce may be at work on it. Says whether the router still
/// runs in `epoch`: when it does not, nothing more may be sent.
pub fn record_outcomes(
    tx: &mut TenantTx<'_>,
    id: RouterId,
    epoch: i32,
    reports: &[Report],
    doubt: TimeDelta,
) -> Result<Recorded, RoutingError> {
    let router = load(tx, id)?;
    let told: Vec<Told> = reports.iter().flat_map(told).collect();
    Ok(Recorded {
        settled: settle(tx, &router, &told, doubt, Action::RecordAssign)?,
        goes_on: router.state == "active" && router.epoch == epoch,
    })
}

/// What was recorded, and whether the router still runs in the epoch in which it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub settled: Settled,
    pub goes_on: bool,
}

fn told(report: &Report) -> impl Iterator<Item = Told> {
    let decided: HashMap<&str, DateTime<Utc>> = report
        .batch
        .items
        .iter()
        .map(|item| (item.record_id.as_str(), item.decided_at))
        .collect();
    report.outcomes.iter().filter_map(move |outcome| {
        let (verb, code) = match &outcome.result {
            WriteResult::Written => (Verb::Written, None),
            WriteResult::Failed { code } => (Verb::Failed, Some(code.clone())),
            WriteResult::InDoubt { code } => (Verb::InDoubt, Some(code.clone())),
            WriteResult::Held { code } => (Verb::Held, Some(code.clone())),
            WriteResult::Unsent => (Verb::Again, None),
        };
        let sent = matches!(verb, Verb::Written | Verb::Failed | Verb::InDoubt);
        Some(Told {
            decided_at: *decided.get(outcome.record_id.as_str())?,
            record_id: outcome.record_id.clone(),
            claim: report.batch.claim,
            sent_at: report.sent_at.filter(|_| sent),
            verb,
            code,
        })
    })
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
    let router = load(tx, id)?;
    let held: HashMap<&str, &Claimed> = batch
        .items
        .iter()
        .map(|item| (item.record_id.as_str(), item))
        .collect();
    let told = |truth: &Truth| {
        let item = held.get(truth.record_id.as_str())?;
        let previous = item.previous_owner.as_deref();
        let (verb, code) = match truth.owner.as_deref() {
            None => (Verb::Ended, "record_gone"),
            Some(owner) if same(owner, &item.new_owner) => (Verb::Written, "reconciled"),
            Some(owner) if previous.is_some_and(|old| same(owner, old)) => {
                (Verb::Again, "not_written")
            }
            Some(_) => (Verb::Ended, OWNER_CHANGED),
        };
        Some(Told {
            record_id: truth.record_id.clone(),
            claim: batch.claim,
            decided_at: item.decided_at,
            sent_at: None,
            verb,
            code: Some(code.to_owned()),
        })
    };
    let told: Vec<Told> = truths.iter().filter_map(told).collect();
    settle(
        tx,
        &router,
        &told,
        TimeDelta::zero(),
        Action::RecordReconcile,
    )
}

/// Settles, and does what follows.
fn settle(
    tx: &mut TenantTx<'_>,
    router: &Router,
    told: &[Told],
    doubt: TimeDelta,
    action: Action,
) -> Result<Settled, RoutingError> {
    if told.is_empty() {
        return Ok(Settled::default());
    }
    let later = Later {
        most: MAX_ATTEMPTS,
        retry: retry_at(tx, router),
        doubt: tx.now() + doubt,
    };
    let rows = claims::settle(tx, &router.object, told, later)?;
    after(tx, router, &rows, action)?;
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
        // Read back and found not written; what was not sent is no event either.
        "proposed" if action == Action::RecordReconcile => {
            Some(Entry::new(action, "assignment", id))
        }
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
