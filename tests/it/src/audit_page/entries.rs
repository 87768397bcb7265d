//! Entries are found, follow each other in pages, and are shown with their proof.

use super::*;

#[tokio::test]
async fn an_administrator_finds_an_entry_by_each_filter() {
    let desk = Desk::open().await;
    let pools = busy(&desk).await;
    let all = desk.get("/audit/entries?limit=200").await;
    assert!(ids(&all).len() > 8, "{all}");
    assert_eq!(all["chart"]["counted_from"], Value::Null);
    let counted: i64 = all["chart"]["bars"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bar| bar["done"].as_i64().unwrap() + bar["refused"].as_i64().unwrap())
        .sum();
    // The page was read a moment before it was counted, and neither changes between.
    assert_eq!(usize::try_from(counted).unwrap(), ids(&all).len());
    assert!(
        all["actions"]
            .as_array()
            .unwrap()
            .iter()
            .any(|name| name == "pool_update")
    );

    let object = desk
        .get(&format!("/audit/entries?object={}", pools[0]))
        .await;
    assert_eq!(
        texts(&object, "/action"),
        BTreeSet::from(["pool_create".into(), "pool_update".into()])
    );
    let same = desk.get(&format!("/audit/entries?q={}", pools[0])).await;
    assert_eq!(ids(&same), ids(&object));
    let action = desk.get("/audit/entries?action=pool_update").await;
    assert_eq!(ids(&action).len(), 1);
    let words = desk.get("/audit/entries?q=UPDATE%20pool").await;
    assert_eq!(ids(&words), ids(&action));
    assert_eq!(action["items"][0]["actor"]["name"], "Ada Lovelace");
    let ada = action["items"][0]["actor"]["id"].as_str().unwrap();
    let hers = desk
        .get(&format!("/audit/entries?actor={ada}&limit=200"))
        .await;
    assert!(ids(&hers).len() > 6);
    assert_eq!(texts(&hers, "/actor/id"), BTreeSet::from([ada.to_owned()]));
    let none = desk.get("/audit/entries?outcome=failed").await;
    assert!(ids(&none).is_empty());
    let later = desk.get("/audit/entries?from=2100-01-01T00:00:00Z").await;
    assert!(ids(&later).is_empty());
    let both = desk
        .get(&format!("/audit/entries?actor={ada}&q=pool&outcome=done"))
        .await;
    assert_eq!(ids(&both).len(), 2);
    desk.running.stop().await;
}

#[tokio::test]
async fn pages_follow_each_other_whatever_is_written_meanwhile() {
    let desk = Desk::open().await;
    busy(&desk).await;
    let whole = ids(&desk.get("/audit/entries?limit=200").await);
    let (mut walked, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = desk
            .get(&format!("/audit/entries?limit=3&cursor={cursor}"))
            .await;
        assert!(ids(&page).len() <= 3);
        assert_eq!(page["chart"].is_null(), !walked.is_empty());
        walked.extend(ids(&page));
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    // Each page is on record; the first one sees the reading before it and its own.
    let seen: Vec<_> = walked
        .iter()
        .filter(|id| whole.contains(id))
        .cloned()
        .collect();
    assert_eq!(seen, whole);
    assert_eq!(walked.iter().collect::<BTreeSet<_>>().len(), walked.len());
    desk.running.stop().await;
}

#[tokio::test]
async fn an_entry_shows_what_it_changed_from_where_and_its_proof() {
    let desk = Desk::open().await;
    busy(&desk).await;
    let found = desk.get("/audit/entries?action=pool_update").await;
    let id = &ids(&found)[0];
    assert!(found["items"][0]["position"].is_null());
    let early = desk.get(&format!("/audit/entries/{id}")).await;
    assert_eq!(early["before"]["name"], "Everyone");
    assert_eq!(early["after"]["name"], "Nobody");
    assert_eq!(early["address"], "127.0.0.1");
    assert_eq!(early["closed"], false);
    assert!(early["sealed_by"].is_null());
    let (status, answer) = desk
        .call(Method::GET, &format!("/audit/entries/{id}/proof"), None)
        .await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (409, Some("audit_not_sealed"))
    );

    seal(&desk).await;
    let late = desk.get(&format!("/audit/entries/{id}")).await;
    assert!(late["position"].as_i64().is_some());
    assert!(
        late["sealed_by"]["number"]
            .as_i64()
            .is_some_and(|number| number > 0)
    );
    let integrity = desk.get("/audit/integrity").await;
    assert_eq!(integrity["head"]["signature_holds"], true);
    let key = integrity["head"]["key"].as_str().unwrap();
    assert_eq!(integrity["keys"], json!([key]));
    assert!(
        integrity["waiting"]
            .as_i64()
            .is_some_and(|waiting| (1..9).contains(&waiting))
    );

    let proof = desk.get(&format!("/audit/entries/{id}/proof")).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), proof.to_string()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit-verify.py");
    let run = Command::new("python3")
        .arg(script)
        .arg(file.path())
        .arg(key)
        .output();
    let run = run.unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(
        run.status.success() && said.contains("pool_update"),
        "{said}"
    );
    desk.running.stop().await;
}

#[tokio::test]
async fn text_that_looks_like_sql_is_text() {
    let desk = Desk::open().await;
    let before = desk.rows("SELECT count(*) FROM audit_log");
    for text in [
        "' OR 1=1 --",
        "'; DROP TABLE audit_log; --",
        "x' UNION SELECT * FROM users --",
        "%' OR action LIKE '%",
        "$1",
        "\u{0}",
        "{0}",
    ] {
        for name in ["q", "actor", "action", "object"] {
            let query = form(name, text);
            let page = desk.get(&format!("/audit/entries?{query}")).await;
            assert!(ids(&page).is_empty(), "{name}={text}: {page}");
        }
        for name in ["outcome", "from", "to"] {
            let path = format!("/audit/entries?{}", form(name, text));
            let (status, answer) = desk.call(Method::GET, &path, None).await;
            assert_eq!(
                (status, answer["code"].as_str()),
                (400, Some("query_invalid")),
                "{path}"
            );
        }
    }
    assert!(
        desk.rows("SELECT count(*) FROM audit_log") != before,
        "the readings are on record"
    );
    desk.running.stop().await;
}

fn form(name: &str, text: &str) -> String {
    let bytes = text.bytes().map(|byte| format!("%{byte:02X}"));
    format!("{name}={}", bytes.collect::<String>())
}
