//! What fails is tried again, up to the cap; what nobody knows is found out before it is written
//! again.

use chrono::TimeDelta;
use kernel::Classified;
use layer::Object;

use super::bed::{Bed, DOUBT, HOUSE, LEASE, country, lead_id};
use crate::{
    Accounting, AssignmentFilter, FailureFilter, FailureState, MAX_ATTEMPTS, OWNER_REFUSED,
    Proposed, Settled, Target, Truth, WriteResult, assignment_list, claim_in_doubt, claims_expire,
    failure_list, failure_retry, failure_retry_all, reconcile, rep_update, retry_due, story,
};

fn refused(code: &str) -> WriteResult {
    WriteResult::Failed {
        code: code.to_owned(),
    }
}

async fn retry(bed: &Bed) -> Proposed {
    let router = bed.router().await;
    bed.run(move |tx| retry_due(tx, router.id(), router.epoch, 200))
        .await
        .unwrap()
}

/// The owners that were decided on for a lead, the latest first.
async fn owners(bed: &Bed, n: u32) -> Vec<String> {
    let told = bed
        .run(move |tx| story(tx, Object::Lead, &lead_id(n)))
        .await
        .unwrap();
    told.assignments
        .into_iter()
        .map(|assignment| assignment.new_owner)
        .collect()
}

#[tokio::test]
async fn a_refused_write_is_tried_each_cycle_and_given_up_after_ten() {
    let bed = Bed::routing().await;
    bed.fetch(0..1, "DE").await;
    for attempt in 1..=MAX_ATTEMPTS {
        let batch = bed.claim().await;
        assert_eq!(
            (batch.items.len(), batch.items[0].attempts),
            (1, attempt - 1)
        );
        bed.report(&batch, refused("validation_rule")).await;
        assert_eq!(
            retry(&bed).await,
            Proposed::default(),
            "not before the next cycle"
        );
        bed.clock.advance(TimeDelta::seconds(60));
        let again = retry(&bed).await.proposed;
        assert_eq!(
            again,
            usize::from(attempt < MAX_ATTEMPTS),
            "attempt {attempt}"
        );
    }
    assert_eq!(
        bed.accounting().await,
        Accounting {
            given_up: 1,
            ..Accounting::default()
        }
    );
    // One decision, written ten times: nobody lost a turn to Salesforce's refusals.
    assert_eq!(owners(&bed, 0).await.len(), 1);

    bed.run(|tx| failure_retry(tx, Object::Lead, &lead_id(0)))
        .await
        .unwrap();
    assert_eq!(retry(&bed).await.proposed, 1);
    let batch = bed.claim().await;
    assert_eq!(batch.items[0].attempts, 0);
    bed.report(&batch, WriteResult::Written).await;
    assert_eq!(
        bed.accounting().await,
        Accounting {
            assigned: 1,
            ..Accounting::default()
        }
    );
}

#[tokio::test]
async fn a_failed_decision_is_made_anew_when_the_cause_is_mended() {
    let bed = Bed::routing().await;
    bed.fetch(0..3, "FR").await;
    for _ in 0..2 {
        bed.clock.advance(TimeDelta::seconds(60));
        assert_eq!(retry(&bed).await.failed, 3);
    }
    bed.rule(
        "France",
        country("FR"),
        Target::Queue {
            queue_id: bed.queue,
        },
    )
    .await;
    bed.publish().await;
    bed.clock.advance(TimeDelta::seconds(60));
    assert_eq!(retry(&bed).await.proposed, 3);
    let batch = bed.claim().await;
    assert!(
        batch
            .items
            .iter()
            .all(|item| item.new_owner == "00Gxx0000000001AAA")
    );
}

#[tokio::test]
async fn a_decision_that_keeps_failing_is_given_up_and_retry_of_all_resets_it() {
    let bed = Bed::routing().await;
    bed.fetch(0..3, "FR").await;
    for _ in 1..MAX_ATTEMPTS {
        bed.clock.advance(TimeDelta::seconds(60));
        assert_eq!(retry(&bed).await.failed, 3);
    }
    assert_eq!(bed.accounting().await.given_up, 3);
    bed.clock.advance(TimeDelta::seconds(60));
    assert_eq!(retry(&bed).await, Proposed::default());
    let other = bed
        .run(|tx| failure_retry_all(tx, None, Some("validation_rule")))
        .await
        .unwrap();
    let ours = bed
        .run(|tx| failure_retry_all(tx, Some(FailureState::GivenUp), Some("no_rule_no_fallback")))
        .await
        .unwrap();
    assert_eq!((other, ours), (0, 3));
    assert_eq!(retry(&bed).await.failed, 3);
    let page = bed
        .run(|tx| failure_list(tx, &FailureFilter::default(), None, 9))
        .await
        .unwrap();
    assert!(page.items.iter().all(|mark| mark.attempts == 1));
}

#[tokio::test]
async fn only_what_failed_can_be_retried() {
    let bed = Bed::routing().await;
    bed.fetch(0..1, "DE").await;
    let code = |id: String| {
        let outcome = bed.run(move |tx| failure_retry(tx, Object::Lead, &id));
        async { outcome.await.unwrap_err().code() }
    };
    assert_eq!(code(lead_id(0)).await, "not_retryable");
    assert_eq!(code(lead_id(9)).await, "not_found");
    let doubt = bed
        .run(|tx| failure_retry_all(tx, Some(FailureState::InDoubt), None))
        .await;
    assert_eq!(doubt.unwrap_err().code(), "not_retryable");
}

#[tokio::test]
async fn a_refused_owner_and_a_rep_who_left_are_decided_about_anew() {
    let bed = Bed::routing().await;
    bed.fetch(0..1, "DE").await;
    bed.report(&bed.claim().await, refused(OWNER_REFUSED)).await;
    bed.clock.advance(TimeDelta::seconds(60));
    assert_eq!(retry(&bed).await.proposed, 1);
    let decided = owners(&bed, 0).await;
    assert_eq!(decided.len(), 2);
    assert_ne!(decided[0], decided[1]);

    let batch = bed.claim().await;
    bed.report(&batch, refused("row_locked")).await;
    let latest = bed
        .run(|tx| assignment_list(tx, &AssignmentFilter::default(), None, 1))
        .await
        .unwrap()
        .items
        .remove(0);
    let rep = kernel::RepId::from_uuid(latest.rep_id.unwrap());
    bed.run(move |tx| rep_update(tx, rep, true)).await.unwrap();
    bed.clock.advance(TimeDelta::seconds(60));
    assert_eq!(retry(&bed).await.proposed, 1);
    assert_eq!(owners(&bed, 0).await.len(), 3);
    assert_ne!(owners(&bed, 0).await[0], latest.new_owner);
}

#[tokio::test]
async fn held_work_waits_and_costs_no_attempt() {
    let bed = Bed::routing().await;
    bed.fetch(0..2, "DE").await;
    let held = WriteResult::Held {
        code: String::from("connection_broken"),
    };
    for _ in 0..15 {
        let settled = bed.report(&bed.claim().await, held.clone()).await;
        assert_eq!(settled.waiting, 2);
        assert!(
            bed.claim().await.items.is_empty(),
            "not before the next cycle"
        );
        bed.clock.advance(TimeDelta::seconds(60));
    }
    let filter = FailureFilter {
        state: Some(FailureState::Waiting),
        ..FailureFilter::default()
    };
    let page = bed
        .run(move |tx| failure_list(tx, &filter, None, 9))
        .await
        .unwrap();
    assert_eq!(
        page.items[0].reason_code.as_deref(),
        Some("connection_broken")
    );
    let settled = bed.report(&bed.claim().await, WriteResult::Written).await;
    assert_eq!(settled.assigned, 2);
}

#[tokio::test]
async fn a_lost_claim_is_found_out_about_before_anything_is_written_again() {
    let bed = Bed::routing().await;
    bed.fetch(0..4, "DE").await;
    let lost = bed.claim().await;
    let id = bed.router().await.id();
    assert_eq!(bed.run(move |tx| claims_expire(tx, id)).await.unwrap(), 0);
    bed.clock.advance(LEASE + TimeDelta::seconds(1));
    assert_eq!(bed.run(move |tx| claims_expire(tx, id)).await.unwrap(), 4);
    assert_eq!(
        bed.accounting().await,
        Accounting {
            in_doubt: 4,
            ..Accounting::default()
        }
    );
    assert!(
        bed.claim().await.items.is_empty(),
        "what is in doubt is not written"
    );
    // The daemon that lost the claim wakes up and reports: too late.
    assert_eq!(
        bed.report(&lost, refused("row_locked")).await,
        Settled::default()
    );
    assert_eq!(bed.accounting().await.in_doubt, 4);

    let batch = bed
        .run(move |tx| claim_in_doubt(tx, id, 200, LEASE))
        .await
        .unwrap();
    assert_eq!(batch.items.len(), 4);
    let other = bed
        .run(move |tx| claim_in_doubt(tx, id, 200, LEASE))
        .await
        .unwrap();
    assert!(other.items.is_empty(), "one daemon reads back at a time");
    let owner = |n: usize| match n {
        0 => Some(batch.items[0].new_owner.clone()),
        1 => Some(HOUSE.to_owned()),
        2 => Some(String::from("005xx0000000777AAA")),
        _ => None,
    };
    let truths: Vec<_> = batch
        .items
        .iter()
        .enumerate()
        .map(|(n, item)| Truth {
            record_id: item.record_id.clone(),
            owner: owner(n),
        })
        .collect();
    let (taken, told) = (batch.clone(), truths.clone());
    let settled = bed
        .run(move |tx| reconcile(tx, id, &taken, &told))
        .await
        .unwrap();
    let expected = Settled {
        assigned: 1,
        waiting: 1,
        given_up: 2,
        ..Settled::default()
    };
    assert_eq!(settled, expected);
    let again = bed
        .run(move |tx| reconcile(tx, id, &batch, &truths))
        .await
        .unwrap();
    assert_eq!(again, Settled::default());

    let page = bed
        .run(|tx| failure_list(tx, &FailureFilter::default(), None, 9))
        .await
        .unwrap();
    let mut codes: Vec<_> = page
        .items
        .into_iter()
        .filter_map(|mark| mark.reason_code)
        .collect();
    codes.sort();
    assert_eq!(codes, ["owner_changed", "record_gone"]);
    assert_eq!(bed.claim().await.items.len(), 1);
}

/// A call that was cut may be at work for a while: what is read back meanwhile is not the truth.
#[tokio::test]
async fn a_cut_call_is_in_doubt_at_once_and_is_read_back_when_it_must_be_over() {
    let bed = Bed::routing().await;
    bed.fetch(0..2, "DE").await;
    let cut = WriteResult::InDoubt {
        code: String::from("answer_lost"),
    };
    assert_eq!(bed.report(&bed.claim().await, cut).await.in_doubt, 2);
    let id = bed.router().await.id();
    let doubts = async || {
        let batch = bed.run(move |tx| claim_in_doubt(tx, id, 200, LEASE)).await;
        batch.unwrap().items.len()
    };
    assert_eq!(doubts().await, 0, "it may be at work yet");
    bed.clock.advance(DOUBT);
    assert_eq!(doubts().await, 0);
    bed.clock.advance(TimeDelta::seconds(1));
    assert_eq!(doubts().await, 2);
}
