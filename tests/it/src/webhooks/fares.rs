//! Receivers that fail, hang or are gone, and daemons that die.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_delivery_is_tried_once_more_after_five_seconds_with_the_same_id() {
    let stand = Stand::lay().await;
    stand.made().await;
    stand
        .receiver
        .reply(&[Reply::Status(500), Reply::Cut, Reply::Status(204)]);
    stand.tell().await;
    stand.send().await;
    stand.passes(TimeDelta::seconds(4));
    stand.send().await;
    assert_eq!(stand.receiver.received().len(), 1, "before its time");
    stand.passes(TimeDelta::seconds(1));
    stand.send().await;
    // The second failure was the last attempt.
    for _ in 0..10 {
        stand.passes(TimeDelta::hours(24));
        stand.send().await;
    }
    let received = stand.receiver.received();
    let [first, second] = &received[..] else {
        panic!("{received:?}");
    };
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.body, second.body);
    assert_ne!(
        first.header("webhook-signature"),
        second.header("webhook-signature"),
        "the time is signed"
    );
    assert_eq!(
        stand.rows("SELECT state || attempts || code FROM webhook_deliveries"),
        ["failed2egress_cut"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longer_schedule_goes_on_for_days_and_new_events_do_not_wait_for_it() {
    let stand = Stand::lay().await;
    let mut input = stand.input();
    input.long_retries = true;
    stand
        .webhooks
        .webhook_create(&stand.who, input)
        .await
        .unwrap();
    stand.receiver.reply(&[Reply::Status(503); 2]);
    stand.tell().await;
    stand.send().await;
    stand.passes(TimeDelta::seconds(5));
    stand.send().await;
    assert_eq!(stand.receiver.received().len(), 2);
    // The third attempt is minutes away; what happens meanwhile is told at once.
    stand.tell().await;
    stand.send().await;
    let received = stand.receiver.received();
    assert_eq!(received.len(), 3);
    assert_ne!(
        received[1].header("webhook-id"),
        received[2].header("webhook-id")
    );
    stand.passes(TimeDelta::minutes(5));
    stand.send().await;
    let received = stand.receiver.received();
    assert_eq!(received.len(), 4);
    assert_eq!(
        received[0].header("webhook-id"),
        received[3].header("webhook-id")
    );
    assert_eq!(
        stand.rows("SELECT DISTINCT state FROM webhook_deliveries"),
        ["delivered"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_dies_in_the_middle_of_a_send_leaves_it_to_be_sent_with_the_same_id() {
    let stand = Stand::lay().await;
    stand.made().await;
    stand.receiver.reply(&[Reply::Hang]);
    stand.tell().await;
    let sender = Arc::clone(&stand.sender);
    let dying = tokio::spawn(async move { sender.run_due().await });
    stand.receiver.wait_for(1);
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
    assert_eq!(
        stand.rows("SELECT state || attempts FROM webhook_deliveries"),
        ["waiting0"]
    );
    // Its claim is not over: nobody sends beside it.
    stand.send().await;
    assert_eq!(stand.receiver.received().len(), 1);
    stand.passes(TimeDelta::seconds(61));
    stand.send().await;
    let received = stand.receiver.received();
    let [first, second] = &received[..] else {
        panic!("{received:?}");
    };
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(
        stand.rows("SELECT state || attempts FROM webhook_deliveries"),
        ["delivered1"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_hangs_keeps_no_job_of_anybody_else_waiting() {
    let stand = Stand::lay().await;
    stand.made().await;
    stand.receiver.reply(&[Reply::Hang]);
    stand.tell().await;
    let sender = Arc::clone(&stand.sender);
    let hanging = tokio::spawn(async move { sender.run_due().await });
    stand.receiver.wait_for(1);
    // While it hangs, events are heard and jobs are done.
    for _ in 0..3 {
        stand.tell().await;
    }
    assert_eq!(stand.rows("SELECT count(*) FROM webhook_deliveries"), ["4"]);
    assert_eq!(
        stand.rows(
            "SELECT count(*) FROM jobs WHERE kind = 'event.records_failed' AND state <> 'done'"
        ),
        ["0"]
    );
    assert_eq!(
        stand.receiver.received().len(),
        1,
        "one connection at a time"
    );
    stand.receiver.release();
    hanging.await.unwrap().unwrap();
    stand.send().await;
    assert_eq!(stand.receiver.received().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_takes_nothing_for_a_day_is_switched_off_and_its_owner_told() {
    let stand = Stand::lay().await;
    let (webhook, _) = stand.made().await;
    stand.receiver.reply(&[Reply::Status(500); 60]);
    for round in 0..20 {
        stand.tell().await;
        stand.send().await;
        stand.passes(TimeDelta::seconds(5));
        stand.send().await;
        if round == 0 {
            stand.passes(TimeDelta::hours(24));
        }
    }
    let shown = stand.webhooks.webhook_list(&stand.who).await.unwrap();
    assert!(!shown[0].enabled);
    assert_eq!(shown[0].stopped.as_deref(), Some("webhook_failing"));
    assert_eq!(
        stand.rows("SELECT payload->>'webhook' FROM jobs WHERE kind = 'event.webhook_stopped'"),
        [webhook.id.to_string()]
    );
    assert_eq!(
        stand.rows("SELECT count(*) FROM audit_log WHERE action = 'webhook_stop'"),
        ["1"]
    );
    let before = stand.receiver.received().len();
    stand.tell().await;
    stand.send().await;
    assert_eq!(stand.receiver.received().len(), before);
    // Its subscriber opens the notice to the owner.
    assert_eq!(
        stand.rows("SELECT subject_id FROM notices WHERE kind = 'webhook_stopped'"),
        [webhook.id.to_string()]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_is_not_enough_alone_nor_are_twenty_failures() {
    let stand = Stand::lay().await;
    stand.made().await;
    stand.receiver.reply(&[Reply::Status(500); 60]);
    for _ in 0..21 {
        stand.tell().await;
        stand.send().await;
        stand.passes(TimeDelta::seconds(5));
        stand.send().await;
    }
    let shown = stand.webhooks.webhook_list(&stand.who).await.unwrap();
    assert!(shown[0].enabled, "twenty failures in an hour");
    // One that is taken begins the count anew.
    stand.receiver.reply(&[]);
    stand.tell().await;
    stand.send().await;
    stand.receiver.reply(&[Reply::Status(500); 60]);
    stand.passes(TimeDelta::hours(48));
    stand.tell().await;
    stand.send().await;
    stand.passes(TimeDelta::seconds(5));
    stand.send().await;
    let shown = stand.webhooks.webhook_list(&stand.who).await.unwrap();
    assert!(shown[0].enabled && shown[0].failures == 1, "{shown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_says_it_is_gone_gets_nothing_more() {
    let stand = Stand::lay().await;
    stand.made().await;
    stand.receiver.reply(&[Reply::Status(410)]);
    stand.tell().await;
    stand.tell().await;
    stand.send().await;
    let shown = stand.webhooks.webhook_list(&stand.who).await.unwrap();
    assert_eq!(shown[0].stopped.as_deref(), Some("webhook_gone"));
    assert_eq!(stand.receiver.received().len(), 1);
    assert_eq!(
        stand.rows("SELECT DISTINCT state FROM webhook_deliveries"),
        ["failed"]
    );
}
