//! A cycle: baseline, propose once, fair turns that are stored, write, account.

use std::collections::BTreeMap;

use db::{TenantTx, Unit};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Text, Uuid as SqlUuid},
};
use kernel::{Classified, Clock};
use layer::{Object, records_by_id};

use super::bed::{Bed, HOUSE, lead_id};
use crate::{
    Accounting, AssignmentFilter, FailureCode, FailureFilter, Proposed, RoutingError, SyncedRep,
    Target, WriteResult, assignment_list, baseline, baseline_done, claim, failure_list, propose,
    rep_update, reps_sync, router_activate, router_pause, router_resume, story,
};

/// How many records each new owner got, by the log.
async fn by_owner(bed: &Bed) -> BTreeMap<String, usize> {
    let page = bed
        .run(|tx| assignment_list(tx, &AssignmentFilter::default(), None, 1_000))
        .await
        .unwrap();
    let mut counts = BTreeMap::new();
    for item in page.items {
        *counts.entry(item.new_owner).or_default() += 1;
    }
    counts
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Audit entries of an action. The table is not routing's, so it is asked for by hand.
#[expect(
    clippy::disallowed_methods,
    reason = "a look at what another room stored"
)]
fn audited(tx: &mut TenantTx<'_>, action: &str) -> Result<i64, RoutingError> {
    let tenant = tx.tenant().uuid();
    let row: Count = diesel::sql_query(
        "SELECT count(*) AS count FROM audit_log WHERE tenant_id = $1 AND action = $2",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(action)
    .get_result(tx.conn())?;
    Ok(row.count)
}

#[tokio::test]
async fn what_matched_before_is_never_routed() {
    let bed = Bed::new().await;
    bed.configure(None).await;
    bed.rule(
        "Germany",
        super::bed::country("DE"),
        Target::Pool { pool_id: bed.pool },
    )
    .await;
    let now = bed.clock.now();
    let marked = bed
        .run(move |tx| {
            let router = router_activate(tx, Object::Lead)?;
            let ids: Vec<String> = (0..10).map(lead_id).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let first = baseline(tx, router.id(), router.epoch, &ids)?;
            let second = baseline(tx, router.id(), router.epoch, &ids)?;
            baseline_done(tx, router.id(), router.epoch, now, 10)?;
            Ok((first, second))
        })
        .await
        .unwrap();
    assert_eq!(marked, (10, 0));
    let proposed = bed.fetch(5..15, "DE").await;
    assert_eq!(
        proposed,
        Proposed {
            waiting: 0,
            known: 5,
            proposed: 5,
            already: 0,
            failed: 0
        }
    );
    let expected = Accounting {
        baseline: 10,
        waiting: 5,
        ..Accounting::default()
    };
    assert_eq!(bed.accounting().await, expected);
}

#[tokio::test]
async fn nothing_is_routed_while_baselining_paused_or_off() {
    let bed = Bed::routing().await;
    let before = bed.router().await;
    bed.run(|tx| router_pause(tx, Object::Lead)).await.unwrap();
    let rows = [bed.lead(1, "DE")];
    let page = rows.clone();
    let refused = bed
        .run(move |tx| propose(tx, before.id(), before.epoch, &page))
        .await;
    assert_eq!(refused.unwrap_err().code(), "router_changed");
    let resumed = bed.run(|tx| router_resume(tx, Object::Lead)).await.unwrap();
    assert_eq!(resumed.state, "baselining");
    let refused = bed
        .run(move |tx| propose(tx, resumed.id(), resumed.epoch, &rows))
        .await;
    assert_eq!(refused.unwrap_err().code(), "router_changed");
    assert_eq!(bed.accounting().await.total(), 0);
}

#[tokio::test]
async fn a_paused_router_gives_out_no_work() {
    let bed = Bed::routing().await;
    bed.fetch(0..4, "DE").await;
    bed.run(|tx| router_pause(tx, Object::Lead)).await.unwrap();
    assert!(bed.claim().await.items.is_empty());
    assert_eq!(bed.accounting().await.waiting, 4);
}

#[tokio::test]
async fn a_record_is_decided_about_once_however_often_it_is_fetched() {
    let bed = Bed::routing().await;
    assert_eq!(bed.fetch(0..10, "DE").await.proposed, 10);
    let again = bed.fetch(0..12, "DE").await;
    assert_eq!((again.known, again.proposed), (10, 2));
    let rows = vec![bed.lead(50, "DE"), bed.lead(50, "DE")];
    let router = bed.router().await;
    let twice = bed
        .run(move |tx| propose(tx, router.id(), router.epoch, &rows))
        .await
        .unwrap();
    assert_eq!(twice.proposed, 1);
    assert_eq!(bed.accounting().await.waiting, 13);
}

#[tokio::test]
async fn turns_go_on_from_one_transaction_to_the_next() {
    let bed = Bed::routing().await;
    for n in 0..9 {
        bed.fetch(n..n + 1, "DE").await;
    }
    assert_eq!(
        by_owner(&bed).await.into_values().collect::<Vec<_>>(),
        [3, 3, 3]
    );
}

/// Proposes leads without importing them first, so that nothing but the proposal itself stands
/// between two daemons.
async fn propose_only(bed: &Bed, leads: std::ops::Range<u32>) -> usize {
    let rows: Vec<_> = leads.map(|n| bed.lead(n, "DE")).collect();
    let router = bed.router().await;
    bed.run(move |tx| propose(tx, router.id(), router.epoch, &rows))
        .await
        .unwrap()
        .proposed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_daemons_decide_about_each_record_once_and_stay_fair() {
    let bed = Bed::routing().await;
    for round in 0..5 {
        let at = round * 200;
        let (a, b, c, d) = tokio::join!(
            propose_only(&bed, at..at + 60),
            propose_only(&bed, at..at + 130),
            propose_only(&bed, at + 40..at + 130),
            propose_only(&bed, at + 10..at + 90),
        );
        assert_eq!(a + b + c + d, 130);
    }
    assert_eq!(bed.accounting().await.waiting, 650);
    let counts: Vec<usize> = by_owner(&bed).await.into_values().collect();
    assert_eq!(counts.iter().sum::<usize>(), 650);
    assert!(
        counts.iter().all(|count| (216..=217).contains(count)),
        "{counts:?}"
    );
}

#[tokio::test]
async fn a_written_owner_is_in_the_log_the_layer_and_the_audit() {
    let bed = Bed::routing().await;
    bed.fetch(0..3, "DE").await;
    let batch = bed.claim().await;
    assert_eq!(batch.items.len(), 3);
    assert!(
        bed.claim().await.items.is_empty(),
        "claimed work is claimed once"
    );
    bed.clock.advance(chrono::TimeDelta::seconds(12));
    let settled = bed.report(&batch, WriteResult::Written).await;
    assert_eq!(settled.assigned, 3);
    assert_eq!(
        bed.accounting().await,
        Accounting {
            assigned: 3,
            ..Accounting::default()
        }
    );

    let page = bed
        .run(|tx| assignment_list(tx, &AssignmentFilter::default(), None, 10))
        .await
        .unwrap();
    for item in &page.items {
        assert_eq!(
            (item.state.as_str(), item.previous_owner.as_deref()),
            ("assigned", Some(HOUSE))
        );
        assert_eq!(item.seconds_to_owner(), Some(42));
        assert!(item.rule_id.is_some() && item.rep_id.is_some());
    }
    let expected: BTreeMap<String, String> = page
        .items
        .iter()
        .map(|item| (item.record_id.clone(), item.new_owner.clone()))
        .collect();
    let layer: BTreeMap<String, String> = bed
        .run(|tx| {
            let ids: Vec<String> = (0..3).map(lead_id).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            Ok(records_by_id(tx, Object::Lead, &ids)?)
        })
        .await
        .unwrap()
        .into_iter()
        .map(|record| (record.record_id, record.owner_id.unwrap()))
        .collect();
    assert_eq!(layer, expected);
    let audited = bed.run(|tx| audited(tx, "record_assign")).await.unwrap();
    assert_eq!(audited, 3);
}

#[tokio::test]
async fn who_is_inactive_or_paused_gets_nothing() {
    let bed = Bed::routing().await;
    let paused = bed.reps[0];
    bed.run(move |tx| rep_update(tx, paused, true))
        .await
        .unwrap();
    let left = ["Bo", "Ada"].map(|name| SyncedRep {
        external_id: format!("005xx0000000{:03}AAA", if name == "Ada" { 1 } else { 2 }),
        name: name.to_owned(),
        active: true,
    });
    // Cem is no longer listed by Salesforce.
    bed.run(move |tx| reps_sync(tx, &left)).await.unwrap();
    bed.fetch(0..6, "DE").await;
    let counts = by_owner(&bed).await;
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        [(String::from("005xx0000000002AAA"), 6)]
    );
}

#[tokio::test]
async fn no_rule_and_no_fallback_is_a_failure_with_its_reason() {
    let bed = Bed::routing().await;
    let proposed = bed.fetch(0..2, "FR").await;
    assert_eq!((proposed.proposed, proposed.failed), (0, 2));
    let page = bed
        .run(|tx| failure_list(tx, &FailureFilter::default(), None, 10))
        .await
        .unwrap();
    assert_eq!(page.items.len(), 2);
    for mark in page.items {
        assert_eq!(
            mark.reason_code.as_deref(),
            Some(FailureCode::NoRuleNoFallback.code())
        );
        assert_eq!((mark.attempts, mark.max_attempts()), (1, 10));
    }
    let told = bed
        .run(|tx| story(tx, Object::Lead, &lead_id(0)))
        .await
        .unwrap();
    let steps: Vec<_> = told.story.iter().map(|step| step.step).collect();
    assert_eq!(steps, ["fetched", "failed"]);
    assert!(told.story[1].detail.contains("Configuration error"));
}

#[tokio::test]
async fn the_owner_who_has_it_already_is_assigned_without_a_write() {
    let bed = Bed::routing().await;
    let ada = Target::User {
        rep_id: bed.reps[0],
    };
    bed.rule("Austria", super::bed::country("AT"), ada).await;
    bed.publish().await;
    let mut row = bed.lead(1, "AT");
    row.owner_id = Some(String::from("005xx0000000001AAA"));
    let router = bed.router().await;
    let done = bed
        .run(move |tx| propose(tx, router.id(), router.epoch, &[row]))
        .await
        .unwrap();
    assert_eq!((done.already, done.proposed), (1, 0));
    assert!(bed.claim().await.items.is_empty());
    assert_eq!(bed.accounting().await.assigned, 1);
}

#[tokio::test]
async fn another_tenant_cannot_claim_or_see() {
    let bed = Bed::routing().await;
    bed.fetch(0..5, "DE").await;
    let stranger =
        kernel::Principal::system(kernel::TenantId::generate(&kernel::SystemClock), None);
    let id = bed.router().await.id();
    let taken: Result<_, RoutingError> = bed
        .db
        .run(&stranger, move |tx| claim(tx, id, 200, super::bed::LEASE))
        .await;
    assert_eq!(taken.unwrap_err().code(), "not_found");
    let seen: Result<_, RoutingError> = bed
        .db
        .run(&stranger, |tx| {
            assignment_list(tx, &AssignmentFilter::default(), None, 10)
        })
        .await;
    assert!(seen.unwrap().items.is_empty());
    assert_eq!(bed.claim().await.items.len(), 5);
}
