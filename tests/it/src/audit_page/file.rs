//! A file of the log.

use super::*;

#[tokio::test]
async fn a_file_has_every_entry_once_in_order_and_runs_nothing() {
    let desk = Desk::open().await;
    busy(&desk).await;
    let tenant = desk.tenant().uuid();
    // Several pages, in the past, with ids as the daemon makes them.
    desk.owner(&format!(
        "INSERT INTO audit_log (tenant_id, at, audit_id, actor_kind, actor_id, action, outcome, resource_type, resource_id) \
         SELECT '{tenant}', now() - interval '1 hour' + make_interval(secs => i / 1000.0), gen_random_uuid(), 'system', 'daemon', 'record_assign', 'done', 'record', 'r' || i \
         FROM generate_series(1, 1700) i"
    ));
    let attack = desk
        .request(Method::GET, "/members", None, Some(&desk.token))
        .header("user-agent", "=HYPERLINK(\"http://evil.example\";\"x\")")
        .send();
    assert_eq!(attack.await.unwrap().status(), 200);
    let expected = desk.rows(&format!(
        "SELECT audit_id FROM audit_log WHERE tenant_id = '{tenant}' ORDER BY at, audit_id"
    ));
    desk.house.bed.clock.advance(TimeDelta::seconds(1));
    let file = async |format: &str| {
        let path = format!("/audit/export?format={format}");
        let answer = desk.send(Method::GET, &path, None, Some(&desk.token)).await;
        assert_eq!(answer.status(), 200);
        let named = answer.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(named.contains(&format!(".{format}\"")), "{named}");
        answer.text().await.unwrap()
    };
    let lines = file("jsonl").await;
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let found: Vec<String> = lines
        .iter()
        .map(|line| {
            line["id"]
                .as_str()
                .unwrap()
                .trim_start_matches("audit_")
                .to_owned()
        })
        .collect();
    let plain: Vec<String> = expected.iter().map(|id| id.replace('-', "")).collect();
    assert_eq!(found[..plain.len()], plain);
    // The export itself is on record before its first line.
    let last = lines.last().unwrap();
    assert_eq!(
        (last["action"].as_str(), &last["after"]["format"]),
        (Some("audit_export"), &json!("jsonl"))
    );
    let update = lines
        .iter()
        .find(|line| line["action"] == "pool_update")
        .unwrap();
    assert_eq!(update["after"]["name"], "Nobody");

    let csv = file("csv").await;
    assert!(csv.starts_with("\"tenant\",\"at\",\"id\","));
    assert!(
        csv.contains("\"'=HYPERLINK(\"\"http://evil.example\"\""),
        "a formula runs"
    );
    assert!(!csv.contains(",\"=") && !csv.contains(",="));
    let filtered = desk
        .send(
            Method::GET,
            "/audit/export?format=jsonl&action=pool_create",
            None,
            Some(&desk.token),
        )
        .await;
    assert_eq!(filtered.text().await.unwrap().lines().count(), 1);
    desk.running.stop().await;
}

#[tokio::test]
async fn whoever_signed_out_gets_no_more_of_a_file() {
    let desk = Desk::open().await;
    let (status, _) = desk.call(Method::DELETE, "/session", None).await;
    assert_eq!(status, 204);
    let answer = desk
        .send(
            Method::GET,
            "/audit/export?format=csv",
            None,
            Some(&desk.token),
        )
        .await;
    assert_eq!(answer.status(), 401);
    desk.running.stop().await;
}
