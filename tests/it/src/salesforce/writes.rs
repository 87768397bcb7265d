//! Owners are written once, whatever becomes of an answer, a claim or a daemon (LR-26 to LR-31).

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_there_is_baseline_and_what_comes_gets_an_owner_once() {
    let routed = Routed::active(450).await;
    assert_eq!(routed.accounting().await.baseline, 450);
    assert!(
        routed.writes().await.is_empty(),
        "a record of the baseline was written"
    );
    routed.arrive(2, 530).await;
    for _ in 0..3 {
        routed.cycle().await;
    }
    let accounting = routed.accounting().await;
    assert_eq!(
        (accounting.baseline, accounting.assigned, accounting.total()),
        (450, 530, 980)
    );
    let writes = routed.writes().await;
    assert_eq!(writes.len(), 530);
    agrees(&routed.org, &writes);
    let requests = routed.org.admin.requests(0).await.unwrap();
    let patches: Vec<_> = requests
        .iter()
        .filter(|entry| entry.method == "PATCH")
        .collect();
    assert_eq!(patches.len(), 3, "530 owners are written 200 at a time");
    let header = |entry: &&simulators::wire::RequestEntry| {
        entry.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("sforce-auto-assign") && value == "false"
        })
    };
    assert!(patches.iter().all(header));
    assert_eq!(
        rows(&routed.org, "SELECT state FROM jobs WHERE state = 'dead'"),
        [] as [&str; 0]
    );
    let limits = routed.org.connection().await.limits.unwrap();
    assert!(limits.used > 0 && limits.max > limits.used);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_answer_was_lost_is_read_back_and_not_repeated() {
    let routed = Routed::active(5).await;
    routed.arrive(2, 30).await;
    routed
        .org
        .admin
        .fault(&on_write(Effect::DropAfter))
        .await
        .unwrap();
    routed.cycle().await;
    assert_eq!(routed.accounting().await.in_doubt, 30);
    routed.cycle().await;
    assert_eq!(
        routed.accounting().await.in_doubt,
        30,
        "Salesforce may be at work on the call yet"
    );
    routed.org.bed.clock.advance(TWICE);
    routed.cycle().await;
    let accounting = routed.accounting().await;
    assert_eq!((accounting.assigned, accounting.in_doubt), (30, 0));
    let writes = routed.writes().await;
    assert_eq!(writes.len(), 30, "an owner was written twice");
    agrees(&routed.org, &writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_never_arrived_is_read_back_and_then_done() {
    let routed = Routed::active(5).await;
    routed.arrive(2, 30).await;
    routed
        .org
        .admin
        .fault(&on_write(Effect::DropBefore))
        .await
        .unwrap();
    routed.cycle().await;
    routed.org.bed.clock.advance(TWICE);
    for _ in 0..2 {
        routed.cycle().await;
    }
    assert_eq!(routed.accounting().await.assigned, 30);
    let writes = routed.writes().await;
    assert_eq!(writes.len(), 30);
    agrees(&routed.org, &writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_of_a_dead_daemon_is_settled_by_what_salesforce_says() {
    let routed = Routed::active(5).await;
    let leads = routed.arrive(2, 3).await;
    // Decided and claimed, and nobody knows what came of it.
    routed
        .org
        .admin
        .fault(&on_write(Effect::Limit))
        .await
        .unwrap();
    routed.cycle().await;
    assert_eq!(routed.accounting().await.waiting, 3, "held by the limit");
    let gone = leads[0].to_string();
    routed.org.bed.owner("UPDATE routing_records SET state = 'claimed', claim = gen_random_uuid(), claim_until = '2020-01-01' WHERE state = 'waiting'");
    routed
        .org
        .admin
        .load("Lead", &[json!({ "Id": gone, "IsDeleted": true })])
        .await
        .unwrap();
    for _ in 0..3 {
        routed.cycle().await;
    }
    let accounting = routed.accounting().await;
    assert_eq!((accounting.assigned, accounting.given_up), (2, 1));
    assert_eq!(
        rows(
            &routed.org,
            "SELECT reason_code FROM routing_records WHERE state = 'given_up'"
        ),
        ["record_gone"]
    );
    agrees(&routed.org, &routed.writes().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_record_fails_with_its_reason_and_is_tried_ten_times_at_most() {
    let routed = Routed::active(5).await;
    let leads = routed.arrive(2, 3).await;
    let refused = Fault {
        record: simulators::Id::parse(&leads[1]),
        count: None,
        ..on_write(Effect::Row {
            code: "UNABLE_TO_LOCK_ROW".to_owned(),
            message: "locked".to_owned(),
        })
    };
    routed.org.admin.fault(&refused).await.unwrap();
    routed.cycle().await;
    let accounting = routed.accounting().await;
    assert_eq!((accounting.assigned, accounting.failed), (2, 1));
    assert_eq!(
        rows(
            &routed.org,
            "SELECT record_id || ' ' || reason_code FROM routing_records WHERE state = 'failed'"
        ),
        [format!("{} row_locked", leads[1])]
    );
    for _ in 0..15 {
        routed.cycle().await;
    }
    assert_eq!(routed.accounting().await.given_up, 1);
    let tries = routed
        .writes()
        .await
        .iter()
        .filter(|entry| entry.code == "UNABLE_TO_LOCK_ROW")
        .count();
    assert_eq!(tries, 10);
    agrees(&routed.org, &routed.writes().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_daemons_write_each_record_once() {
    let routed = Routed::active(5).await;
    let tokens = crate::org::tokens_of(&routed.org.bed, &routed.org.provider, "two");
    let client = salesforce::SalesforceClient::new(&routed.org.egress, tokens, &routed.org.config);
    let handlers = salesforce::handlers(&routed.org.bed.db, &client);
    let other = Arc::new(Worker::new(
        routed.org.bed.db.clone(),
        "two".to_owned(),
        WorkerConfig::default(),
        handlers,
    ));
    for round in 0..4 {
        routed.arrive(10 + round, 90).await;
        routed.org.admin.expire_sessions().await.unwrap();
        routed.org.bed.clock.advance(TimeDelta::seconds(3));
        let (one, two) = tokio::join!(routed.worker.run_due(), other.run_due());
        one.unwrap();
        two.unwrap();
    }
    routed.cycle().await;
    assert_eq!(routed.accounting().await.assigned, 360);
    let writes = routed.writes().await;
    assert_eq!(writes.len(), 360);
    agrees(&routed.org, &writes);
    let stats = routed.org.admin.stats().await.unwrap();
    assert_eq!((stats.reuses, stats.collisions), (0, 0));
}

/// LR-30, LR-31: a proposal that waited is out of date when a person gave the record to somebody, and
/// when routing was stopped meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_is_not_written_over_a_person_nor_after_a_pause() {
    let routed = Routed::active(5).await;
    let leads = routed.arrive(2, 4).await;
    let limit = on_write(Effect::Limit);
    routed.org.admin.fault(&limit).await.unwrap();
    routed.cycle().await;
    assert_eq!(routed.accounting().await.waiting, 4, "held by the limit");
    let somebody = format!(
        "SELECT external_id FROM reps WHERE active AND external_id NOT IN \
             (SELECT unnest(ARRAY[new_owner, previous_owner]) FROM assignments WHERE record_id = '{}')",
        leads[0]
    );
    let taken = rows(&routed.org, &somebody).remove(0);
    routed
        .org
        .admin
        .load("Lead", &[json!({ "Id": leads[0], "OwnerId": taken })])
        .await
        .unwrap();
    routed.cycle().await;
    let written: Vec<_> = routed.writes().await;
    assert!(
        written
            .iter()
            .filter(|entry| entry.code == "OK")
            .all(|entry| entry.id.to_string() != leads[0]),
        "a person's decision was overwritten: {written:?}"
    );
    let accounting = routed.accounting().await;
    assert_eq!((accounting.assigned, accounting.given_up), (3, 1));

    routed.arrive(3, 6).await;
    routed.org.admin.fault(&limit).await.unwrap();
    routed.cycle().await;
    let before = routed.writes().await.len();
    let change =
        |verb: fn(&mut db::TenantTx<'_>, Object) -> Result<routing::Router, RoutingError>| {
            let org = &routed.org;
            org.bed
                .db
                .run(&org.person, move |tx| verb(tx, Object::Lead))
        };
    change(routing::router_pause).await.unwrap();
    change(routing::router_resume).await.unwrap();
    for _ in 0..3 {
        routed.cycle().await;
    }
    assert_eq!(routed.writes().await.len(), before);
    let reasons = rows(
        &routed.org,
        "SELECT reason_code || ' ' || count(*) FROM routing_records WHERE state = 'given_up' GROUP BY reason_code ORDER BY 1",
    );
    assert_eq!(reasons, ["owner_changed 1", "routing_restarted 6"]);
}

/// A write that would outlast its claim is not sent: another daemon may find out by then what became
/// of the record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_not_sent_when_its_claim_ends_too_soon() {
    let routed = Routed::active(5).await;
    let lead = routed.arrive(2, 1).await.remove(0);
    let org = &routed.org;
    let clock: kernel::SharedClock = org.bed.clock.clone();
    let owner = rows(org, "SELECT external_id FROM reps WHERE active").remove(0);
    let patch =
        salesforce::OwnerPatch::new(Object::Lead, lead.parse().unwrap(), owner.parse().unwrap())
            .unwrap();
    let connection = org.client().routing(&org.daemon).await.unwrap();
    let sent = async |left: TimeDelta| {
        let deadline = salesforce::Deadline {
            clock: &clock,
            until: clock.now() + left,
        };
        connection.owners_write(&[patch], &deadline).await
    };
    let late = sent(TWICE - TimeDelta::milliseconds(1)).await.unwrap_err();
    assert_eq!((late.code(), late.in_doubt()), ("claim_over", false));
    assert!(routed.writes().await.is_empty());
    sent(TWICE).await.unwrap();
    assert_eq!(routed.writes().await.len(), 1);
}
