//! Tokens that are another's, for something else, old or ended; requests that come from elsewhere; scopes that are not
//! held; and arguments that reach for what is not theirs.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use super::desk::{ALL, Program, answered, uses};
use crate::gateway::desk::CANARY;

fn list() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })
}

#[tokio::test]
async fn what_is_no_access_token_for_this_door_opens_nothing() {
    let program = Program::open().await;
    let desk = &program.door.desk;
    let tokens = program.tokens(&ALL).await;
    let good = tokens["access_token"].as_str().unwrap();
    assert_eq!(program.modern(good, "tools/list", json!({})).await.0, 200);
    let key = program.door.key("records:read").await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let changed = format!("{}x", &good[..good.len() - 1]);
    for token in [
        "x",
        "null",
        refresh,
        &changed,
        &key,
        &desk.token,
        "rkat_00000000000000000000000000000000_0000000000000000000000000000000000000000000",
    ] {
        let answer = program
            .stateless(token, "tools/list", json!({}))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 401, "{token}");
        let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        assert!(answer.json::<Value>().await.unwrap()["code"] == "token_invalid");
    }
    // In the address, in a cookie, in the body or by another scheme it is not read.
    let url = format!("/mcp?access_token={good}");
    let elsewhere = desk
        .outside(Method::POST, &url)
        .header("host", "revkeep.example")
        .json(&list());
    assert_eq!(answered(elsewhere).await.0, 401);
    let elsewhere = program
        .post("")
        .header("cookie", format!("access_token={good}"))
        .json(&list());
    assert_eq!(answered(elsewhere).await.0, 401);
    let elsewhere = program
        .post("")
        .header("authorization", format!("Basic {good}"))
        .json(&list());
    assert_eq!(answered(elsewhere).await.0, 401);
    let mut body = list();
    body["params"] = json!({ "access_token": good });
    assert_eq!(answered(program.post("").json(&body)).await.0, 401);
    program.close().await;
}

/// A token that was issued for another resource is another resource's, whoever shows it here (RFC 8707).
#[tokio::test]
async fn a_token_for_another_audience_is_refused() {
    let program = Program::open().await;
    let token = program.token(&ALL).await;
    for resource in [
        "https://other.example/mcp",
        "https://revkeep.example",
        "https://revkeep.example/mcp/",
    ] {
        program
            .door
            .desk
            .owner(&format!("UPDATE oauth_grants SET resource = '{resource}'"));
        program.door.desk.house.identity.forget_all();
        program.door.desk.house.advance(TimeDelta::seconds(5));
        assert_eq!(
            program.modern(&token, "tools/list", json!({})).await.0,
            401,
            "{resource}"
        );
    }
    program.close().await;
}

#[tokio::test]
async fn a_token_that_is_old_or_ended_is_refused() {
    let program = Program::open().await;
    let ended = program.token(&ALL).await;
    assert_eq!(program.modern(&ended, "tools/list", json!({})).await.0, 200);
    let grants = program.door.desk.get("/me/grants").await;
    let path = format!("/me/grants/{}", grants["items"][0]["id"].as_str().unwrap());
    assert_eq!(
        program.door.desk.call(Method::DELETE, &path, None).await.0,
        204
    );
    assert_eq!(
        program.modern(&ended, "tools/list", json!({})).await.0,
        401,
        "at once"
    );

    let token = program.token(&ALL).await;
    program.door.desk.house.advance(TimeDelta::minutes(59));
    assert_eq!(program.modern(&token, "tools/list", json!({})).await.0, 200);
    program.door.desk.house.advance(TimeDelta::minutes(1));
    assert_eq!(
        program.modern(&token, "tools/list", json!({})).await.0,
        401,
        "an hour"
    );
    program.close().await;
}

/// A page that an attacker made, and a name that they had point here, get nothing even with a good token.
#[tokio::test]
async fn what_comes_from_elsewhere_is_refused_before_anything_is_looked_up() {
    let program = Program::open().await;
    let token = program.token(&ALL).await;
    for origin in [
        "https://evil.example",
        "http://revkeep.example",
        "https://revkeep.example.evil.example",
        "https://revkeep.example:8443",
        "null",
        "",
    ] {
        let asked = program
            .stateless(&token, "tools/list", json!({}))
            .header("origin", origin);
        let (status, answer) = answered(asked).await;
        assert_eq!(
            (status, &answer["code"]),
            (403, &json!("foreign_request")),
            "{origin}"
        );
    }
    let own = program
        .stateless(&token, "tools/list", json!({}))
        .header("origin", "https://revkeep.example");
    assert_eq!(answered(own).await.0, 200);
    for host in [
        "evil.example",
        "127.0.0.1",
        "localhost",
        "revkeep.example.evil.example",
        "revkeep.example:1",
    ] {
        let asked = program
            .door
            .desk
            .outside(Method::POST, "/mcp")
            .header("host", host);
        let asked = asked
            .bearer_auth(&token)
            .header("mcp-protocol-version", "2025-11-25");
        assert_eq!(answered(asked.json(&list())).await.0, 403, "{host}");
    }
    // A page of another site cannot send JSON without asking, and is not told that it may.
    let form = program.door.desk.outside(Method::POST, "/mcp");
    let form = form
        .header("host", "revkeep.example")
        .header("content-type", "text/plain")
        .bearer_auth(&token)
        .body(list().to_string());
    assert_eq!(answered(form).await.0, 415);
    let ask = program
        .door
        .desk
        .outside(Method::OPTIONS, "/mcp")
        .header("origin", "https://evil.example");
    let ask = ask.send().await.unwrap();
    assert_eq!(ask.status().as_u16(), 405);
    assert!(ask.headers().get("access-control-allow-origin").is_none());
    program.close().await;
}

#[tokio::test]
async fn a_token_lists_and_calls_what_its_scopes_open_and_nothing_else() {
    let program = Program::open().await;
    let of = [
        ("failure_find", "failures:read"),
        ("record_explain", "routing:explain"),
        ("record_retry_propose", "retries:propose"),
        ("record_search", "records:search"),
        ("rep_load", "reps:read"),
        ("routing_statistics", "statistics:read"),
        ("time_off_propose", "time_off:propose"),
    ];
    for (own, scope) in of {
        let token = program.token(&[scope]).await;
        let listed = program.ask(true, &token, "tools/list", json!({})).await;
        let listed: Vec<&str> = listed["result"]["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| tool["name"].as_str().unwrap())
            .collect();
        assert_eq!(listed, [own]);
        for (tool, needed) in of {
            let call = json!({ "name": tool, "arguments": uses(&program, tool)[0] });
            let answer = program
                .stateless(&token, "tools/call", call)
                .send()
                .await
                .unwrap();
            if tool == own {
                assert_eq!(answer.status().as_u16(), 200, "{tool}");
                continue;
            }
            assert_eq!(answer.status().as_u16(), 403, "{tool} by {scope}");
            let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
            let named = format!("scope=\"{scope} {needed}\"");
            assert!(
                challenge.contains("error=\"insufficient_scope\"") && challenge.contains(&named),
                "{challenge}"
            );
        }
        let records = scope == "records:search";
        let resources = program.ask(true, &token, "resources/list", json!({})).await;
        assert_eq!(
            resources["result"]["resources"]
                .as_array()
                .unwrap()
                .is_empty(),
            !records
        );
        let read = program
            .modern(
                &token,
                "resources/read",
                json!({ "uri": "revkeep://fields/Lead" }),
            )
            .await;
        assert_eq!(read.0, if records { 200 } else { 403 });
        let prompt = json!({ "name": "failure_review" });
        let prompt = program.modern(&token, "prompts/get", prompt).await;
        assert_eq!(prompt.0, if scope == "failures:read" { 200 } else { 403 });
    }
    // Each refusal is on record, as an agent's, under what it was let in for.
    let refused = program.door.desk.rows(
        "SELECT DISTINCT actor_kind || ' ' || (actor_id ~ '^grant_[0-9a-f]{32}$') || ' ' || resource_id || ' ' || code \
         FROM audit_log WHERE action = 'access_deny' AND actor_kind = 'agent'",
    );
    assert_eq!(refused, ["agent true POST /mcp scope_missing"]);
    program.close().await;
}

/// The program acts for the person: what they lose, it loses (the confused deputy has nothing to lend).
#[tokio::test]
async fn a_right_that_the_person_loses_later_takes_its_scope_along() {
    let program = Program::open().await;
    let token = program.token(&ALL).await;
    assert_eq!(
        program.ask(true, &token, "tools/list", json!({})).await["result"]["tools"]
            .as_array()
            .unwrap()
            .len(),
        ALL.len()
    );
    // Every role of today may read what programs are let in for; one that may not has no name yet.
    program.door.desk.owner(
        "ALTER TABLE memberships DROP CONSTRAINT memberships_roles_check; \
         UPDATE memberships SET roles = '{}', owner = false, epoch = epoch + 1",
    );
    program.door.desk.house.advance(TimeDelta::seconds(5));
    let listed = program.ask(true, &token, "tools/list", json!({})).await;
    assert_eq!(listed["result"]["tools"], json!([]));
    let call = json!({ "name": "rep_load", "arguments": {} });
    assert_eq!(program.modern(&token, "tools/call", call).await.0, 403);
    program
        .door
        .desk
        .owner("UPDATE memberships SET state = 'deactivated'");
    program.door.desk.house.advance(TimeDelta::seconds(5));
    assert_eq!(program.modern(&token, "tools/list", json!({})).await.0, 401);
    program.close().await;
}

/// LM-39, LM-49: a tool takes what its schema has, and what is refused is not repeated.
#[tokio::test]
async fn what_is_not_in_a_schema_is_refused() {
    let program = Program::open().await;
    let token = program.token(&ALL).await;
    let neighbour = program.door.neighbour.to_string();
    for (tool, given) in [
        ("record_search", json!({})),
        ("record_search", json!({ "object": "User" })),
        (
            "record_search",
            json!({ "object": "Lead", "tenant_id": neighbour }),
        ),
        (
            "record_search",
            json!({ "object": "Lead", "fields": ["Secret__c"] }),
        ),
        ("record_search", json!({ "object": "Lead", "$where": "1" })),
        (
            "record_search",
            json!({ "object": "Lead", "field": "Company", "value": { "$regex": ".*" } }),
        ),
        (
            "record_search",
            json!({ "object": "Lead", "field": "Secret__c", "value": "x" }),
        ),
        (
            "record_search",
            json!({ "object": "Lead", "field": "Email", "value": "x" }),
        ),
        (
            "record_search",
            json!({ "object": "Lead", "field": "Company" }),
        ),
        ("record_search", json!({ "object": "Lead", "limit": 51 })),
        ("record_search", json!({ "object": "Lead", "cursor": "x" })),
        ("record_search", json!([])),
        ("record_search", json!("Lead")),
        ("record_explain", json!({ "object": "Lead" })),
        (
            "record_explain",
            json!({ "object": "Lead", "record_id": "' OR 1=1 --" }),
        ),
        ("failure_find", json!({ "state": "everything" })),
        ("rep_load", json!({ "limit": 0 })),
        (
            "routing_statistics",
            json!({ "from": "2020-01-01T00:00:00Z" }),
        ),
        ("routing_statistics", json!({ "from": "yesterday" })),
    ] {
        let call = json!({ "name": tool, "arguments": given });
        let answer = program.ask(true, &token, "tools/call", call).await;
        let result = &answer["result"];
        assert_eq!(result["isError"], true, "{tool} {given}: {answer}");
        assert_eq!(result.get("structuredContent"), None);
        let told = result.to_string();
        for word in ["Secret", "regex", "where", &neighbour] {
            assert!(!told.contains(word), "{told}");
        }
    }
    let unknown = program
        .ask(
            true,
            &token,
            "tools/call",
            json!({ "name": "record_delete" }),
        )
        .await;
    assert_eq!(unknown["error"]["code"], -32_602);
    program.close().await;
}

/// Nothing that one tenant's person let in leads to another's rows, and a token is in no answer and in no row.
#[tokio::test]
async fn no_answer_has_another_tenants_rows_or_a_token() {
    let program = Program::open().await;
    let token = program.token(&ALL).await;
    let mut told = String::new();
    for tool in [
        "record_search",
        "record_explain",
        "failure_find",
        "rep_load",
        "routing_statistics",
    ] {
        for given in uses(&program, tool) {
            told.push_str(&program.tool(&token, tool, given).await.to_string());
        }
    }
    for uri in [
        "revkeep://fields/Lead",
        "revkeep://fields/Contact",
        "revkeep://records/Lead/00Q00000000005AAAA",
    ] {
        let read = program
            .ask(true, &token, "resources/read", json!({ "uri": uri }))
            .await;
        told.push_str(&read.to_string());
    }
    assert!(
        told.contains("Visible") && !told.to_lowercase().contains(CANARY),
        "{told}"
    );
    assert!(!told.contains(&token));
    // A record that only the neighbour has.
    let theirs = json!({ "uri": "revkeep://records/Lead/00Q00000000009AAAA" });
    let read = program.ask(true, &token, "resources/read", theirs).await;
    assert_eq!(read["error"]["code"], -32_602);
    program.close().await;
}
