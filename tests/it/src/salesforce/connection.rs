//! A session, a connection, a budget or a field that fails: nothing is lost, and it is told.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_session_is_renewed_once_and_the_cycle_goes_on() {
    let routed = Routed::active(5).await;
    routed.arrive(2, 450).await;
    routed.org.admin.expire_sessions().await.unwrap();
    routed.cycle().await;
    let stats = routed.org.admin.stats().await.unwrap();
    assert_eq!((stats.refreshes, stats.reuses), (1, 0));
    routed
        .org
        .admin
        .fault(&on_write(Effect::ExpireSession))
        .await
        .unwrap();
    routed.arrive(3, 10).await;
    routed.cycle().await;
    assert_eq!(routed.accounting().await.assigned, 460);
    assert_eq!(routed.org.admin.stats().await.unwrap().refreshes, 2);
    agrees(&routed.org, &routed.writes().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_stops_the_cycle_and_nothing_is_lost() {
    let routed = Routed::active(5).await;
    routed.org.admin.revoke_grants().await.unwrap();
    routed.arrive(2, 20).await;
    routed.cycle().await;
    assert_eq!(
        routed.last_cycle().await["error"]["code"],
        "connection_broken"
    );
    let before = routed.org.admin.stats().await.unwrap().requests;
    routed.cycle().await;
    assert_eq!(
        routed.org.admin.stats().await.unwrap().requests,
        before,
        "a broken connection was called"
    );
    routed.org.login(false).await.unwrap();
    routed.cycle().await;
    assert_eq!(routed.accounting().await.assigned, 20);
    assert_eq!(routed.last_cycle().await["error"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_its_budget_pulling_stops_and_decided_owners_are_still_written() {
    let routed = Routed::active(5).await;
    let mut settings = routed.org.admin.settings().await.unwrap();
    settings.daily_limit = routed.org.admin.stats().await.unwrap().api_used + 4;
    routed.org.admin.set_settings(&settings).await.unwrap();
    routed.arrive(2, 600).await;
    routed.cycle().await;
    assert_eq!(routed.last_cycle().await["error"]["code"], "api_limit");
    let (fetched, assigned) = (
        routed.last_cycle().await["fetched"].as_i64().unwrap(),
        routed.accounting().await.assigned,
    );
    assert!(
        fetched < 600 && assigned > 100,
        "{fetched} fetched, {assigned} written"
    );
    settings.daily_limit = 1_000_000;
    routed.org.admin.set_settings(&settings).await.unwrap();
    for _ in 0..2 {
        routed.cycle().await;
    }
    assert_eq!(routed.accounting().await.assigned, 600);
    agrees(&routed.org, &routed.writes().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_salesforce_hides_is_told_and_no_cycle_dies_of_it() {
    let routed = Routed::active(5).await;
    let hidden = simulators::wire::FieldChange {
        sobject: "Lead".to_owned(),
        name: "Status".to_owned(),
        kind: None,
        hidden: true,
    };
    routed.org.admin.field(&hidden).await.unwrap();
    routed.arrive(2, 5).await;
    routed.cycle().await;
    assert_eq!(
        routed.last_cycle().await["error"]["code"],
        "salesforce_query_refused"
    );
    assert_eq!(
        rows(
            &routed.org,
            "SELECT count(*) FROM jobs WHERE state = 'dead'"
        ),
        ["0"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_leaves_no_dead_letter_each_hour() {
    let routed = Routed::active(5).await;
    routed.org.admin.revoke_grants().await.unwrap();
    for _ in 0..3 {
        routed.org.bed.clock.advance(TimeDelta::seconds(3_700));
        routed.worker.run_due().await.unwrap();
    }
    let dead = rows(
        &routed.org,
        "SELECT kind || ' ' || state FROM jobs WHERE state NOT IN ('done', 'queued')",
    );
    assert_eq!(dead, [] as [&str; 0]);
    let ran = rows(
        &routed.org,
        "SELECT count(*) >= 3 FROM jobs WHERE kind = 'reps.sync' AND state = 'done'",
    );
    assert_eq!(ran, ["true"], "the job did not run");
}
