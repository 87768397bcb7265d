use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::{fixture::Fixture, wire::ValidationRule};

fn owner_of(sim: &Json) -> String {
    sim["records"][0]["OwnerId"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// An active user, an inactive one, a queue for leads, and one for nothing.
pub(super) async fn owners(sim: &Fixture) -> [String; 4] {
    let user = |active: bool, name: &str| json!({ "LastName": name, "Username": format!("{name}@acme.example"), "IsActive": active });
    let load = async |object: &str, records: &[Json]| -> Vec<String> {
        let loaded = sim.admin.load(object, records).await.unwrap();
        loaded.ids.iter().map(ToString::to_string).collect()
    };
    let users = load("User", &[user(true, "Active"), user(false, "Gone")]).await;
    let queue = |name: &str| json!({ "Name": name, "Type": "Queue" });
    let queues = load("Group", &[queue("Inbound"), queue("Idle")]).await;
    load(
        "QueueSobject",
        &[json!({ "QueueId": queues[0], "SobjectType": "Lead" })],
    )
    .await;
    [
        users[0].clone(),
        users[1].clone(),
        queues[0].clone(),
        queues[1].clone(),
    ]
}

#[tokio::test]
async fn only_an_active_user_or_a_queue_of_the_object_can_own_a_lead() {
    let sim = Fixture::start();
    let token = sim.grant().await.access_token;
    let [active, gone, queue, idle] = owners(&sim).await;
    let lead = sim.leads(&["One"]).await.remove(0);
    let path = format!("sobjects/Lead/{lead}/");
    let nobody = crate::Id::make("005", 900).to_string();
    for (owner, status, code) in [
        (active.as_str(), 204, None),
        (&gone, 400, Some("INACTIVE_OWNER_OR_USER")),
        (&queue, 204, None),
        (&idle, 400, Some("INVALID_CROSS_REFERENCE_KEY")),
        (&nobody, 400, Some("INVALID_CROSS_REFERENCE_KEY")),
        (&lead, 400, Some("MALFORMED_ID")),
        ("x", 400, Some("MALFORMED_ID")),
    ] {
        let body = json!({ "OwnerId": owner });
        let (got, answer) = sim.call(Method::PATCH, &path, &token, Some(body)).await;
        assert_eq!(
            (got, answer[0]["errorCode"].as_str()),
            (status, code),
            "{owner}: {answer}"
        );
    }
    let writes = sim.admin.writes(0).await.unwrap();
    let codes: Vec<&str> = writes.iter().map(|write| write.code.as_str()).collect();
    assert_eq!(codes.len(), 7);
    assert_eq!(codes.iter().filter(|code| **code == "OK").count(), 2);
    assert_eq!(
        (&writes[0].field, &writes[0].new),
        (&"OwnerId".to_owned(), &json!(active))
    );
    assert_eq!(writes[2].old, json!(active));
    assert_eq!(
        writes.iter().map(|write| write.seq).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7]
    );
    assert_eq!(sim.admin.writes(6).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_contact_cannot_belong_to_a_queue() {
    let sim = Fixture::start();
    let token = sim.grant().await.access_token;
    let [active, _, queue, _] = owners(&sim).await;
    let contact = sim
        .admin
        .load("Contact", &[json!({ "LastName": "C" })])
        .await
        .unwrap()
        .ids[0];
    let path = format!("sobjects/Contact/{contact}");
    let give = async |owner: &str| {
        sim.call(
            Method::PATCH,
            &path,
            &token,
            Some(json!({ "OwnerId": owner })),
        )
        .await
        .0
    };
    assert_eq!((give(&active).await, give(&queue).await), (204, 400));
}

#[tokio::test]
async fn a_collection_answers_each_record_in_its_place() {
    let sim = Fixture::start();
    let token = sim.grant().await.access_token;
    let [active, gone, ..] = owners(&sim).await;
    let leads = sim.leads(&["A", "B", "C", "D"]).await;
    let done = json!([
        { "Id": leads[2], "IsConverted": true, "LastName": "C" },
        { "Id": leads[3], "IsDeleted": true, "LastName": "D" },
    ]);
    sim.admin
        .load("Lead", done.as_array().unwrap())
        .await
        .unwrap();
    let record = |id: &str, owner: &str| json!({ "attributes": { "type": "Lead" }, "id": id, "OwnerId": owner });
    let missing = crate::Id::make("00Q", 999).to_string();
    let records = [
        record(&leads[0], &active),
        record(&leads[1], &gone),
        record(&leads[2], &active),
        record(&leads[3], &active),
        record(&missing, &active),
    ];
    let body = json!({ "allOrNone": false, "records": records });
    let (status, results) = sim
        .call(Method::PATCH, "composite/sobjects", &token, Some(body))
        .await;
    assert_eq!(status, 200);
    let codes: Vec<&str> = results
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["errors"][0]["statusCode"].as_str().unwrap_or("OK"))
        .collect();
    assert_eq!(
        codes,
        [
            "OK",
            "INACTIVE_OWNER_OR_USER",
            "CANNOT_UPDATE_CONVERTED_LEAD",
            "ENTITY_IS_DELETED",
            "NOT_FOUND"
        ]
    );
    assert_eq!(results[1]["id"], leads[1]);
}

#[tokio::test]
async fn all_or_none_changes_nothing_when_one_record_fails() {
    let sim = Fixture::start();
    let token = sim.grant().await.access_token;
    let [active, gone, ..] = owners(&sim).await;
    let leads = sim.leads(&["A", "B"]).await;
    let record = |id: &str, owner: &str| json!({ "attributes": { "type": "Lead" }, "id": id, "OwnerId": owner });
    let records = [record(&leads[0], &active), record(&leads[1], &gone)];
    let body = json!({ "allOrNone": true, "records": records });
    let (status, results) = sim
        .call(Method::PATCH, "composite/sobjects", &token, Some(body))
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        results[0]["errors"][0]["statusCode"],
        "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    );
    assert_eq!(
        results[1]["errors"][0]["statusCode"],
        "INACTIVE_OWNER_OR_USER"
    );
    let text = format!("SELECT OwnerId FROM Lead WHERE Id = '{}'", leads[0]);
    assert_ne!(owner_of(&sim.query(&token, &text).await.1), active);
    let many = vec![record(&leads[0], &active); 201];
    let body = json!({ "records": many });
    let (status, _) = sim
        .call(Method::PATCH, "composite/sobjects", &token, Some(body))
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_validation_rule_speaks_its_own_words() {
    let sim = Fixture::start();
    let token = sim.grant().await.access_token;
    let lead = sim.leads(&["A"]).await.remove(0);
    let rule = ValidationRule {
        sobject: "Lead".to_owned(),
        field: "Country".to_owned(),
        equals: json!("Narnia"),
        code: "FIELD_CUSTOM_VALIDATION_EXCEPTION".to_owned(),
        message: "We do not sell there".to_owned(),
    };
    sim.admin.rule(&rule).await.unwrap();
    let set = async |field: &str, value: &str| {
        let body = Some(json!({ field: value }));
        sim.call(
            Method::PATCH,
            &format!("sobjects/Lead/{lead}"),
            &token,
            body,
        )
        .await
    };
    assert_eq!(set("Country", "Norway").await.0, 204);
    let (status, body) = set("Country", "Narnia").await;
    assert_eq!(
        (status, &body[0]["message"]),
        (400, &"We do not sell there".into())
    );
    assert_eq!(
        set("IsConverted", "x").await.1[0]["errorCode"],
        "INVALID_FIELD_FOR_INSERT_UPDATE"
    );
    assert_eq!(
        set("Nonsense", "x").await.1[0]["errorCode"],
        "INVALID_FIELD"
    );
    let long = "x".repeat(300);
    assert_eq!(
        set("Company", &long).await.1[0]["errorCode"],
        "STRING_TOO_LONG"
    );
    assert_eq!(
        set("Company", "").await.1[0]["errorCode"],
        "REQUIRED_FIELD_MISSING"
    );
}

#[tokio::test]
async fn records_are_created_read_deleted_and_named_in_what_changed() {
    let sim = Fixture::start();
    let token = sim.grant().await.access_token;
    let body = json!({ "FirstName": "Ada", "LastName": "Byron", "Company": "Engines" });
    let (status, made) = sim
        .call(Method::POST, "sobjects/Lead/", &token, Some(body))
        .await;
    assert_eq!(status, 201);
    let id = made["id"].as_str().unwrap();
    let (_, read) = sim
        .call(Method::GET, &format!("sobjects/Lead/{id}"), &token, None)
        .await;
    assert_eq!(
        (&read["Name"], &read["IsConverted"]),
        (&json!("Ada Byron"), &json!(false))
    );
    assert!(read["CreatedDate"].as_str().unwrap().ends_with(".000+0000"));
    let ids = json!({ "ids": [id, "00Qxx0000000000"], "fields": ["Name"] });
    let (_, some) = sim
        .call(Method::POST, "composite/sobjects/Lead", &token, Some(ids))
        .await;
    assert_eq!(
        (&some[0]["Name"], &some[1]),
        (&json!("Ada Byron"), &Json::Null)
    );
    let (status, _) = sim
        .call(Method::DELETE, &format!("sobjects/Lead/{id}"), &token, None)
        .await;
    assert_eq!(status, 204);
    assert_eq!(
        sim.call(Method::GET, &format!("sobjects/Lead/{id}"), &token, None)
            .await
            .0,
        404
    );
    let span = "start=2020-01-01T00:00:00%2B00:00&end=2100-01-01T00:00:00%2B00:00";
    let (_, gone) = sim
        .call(
            Method::GET,
            &format!("sobjects/Lead/deleted/?{span}"),
            &token,
            None,
        )
        .await;
    assert_eq!(gone["deletedRecords"][0]["id"], id);
    let (_, left) = sim
        .call(
            Method::GET,
            &format!("sobjects/Lead/updated/?{span}"),
            &token,
            None,
        )
        .await;
    assert_eq!(left["ids"], json!([]));
}

#[tokio::test]
async fn the_request_log_keeps_what_was_asked_and_no_secret() {
    let sim = Fixture::start();
    let granted = sim.grant().await;
    let refresh = granted.refresh_token.unwrap();
    sim.refresh(&refresh).await;
    sim.query(&granted.access_token, "SELECT Id FROM Lead")
        .await;
    let log = sim.admin.requests(0).await.unwrap();
    let text = serde_json::to_string(&log).unwrap();
    assert!(text.contains("SELECT Id FROM Lead") && text.contains("grant_type=refresh_token"));
    for secret in [
        refresh.as_str(),
        &granted.access_token,
        crate::CLIENT_SECRET,
    ] {
        assert!(!text.contains(secret));
    }
    let statuses: Vec<u16> = log.iter().map(|entry| entry.status).collect();
    assert_eq!(statuses, [200, 200]);
    assert_eq!((log[1].grant, log[1].generation), (Some(1), Some(0)));
}

#[tokio::test]
async fn the_administrator_needs_the_token() {
    let sim = Fixture::start();
    let url = format!("{}/_sim/stats", sim.running.url);
    assert_eq!(sim.http.get(&url).send().await.unwrap().status(), 401);
    assert_eq!(
        sim.http
            .get(&url)
            .bearer_auth("guess")
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
    assert_eq!(sim.admin.stats().await.unwrap().records["User"], 1);
}
