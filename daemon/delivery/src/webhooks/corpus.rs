//! Signed requests for libraries that others wrote (`tests/peers/webhooks`), as a file at
//! `REVKEEP_WEBHOOK_CORPUS`.

use kernel::{Clock as _, EventId, SystemClock};
use serde_json::json;

use super::{
    catalogue::envelope,
    secret::{Message, made},
};

#[test]
fn webhook_corpus() {
    let now = SystemClock.now();
    let data = [
        json!({}),
        json!({ "count": 3, "reasons": { "no_rule": 3 } }),
        json!({ "text": "ünïcödé 日本語 😀 \u{202e}right to left \\ \" \n \u{0} </script>" }),
        json!({ "long": "x".repeat(100_000) }),
    ];
    let requests: Vec<_> = data
        .iter()
        .enumerate()
        .map(|(position, data)| {
            // Every second one in the day of a rotation.
            let secrets: Vec<_> = (0..=position % 2).map(|_| made().unwrap()).collect();
            let body = envelope("records_failed", now, data);
            let message = Message {
                id: EventId::generate(&SystemClock),
                at: now,
                body: &body,
            };
            json!({
                "secrets": secrets.iter().map(|secret| secret.expose()).collect::<Vec<_>>(),
                "headers": {
                    "webhook-id": message.id.to_string(),
                    "webhook-timestamp": message.at.timestamp().to_string(),
                    "webhook-signature": message.signature(&secrets).unwrap(),
                },
                "body": body,
            })
        })
        .collect();
    assert_eq!(requests.len(), 4);
    let file = std::env::var_os("REVKEEP_WEBHOOK_CORPUS");
    if let Some(file) = file {
        std::fs::write(file, serde_json::to_vec(&requests).unwrap()).unwrap();
    }
}
