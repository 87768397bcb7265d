//! Exports, targets of the log, webhooks, and the end of an organisation.

use jobs::{Worker, WorkerConfig};
use serde_json::{Value, json};

use super::walk::{Walk, id};
use crate::console_desk::DECLARED;

/// Exports: one that is cancelled, and one that is made and downloaded.
pub(super) async fn exports(walk: &mut Walk) {
    let first = id(&walk.plain("POST /exports", json!({})).await);
    let path = format!("/exports/{first}/cancel");
    walk.good("POST /exports/{id}/cancel", &path, Value::Null)
        .await;
    let second = id(&walk.plain("POST /exports", json!({})).await);
    work(walk).await;
    let path = format!("/exports/{second}/download");
    walk.good("POST /exports/{id}/download", &path, Value::Null)
        .await;
}

/// Does the jobs of custody that are due.
pub(super) async fn work(walk: &Walk) {
    let worker = Worker::new(
        walk.desk.house.bed.db.clone(),
        "test".to_owned(),
        WorkerConfig::default(),
        walk.desk.custody.handlers(),
    );
    worker.run_due().await.unwrap();
}

/// The log's targets, of the organisation and of the appliance.
pub(super) async fn targets(walk: &mut Walk) {
    for base in ["", "/platform"] {
        let target = |version: Option<i64>| {
            json!({
                "name": "Archive", "transport": "relp", "format": "rfc5424", "address": DECLARED,
                "enabled": false, "version": version,
            })
        };
        let route = format!("{base}/siem/targets");
        let made = walk
            .good(&format!("POST {route}"), &route, target(None))
            .await;
        let path = format!("{route}/{}", id(&made));
        let one = format!("{route}/{{id}}");
        walk.good(&format!("PUT {one}"), &path, target(Some(1)))
            .await;
        let test = format!("{path}/test");
        walk.good(&format!("POST {one}/test"), &test, Value::Null)
            .await;
        walk.good(&format!("DELETE {one}"), &path, Value::Null)
            .await;
    }
}

/// A webhook from its making to its end.
pub(super) async fn webhooks(walk: &mut Walk) {
    let webhook = |version: Option<i64>| {
        json!({
            "name": "Warehouse", "url": format!("https://{DECLARED}/"), "enabled": true,
            "version": version,
        })
    };
    let made = walk.plain("POST /webhooks", webhook(None)).await;
    let path = format!("/webhooks/{}", id(&made));
    walk.good("PUT /webhooks/{id}", &path, webhook(Some(1)))
        .await;
    for verb in ["test", "rotate"] {
        let route = format!("POST /webhooks/{{id}}/{verb}");
        walk.good(&route, &format!("{path}/{verb}"), Value::Null)
            .await;
    }
    let told = format!("{path}/deliveries");
    let route = "GET /webhooks/{id}/deliveries";
    let told = walk.good(route, &told, Value::Null).await;
    let replay = format!("{path}/deliveries/{}/replay", id(&told["items"][0]));
    let route = "POST /webhooks/{id}/deliveries/{event}/replay";
    walk.good(route, &replay, Value::Null).await;
    walk.good("DELETE /webhooks/{id}", &path, Value::Null).await;
}

/// The end of an organisation is asked for and taken back, by its owner, who holds `owner`, and by the
/// operator.
pub(super) async fn deletions(walk: &mut Walk, organisation: &str, owner: &str) {
    let confirm = json!({ "confirm": "Beta" });
    for (method, body) in [("POST", confirm.clone()), ("DELETE", Value::Null)] {
        let route = format!("{method} /tenant/deletion");
        let asked = walk.ask(&route, "/tenant/deletion", body, (Some(owner), None));
        let (status, answer, _) = asked.await;
        assert!((200..300).contains(&status), "{route}: {status} {answer}");
    }
    let path = format!("/platform/tenants/{organisation}/deletion");
    for (method, body) in [("POST", confirm), ("DELETE", Value::Null)] {
        let route = format!("{method} /platform/tenants/{{id}}/deletion");
        walk.good(&route, &path, body).await;
    }
}
