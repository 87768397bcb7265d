//! Deciding about a page of records.
//!
//! A record is decided about once: its mark is there from then on, in the same transaction as the
//! assignment (LR-48). The router's row is locked meanwhile, so two daemons propose one after the
//! other, and nobody's turn is spent on a record that another daemon has taken.

use std::collections::{BTreeMap, HashSet};

use audit::Entry;
use chrono::{DateTime, TimeDelta, Utc};
use db::{TenantTx, Unit};
use kernel::{Action, AssignmentId, Event, RepId, RouterId};
use layer::ImportRow;
use serde_json::{Map, Value as Json};

use crate::{
    error::RoutingError,
    model::{
        book::RuleBook,
        decide::{Decision, Outcome, decide},
        failure::{FailureCode, MAX_ATTEMPTS},
        reasons::Reasons,
        rules::RuleSet,
    },
    service::write::Batch,
    store::{
        Router,
        claims::Claimed,
        inputs::{Cells, inputs_insert},
        marks::{Mark, NewAssignment, Page, assignments_insert, marks_known, marks_store},
        router_locked,
        turns::{credits_store, state_locked},
        versions::published_of,
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
    /// Nobody was available; somebody will be.
    pub waiting: usize,
}

/// A record to decide about.
pub(super) struct Case<'a> {
    pub(super) record_id: &'a str,
    pub(super) fields: &'a Map<String, Json>,
    pub(super) owner: Option<&'a str>,
    pub(super) created: Option<DateTime<Utc>>,
    /// Attempts so far.
    pub(super) attempts: i32,
}

/// How proposals are claimed as they are made: in batches of at most so many, for so long.
#[derive(Clone, Copy)]
pub(super) struct Hold {
    most: usize,
    lease: TimeDelta,
}

/// Decides about newly fetched records of a router that is active in `epoch`. Records that have a
/// mark are left alone; a record that stands in `rows` twice is decided about once. Proposals wait
/// until they are claimed.
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
    Ok(fresh(tx, router, epoch, rows, None)?.0)
}

/// As [`propose`], and claims the proposals in the same step, in batches of at most `most`, for
/// `lease`: for whoever writes them at once. A claim of its own would change every mark once more.
pub fn propose_claimed(
    tx: &mut TenantTx<'_>,
    router: RouterId,
    epoch: i32,
    rows: &[ImportRow],
    most: usize,
    lease: TimeDelta,
) -> Result<(Proposed, Vec<Batch>), RoutingError> {
    fresh(tx, router, epoch, rows, Some(Hold { most, lease }))
}

fn fresh(
    tx: &mut TenantTx<'_>,
    router: RouterId,
    epoch: i32,
    rows: &[ImportRow],
    hold: Option<Hold>,
) -> Result<(Proposed, Vec<Batch>), RoutingError> {
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
    let (counts, batches) = decide_all(tx, &router, &cases, false, hold)?;
    let known = marked.len();
    Ok((Proposed { known, ..counts }, batches))
}

pub(super) fn active(
    tx: &mut TenantTx<'_>,
    router: RouterId,
    epoch: i32,
) -> Result<Router, RoutingError> {
    let router = router_locked(tx, router)?;
    if router.state == "active" && router.epoch == epoch {
        Ok(router)
    } else {
        Err(RoutingError::EpochOver)
    }
}

pub(super) fn decide_all(
    tx: &mut TenantTx<'_>,
    router: &Router,
    cases: &[Case<'_>],
    again: bool,
    hold: Option<Hold>,
) -> Result<(Proposed, Vec<Batch>), RoutingError> {
    if cases.is_empty() {
        return Ok(Default::default());
    }
    let (rules, book) = rule_set(tx, router)?;
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
        if let Some(hold) = hold {
            page.hold(tx, hold);
        }
    }
    credits_store(tx, &before, state.pools())?;
    let of = Page {
        router: router.router_id,
        object: &router.object,
        rules_version: router.published.unwrap_or_default(),
    };
    assignments_insert(tx, of, &page.assignments)?;
    inputs_insert(tx, inputs(&rules, &book, cases, &page))?;
    marks_store(tx, of, &page.marks, again)?;
    page.tell(tx, again)?;
    Ok((page.counts, page.batches))
}

/// The rules that decide, compiled against the layer's fields of now.
pub(crate) fn rule_set(
    tx: &mut TenantTx<'_>,
    router: &Router,
) -> Result<(RuleSet, RuleBook), RoutingError> {
    let book = published_of(tx, router)?.ok_or(RoutingError::Unpublished)?;
    let fields = layer::field_types(tx, router.object()?)?;
    let rules = book
        .compile(&fields)
        .map_err(|broken| RoutingError::BrokenRule { rule: broken.rule })?;
    Ok((rules, book))
}

pub(crate) fn retry_at(tx: &TenantTx<'_>, router: &Router) -> DateTime<Utc> {
    tx.now() + TimeDelta::seconds(i64::from(router.cycle_seconds))
}

/// What the decisions of the page's assignments read, by field.
fn inputs(rules: &RuleSet, book: &RuleBook, cases: &[Case<'_>], page: &Decided<'_>) -> Vec<Cells> {
    let assigned: HashSet<&str> = page.assignments.iter().map(|row| row.record_id).collect();
    if assigned.is_empty() {
        return Vec::new();
    }
    let cells = |name: &str| {
        let field = book.fields.get(name)?;
        let cell = |case: &Case<'_>| {
            let value = case.fields.get(name).cloned().unwrap_or_default();
            (case.record_id.to_owned(), value)
        };
        let read = cases
            .iter()
            .filter(|case| assigned.contains(case.record_id));
        Some((field.id, read.map(cell).collect()))
    };
    rules.fields().filter_map(cells).collect()
}

/// A page of decisions in the form in which it is stored.
#[derive(Default)]
struct Decided<'a> {
    retry_at: DateTime<Utc>,
    marks: Vec<Mark<'a>>,
    assignments: Vec<NewAssignment<'a>>,
    counts: Proposed,
    batches: Vec<Batch>,
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
            Outcome::Waiting { code, until, .. } => self.postpone(case, *code, *until),
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
                    claim: None,
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
            claim: None,
        });
        self.counts.failed = self.counts.failed.saturating_add(1);
    }

    /// Waits for somebody, which is no attempt: the time comes by itself.
    fn postpone(&mut self, case: &Case<'a>, code: FailureCode, until: DateTime<Utc>) {
        self.marks.push(Mark {
            record_id: case.record_id,
            state: "postponed",
            reason_code: Some(code.waiting_code()),
            attempts: case.attempts,
            next_attempt_at: Some(until),
            assignment_id: None,
            claim: None,
        });
        self.counts.waiting = self.counts.waiting.saturating_add(1);
    }

    /// Claims the proposal that was added last, if one was.
    fn hold(&mut self, tx: &TenantTx<'_>, hold: Hold) {
        let (Some(mark), Some(assignment)) = (self.marks.last_mut(), self.assignments.last())
        else {
            return;
        };
        if mark.state != "proposed" {
            return;
        }
        if self
            .batches
            .last()
            .is_none_or(|last| last.items.len() >= hold.most)
        {
            self.batches.push(Batch::new(tx, hold.lease));
        }
        if let Some(batch) = self.batches.last_mut() {
            (mark.state, mark.claim) = ("claimed", Some((batch.claim, batch.until)));
            batch.items.push(Claimed {
                assignment_id: assignment.assignment_id,
                decided_at: tx.now(),
                record_id: assignment.record_id.to_owned(),
                new_owner: assignment.new_owner.clone(),
                previous_owner: assignment.previous_owner.map(str::to_owned),
                attempts: mark.attempts,
            });
        }
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
