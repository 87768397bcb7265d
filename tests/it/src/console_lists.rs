//! The layer, lists, the connection and live updates through the console's API.

use std::{collections::BTreeSet, time::Duration};

use db::Hints;
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::console_desk::Desk;

/// LR-02: only what Salesforce shows to the integration user can be put into the layer.
#[tokio::test]
async fn a_field_comes_from_salesforce_or_not_at_all() {
    let desk = Desk::open().await;
    let offered = desk.get("/layer/objects/Lead/available").await;
    assert_eq!(offered["items"][2]["personal"], true);
    let unknown = json!({ "name": "Salary__c", "reason": "Curious", "data_class": "crm_personal" });
    let (status, answer) = desk
        .call(Method::POST, "/layer/objects/Lead/fields", Some(&unknown))
        .await;
    assert_eq!((status, answer["field"].as_str()), (400, Some("name")));
    *desk.source.away.lock().unwrap() = true;
    let known = json!({ "name": "Country", "reason": "Territories", "data_class": "crm_business" });
    for (method, path, body) in [
        (Method::GET, "/layer/objects/Lead/available", None),
        (Method::POST, "/layer/objects/Lead/fields", Some(&known)),
    ] {
        let (status, answer) = desk.call(method, path, body).await;
        assert_eq!(
            (status, answer["code"].as_str()),
            (503, Some("connection_unavailable"))
        );
        assert_eq!(answer["reason"], "provider_unavailable");
    }
    for path in [
        "/layer/objects/Opportunity/available",
        "/layer/objects/lead/records",
    ] {
        assert_eq!(desk.call(Method::GET, path, None).await.0, 404, "{path}");
    }
    desk.running.stop().await;
}

/// A list is complete and names nothing twice, page by page; a cursor of another list is refused.
#[tokio::test]
async fn pages_join_without_gap_or_overlap() {
    let desk = Desk::open().await;
    let router = desk.router().await;
    let router = router["id"]
        .as_str()
        .unwrap()
        .trim_start_matches("router_")
        .to_owned();
    desk.owner(&format!(
        "INSERT INTO routing_records (tenant_id, object, record_id, router_id, state, reason_code, attempts, first_seen_at, updated_at) \
         SELECT '{}', CASE WHEN n % 5 = 0 THEN 'Contact' ELSE 'Lead' END, '00Q' || lpad(n::text, 15, '0'), '{router}', \
                CASE WHEN n % 2 = 0 THEN 'failed' ELSE 'proposed' END, CASE WHEN n % 2 = 0 THEN 'row_locked' END, 1, \
                now(), now() - make_interval(secs => n / 3) FROM generate_series(1, 450) AS n",
        desk.tenant().uuid()
    ));
    for (path, wanted) in [
        ("/records?limit=200", 450),
        ("/records?limit=7&state=waiting", 225),
        ("/failures?limit=50", 225),
    ] {
        let mut seen = BTreeSet::new();
        let mut cursor = String::new();
        loop {
            let page = desk.get(&format!("{path}{cursor}")).await;
            for item in page["items"].as_array().unwrap() {
                let key = format!("{}{}", item["object"], item["record_id"]);
                assert!(seen.insert(key), "{path}: twice {item}");
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), wanted, "{path}");
    }
    let page = desk.get("/failures?limit=50").await;
    assert_eq!(
        page["counts"],
        json!({ "failed": 225, "given_up": 0, "waiting": 225, "in_doubt": 0 })
    );
    assert_eq!(page["reasons"][0]["count"], 225);
    let foreign = page["next_cursor"].as_str().unwrap();
    let (status, answer) = desk
        .call(Method::GET, &format!("/records?cursor={foreign}"), None)
        .await;
    assert_eq!((status, answer["field"].as_str()), (400, Some("cursor")));

    let retried = desk
        .post("/failures/retry", json!({ "reason": "row_locked" }))
        .await;
    assert_eq!(retried["count"], 225);
    let (status, answer) = desk
        .call(
            Method::POST,
            "/failures/retry",
            Some(&json!({ "state": "in_doubt" })),
        )
        .await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (409, Some("not_retryable"))
    );
    desk.running.stop().await;
}

/// By the beginning of a name that the layer holds, or of an id; not by what another tenant holds.
#[tokio::test]
async fn records_are_found_by_name_and_by_id() {
    let desk = Desk::open().await;
    let router = desk.router().await;
    let router = router["id"]
        .as_str()
        .unwrap()
        .trim_start_matches("router_")
        .to_owned();
    let tenant = desk.tenant().uuid();
    let field = desk.rows("SELECT field_id FROM layer_fields WHERE name = 'Country'");
    for (id, name) in [
        ("00Q000000000001EAA", "lindqvist"),
        ("00Q000000000002EAA", "lovelace"),
    ] {
        desk.owner(&format!(
            "INSERT INTO layer_records (tenant_id, object, record_id, fields, source_modified_at, imported_at) \
             VALUES ('{tenant}', 'Lead', '{id}', '{{\"LastName\": \"{name}\"}}', now(), now()); \
             INSERT INTO layer_values (tenant_id, field_id, value, record_id) VALUES ('{tenant}', '{}', '{name}', '{id}'); \
             INSERT INTO routing_records (tenant_id, object, record_id, router_id, state, reason_code, attempts, first_seen_at, updated_at) \
             VALUES ('{tenant}', 'Lead', '{id}', '{router}', 'failed', 'row_locked', 1, now(), now())",
            field[0]
        ));
    }
    for (sought, found) in [
        ("Lov", 1),
        ("l", 2),
        ("00Q00000000000", 2),
        ("00Q000000000001", 1),
        ("v", 0),
        ("%25", 0),
    ] {
        let page = desk.get(&format!("/failures?q={sought}")).await;
        assert_eq!(
            page["items"].as_array().map(Vec::len),
            Some(found),
            "{sought}"
        );
        assert_eq!(
            desk.get(&format!("/assignments?q={sought}")).await["items"],
            json!([])
        );
    }
    let story = desk.get("/records/00Q000000000002").await;
    assert_eq!(
        (story["state"].as_str(), story["record_id"].as_str()),
        (Some("failed"), Some("00Q000000000002EAA"))
    );
    desk.running.stop().await;
}

/// LR-17: the secret goes in and never comes out; a return that nobody began is refused.
#[tokio::test]
async fn the_connection_is_configured_without_showing_its_secret() {
    let desk = Desk::open().await;
    assert_eq!(desk.get("/connections").await["items"], json!([]));
    let (status, answer) = desk.call(Method::POST, "/reps/sync", None).await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (409, Some("connection_not_configured"))
    );
    let form = json!({
        "environment": "sandbox", "consumer_key": "3MVG9canary-key-x7Qp", "consumer_secret": "canary-secret",
    });
    let connection = desk.put("/connections/salesforce", form).await;
    assert_eq!(
        (
            connection["state"].as_str(),
            connection["consumer_key_tail"].as_str()
        ),
        (Some("configured"), Some("x7Qp"))
    );
    let shown = desk.get("/connections").await.to_string();
    assert!(!shown.contains("canary"), "{shown}");
    for (body, field) in [
        (
            json!({ "environment": "moon", "consumer_key": "k" }),
            "environment",
        ),
        (
            json!({ "environment": "my_domain", "my_domain": "evil.example", "consumer_key": "k" }),
            "my_domain",
        ),
    ] {
        let (status, answer) = desk
            .call(Method::PUT, "/connections/salesforce", Some(&body))
            .await;
        assert_eq!((status, answer["field"].as_str()), (400, Some(field)));
    }
    let begun = desk
        .post("/connections/salesforce/authorize", json!({}))
        .await;
    assert!(
        begun["authorize_url"]
            .as_str()
            .unwrap()
            .starts_with("https://test.salesforce.com/")
    );
    let forged = json!({ "code": "c", "state": "not-ours" });
    let (status, answer) = desk
        .call(
            Method::POST,
            "/connections/salesforce/complete",
            Some(&forged),
        )
        .await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (400, Some("state_invalid"))
    );
    let unsure = json!({ "confirm": "yes" });
    let (status, _) = desk
        .call(
            Method::POST,
            "/connections/salesforce/disconnect",
            Some(&unsure),
        )
        .await;
    assert_eq!(status, 400);
    desk.running.stop().await;
}

/// The next event of a stream, comments left out; `None` when it ends.
async fn event(
    stream: &mut (impl StreamExt<Item = reqwest::Result<impl AsRef<[u8]>>> + Unpin),
) -> Option<Value> {
    while let Some(Ok(piece)) = stream.next().await {
        let text = String::from_utf8(piece.as_ref().to_vec()).unwrap();
        if let Some(data) = text.strip_prefix("event: change\ndata: ") {
            return Some(serde_json::from_str(data.trim()).unwrap());
        }
        assert!(text.starts_with(':'), "{text}");
    }
    None
}

/// Streams stay open, so a session that opens them without end loses its own, and nobody else's.
#[tokio::test]
async fn a_session_holds_a_few_live_streams_and_no_more() {
    let desk = Desk::open().await;
    let mut streams = Vec::new();
    for _ in 0..9 {
        let answer = desk
            .send(Method::GET, "/events", None, Some(&desk.token))
            .await;
        assert_eq!(answer.status(), 200);
        let mut stream = answer.bytes_stream();
        assert!(stream.next().await.unwrap().is_ok());
        streams.push(stream);
    }
    let oldest = tokio::time::timeout(Duration::from_secs(20), event(&mut streams[0])).await;
    assert_eq!(oldest.unwrap(), None, "the oldest of nine is still open");
    desk.changes.send(None).unwrap();
    for stream in &mut streams[1..] {
        assert!(event(stream).await.is_some(), "a stream too many is closed");
    }
    desk.stopper.send(true).unwrap();
    desk.running.stop().await;
}

/// A page hears of its own tenant's changes as long as its session lasts, and no longer.
#[tokio::test]
async fn live_updates_end_with_the_session() {
    let desk = Desk::open().await;
    let reps = desk.reps();
    let answer = desk
        .send(Method::GET, "/events", None, Some(&desk.token))
        .await;
    assert_eq!(
        answer.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let mut stream = answer.bytes_stream();
    // The first comment says that it listens.
    assert!(stream.next().await.unwrap().is_ok());

    let config = desk.house.bed.database.config();
    let mut hints = tokio::task::spawn_blocking(move || Hints::listen(&config).unwrap())
        .await
        .unwrap();
    let path = format!("/reps/{}", reps[0]);
    let (status, _) = desk
        .call(Method::PATCH, &path, Some(&json!({ "paused": true })))
        .await;
    assert_eq!(status, 200);
    let heard = tokio::task::spawn_blocking(move || hints.poll().unwrap())
        .await
        .unwrap();
    let (theirs, _) = desk.house.bed.seeded();
    desk.changes
        .send(Some((String::from("jobs"), theirs)))
        .unwrap();
    for change in heard {
        desk.changes.send(Some(change)).unwrap();
    }
    assert_eq!(
        event(&mut stream).await,
        Some(json!({ "topics": ["reps"] }))
    );

    let (status, _) = desk.call(Method::DELETE, "/session", None).await;
    assert_eq!(status, 204);
    desk.changes.send(None).unwrap();
    let last = tokio::time::timeout(Duration::from_secs(20), event(&mut stream)).await;
    assert_eq!(
        last.unwrap(),
        None,
        "told something after the end of its session"
    );

    let token = desk.sign_in().await;
    let open = desk.send(Method::GET, "/events", None, Some(&token)).await;
    let mut stream = open.bytes_stream();
    assert!(stream.next().await.unwrap().is_ok());
    desk.stopper.send(true).unwrap();
    let last = tokio::time::timeout(Duration::from_secs(20), event(&mut stream)).await;
    assert_eq!(
        last.unwrap(),
        None,
        "an open stream held up the daemon's end"
    );
    desk.running.stop().await;
}
