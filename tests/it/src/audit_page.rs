//! The audit log as people read it (LM-79, OB-26): their own, whole or filtered, one entry, its proof and a
//! file of it; and who must not, or sees less.

use std::{collections::BTreeSet, process::Command};

use audit::Sealer;
use chrono::TimeDelta;
use kernel::{Principal, TenantId};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{console_desk::Desk, live::until};

const PLATFORM: &str = "tenant_00000000000000000000000000000000";

/// Some entries of each outcome.
async fn busy(desk: &Desk) -> Vec<String> {
    let reps = desk.reps();
    desk.router().await;
    let pool = json!({ "name": "Everyone", "members": [{ "rep_id": reps[0], "weight": 2 }] });
    let pool = desk.post("/pools", pool).await;
    let id = pool["id"].as_str().unwrap().to_owned();
    let change = json!({ "name": "Nobody", "members": [], "version": 1 });
    desk.put(&format!("/pools/{id}"), change).await;
    vec![id]
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    let id = |item: &Value| item["id"].as_str().unwrap().to_owned();
    items.iter().map(id).collect()
}

fn texts(page: &Value, place: &str) -> BTreeSet<String> {
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            item.pointer(place)
                .and_then(Value::as_str)
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// Seals everything, as the daemon does.
async fn seal(desk: &Desk) {
    let (db, vault) = (&desk.house.bed.db, &desk.house.bed.vault);
    let sealer = Sealer::new(db.clone(), vault.clone());
    let who = Principal::system(TenantId::PLATFORM, None);
    until("entries wait to be sealed", async || {
        let fence = db
            .run_unsealed(&who, |tx| {
                jobs::lease_acquire(tx, audit::LEASE, "test", TimeDelta::seconds(60))
            })
            .await
            .unwrap()
            .expect("somebody else holds the lease");
        sealer.seal("test", fence.number()).await.unwrap();
        db.run_unsealed(&who, move |tx| {
            jobs::lease_release(tx, audit::LEASE, "test", fence)
        })
        .await
        .unwrap();
        let loose = desk.rows(
            "SELECT count(*) FROM audit_log WHERE audit_id NOT IN (SELECT audit_id FROM audit_leaves)",
        );
        if loose == ["0"] { Ok(()) } else { Err(format!("{loose:?}")) }
    })
    .await;
}

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
async fn who_reads_is_in_the_log_without_what_they_typed() {
    let desk = Desk::open().await;
    desk.get("/audit/entries?q=canary-typed&outcome=refused")
        .await;
    desk.house.bed.clock.advance(TimeDelta::seconds(1));
    desk.get("/members?q=canary-typed").await;
    desk.get("/api-keys").await;
    desk.get("/platform/signing-keys").await;
    desk.get("/invitations").await;
    for action in [
        "audit_read",
        "member_read",
        "api_key_read",
        "signing_key_read",
        "invitation_read",
    ] {
        let page = desk.get(&format!("/audit/entries?action={action}")).await;
        let entry = &page["items"].as_array().unwrap().last().unwrap()["id"];
        let entry = desk
            .get(&format!("/audit/entries/{}", entry.as_str().unwrap()))
            .await;
        assert_eq!(entry["actor"]["name"], "Ada Lovelace", "{action}");
        assert!(
            entry["address"].is_string() && entry["user_agent"].is_string(),
            "{entry}"
        );
        assert!(!entry.to_string().contains("canary-typed"), "{entry}");
    }
    let read = desk.get("/audit/entries?action=audit_read&limit=200").await;
    let first = ids(&read).pop().unwrap();
    let told = desk.get(&format!("/audit/entries/{first}")).await;
    assert_eq!(
        told["after"],
        json!({ "for": "list", "filter": { "words": "[personal]", "outcome": "refused" } })
    );
    desk.running.stop().await;
}

/// A member, a reviewer, and an administrator of another organisation.
#[tokio::test]
async fn nobody_else_reads_it_and_the_attempt_is_in_it() {
    let mut desk = Desk::open().await;
    let mine = ids(&desk.get("/audit/entries").await).remove(0);
    let (theirs, user) = desk.house.bed.seeded();
    let foreign = format!("audit_{}", user.uuid().as_simple());
    for role in ["member", "reviewer"] {
        desk.become_role(role).await;
        for path in [
            "/audit/entries".to_owned(),
            format!("/audit/entries/{mine}"),
            format!("/audit/entries/{mine}/proof"),
            "/audit/integrity".to_owned(),
            "/audit/export?format=csv".to_owned(),
            "/platform/audit/entries".to_owned(),
        ] {
            let (status, answer) = desk.call(Method::GET, &path, None).await;
            assert_eq!(
                (status, answer["code"].as_str()),
                (403, Some("not_permitted")),
                "{path}"
            );
        }
    }
    desk.become_role("admin").await;
    for path in [
        format!("/audit/entries/{foreign}"),
        format!("/audit/entries/{foreign}/proof"),
        "/audit/entries/audit_00000000000000000000000000000007".to_owned(),
    ] {
        let (status, _) = desk.call(Method::GET, &path, None).await;
        assert_eq!(status, 404, "{path}");
    }
    let (status, _) = desk
        .call(
            Method::GET,
            &format!("/platform/audit/entries/{foreign}"),
            None,
        )
        .await;
    assert_eq!(status, 403);
    let aimed = desk
        .get(&format!("/audit/entries?tenant={theirs}&limit=200"))
        .await;
    assert!(!aimed.to_string().contains(&foreign) && !ids(&aimed).is_empty());
    let denied = desk
        .get("/audit/entries?action=access_deny&outcome=refused&limit=200")
        .await;
    assert!(ids(&denied).len() >= 13, "{denied}");
    desk.running.stop().await;
}

/// CX-33: the operator sees that something happened, and not what an organisation keeps in it.
#[tokio::test]
async fn across_organisations_the_content_stays_sealed() {
    let mut desk = Desk::open().await;
    busy(&desk).await;
    let (theirs, user) = desk.house.bed.seeded();
    desk.become_role("super_admin").await;
    let (status, _) = desk.call(Method::GET, "/audit/entries", None).await;
    assert_eq!(
        status, 403,
        "a super_admin is no administrator of any organisation"
    );
    let all = desk.get("/platform/audit/entries?limit=200").await;
    let tenants = texts(&all, "/tenant");
    assert!(tenants.contains(PLATFORM) && tenants.contains(&theirs.to_string()));
    assert!(tenants.contains(&desk.tenant().to_string()));
    let one = desk
        .get(&format!("/platform/audit/entries?tenant={theirs}"))
        .await;
    assert_eq!(ids(&one), [format!("audit_{}", user.uuid().as_simple())]);

    let change = desk.get("/platform/audit/entries?action=pool_update").await;
    let change = &ids(&change)[0];
    let shown = desk.get(&format!("/platform/audit/entries/{change}")).await;
    assert_eq!(shown["closed"], true);
    for sealed in ["before", "after", "address", "user_agent"] {
        assert!(shown[sealed].is_null(), "{sealed}: {shown}");
    }
    assert!(shown["actor"]["name"].is_null());
    let file = desk
        .send(
            Method::GET,
            "/platform/audit/export?format=jsonl",
            None,
            Some(&desk.token),
        )
        .await;
    let file = file.text().await.unwrap();
    assert!(!file.contains("Everyone") && file.contains("pool_update"));
    // What the appliance itself keeps is the operator's. Entries of one moment have no order of their own.
    let mut read = BTreeSet::new();
    for id in ids(&desk.get("/platform/audit/entries?action=audit_read").await) {
        let own = desk.get(&format!("/platform/audit/entries/{id}")).await;
        assert_eq!(
            (own["closed"].as_bool(), own["tenant"].as_str()),
            (Some(false), Some(PLATFORM))
        );
        read.insert(own["after"]["for"].as_str().unwrap().to_owned());
    }
    assert!(read.contains("list") && read.contains("entry"), "{read:?}");
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
