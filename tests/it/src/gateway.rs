//! The face for machines: what a key reads, page by page and field by field; how often; and what is on record of
//! it (LR-01, LR-33, LR-34, LR-39, CX-19).

mod canary;
pub(crate) mod described;
pub(crate) mod desk;
mod grants;
mod requests;

use chrono::TimeDelta;
use db::Hints;
use gateway::Ledger;
use kernel::port::{KeyCheck, KeyLedger, KeyRefusal, KeySpent};
use reqwest::Method;
use serde_json::{Value, json};

use crate::live::until;

use desk::{Door, strings};

#[tokio::test]
async fn records_are_read_page_by_page_with_the_fields_of_the_policy_and_no_other() {
    let door = Door::open().await;
    let key = door.key("records:read").await;
    let mut path = "/records/Lead?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = door.good(&key, &path).await;
        let items = page["items"].as_array().unwrap();
        assert!((1..=2).contains(&items.len()), "{page}");
        for item in items {
            let fields = item["fields"].as_object().unwrap();
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            assert_eq!(names, ["Company", "Email"], "{item}");
        }
        seen.extend(strings(&page["items"], "id"));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/records/Lead?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(
        seen,
        [
            "00Q00000000005AAAA",
            "00Q00000000004AAAA",
            "00Q00000000003AAAA",
            "00Q00000000002AAAA",
            "00Q00000000001AAAA"
        ],
        "newest import first, each once, and none of the neighbour's"
    );
    let one = door.good(&key, "/records/Lead/00Q00000000003AAAA").await;
    assert_eq!(one["fields"]["Company"], "Visible 3");
    assert_eq!(one["fields"].get("Secret__c"), None);
    let fields = door.good(&key, "/fields/Lead").await;
    assert_eq!(strings(&fields["items"], "name"), ["Company", "Email"]);

    // A field that leaves the policy is gone with the next request, whatever stands in the rows.
    door.desk
        .owner("DELETE FROM layer_fields WHERE name = 'Email'");
    let one = door.good(&key, "/records/Lead/00Q00000000003AAAA").await;
    assert_eq!(one["fields"], json!({ "Company": "Visible 3" }));
    door.close().await;
}

#[tokio::test]
async fn a_query_names_fields_of_the_policy_or_is_refused() {
    let door = Door::open().await;
    let key = door.key("records:read").await;
    let thin = door.good(&key, "/records/Lead?fields=Company").await;
    assert_eq!(
        thin["items"][0]["fields"],
        json!({ "Company": "Visible 5" })
    );
    let found = door
        .good(&key, "/records/Lead?field=Company&value=VISIBLE%202")
        .await;
    assert_eq!(strings(&found["items"], "id"), ["00Q00000000002AAAA"]);
    let since = door.good(&key, "/records/Lead?imported_since=2026-01-04T00:00:00Z");
    assert_eq!(since.await["items"].as_array().unwrap().len(), 2);
    let first = door.good(&key, "/records/Lead?limit=1").await;
    let of_leads = first["next_cursor"].as_str().unwrap().to_owned();
    let contacts = format!("/records/Contact?cursor={of_leads}");
    let forged = format!("/records/Lead?cursor={of_leads}x");
    for (path, code) in [
        ("/records/Lead?fields=Secret__c", "field_unknown"),
        ("/records/Lead?fields=Company,Nothing__c", "field_unknown"),
        ("/records/Lead?fields=", "field_unknown"),
        (
            "/records/Lead/00Q00000000003AAAA?fields=Secret__c",
            "field_unknown",
        ),
        (
            "/records/Lead?field=Secret__c&value=x",
            "field_not_searchable",
        ),
        ("/records/Lead?field=Email&value=x", "field_not_searchable"),
        ("/records/Lead?field=Company", "query_invalid"),
        ("/records/Lead?%24where=1", "query_invalid"),
        ("/records/Lead?Email%5B%24regex%5D=.*", "query_invalid"),
        ("/records/Lead?tenant_id=1", "query_invalid"),
        ("/records/Lead?limit=0", "limit"),
        ("/records/Lead?limit=201", "limit"),
        ("/records/Lead?cursor=bm90aGluZw", "cursor"),
        (contacts.as_str(), "cursor"),
        (forged.as_str(), "cursor"),
    ] {
        let (status, body) = door.ask(&key, path).await;
        assert_eq!((status, body["code"].as_str()), (400, Some(code)), "{path}");
        assert!(!body.to_string().contains("Secret"), "{body}");
    }
    for path in [
        "/records/User",
        "/records/lead",
        "/records/Lead/nothing",
        "/records/Lead/00Q00000000009AAAA",
        "/nothing",
    ] {
        assert_eq!(door.ask(&key, path).await.0, 404, "{path}");
    }
    door.close().await;
}

#[tokio::test]
async fn the_routing_is_read_as_it_is() {
    let door = Door::open().await;
    let key = door.key("routing:read").await;
    let log = door.good(&key, "/routing/log?limit=1").await;
    let entry = &log["items"][0];
    assert_eq!(entry["rule"]["name"], "Rule");
    assert_eq!(entry["rep"]["name"], "Rita");
    assert_eq!(
        (&entry["state"], &entry["record_id"]),
        (&json!("assigned"), &json!("00Q00000000002AAAA"))
    );
    let cursor = log["next_cursor"].as_str().unwrap();
    let next = format!("/routing/log?limit=1&fields=record_id,state&cursor={cursor}");
    let next = door.good(&key, &next).await;
    let thin = json!([{ "record_id": "00Q00000000001AAAA", "state": "failed" }]);
    assert_eq!(
        (&next["items"], next["next_cursor"].as_str()),
        (&thin, None)
    );
    let assigned = door.good(&key, "/routing/log?state=assigned").await;
    assert_eq!(assigned["items"].as_array().unwrap().len(), 1);

    let failures = door.good(&key, "/routing/failures").await;
    assert_eq!(strings(&failures["items"], "reason_code"), ["no_rule"]);
    let waiting = door.good(&key, "/routing/failures?state=waiting").await;
    assert_eq!(
        strings(&waiting["items"], "record_id"),
        ["00Q00000000004AAAA"]
    );
    let reps = door.good(&key, "/routing/reps").await;
    assert_eq!(strings(&reps["items"], "name"), ["Rita"]);
    let pools = door.good(&key, "/routing/pools").await;
    assert_eq!(pools["items"][0]["members"][0]["weight"], 3);
    let counts = door.good(&key, "/routing/statistics").await;
    assert_eq!(
        counts["decided"],
        json!({ "proposed": 0, "assigned": 1, "in_doubt": 0, "failed": 1 })
    );
    assert_eq!(
        counts["unsettled"],
        json!({ "waiting": 1, "failed": 1, "given_up": 0, "in_doubt": 0 })
    );
    assert_eq!(counts["by_rep"][0]["assigned"], 1);
    for path in [
        "/routing/log?cursor=x",
        "/routing/log?fields=reasons",
        "/routing/log?state=anything",
        "/routing/reps?fields=tenant_id",
        "/routing/statistics?from=2020-01-01T00:00:00Z",
        "/routing/statistics?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
    ] {
        assert_eq!(door.ask(&key, path).await.0, 400, "{path}");
    }
    door.close().await;
}

#[tokio::test]
async fn a_key_reads_what_its_scopes_say_and_an_answer_it_has_is_not_sent_again() {
    let door = Door::open().await;
    let (records, routing) = (
        door.key("records:read").await,
        door.key("routing:read").await,
    );
    for route in gateway::routes::all().list() {
        if route.access == http::Access::Public {
            continue;
        }
        let path = desk::address(route.path);
        let of_records = route.access == http::Access::Program("records:read");
        let (right, wrong) = if of_records {
            (&records, &routing)
        } else {
            (&routing, &records)
        };
        assert_eq!(door.ask(right, &path).await.0, 200, "{path}");
        let (status, body) = door.ask(wrong, &path).await;
        assert_eq!(
            (status, body["code"].as_str()),
            (403, Some("scope_missing")),
            "{path}"
        );
        let session = door.desk.token.clone();
        for key in ["", "rk_nothing", session.as_str()] {
            assert_eq!(door.ask(key, &path).await.0, 401, "{path}");
        }
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let request = door.request(method, right, &path).send().await.unwrap();
            assert_eq!(request.status().as_u16(), 405, "{path}");
        }

        let first = door
            .request(Method::GET, right, &path)
            .send()
            .await
            .unwrap();
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        let again = door.request(Method::GET, right, &path);
        let again = again.header("if-none-match", &tag).send().await.unwrap();
        assert_eq!(again.status().as_u16(), 304, "{path}");
        assert_eq!(again.bytes().await.unwrap().len(), 0);
        // No other origin's page gets an answer (LR-45).
        let foreign = door.request(Method::GET, right, &path);
        let foreign = foreign.header("origin", "https://evil.example").send();
        assert_eq!(
            foreign
                .await
                .unwrap()
                .headers()
                .get("access-control-allow-origin"),
            None
        );
        door.desk.house.advance(TimeDelta::minutes(1));
    }
    door.close().await;
}

/// Two daemons, one database: a key has a hundred requests of both together, and none is lost.
#[tokio::test]
async fn a_hundred_requests_a_minute_are_counted_for_all_daemons_together() {
    let door = Door::open().await;
    let (id, _) = door.made("records:read").await;
    let tenant = door.desk.tenant();
    let daemon =
        || Ledger::new(door.desk.house.bed.db.clone(), &prometheus::Registry::new()).unwrap();
    let daemons = [daemon(), daemon()];
    for minute in 0..2 {
        let (mut served, mut refused) = (0, 0);
        for turn in 0..400 {
            // The first is busier than the second.
            let ledger = &daemons[usize::from(turn % 4 == 3)];
            match ledger.take(tenant, id).await {
                Ok(left) => {
                    served += 1;
                    assert_eq!(left.quota, 100);
                }
                Err(KeySpent::Spent(left)) => {
                    refused += 1;
                    assert_eq!(left.remaining, 0);
                }
                Err(KeySpent::Unavailable) => panic!("the database is there"),
            }
        }
        assert_eq!((served, refused), (100, 300), "minute {minute}");
        door.desk.house.advance(TimeDelta::minutes(1));
    }
    // A neighbour does not count for a key that is not theirs, so uses up nothing of it.
    let theirs = door.neighbour;
    let counted = daemons[0].take(theirs, id).await;
    assert_eq!(counted, Err(KeySpent::Unavailable));
    door.close().await;
}

#[tokio::test]
async fn a_key_is_told_what_it_has_left_and_how_long_to_wait() {
    let door = Door::open().await;
    let key = door.key("records:read").await;
    let ask = async || {
        let request = door.request(Method::GET, &key, "/fields/Lead");
        let answer = request.send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("ratelimit-policy"), "\"key\";q=100;w=60");
        let wait = answer.headers().get("retry-after").is_some();
        (answer.status().as_u16(), header("ratelimit"), wait)
    };
    for left in (0..100).rev() {
        let (status, told, _) = ask().await;
        assert_eq!((status, told), (200, format!("\"key\";r={left};t=60")));
    }
    let (status, told, wait) = ask().await;
    assert_eq!(
        (status, told.as_str(), wait),
        (429, "\"key\";r=0;t=60", true)
    );
    door.desk.house.advance(TimeDelta::seconds(59));
    assert_eq!(ask().await.0, 429);
    door.desk.house.advance(TimeDelta::seconds(1));
    assert_eq!(ask().await.0, 200);
    door.close().await;
}

/// LR-34: method, path, status, address and time of each, whatever became of it; and no query.
#[tokio::test]
async fn every_request_of_a_key_is_on_record_and_shown_beside_it() {
    let door = Door::open().await;
    let (id, key) = door.made("records:read").await;
    for path in [
        "/records/Lead?field=Company&value=Canarysought",
        "/records/Lead?fields=Nothing",
        "/routing/log",
        "/records/Lead/nothing",
    ] {
        door.ask(&key, path).await;
        door.desk.house.advance(TimeDelta::seconds(1));
    }
    door.ask("rk_nobody", "/records/Lead").await;
    door.desk.ledger.flush().await;
    door.desk.ledger.flush().await;
    let shown = door.desk.get(&format!("/api-keys/{id}/requests")).await;
    let told: Vec<Value> = shown["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            assert_eq!(row["address"], "127.0.0.1");
            json!([row["method"], row["path"], row["status"]])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!(["GET", "/api/v1/records/Lead/nothing", 404]),
            json!(["GET", "/api/v1/routing/log", 403]),
            json!(["GET", "/api/v1/records/Lead", 400]),
            json!(["GET", "/api/v1/records/Lead", 200]),
        ],
        "newest first, each once"
    );
    let rows = door.desk.rows("SELECT r::text FROM api_requests r");
    assert_eq!(rows.len(), 4);
    assert!(!rows.concat().contains("Canarysought"), "{rows:?}");
    let first = format!("/api-keys/{id}/requests?limit=3");
    let page = door.desk.get(&first).await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let last = format!("/api-keys/{id}/requests?limit=3&cursor={cursor}");
    assert_eq!(
        door.desk.get(&last).await["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    // The record is kept for a time, and no role of machines reads or changes it.
    let db = &door.desk.house.bed.db;
    let now = db.clock().now();
    let gone = db.system(move |tx| tx.api_requests_forget(now - TimeDelta::seconds(3), 100));
    assert_eq!(gone.await.unwrap(), 1);
    door.close().await;
}

/// What the database refuses for good is given up, so that it does not stand in the way of what follows.
#[tokio::test]
async fn a_record_that_is_refused_is_lost_alone() {
    let door = Door::open().await;
    let key = door.key("records:read").await;
    door.ask(&key, "/fields/Lead").await;
    door.desk
        .owner("REVOKE INSERT ON api_requests FROM revkeep_gateway");
    door.desk.ledger.flush().await;
    door.desk
        .owner("GRANT INSERT ON api_requests TO revkeep_gateway");
    let count = "SELECT count(*) FROM api_requests";
    assert_eq!(door.desk.rows(count), ["0"]);
    door.ask(&key, "/fields/Lead").await;
    door.desk.ledger.flush().await;
    assert_eq!(door.desk.rows(count), ["1"]);
    door.close().await;
}

/// CX-19: the revocation is told to every daemon as it is committed.
#[tokio::test]
async fn a_revoked_key_opens_nothing_on_any_daemon() {
    let door = Door::open().await;
    let (id, key) = door.made("records:read").await;
    let second = door.desk.house.second_daemon().await;
    let mut hints = Hints::listen(&door.desk.house.bed.database.config()).unwrap();
    assert_eq!(door.ask(&key, "/fields/Lead").await.0, 200);
    assert!(second.check(&key).await.is_ok());
    let path = format!("/api-keys/{id}");
    assert_eq!(door.desk.call(Method::DELETE, &path, None).await.0, 204);
    assert_eq!(door.ask(&key, "/fields/Lead").await.0, 401, "here at once");
    until("the other daemon hears of it", async || {
        match hints.poll().unwrap().as_slice() {
            heard if heard.iter().any(|(topic, _)| topic == "api_keys") => Ok(()),
            heard => Err(format!("{heard:?}")),
        }
    })
    .await;
    second.forget_api_keys(door.desk.tenant());
    assert_eq!(second.check(&key).await, Err(KeyRefusal::Unknown));
    door.close().await;
}

/// The scopes that the doors ask for are ones that an administrator can give.
#[test]
fn every_scope_of_a_route_can_be_given_to_a_key() {
    for route in gateway::routes::all().list() {
        let http::Access::Program(scope) = route.access else {
            assert_eq!(route.path, "/openapi.json");
            continue;
        };
        let known = identity::API_SCOPES.iter().any(|(name, _)| *name == scope);
        assert!(known, "{scope}");
    }
}
