//! Deciding about a page of records, and about those that failed and are due again.
//!
//! A record is decided about once: its mark is there from then on, in the same transaction as the
//! assignment (LR-48). The router's row is locked meanwhile, so two daemons propose one after the
//! other, and nobody's turn is spent on a record that another daemon has taken.

use std::collections::{BTreeMap, HashMap, HashSet};

use audit::Entry;
use chrono::{DateTime, TimeDelta, Utc};
use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use kernel::{Action, AssignmentId, Event, RepId, RouterId};
use layer::ImportRow;
use schema::{assignments, reps, routing_records};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::{
    error::RoutingError,
    model::{
        decide::{Decision, Outcome, decide},
        failure::{FailureCode, MAX_ATTEMPTS},
        reasons::Reasons,
        rules::RuleSet,
    },
    service::{rulebook, write::reopen},
    store::{
        Router,
        marks::{Mark, NewAssignment, Page, assignments_insert, marks_known, marks_store},
        router_locked, rules_of,
        turns::{credits_store, state_locked},
    },
};

/// What became of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proposed {
    /// Records that had a mark already and were left alone.
    pub known: usize,
    /// To be written.
    pub proposed: usize,
    /// Assigned without a write: the owner had the record already.
    pub already: usize,
    pub failed: usize,
}

/// A record to decide about.
struct Case<'a> {
    record_id: &'a str,
    fields: &'a Map<String, Json>,
    owner: Option<&'a str>,
    created: Option<DateTime<Utc>>,
    /// Attempts so far.
    attempts: i32,
}

/// Decides about newly fetched records of a router that is active in `epoch`. Records that have a
/// mark are left alone; a record that stands in `rows` twice is decided about once.
///
/// # Errors
/// `EpochOver` when the router was paused, switched off or changed since the cycle began;
/// `BrokenRule` when the layer no longer bears a rule.
pub fn propose(
    tx: &mut TenantTx<'_>,
    router: RouterId,
    epoch: i32,
    rows: &[ImportRow],
) -> Result<Proposed, RoutingError> {
    let router = active(tx, router, epoch)?;
    let ids: Vec<&str> = rows.iter().map(|row| row.record_id.as_str()).collect();
    let marked = marks_known(tx, &router.object, &ids)?;
    let mut seen: HashSet<&str> = marked.iter().map(String::as_str).collect();
    let fresh = rows.iter().filter(|row| seen.insert(&row.record_id));
    let cases: Vec<_> = fresh
        .map(|row| Case {
            record_id: &row.record_id,
            fields: &row.fields,
            owner: row.owner_id.as_deref(),
            created: row.source_created_at,
            attempts: 0,
        })
        .collect();
    let decided = decide_all(tx, &router, &cases, false)?;
    Ok(Proposed {
        known: marked.len(),
        ..decided
    })
}

fn active(tx: &mut TenantTx<'_>, router: RouterId, epoch: i32) -> Result<Router, RoutingError> {
    let router = router_locked(tx, router)?;
    if router.state == "active" && router.epoch == epoch {
        Ok(router)
    } else {
        Err(RoutingError::EpochOver)
    }
}

fn decide_all(
    tx: &mut TenantTx<'_>,
    router: &Router,
    cases: &[Case<'_>],
    again: bool,
) -> Result<Proposed, RoutingError> {
    if cases.is_empty() {
        return Ok(Proposed::default());
    }
    let rules = rule_set(tx, router)?;
    let mut state = state_locked(tx, &rules)?;
    let before = state.pools().clone();
    let mut page = Decided {
        retry_at: retry_at(tx, router),
        ..Decided::default()
    };
    for case in cases {
        let lead = rules.read(case.fields);
        let decision = decide(&rules, &mut state, &lead, case.owner.unwrap_or_default());
        let id = AssignmentId::generate(tx.clock().as_ref());
        page.add(case, id, &decision, &rules)?;
    }
    credits_store(tx, &before, state.pools())?;
    let of = Page {
        router: router.router_id,
        object: &router.object,
        rules_version: router.rules_version,
    };
    assignments_insert(tx, of, &page.assignments)?;
    marks_store(tx, of, &page.marks, again)?;
    page.tell(tx, again)?;
    Ok(page.counts)
}

/// The router's rules, compiled against the layer's fields of now.
pub(crate) fn rule_set(tx: &mut TenantTx<'_>, router: &Router) -> Result<RuleSet, RoutingError> {
    let rules = rulebook::definitions(&rules_of(tx, router.router_id)?)?;
    let fields = layer::field_types(tx, router.object()?)?;
    RuleSet::compile(&rules, router.fallback()?, &fields)
        .map_err(|broken| RoutingError::BrokenRule { rule: broken.rule })
}

pub(crate) fn retry_at(tx: &TenantTx<'_>, router: &Router) -> DateTime<Utc> {
    tx.now() + TimeDelta::seconds(i64::from(router.cycle_seconds))
}

/// A page of decisions in the form in which it is stored.
#[derive(Default)]
struct Decided<'a> {
    retry_at: DateTime<Utc>,
    marks: Vec<Mark<'a>>,
    assignments: Vec<NewAssignment<'a>>,
    counts: Proposed,
}

impl<'a> Decided<'a> {
    fn add(
        &mut self,
        case: &Case<'a>,
        id: AssignmentId,
        decision: &Decision,
        rules: &RuleSet,
    ) -> Result<(), RoutingError> {
        match &decision.outcome {
            Outcome::Failed { code, .. } => self.fail(case, *code),
            Outcome::Assigned {
                target,
                rep,
                new_owner,
                already_owner,
            } => {
                let rule = decision.rule.and_then(|at| rules.rules().get(at));
                let reasons = serde_json::to_value(Reasons::of(decision, rules))
                    .map_err(|_| RoutingError::Stored { what: "reasons" })?;
                self.assignments.push(NewAssignment {
                    assignment_id: id.uuid(),
                    record_id: case.record_id,
                    rule: rule.map(|rule| (rule.id.uuid(), rule.version)),
                    target_kind: target.kind(),
                    target_id: target.uuid(),
                    rep_id: rep.map(RepId::uuid),
                    new_owner: new_owner.to_string(),
                    previous_owner: case.owner,
                    already_owner: *already_owner,
                    reasons,
                    source_created_at: case.created,
                });
                self.marks.push(Mark {
                    record_id: case.record_id,
                    state: if *already_owner {
                        "assigned"
                    } else {
                        "proposed"
                    },
                    reason_code: None,
                    attempts: case.attempts,
                    next_attempt_at: None,
                    assignment_id: Some(id.uuid()),
                });
                let counts = &mut self.counts;
                let count = if *already_owner {
                    &mut counts.already
                } else {
                    &mut counts.proposed
                };
                *count = count.saturating_add(1);
            }
        }
        Ok(())
    }

    fn fail(&mut self, case: &Case<'a>, code: FailureCode) {
        let attempts = case.attempts.saturating_add(1);
        let given_up = attempts >= MAX_ATTEMPTS;
        self.marks.push(Mark {
            record_id: case.record_id,
            state: if given_up { "given_up" } else { "failed" },
            reason_code: Some(code.code()),
            attempts,
            next_attempt_at: (!given_up).then_some(self.retry_at),
            assignment_id: None,
        });
        self.counts.failed = self.counts.failed.saturating_add(1);
    }

    /// Audit, events and hints. A record that fails again was told of when it failed first, and is
    /// told of once more when it is given up.
    fn tell(&self, tx: &mut TenantTx<'_>, again: bool) -> Result<(), RoutingError> {
        let already = self
            .assignments
            .iter()
            .filter(|row| row.already_owner)
            .map(|row| {
                let id = AssignmentId::from_uuid(row.assignment_id);
                Entry::new(Action::RecordAssign, "assignment", id)
            });
        let news =
            |mark: &&Mark<'_>| mark.state == "given_up" || (mark.state == "failed" && !again);
        let failed: Vec<(&str, &str)> = self
            .marks
            .iter()
            .filter(news)
            .filter_map(|mark| Some((mark.record_id, mark.reason_code?)))
            .collect();
        let refusals = failed
            .iter()
            .map(|(record, code)| Entry::new(Action::RecordFail, "record", record).failed(code));
        audit::write_all(tx, already.chain(refusals).collect())?;
        failures_publish(tx, &failed)?;
        db::hint(tx, "assignments")?;
        Ok(())
    }
}

/// Publishes the failures of a batch as one event, for the digest (LR-52).
pub(crate) fn failures_publish(
    tx: &mut TenantTx<'_>,
    failed: &[(&str, &str)],
) -> Result<(), RoutingError> {
    if failed.is_empty() {
        return Ok(());
    }
    let mut reasons = BTreeMap::new();
    for (_, reason) in failed {
        let count: &mut u64 = reasons.entry((*reason).to_owned()).or_default();
        *count = count.saturating_add(1);
    }
    let count = reasons.values().sum();
    jobs::publish(tx, &Event::RecordsFailed { count, reasons })?;
    db::hint(tx, "failures")?;
    Ok(())
}

/// A record that failed and is due again.
struct Due {
    record_id: String,
    attempts: i32,
    assignment: Option<(Uuid, DateTime<Utc>)>,
    reopen: bool,
}

/// Tries again what failed and is due (LR-51): each cycle calls it. A write that failed is written
/// again as it was decided, so it costs nobody a turn, unless its rep is away or Salesforce
/// refused the owner; then, and after a failed decision, it is decided about anew.
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
    let decided = decide_all(tx, &router, &cases, true)?;
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
        .filter(routing_records::state.eq("failed"))
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
        let reopen = !decided_wrong && id.is_some_and(|id| writable.contains(&id));
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
    let available: HashSet<Uuid> = reps::table
        .filter(reps::tenant_id.eq(tenant))
        .filter(reps::rep_id.eq_any(wanted))
        .filter(reps::active)
        .filter(reps::paused.eq(false))
        .select(reps::rep_id)
        .load::<Uuid>(tx.conn())?
        .into_iter()
        .collect();
    let writable = failed
        .into_iter()
        .filter(|(_, rep)| rep.is_none_or(|rep| available.contains(&rep)));
    Ok(writable.map(|(id, _)| id).collect())
}
