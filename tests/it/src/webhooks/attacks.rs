//! What a tenant must not reach through a webhook, and what nobody may read.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_that_leads_inside_is_refused_when_it_is_typed_and_when_it_is_sent_to() {
    let stand = Stand::lay().await;
    for url in [
        "http://hooks.example.com/",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://metadata.google.internal/",
        "https://printer.local/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://user@hooks.example.com/",
    ] {
        let mut input = stand.input();
        input.url = url.to_owned();
        let refused = stand
            .webhooks
            .webhook_create(&stand.who, input)
            .await
            .map(|_| ())
            .unwrap_err();
        assert_eq!(refused.code(), "egress_refused", "{url}");
    }
    // The form is not the guard: a row that says so by other means is not sent to either.
    let (webhook, _) = stand.made().await;
    for url in ["https://127.0.0.1:9/", "https://169.254.169.254/"] {
        stand
            .bed
            .owner(&format!("UPDATE webhooks SET url = '{url}'"));
        let tested = stand
            .webhooks
            .webhook_test(&stand.who, webhook.id)
            .await
            .unwrap();
        assert_eq!((tested.status, tested.code), (None, Some("egress_refused")));
    }
    assert!(stand.receiver.received().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_a_failure_and_not_followed() {
    let stand = Stand::lay().await;
    let (webhook, _) = stand.made().await;
    stand.receiver.reply(&[Reply::Redirect]);
    let tested = stand
        .webhooks
        .webhook_test(&stand.who, webhook.id)
        .await
        .unwrap();
    assert_eq!(
        (tested.status, tested.code),
        (Some(302), Some("egress_redirected"))
    );
    assert_eq!(stand.receiver.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_sealed_and_in_no_row_no_log_and_no_other_webhook() {
    let stand = Stand::lay().await;
    let (webhook, secret) = stand.made().await;
    let (other, _) = stand.made().await;
    let bytes = base64::decode_block(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    for table in ["webhooks", "audit_log", "jobs"] {
        for needle in [secret.as_str(), hex.as_str()] {
            assert_eq!(
                stand.rows(&format!(
                    "SELECT count(*) FROM {table} t WHERE position('{needle}' in t::text) > 0"
                )),
                ["0"],
                "{table}"
            );
        }
    }
    // A secret that is put in another webhook's row does not open there.
    stand.bed.owner(&format!(
        "UPDATE webhooks SET secret_sealed = (SELECT secret_sealed FROM webhooks WHERE webhook_id = '{}') WHERE webhook_id = '{}'",
        webhook.id.uuid(),
        other.id.uuid()
    ));
    assert!(
        stand
            .webhooks
            .webhook_test(&stand.who, other.id)
            .await
            .is_err()
    );
    assert!(stand.receiver.received().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_another_organisation_are_not_told_and_its_webhooks_not_found() {
    let stand = Stand::lay().await;
    let (webhook, _) = stand.made().await;
    let stranger = person_in(&stand.bed.tenant());
    let published: Result<(), JobsError> = stand
        .bed
        .db
        .run(&stranger, |tx| {
            let user = UserId::generate(&kernel::SystemClock);
            jobs::publish(tx, &Event::RolesChanged { user })?;
            jobs::publish(tx, &failures(1))
        })
        .await;
    published.unwrap();
    stand.worker.run_due().await.unwrap();
    stand.send().await;
    assert!(stand.receiver.received().is_empty());
    assert!(
        stand
            .webhooks
            .webhook_list(&stranger)
            .await
            .unwrap()
            .is_empty()
    );
    for result in [
        stand.webhooks.webhook_delete(&stranger, webhook.id).await,
        stand
            .webhooks
            .webhook_rotate(&stranger, webhook.id)
            .await
            .map(|_| ()),
        stand
            .webhooks
            .webhook_test(&stranger, webhook.id)
            .await
            .map(|_| ()),
        stand
            .webhooks
            .webhook_update(&stranger, webhook.id, 1, stand.input())
            .await
            .map(|_| ()),
    ] {
        assert!(matches!(result, Err(DeliveryError::NoWebhook)));
    }
}
