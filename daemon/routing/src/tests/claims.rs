//! Claims: made with the proposal or later, and refused for what must not be written any more.

use chrono::TimeDelta;
use kernel::{Classified, Clock};
use layer::Object;

use super::bed::{Bed, DOUBT, HOUSE, LEASE, lead_id, settings};
use crate::{
    Accounting, AssignmentFilter, Batch, OWNER_CHANGED, ROUTING_RESTARTED, Report, RouterInput,
    Truth, WriteOutcome, WriteResult, assignment_list, baseline, baseline_done, claim_in_doubt,
    claims_expire, failure_retry, propose_claimed, reconcile, record_outcomes, retry_due,
    router_activate, router_configure, router_pause, router_resume,
};

const SOMEBODY: &str = "005xx0000000777AAA";

async fn fetch_claimed(bed: &Bed, leads: std::ops::Range<u32>, most: usize) -> Vec<Batch> {
    let rows: Vec<_> = leads.map(|n| bed.lead(n, "DE")).collect();
    let router = bed.router().await;
    bed.run(move |tx| {
        layer::import(tx, Object::Lead, &rows)?;
        propose_claimed(tx, router.id(), router.epoch, &rows, most, LEASE)
    })
    .await
    .unwrap()
    .1
}

fn report(batch: &Batch, result: &WriteResult) -> Report {
    let outcome = |item: &crate::Claimed| WriteOutcome {
        record_id: item.record_id.clone(),
        result: result.clone(),
    };
    Report {
        outcomes: batch.items.iter().map(outcome).collect(),
        batch: batch.clone(),
        sent_at: None,
    }
}

/// Pauses and goes on: a new baseline, in which nothing matches.
async fn restart(bed: &Bed) {
    bed.run(|tx| router_pause(tx, Object::Lead)).await.unwrap();
    bed.clock.advance(TimeDelta::seconds(5));
    let now = bed.clock.now();
    bed.run(move |tx| {
        let router = router_resume(tx, Object::Lead)?;
        baseline_done(tx, router.id(), router.epoch, now, 0)
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_is_claimed_as_it_is_proposed_is_nobody_elses() {
    let bed = Bed::routing().await;
    let batches = fetch_claimed(&bed, 0..7, 3).await;
    let sizes: Vec<_> = batches.iter().map(|batch| batch.items.len()).collect();
    assert_eq!(sizes, [3, 3, 1]);
    assert!(bed.claim().await.items.is_empty());
    assert_eq!(bed.accounting().await.waiting, 7);

    // Two calls of one page are recorded together; the third one never reports.
    let reports: Vec<_> = batches[..2]
        .iter()
        .map(|batch| report(batch, &WriteResult::Written))
        .collect();
    let router = bed.router().await;
    let recorded = bed
        .run(move |tx| record_outcomes(tx, router.id(), router.epoch, &reports, DOUBT))
        .await
        .unwrap();
    assert_eq!((recorded.settled.assigned, recorded.goes_on), (6, true));
    bed.clock.advance(LEASE + TimeDelta::seconds(1));
    let id = bed.router().await.id();
    assert_eq!(bed.run(move |tx| claims_expire(tx, id)).await.unwrap(), 1);
    assert_eq!(
        bed.report(&batches[2], WriteResult::Written).await.assigned,
        0
    );
    assert_eq!(bed.accounting().await.in_doubt, 1);
}

/// Another daemon's claim on the same records is no claim of ours.
#[tokio::test]
async fn an_outcome_under_a_foreign_claim_counts_for_nothing() {
    let bed = Bed::routing().await;
    let mut forged = fetch_claimed(&bed, 0..3, 200).await.remove(0);
    forged.claim = kernel::uuid_at(bed.clock.as_ref());
    assert_eq!(bed.report(&forged, WriteResult::Written).await.assigned, 0);
    assert_eq!(bed.accounting().await.waiting, 3);
}

#[tokio::test]
async fn what_was_not_sent_is_proposed_as_before_and_costs_nothing() {
    let bed = Bed::routing().await;
    let batches = fetch_claimed(&bed, 0..4, 200).await;
    assert_eq!(
        bed.report(&batches[0], WriteResult::Unsent).await.waiting,
        4
    );
    let again = bed.claim().await;
    assert_eq!(again.items.len(), 4);
    assert!(again.items.iter().all(|item| item.attempts == 0));
    let log = bed
        .run(|tx| assignment_list(tx, &AssignmentFilter::default(), None, 10))
        .await
        .unwrap();
    assert!(log.items.iter().all(|item| item.sent_at.is_none()));
}

/// The proposal waited (a broken connection, a limit), and a person gave the record to somebody.
#[tokio::test]
async fn an_owner_that_a_person_set_since_is_not_overwritten() {
    let bed = Bed::routing().await;
    bed.fetch(0..3, "DE").await;
    let held = WriteResult::Held {
        code: String::from("connection_broken"),
    };
    let ours = bed.claim().await;
    bed.report(&ours, held).await;
    bed.owned_by(0..1, SOMEBODY).await;
    // Somebody had the same thought as the rules.
    let same = ours.items.iter().find(|item| item.record_id == lead_id(1));
    bed.owned_by(1..2, &same.unwrap().new_owner).await;
    bed.clock.advance(TimeDelta::seconds(60));
    let mut claimed: Vec<_> = bed
        .claim()
        .await
        .items
        .into_iter()
        .map(|item| item.record_id)
        .collect();
    claimed.sort();
    assert_eq!(claimed, [lead_id(1), lead_id(2)]);
    assert_eq!(bed.reasons().await, [(OWNER_CHANGED.to_owned(), 1)]);

    // A person who wants the rules to decide after all gets a decision about the owner of now.
    bed.run(|tx| failure_retry(tx, Object::Lead, &lead_id(0)))
        .await
        .unwrap();
    let router = bed.router().await;
    bed.run(move |tx| retry_due(tx, router.id(), router.epoch, 200))
        .await
        .unwrap();
    let again = bed.claim().await;
    assert_eq!(again.items.len(), 1);
    assert_eq!(again.items[0].previous_owner.as_deref(), Some(SOMEBODY));
}

/// LR-30: what matched before routing went on is handled, a proposal that was never written included,
/// whatever way it takes to come back.
#[tokio::test]
async fn a_proposal_from_before_a_baseline_is_ended() {
    let bed = Bed::routing().await;
    bed.fetch(0..2, "DE").await;
    let doubtful = fetch_claimed(&bed, 2..4, 200).await.remove(0);
    let unsent = fetch_claimed(&bed, 4..6, 200).await.remove(0);
    let cut = WriteResult::InDoubt {
        code: String::from("answer_lost"),
    };
    bed.report(&doubtful, cut).await;
    restart(&bed).await;
    bed.report(&unsent, WriteResult::Unsent).await;
    bed.clock.advance(DOUBT);
    let id = bed.router().await.id();
    bed.run(move |tx| {
        let batch = claim_in_doubt(tx, id, 200, LEASE)?;
        let not_written = |item: &crate::Claimed| Truth {
            record_id: item.record_id.clone(),
            owner: Some(HOUSE.to_owned()),
        };
        let truths: Vec<_> = batch.items.iter().map(not_written).collect();
        assert_eq!(truths.len(), 2);
        reconcile(tx, id, &batch, &truths)
    })
    .await
    .unwrap();
    assert!(bed.claim().await.items.is_empty());
    assert_eq!(bed.reasons().await, [(ROUTING_RESTARTED.to_owned(), 6)]);
    // What comes now is routed.
    bed.fetch(10..12, "DE").await;
    assert_eq!(bed.claim().await.items.len(), 2);
}

#[tokio::test]
async fn whoever_writes_learns_that_the_router_stopped() {
    let bed = Bed::routing().await;
    let before = bed.router().await;
    let batches = fetch_claimed(&bed, 0..2, 1).await;
    let recorded = async |batch: &Batch| {
        let (reports, id, epoch) = (
            [report(batch, &WriteResult::Written)],
            before.id(),
            before.epoch,
        );
        bed.run(move |tx| record_outcomes(tx, id, epoch, &reports, DOUBT))
            .await
            .unwrap()
    };
    assert!(recorded(&batches[0]).await.goes_on);
    // Under another epoch it runs, and yet not on.
    restart(&bed).await;
    let last = recorded(&batches[1]).await;
    assert_eq!((last.settled.assigned, last.goes_on), (1, false));
    assert_eq!(
        bed.accounting().await,
        Accounting {
            assigned: 2,
            ..Accounting::default()
        }
    );
}

/// A baseline under way marks what the old criteria match; the new ones match other records.
#[tokio::test]
async fn new_criteria_end_a_baseline_that_is_under_way() {
    let bed = Bed::new().await;
    bed.configure(None).await;
    let old = bed
        .run(|tx| router_activate(tx, Object::Lead))
        .await
        .unwrap();
    let (id, epoch) = (old.id(), old.epoch);
    bed.run(move |tx| baseline(tx, id, epoch, &[&lead_id(0)]))
        .await
        .unwrap();
    let wider = RouterInput {
        version: Some(old.version),
        ..settings("Status != 'Closed'")
    };
    let new = bed
        .run(move |tx| router_configure(tx, &wider))
        .await
        .unwrap();
    assert_eq!((new.state.as_str(), new.epoch), ("baselining", epoch + 1));
    let now = bed.clock.now();
    let page = bed
        .run(move |tx| baseline(tx, id, epoch, &[&lead_id(1)]))
        .await;
    let end = bed
        .run(move |tx| baseline_done(tx, id, epoch, now, 1))
        .await;
    assert_eq!(page.unwrap_err().code(), "router_changed");
    assert_eq!(end.unwrap_err().code(), "router_changed");
    let marked = bed
        .run(move |tx| baseline(tx, id, epoch + 1, &[&lead_id(0), &lead_id(1)]))
        .await;
    assert_eq!(marked.unwrap(), 1, "marks of the old one stay");
}

/// Whichever of the two is first: the router does not route by new criteria without their baseline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_criteria_and_the_end_of_a_baseline_at_once_leave_a_baseline_to_be_done() {
    let bed = Bed::new().await;
    bed.configure(None).await;
    bed.run(|tx| router_activate(tx, Object::Lead))
        .await
        .unwrap();
    for round in 0..10 {
        let before = bed.router().await;
        let (id, epoch, now) = (before.id(), before.epoch, bed.clock.now());
        let other = RouterInput {
            version: Some(before.version),
            ..settings(&format!("Status = 'Open {round}'"))
        };
        let (configured, _done_or_over) = tokio::join!(
            bed.run(move |tx| router_configure(tx, &other)),
            bed.run(move |tx| baseline_done(tx, id, epoch, now, 0)),
        );
        configured.unwrap();
        let after = bed.router().await;
        assert_eq!(
            (after.state.as_str(), after.epoch),
            ("baselining", epoch + 1)
        );
    }
}
