//! What a key asked, as administrators look through it (LR-34).

use serde_json::Value;

use super::desk::{Door, strings};

const STATUSES: [&str; 8] = ["200", "304", "400", "429", "499", "500", "503", "NULL"];

/// The first of May, an hour each.
async fn planted() -> (Door, String) {
    let door = Door::open().await;
    let (id, _) = door.made("records:read").await;
    let tenant = door.desk.tenant().uuid();
    for (hour, status) in STATUSES.iter().enumerate() {
        door.desk.owner(&format!(
            "INSERT INTO api_requests (tenant_id, key_id, at, request_id, method, path, status, address, milliseconds) \
             VALUES ('{tenant}', '{}', '2026-05-01T{hour:02}:00:00Z', gen_random_uuid(), 'GET', '/{status}', {status}, '127.0.0.1', 1)",
            id.uuid()
        ));
    }
    (door, format!("/api-keys/{id}/requests"))
}

async fn told(door: &Door, path: &str) -> Vec<String> {
    strings(&door.desk.get(path).await["items"], "path")
}

#[tokio::test]
async fn requests_are_found_by_what_came_of_them_and_by_time() {
    let (door, list) = planted().await;
    for (query, found) in [
        ("", "/NULL /503 /500 /499 /429 /400 /304 /200"),
        ("?came=answered", "/304 /200"),
        ("?came=refused", "/499 /429 /400"),
        ("?came=failed", "/503 /500"),
        ("?came=cut", "/NULL"),
        ("?from=2026-05-01T06:00:00Z", "/NULL /503"),
        ("?to=2026-05-01T01:00:00Z", "/304 /200"),
        (
            "?came=refused&from=2026-05-01T03:00:00Z&to=2026-05-01T05:00:00Z",
            "/499 /429",
        ),
        ("?came=cut&to=2026-05-01T01:00:00Z", ""),
    ] {
        let path = format!("{list}{query}");
        assert_eq!(told(&door, &path).await.join(" "), found, "{query}");
    }
    // The next page is of the same question.
    let page = door.desk.get(&format!("{list}?came=refused&limit=2")).await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = format!("{list}?came=refused&limit=2&cursor={cursor}");
    assert_eq!(told(&door, &next).await, ["/400"]);
    for wrong in ["came=lost", "from=yesterday", "to=1"] {
        let (status, answer) = door
            .desk
            .call(
                reqwest::Method::GET,
                &format!("{list}?{wrong}"),
                None::<&Value>,
            )
            .await;
        assert_eq!(status, 400, "{wrong}: {answer}");
    }
    door.close().await;
}
