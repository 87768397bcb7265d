//! An organisation's SIEM pulls the log by a key (OB-27, LR-33): its own entries, in order, by position, and
//! nothing else. A key opens no other door, and 100 requests a minute are what it has.

use audit::Sealer;
use chrono::TimeDelta;
use kernel::ApiKeyId;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{
    console_access::{address, expected},
    console_desk::Desk,
    evidence::seal_once,
    live::until,
    siem::rows_sql,
};

const ENTRIES: &str = "/api/v1/audit/entries";

/// Ada's desk, a log with 250 entries of hers and as many of a neighbour's, and a key that pulls it.
struct Well {
    desk: Desk,
    sealer: Sealer,
    key: String,
    id: ApiKeyId,
}

impl Well {
    async fn dig() -> Self {
        let mut desk = Desk::open().await;
        desk.token = desk.sign_in().await;
        let theirs = desk.house.bed.tenant().tenant;
        let bed = &desk.house.bed;
        for tenant in [desk.tenant(), theirs] {
            desk.owner(&rows_sql(tenant, 250));
        }
        let sealer = Sealer::new(bed.db.clone(), bed.vault.clone());
        let (id, key) = made(&desk, "audit:read").await;
        let well = Self {
            desk,
            sealer,
            key,
            id,
        };
        well.seal().await;
        well
    }

    async fn seal(&self) {
        until("rows wait to be sealed", async || {
            let bed = &self.desk.house.bed;
            seal_once(&bed.db, &self.sealer).await.unwrap();
            let loose = "SELECT count(*) FROM audit_log l WHERE NOT EXISTS (SELECT 1 FROM audit_leaves v WHERE v.audit_id = l.audit_id)";
            match self.desk.rows(loose)[0].as_str() {
                "0" => Ok(()),
                loose => Err(loose.to_owned()),
            }
        })
        .await;
    }

    async fn ask(&self, key: &str, query: &str) -> Response {
        let request = self.desk.outside(Method::GET, &format!("{ENTRIES}{query}"));
        request.bearer_auth(key).send().await.unwrap()
    }

    async fn page(&self, query: &str) -> Value {
        let answer = self.ask(&self.key, query).await;
        let status = answer.status().as_u16();
        let page = answer.json().await.unwrap();
        assert_eq!(status, 200, "{page}");
        page
    }

    /// Every page from `after` to the end: what came, and where the next would begin.
    async fn drained(&self, mut after: Option<i64>, limit: usize) -> (Vec<Value>, Option<i64>) {
        let mut all = Vec::new();
        loop {
            let after_text = after.map_or(String::new(), |after| format!("&after={after}"));
            let page = self.page(&format!("?limit={limit}{after_text}")).await;
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            all.extend(items.iter().cloned());
            after = page["next"].as_i64();
            if page["more"] == false {
                return (all, after);
            }
        }
    }

    /// Records of pulls.
    fn recorded(&self) -> usize {
        let pulls = "SELECT 1 FROM audit_log WHERE action = 'audit_pull'";
        self.desk.rows(pulls).len()
    }

    async fn close(self) {
        let _ = self.desk.stopper.send(true);
        self.desk.running.stop().await;
    }
}

async fn made(desk: &Desk, scope: &str) -> (ApiKeyId, String) {
    let key = json!({ "name": "SIEM", "scopes": [scope] });
    let made = desk.post("/api-keys", key).await;
    let id = made["id"].as_str().unwrap().parse().unwrap();
    (id, made["secret"].as_str().unwrap().to_owned())
}

async fn code(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_program_pulls_every_entry_of_its_organisation_once_in_order_and_no_other() {
    let well = Well::dig().await;
    let tenant = well.desk.tenant();
    let own = |what: &str| {
        well.desk.rows(&format!(
            "SELECT {what} FROM audit_leaves WHERE tenant_id = '{}' ORDER BY position",
            tenant.uuid()
        ))
    };
    let (ids, hashes) = (own("audit_id"), own("encode(hash, 'hex')"));
    let (all, end) = well.drained(None, 100).await;
    let told = |field: &str| -> Vec<String> {
        all.iter()
            .map(|item| item[field].as_str().unwrap().to_owned())
            .collect()
    };
    let simple: Vec<String> = ids.iter().map(|id| id.replace('-', "")).collect();
    assert_eq!(told("id"), simple);
    assert_eq!(told("hash"), hashes);
    assert!(
        all.iter()
            .all(|item| item["tenant"] == tenant.to_string() && item["product"] == "revkeep")
    );
    assert_eq!(all.last().unwrap()["position"].as_i64(), end);
    let text = serde_json::to_string(&all).unwrap().to_lowercase();
    assert!(
        !text.contains("canary"),
        "nothing sealed, and nobody's name"
    );

    // What was read is on record, by the key; and that comes next, once.
    let (actor, kind) = (format!("{}", well.id), "system");
    assert_eq!(well.recorded(), 3, "one for each page");
    well.seal().await;
    let (more, later) = well.drained(end, 100).await;
    assert_eq!(more.len(), 3);
    for item in &more {
        assert_eq!(item["action"], "audit_pull");
        assert_eq!(
            (&item["actor_id"], &item["actor_kind"]),
            (&json!(actor), &json!(kind))
        );
    }
    // A page of such records makes none, so the end is reached.
    well.seal().await;
    assert_eq!(well.recorded(), 3);
    let (none, still) = well.drained(later, 100).await;
    assert_eq!((none.len(), still), (0, later));
    well.close().await;
}

#[tokio::test]
async fn what_a_program_has_already_is_not_sent_again() {
    let well = Well::dig().await;
    let first = well.ask(&well.key, "?limit=100").await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let recorded = well.recorded();
    let again = async |query: &str, tag: &str| {
        let request = well.desk.outside(Method::GET, &format!("{ENTRIES}{query}"));
        let request = request.bearer_auth(&well.key).header("if-none-match", tag);
        let answer = request.send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.bytes().await.unwrap().len(),
        )
    };
    assert_eq!(again("?limit=100", &tag).await, (304, 0));
    assert_eq!(
        again("?limit=100", &format!("\"x\", W/{tag}")).await,
        (304, 0)
    );
    assert_eq!(well.recorded(), recorded, "nothing was read");
    assert_eq!(again("?limit=99", &tag).await.0, 200, "another page");
    assert_eq!(again("?limit=100&after=5", &tag).await.0, 200);

    // The end of the log, and then something new.
    well.seal().await;
    let (_, end) = well.drained(None, 1_000).await;
    well.seal().await;
    let (_, end) = well.drained(end, 1_000).await;
    let query = format!("?after={}", end.unwrap());
    let last = well.ask(&well.key, &query).await;
    let tag = last.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(last.json::<Value>().await.unwrap()["items"], json!([]));
    assert_eq!(again(&query, &tag).await.0, 304);
    well.desk
        .post("/pools", json!({ "name": "New", "members": [] }))
        .await;
    assert_eq!(again(&query, &tag).await.0, 304, "not sealed yet");
    well.seal().await;
    assert_eq!(again(&query, &tag).await.0, 200);
    well.close().await;
}

#[tokio::test]
async fn without_a_key_that_has_the_scope_nothing_is_pulled() {
    let well = Well::dig().await;
    let (_, other) = made(&well.desk, "records:read").await;
    let unknown = (401, "key_invalid".to_owned());
    let session = well.desk.token.clone();
    let wrong = format!("{}0", &well.key[..well.key.len() - 1]);
    for key in ["", "x", session.as_str(), wrong.as_str()] {
        assert_eq!(code(well.ask(key, "").await).await, unknown, "{key}");
    }
    let bare = well.desk.outside(Method::GET, ENTRIES);
    assert_eq!(code(bare.send().await.unwrap()).await, unknown);
    let by_query = format!("?access_token={}", well.key);
    let bare = well
        .desk
        .outside(Method::GET, &format!("{ENTRIES}{by_query}"));
    assert_eq!(code(bare.send().await.unwrap()).await, unknown);
    let refused = code(well.ask(&other, "").await).await;
    assert_eq!(refused, (403, "scope_missing".to_owned()));
    let on_record = well.desk.rows(
        "SELECT resource_id || ' ' || actor_kind || ' ' || code FROM audit_log WHERE action = 'access_deny' AND actor_id LIKE 'apikey\\_%'",
    );
    assert_eq!(
        on_record,
        ["GET /api/v1/audit/entries system scope_missing"]
    );
    assert_eq!(well.recorded(), 0);
    for query in [
        "?limit=0",
        "?limit=1001",
        "?after=-1",
        "?after=x",
        "?tenant=1",
    ] {
        let status = well.ask(&well.key, query).await.status().as_u16();
        assert!(matches!(status, 400 | 422), "{query}: {status}");
    }
    let request = well
        .desk
        .outside(Method::POST, ENTRIES)
        .bearer_auth(&well.key);
    assert_eq!(request.send().await.unwrap().status().as_u16(), 405);

    let path = format!("/api-keys/{}", well.id);
    well.desk.call(Method::DELETE, &path, None).await;
    assert_eq!(
        code(well.ask(&well.key, "").await).await,
        unknown,
        "revoked"
    );
    well.close().await;
}

/// A key is good for what it is made for: no other door takes it.
#[tokio::test]
async fn a_key_opens_no_other_door() {
    let well = Well::dig().await;
    let mut tried = 0;
    for route in expected() {
        if matches!(route.access.as_str(), "public" | "knock") {
            continue;
        }
        let path = address(&route);
        let answer = well
            .desk
            .send(route.method.clone(), &path, None, Some(&well.key));
        let status = answer.await.status().as_u16();
        assert_eq!(status, 401, "{} {}", route.method, route.path);
        tried += 1;
    }
    let scim = well
        .desk
        .outside(Method::GET, "/scim/v2/Users")
        .bearer_auth(&well.key);
    assert_eq!(scim.send().await.unwrap().status().as_u16(), 401);
    assert!(tried > 100);
    well.close().await;
}

#[tokio::test]
async fn a_key_has_a_hundred_requests_a_minute() {
    let well = Well::dig().await;
    let (_, second) = made(&well.desk, "audit:read").await;
    for _ in 0..100 {
        let answer = well.ask(&well.key, "?after=1000000").await;
        assert_eq!(answer.status().as_u16(), 200);
    }
    let answer = well.ask(&well.key, "?after=1000000").await;
    assert_eq!(answer.status().as_u16(), 429);
    let wait: i64 = answer.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait));
    let other = well.ask(&second, "?after=1000000").await;
    assert_eq!(other.status().as_u16(), 200, "each key has its own");
    well.desk.house.advance(TimeDelta::seconds(wait));
    let answer = well.ask(&well.key, "?after=1000000").await;
    assert_eq!(answer.status().as_u16(), 200);
    well.close().await;
}
