//! Rules, pools and the router through the console's API, as people use it and as those do who
//! should not.

use reqwest::Method;
use serde_json::{Value, json};

use crate::console_desk::Desk;

fn condition() -> Value {
    json!({ "all": [{ "field": "Country", "op": "eq", "value": "DE" }] })
}

async fn rule(desk: &Desk, name: &str, rep: &str) -> Value {
    let rule = json!({
        "name": name, "enabled": true, "condition": condition(),
        "target": { "kind": "user", "rep_id": rep },
    });
    desk.post("/routers/Lead/rules", rule).await
}

/// Everything that a person sets up before routing begins, in the order in which pages ask for it.
#[tokio::test]
async fn a_router_is_set_up_changed_and_switched_on() {
    let desk = Desk::open().await;
    let reps = desk.reps();
    let router = desk.router().await;
    assert_eq!(router["state"], "off");
    let sent = router["enrollment"]["sent"].as_str().unwrap();
    assert!(
        sent.contains("NumberOfEmployees") && sent.contains("IsConverted = FALSE"),
        "{sent}"
    );

    let members = json!([{ "rep_id": reps[0], "weight": 2 }, { "rep_id": reps[1], "weight": 1 }]);
    let pool = desk
        .post("/pools", json!({ "name": "Everyone", "members": members }))
        .await;
    let favoured = pool["members"].as_array().unwrap().iter();
    let favoured = favoured
        .into_iter()
        .find(|member| member["weight"] == 2)
        .unwrap();
    assert_eq!(favoured["rep_id"], json!(reps[0]));
    assert!(
        favoured["share_ideal"]
            .as_f64()
            .is_some_and(|share| share > 0.6),
        "{pool}"
    );
    let first = rule(&desk, "First", &reps[0]).await;
    let second = rule(&desk, "Second", &reps[2]).await;
    assert_eq!(
        (first["position"].as_i64(), second["position"].as_i64()),
        (Some(1), Some(2))
    );
    assert_eq!(first["updated_by"]["name"], "Ada Lovelace");

    let list = desk.get("/routers/Lead/rules").await;
    let order = json!({ "ids": [second["id"], first["id"]], "version": list["version"] });
    let list = desk.post("/routers/Lead/rules/order", order).await;
    assert_eq!(list["items"][0]["name"], "Second");
    let layer = desk.get("/layer/objects").await;
    let country = layer["items"][0]["fields"].as_array().unwrap().iter();
    let country = country
        .into_iter()
        .find(|field| field["name"] == "Country")
        .unwrap();
    assert_eq!(country["used_by"].as_array().map(Vec::len), Some(2));
    assert_eq!(country["added_by"]["name"], "Ada Lovelace");

    let overview = desk.get("/overview?tz=Europe/Berlin").await;
    assert_eq!(overview["by_hour"].as_array().map(Vec::len), Some(24));
    let done = |key: &str| {
        let steps = overview["checklist"].as_array().unwrap();
        steps.iter().find(|step| step["key"] == key).unwrap()["done"] == true
    };
    assert!(done("fields") && done("reps") && done("pool") && done("rule"));
    assert!(!done("connect") && !done("activate"));

    let router = desk.post("/routers/Lead/activate", json!({})).await;
    assert_eq!(router["state"], "baselining");
    let wider = json!({
        "enrollment_text": "SELECT Id FROM Lead WHERE City = 'Elsewhere'", "fallback": router["fallback"],
        "cycle_seconds": 10, "version": router["version"],
    });
    let (status, answer) = desk.call(Method::PUT, "/routers/Lead", Some(&wider)).await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (409, Some("router_running")),
        "criteria slipped past the confirmation"
    );
    for (verb, state) in [
        ("pause", "paused"),
        ("resume", "baselining"),
        ("off", "off"),
    ] {
        let router = desk.post(&format!("/routers/Lead/{verb}"), json!({})).await;
        assert_eq!(router["state"], state);
    }
    desk.running.stop().await;
}

/// Ids of another tenant are ids of nothing, whatever is asked.
#[tokio::test]
async fn another_tenants_rows_are_not_there() {
    let desk = Desk::open().await;
    desk.reps();
    desk.router().await;
    let (_, theirs) = desk.house.bed.seeded();
    let id = theirs.uuid().as_simple().to_string();
    let before = theirs_now(&desk);
    let change = json!({
        "name": "Mine now", "enabled": true, "condition": condition(), "version": 1,
        "target": { "kind": "user", "rep_id": format!("rep_{id}") },
    });
    let pool = json!({ "name": "Mine now", "members": [], "version": 1 });
    let cases: Vec<(Method, String, Option<&Value>)> = vec![
        (Method::PUT, format!("/rules/rule_{id}"), Some(&change)),
        (Method::DELETE, format!("/rules/rule_{id}?version=1"), None),
        (Method::PUT, format!("/pools/pool_{id}"), Some(&pool)),
        (Method::DELETE, format!("/pools/pool_{id}"), None),
        (Method::DELETE, format!("/layer/fields/field_{id}"), None),
        (Method::GET, format!("/assignments/asg_{id}"), None),
        (Method::POST, format!("/jobs/job_{id}/retry"), None),
        (Method::POST, format!("/jobs/job_{id}/discard"), None),
        (Method::POST, String::from("/failures/Lead/r1/retry"), None),
        (Method::GET, String::from("/records/00Q000000000007"), None),
    ];
    for (method, path, body) in cases {
        let (status, answer) = desk.call(method.clone(), &path, body).await;
        assert_eq!(
            (status, answer["code"].as_str()),
            (404, Some("not_found")),
            "{method} {path}"
        );
    }
    let paused = json!({ "paused": true });
    let (status, _) = desk
        .call(Method::PATCH, &format!("/reps/rep_{id}"), Some(&paused))
        .await;
    assert_eq!(status, 404);
    let mut create = change.clone();
    create.as_object_mut().unwrap().remove("version");
    let (status, answer) = desk
        .call(Method::POST, "/routers/Lead/rules", Some(&create))
        .await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (400, Some("target_unknown")),
        "their rep"
    );
    assert_eq!(theirs_now(&desk), before);

    for path in [
        "/assignments",
        "/records",
        "/schedules",
        "/queues",
        "/pools",
    ] {
        let list = desk.get(path).await;
        assert_eq!(list["items"], json!([]), "{path}");
    }
    for path in [
        "/jobs?state=queued",
        "/reps",
        "/layer/objects/Lead/records",
        "/connections",
    ] {
        assert!(!desk.get(path).await.to_string().contains(&id), "{path}");
    }
    desk.running.stop().await;
}

/// Everything of the other tenant that the attacks above could have changed.
fn theirs_now(desk: &Desk) -> Vec<String> {
    let mut found = Vec::new();
    for table in [
        "rules",
        "pools",
        "reps",
        "layer_fields",
        "jobs",
        "routing_records",
        "routers",
    ] {
        found.extend(desk.rows(&format!(
            "SELECT to_jsonb(t) FROM {table} t WHERE tenant_id <> '{}'",
            desk.tenant().uuid()
        )));
    }
    assert!(found.len() >= 7, "{found:?}");
    found
}

/// Two people edit the same thing: the second is shown what the first one made of it.
#[tokio::test]
async fn a_stale_version_is_refused_with_the_current_one() {
    let desk = Desk::open().await;
    let reps = desk.reps();
    let router = desk.router().await;
    let rule = rule(&desk, "Rule", &reps[0]).await;
    let pool = desk
        .post("/pools", json!({ "name": "Pool", "members": [] }))
        .await;
    let (rule_id, pool_id) = (rule["id"].as_str().unwrap(), pool["id"].as_str().unwrap());
    let edit_rule = |name: &str| {
        let mut body =
            json!({ "name": name, "enabled": true, "condition": condition(), "version": 1 });
        body["target"] = rule["target"].clone();
        body
    };
    let edit_pool = |name: &str| json!({ "name": name, "members": [], "version": 1 });
    let edit_router = |text: &str| json!({ "enrollment_text": text, "fallback": null, "cycle_seconds": 10, "version": router["version"] });
    let berlin = "SELECT Id FROM Lead WHERE City = 'Berlin'";
    let paris = "SELECT Id FROM Lead WHERE City = 'Paris'";
    let cases = [
        (
            format!("/rules/{rule_id}"),
            edit_rule("First"),
            edit_rule("Second"),
            "/name",
            json!("First"),
        ),
        (
            format!("/pools/{pool_id}"),
            edit_pool("First"),
            edit_pool("Second"),
            "/name",
            json!("First"),
        ),
        (
            String::from("/routers/Lead"),
            edit_router(berlin),
            edit_router(paris),
            "/enrollment/text",
            json!(berlin),
        ),
    ];
    for (path, first, second, place, kept) in cases {
        desk.put(&path, first).await;
        let (status, answer) = desk.call(Method::PUT, &path, Some(&second)).await;
        assert_eq!(
            (status, answer["code"].as_str()),
            (409, Some("version_conflict")),
            "{path}"
        );
        assert_eq!(
            answer["current"].pointer(place),
            Some(&kept),
            "{path}: {answer}"
        );
    }
    let (status, answer) = desk
        .call(Method::DELETE, &format!("/rules/{rule_id}?version=1"), None)
        .await;
    assert_eq!((status, &answer["current"]["version"]), (409, &json!(2)));
    let order = json!({ "ids": [rule_id], "version": 1 });
    let (status, answer) = desk
        .call(Method::POST, "/routers/Lead/rules/order", Some(&order))
        .await;
    assert_eq!(
        (status, answer["current"]["items"][0]["name"].as_str()),
        (409, Some("First"))
    );
    desk.running.stop().await;
}

/// LR-26, LR-28: what a person types is judged before it is stored, and the place is shown.
#[tokio::test]
async fn hostile_soql_is_refused_at_its_place() {
    let desk = Desk::open().await;
    let router = desk.router().await;
    for (text, code, marked) in [
        ("SELECT Id FROM Lead", "soql_where_missing", None),
        (
            "SELECT Id FROM Lead WHERE Id != null",
            "soql_tautology",
            None,
        ),
        (
            "SELECT Id FROM User WHERE IsActive = true",
            "soql_object_mismatch",
            Some("User"),
        ),
        (
            "SELECT Id FROM Lead WHERE Password__c = 'x'",
            "soql_field_forbidden",
            Some("Password__c"),
        ),
        (
            "SELECT Id FROM Lead WHERE City = 'x' -- ",
            "soql_unknown_character",
            Some("-"),
        ),
        (
            "SELECT Id FROM Lead WHERE City = 'x' LIMIT 5",
            "soql_clause_forbidden",
            None,
        ),
        ("DELETE FROM Lead", "soql_unexpected", Some("DELETE")),
        ("", "soql_unexpected", None),
    ] {
        let body = json!({
            "enrollment_text": text, "fallback": null, "cycle_seconds": 10, "version": router["version"],
        });
        let (status, answer) = desk.call(Method::PUT, "/routers/Lead", Some(&body)).await;
        assert_eq!(status, 422, "{text}: {answer}");
        assert_eq!(
            (answer["code"].as_str(), answer["field"].as_str()),
            (Some(code), Some("enrollment_text")),
            "{text}"
        );
        let place = &answer["errors"][0]["position"];
        let at = |end: &str| usize::try_from(place[end].as_u64().unwrap()).unwrap();
        let shown = text.get(at("start")..at("end")).unwrap();
        if let Some(marked) = marked {
            assert_eq!(shown, marked, "{text}");
        }
        let tried = desk
            .post("/routers/Lead/validate", json!({ "enrollment_text": text }))
            .await;
        assert_eq!(
            (tried["ok"].as_bool(), tried["error"]["code"].as_str()),
            (Some(false), Some(code))
        );
        assert_eq!(tried["error"]["start"], place["start"]);
    }
    let kept = &desk.get("/routers").await["items"][0];
    assert_eq!(
        (&kept["version"], &kept["enrollment"]),
        (&router["version"], &router["enrollment"])
    );
    let good = "select id from lead where country = 'DE' order by city";
    let tried = desk
        .post("/routers/Lead/validate", json!({ "enrollment_text": good }))
        .await;
    assert_eq!(
        (tried["ok"].as_bool(), tried["warnings"][0]["code"].as_str()),
        (Some(true), Some("order_ignored"))
    );
    desk.running.stop().await;
}

/// Above a fifth of the object, or ten thousand records, the number is typed.
#[tokio::test]
async fn a_large_activation_wants_its_number_typed() {
    let desk = Desk::open().await;
    desk.router().await;
    *desk.source.counts.lock().unwrap() = connections::EnrollmentCounts {
        matching: 18_476,
        total: 61_200,
    };
    let preview = desk
        .post("/routers/Lead/activation-preview", json!({}))
        .await;
    assert_eq!(preview["confirm_text"], "18476");
    assert_eq!(preview["reasons"].as_array().map(Vec::len), Some(2));
    for confirm in [
        json!({}),
        json!({ "confirm": "yes" }),
        json!({ "confirm": "1" }),
    ] {
        let (status, answer) = desk
            .call(Method::POST, "/routers/Lead/activate", Some(&confirm))
            .await;
        assert_eq!(
            (status, answer["code"].as_str()),
            (409, Some("confirmation_needed")),
            "{confirm}"
        );
    }
    assert_eq!(desk.get("/routers").await["items"][0]["state"], "off");
    let router = desk
        .post("/routers/Lead/activate", json!({ "confirm": "18476" }))
        .await;
    assert_eq!(router["state"], "baselining");
    desk.running.stop().await;
}

#[tokio::test]
async fn a_condition_is_refused_term_by_term_and_what_is_used_stays() {
    let desk = Desk::open().await;
    let reps = desk.reps();
    desk.router().await;
    let flawed = json!({
        "name": "Flawed", "enabled": true, "target": { "kind": "user", "rep_id": reps[0] },
        "condition": { "all": [
            { "field": "Secret", "op": "eq", "value": "x" },
            { "field": "NumberOfEmployees", "op": "contains", "value": "1" },
        ] },
    });
    let (status, answer) = desk
        .call(Method::POST, "/routers/Lead/rules", Some(&flawed))
        .await;
    let places: Vec<_> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flaw| flaw["field"].clone())
        .collect();
    assert_eq!(status, 400);
    assert_eq!(places, ["condition.all[0].field", "condition.all[1].op"]);

    let members = json!([{ "rep_id": reps[0], "weight": 1 }]);
    let pool = desk
        .post("/pools", json!({ "name": "Pool", "members": members }))
        .await;
    let uses = json!({
        "name": "Uses", "enabled": true, "condition": condition(),
        "target": { "kind": "pool", "pool_id": pool["id"] },
    });
    desk.post("/routers/Lead/rules", uses).await;
    let layer = desk.get("/layer/objects").await;
    let fields = layer["items"][0]["fields"].as_array().unwrap();
    let field = |name: &str| {
        fields.iter().find(|field| field["name"] == name).unwrap()["id"]
            .as_str()
            .unwrap()
    };
    for (path, code) in [
        (
            format!("/pools/{}", pool["id"].as_str().unwrap()),
            "pool_in_use",
        ),
        (
            format!("/layer/fields/{}", field("Country")),
            "field_in_use",
        ),
    ] {
        let (status, answer) = desk.call(Method::DELETE, &path, None).await;
        assert_eq!((status, answer["code"].as_str()), (409, Some(code)));
        assert_eq!(answer["rules"][0]["name"], "Uses");
    }
    let required = format!("/layer/fields/{}", field("OwnerId"));
    let (status, answer) = desk.call(Method::DELETE, &required, None).await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (409, Some("field_required"))
    );
    let free = format!("/layer/fields/{}", field("NumberOfEmployees"));
    assert_eq!(desk.call(Method::DELETE, &free, None).await.0, 204);
    desk.running.stop().await;
}
