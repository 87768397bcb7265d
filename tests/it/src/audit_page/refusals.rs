//! What was refused is on record.

use super::*;

/// Denied requests of nobody known: one entry for each network, route and reason, with their number.
#[tokio::test]
async fn a_flood_of_strangers_is_a_few_entries() {
    let desk = Desk::open().await;
    for _ in 0..40 {
        desk.send(Method::GET, "/members", None, None).await;
        desk.send(Method::GET, "/members", None, Some("x")).await;
    }
    let id = "rule_00000000000000000000000000000007";
    desk.send(Method::PUT, &format!("/rules/{id}"), None, None)
        .await;
    let entries = "SELECT resource_id || ' ' || code FROM audit_log WHERE action = 'access_deny' AND resource_type = 'route' ORDER BY 1";
    assert!(
        desk.rows(entries).is_empty(),
        "nothing before the minute is over"
    );
    desk.shared.knocks_note().await.unwrap();
    let found = desk.rows(entries);
    assert!((3..=4).contains(&found.len()), "{found:?}");
    assert!(
        found
            .iter()
            .any(|entry| entry == "GET /api/console/v1/members not_signed_in")
    );
    assert!(
        found
            .iter()
            .any(|entry| entry == "PUT /api/console/v1/rules/{id} not_signed_in"),
        "{found:?}"
    );
    desk.shared.knocks_note().await.unwrap();
    assert_eq!(desk.rows(entries), found, "nothing is told twice");
    desk.running.stop().await;
}

/// The door let it through and a verb refused: an entry of its own, since the verb's was rolled back.
#[tokio::test]
async fn what_a_verb_refuses_is_on_record() {
    let desk = Desk::open().await;
    desk.owner("UPDATE memberships SET owner = false");
    let (status, answer) = desk.call(Method::POST, "/exports", Some(&json!({}))).await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (403, Some("not_owner")),
        "{answer}"
    );
    let found = desk.rows(
        "SELECT resource_id || ' ' || code || ' ' || outcome FROM audit_log WHERE action = 'access_deny'",
    );
    assert_eq!(found, ["POST /api/console/v1/exports not_owner refused"]);
    desk.running.stop().await;
}
