//! What an administrator does: rotation, test, replay, switching off, filters; and what is forgotten by itself.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_rotation_both_secrets_sign_for_a_day_and_then_the_new_one_alone() {
    let stand = Stand::lay().await;
    let (webhook, old) = stand.made().await;
    let rotated = stand
        .webhooks
        .webhook_rotate(&stand.who, webhook.id)
        .await
        .unwrap();
    let new = rotated.text.expose().clone();
    assert_ne!(old, new);
    stand.tell().await;
    stand.send().await;
    stand.passes(TimeDelta::hours(24));
    stand.tell().await;
    stand.send().await;
    let received = stand.receiver.received();
    let [during, after] = &received[..] else {
        panic!("{received:?}");
    };
    assert_eq!(
        during.header("webhook-signature"),
        format!("{} {}", expected(&new, during), expected(&old, during))
    );
    assert_eq!(
        after.header("webhook-signature"),
        expected(&new, after),
        "the old secret still signs"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_is_sent_at_once_even_to_a_webhook_that_is_off() {
    let stand = Stand::lay().await;
    let mut input = stand.input();
    input.enabled = false;
    let (webhook, secret) = stand
        .webhooks
        .webhook_create(&stand.who, input)
        .await
        .unwrap();
    stand
        .receiver
        .reply(&[Reply::Status(204), Reply::Status(401)]);
    let test = async || {
        stand
            .webhooks
            .webhook_test(&stand.who, webhook.id)
            .await
            .unwrap()
    };
    let taken = test().await;
    assert_eq!((taken.status, taken.code), (Some(204), None));
    let refused = test().await;
    assert_eq!(
        (refused.status, refused.code),
        (Some(401), Some("webhook_not_accepted"))
    );
    let received = stand.receiver.received();
    assert!(received[0].body.contains("\"type\":\"test\""));
    assert_eq!(
        received[0].header("webhook-signature"),
        expected(secret.text.expose(), &received[0])
    );
    let failed = DeliveryFilter {
        state: Some("failed".to_owned()),
        event: None,
    };
    let shown = stand
        .webhooks
        .delivery_list(&stand.who, webhook.id, failed, (None, 10))
        .await
        .unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].status, Some(401));
    // Off: what happens is not told, and does not wait either.
    stand.tell().await;
    stand.send().await;
    assert_eq!(stand.receiver.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_sends_the_same_message_again_with_its_own_two_attempts() {
    let stand = Stand::lay().await;
    let (webhook, _) = stand.made().await;
    stand.tell().await;
    stand.send().await;
    let event = stand.receiver.received()[0]
        .header("webhook-id")
        .parse()
        .unwrap();
    stand.receiver.reply(&[Reply::Status(500)]);
    stand
        .webhooks
        .webhook_replay(&stand.who, webhook.id, event)
        .await
        .unwrap();
    let again = stand
        .webhooks
        .webhook_replay(&stand.who, webhook.id, event)
        .await
        .unwrap_err();
    assert_eq!(again.code(), "webhook_delivery_not_found", "it waits");
    stand.send().await;
    stand.passes(TimeDelta::seconds(5));
    stand.send().await;
    let received = stand.receiver.received();
    assert_eq!(received.len(), 3);
    assert!(received.windows(2).all(|pair| {
        pair[0].header("webhook-id") == pair[1].header("webhook-id") && pair[0].body == pair[1].body
    }));
    let mut off = stand.input();
    off.enabled = false;
    stand
        .webhooks
        .webhook_update(&stand.who, webhook.id, webhook.version, off)
        .await
        .unwrap();
    let refused = stand
        .webhooks
        .webhook_replay(&stand.who, webhook.id, event)
        .await
        .unwrap_err();
    assert!(matches!(refused, DeliveryError::WebhookOff));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_is_switched_off_fails_what_waits_and_a_deleted_one_leaves_nothing() {
    let stand = Stand::lay().await;
    let (webhook, _) = stand.made().await;
    stand.tell().await;
    let mut off = stand.input();
    off.enabled = false;
    let stale = stand
        .webhooks
        .webhook_update(&stand.who, webhook.id, 7, off.clone())
        .await
        .unwrap_err();
    assert!(matches!(stale, DeliveryError::Stale));
    stand
        .webhooks
        .webhook_update(&stand.who, webhook.id, 1, off)
        .await
        .unwrap();
    stand.send().await;
    assert!(stand.receiver.received().is_empty());
    assert_eq!(
        stand.rows("SELECT state || code FROM webhook_deliveries"),
        ["failedwebhook_off"]
    );
    stand
        .webhooks
        .webhook_delete(&stand.who, webhook.id)
        .await
        .unwrap();
    assert_eq!(stand.rows("SELECT count(*) FROM webhook_deliveries"), ["0"]);
    stand.send().await;
    assert_eq!(
        stand.rows("SELECT action FROM audit_log WHERE action LIKE 'webhook%' ORDER BY xid"),
        ["webhook_create", "webhook_update", "webhook_delete"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_ended_is_forgotten_after_a_time_and_what_waits_is_not() {
    let stand = Stand::lay().await;
    stand.made().await;
    let forget = async || {
        let before = kernel::Clock::now(stand.bed.clock.as_ref()) - TimeDelta::days(30);
        let gone = stand
            .bed
            .db
            .system(move |tx| tx.webhook_deliveries_forget(before, 10));
        gone.await.unwrap()
    };
    stand.tell().await;
    stand.send().await;
    stand.tell().await;
    assert_eq!(forget().await, 0);
    stand.passes(TimeDelta::days(31));
    assert_eq!(forget().await, 1);
    assert_eq!(
        stand.rows("SELECT state FROM webhook_deliveries"),
        ["waiting"]
    );
    stand.tell().await;
    stand.send().await;
    assert_eq!(stand.receiver.received().len(), 3);
    assert_eq!(forget().await, 1);
    assert_eq!(stand.rows("SELECT count(*) FROM webhook_deliveries"), ["1"]);
}
