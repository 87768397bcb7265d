//! Rules, pools, reps and the router; what did not work; the connection.

use serde_json::{Value, json};

use super::walk::{Walk, id};

/// Rules, pools, reps and the router.
pub(super) async fn routing(walk: &mut Walk) {
    let reps = walk.desk.reps();
    let rep = &reps[0];
    let fields = "POST /layer/objects/{object}/fields";
    for name in ["Country", "NumberOfEmployees"] {
        let field =
            json!({ "name": name, "reason": "Rules read it", "data_class": "crm_business" });
        walk.good(fields, "/layer/objects/Lead/fields", field).await;
    }
    let field = json!({ "name": "Email", "reason": "By mistake", "data_class": "crm_personal" });
    let field = id(&walk.good(fields, "/layer/objects/Lead/fields", field).await);
    walk.good(
        "DELETE /layer/fields/{id}",
        &format!("/layer/fields/{field}"),
        Value::Null,
    )
    .await;
    let calendar =
        json!({ "name": "Berlin", "days": [{ "day": "2026-12-25", "name": "Christmas" }] });
    let calendar = id(&walk.plain("POST /holiday-calendars", calendar).await);
    let days = json!({ "name": "Berlin", "days": [], "version": 1 });
    walk.good(
        "PUT /holiday-calendars/{id}",
        &format!("/holiday-calendars/{calendar}"),
        days,
    )
    .await;
    walk.good(
        "DELETE /holiday-calendars/{id}",
        &format!("/holiday-calendars/{calendar}"),
        Value::Null,
    )
    .await;
    walk.good(
        "PATCH /reps/{id}",
        &format!("/reps/{rep}"),
        json!({ "paused": true }),
    )
    .await;
    walk.good(
        "PATCH /reps/{id}",
        &format!("/reps/{rep}"),
        json!({ "paused": false }),
    )
    .await;
    let version = walk.desk.get("/reps").await["items"][0]["version"].clone();
    let there = json!({ "time_zone": "Europe/Berlin", "hours": null, "caps": { "day": 9 }, "version": version });
    walk.good(
        "PUT /reps/{id}/availability",
        &format!("/reps/{rep}/availability"),
        there,
    )
    .await;
    let away = json!({ "first_day": "2027-01-04", "last_day": "2027-01-05", "reason": "canary-operation" });
    walk.good(
        "POST /reps/{id}/time-off",
        &format!("/reps/{rep}/time-off"),
        away,
    )
    .await;
    let calendar = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:canary-uid\r\nSUMMARY:canary-operation\r\nDTSTART;VALUE=DATE:20270104\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    walk.good(
        "POST /reps/{id}/time-off/calendar",
        &format!("/reps/{rep}/time-off/calendar"),
        json!({ "text": calendar, "counts": "whole_days", "dry_run": false }),
    )
    .await;
    let away = walk
        .desk
        .rows("SELECT 'timeoff_' || replace(time_off_id::text, '-', '') FROM time_off");
    walk.good(
        "DELETE /time-off/{id}",
        &format!("/time-off/{}", away[0]),
        Value::Null,
    )
    .await;

    let pool = json!({ "name": "Everyone", "members": [{ "rep_id": rep, "weight": 2 }] });
    let pool = id(&walk.plain("POST /pools", pool).await);
    let change = json!({ "name": "Nobody", "members": [], "version": 1 });
    walk.good("PUT /pools/{id}", &format!("/pools/{pool}"), change)
        .await;
    walk.good(
        "DELETE /pools/{id}",
        &format!("/pools/{pool}?version=2"),
        Value::Null,
    )
    .await;

    let router = json!({
        "enrollment_text": "SELECT Id FROM Lead WHERE Country = 'DE'", "fallback": null, "cycle_seconds": 10,
    });
    walk.good("PUT /routers/{object}", "/routers/Lead", router)
        .await;
    let rule = |name: &str| {
        json!({
            "name": name, "enabled": true, "condition": { "all": [{ "field": "Country", "op": "eq", "value": "DE" }] },
            "target": { "kind": "user", "rep_id": rep },
        })
    };
    let rules = "POST /routers/{object}/rules";
    let first = id(&walk.good(rules, "/routers/Lead/rules", rule("First")).await);
    let second = id(&walk
        .good(rules, "/routers/Lead/rules", rule("Second"))
        .await);
    let mut changed = rule("Changed");
    changed["version"] = json!(1);
    walk.good("PUT /rules/{id}", &format!("/rules/{first}"), changed)
        .await;
    let version = walk.desk.get("/routers/Lead/rules").await["version"].clone();
    let order = json!({ "ids": [second, first], "version": version });
    walk.good(
        "POST /routers/{object}/rules/order",
        "/routers/Lead/rules/order",
        order,
    )
    .await;
    walk.good(
        "DELETE /rules/{id}",
        &format!("/rules/{second}?version=1"),
        Value::Null,
    )
    .await;
    territories(walk, rep).await;
    versions(walk, &first).await;
    let preview = "POST /routers/{object}/activation-preview";
    walk.good(preview, "/routers/Lead/activation-preview", json!({}))
        .await;
    for verb in ["activate", "pause", "resume", "off"] {
        let route = format!("POST /routers/{{object}}/{verb}");
        walk.good(&route, &format!("/routers/Lead/{verb}"), json!({}))
            .await;
    }
}

/// A territory is written, and another is imported instead.
async fn territories(walk: &mut Walk, rep: &str) {
    let name = walk.desk.get("/reps").await["items"][0]["name"].clone();
    let draft = walk.draft().await;
    walk.good(
        "PUT /routers/{object}/territories",
        "/routers/Lead/territories",
        json!({ "draft_version": draft, "territory": {
            "name": "North", "owner": { "kind": "user", "rep_id": rep }, "areas": [{ "country": "DE" }],
        } }),
    )
    .await;
    let draft = walk.draft().await;
    let text = format!(
        "territory,owner,country\nSouth,rep:{},AT\n",
        name.as_str().unwrap()
    );
    walk.good(
        "POST /routers/{object}/territories/import",
        "/routers/Lead/territories/import",
        json!({ "draft_version": draft, "dry_run": false, "text": text }),
    )
    .await;
}

/// The draft is published, changed, let go, and rolled back.
async fn versions(walk: &mut Walk, rule: &str) {
    let publish = ("POST /routers/{object}/publish", "/routers/Lead/publish");
    let draft = walk.draft().await;
    walk.good(
        publish.0,
        publish.1,
        json!({ "draft_version": draft, "note": "First" }),
    )
    .await;
    walk.redraft(rule, "Redrafted").await;
    let draft = walk.draft().await;
    walk.good(publish.0, publish.1, json!({ "draft_version": draft }))
        .await;
    walk.redraft(rule, "Let go").await;
    let draft = walk.draft().await;
    walk.good(
        "POST /routers/{object}/versions/{version}/restore",
        "/routers/Lead/versions/2/restore",
        json!({ "draft_version": draft }),
    )
    .await;
    let draft = walk.draft().await;
    walk.good(
        "POST /routers/{object}/versions/{version}/roll-back",
        "/routers/Lead/versions/1/roll-back",
        json!({ "draft_version": draft }),
    )
    .await;
}

impl Walk {
    /// The draft's version, as a page reads it.
    async fn draft(&self) -> Value {
        self.desk.get("/routers/Lead/draft").await["draft_version"].clone()
    }

    /// Gives a rule of the draft another name.
    async fn redraft(&mut self, id: &str, name: &str) {
        let list = self.desk.get("/routers/Lead/rules").await;
        let found = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|rule| rule["id"] == id);
        let rule = found.unwrap();
        let changed = json!({
            "name": name, "enabled": true, "condition": rule["condition"], "target": rule["target"],
            "version": rule["version"],
        });
        self.good("PUT /rules/{id}", &format!("/rules/{id}"), changed)
            .await;
    }
}

/// What did not work, and the connection.
pub(super) async fn operations(walk: &mut Walk) {
    let tenant = walk.desk.tenant().uuid();
    walk.desk.owner(&format!(
        "INSERT INTO routing_records (tenant_id, object, record_id, router_id, state, reason_code, first_seen_at, updated_at) \
         SELECT '{tenant}', 'Lead', '00Q00000000000' || n || 'AAA', router_id, 'failed', 'row_locked', now(), now() FROM routers, generate_series(1, 3) n; \
         INSERT INTO jobs (tenant_id, job_id, kind, payload, state, run_at, max_attempts, created_at) \
         SELECT '{tenant}', gen_random_uuid(), 'k' || n, '{{}}', 'dead', now(), 1, now() FROM generate_series(1, 2) n"
    ));
    proposals(walk).await;
    let one = "/failures/Lead/00Q000000000001AAA/retry";
    walk.good("POST /failures/{object}/{record_id}/retry", one, json!({}))
        .await;
    walk.plain("POST /failures/retry", json!({})).await;
    let jobs = walk.desk.rows(
        "SELECT 'job_' || replace(job_id::text, '-', '') FROM jobs WHERE state = 'dead' AND kind LIKE 'k%' ORDER BY kind",
    );
    for (verb, job) in ["retry", "discard"].iter().zip(&jobs) {
        let route = format!("POST /jobs/{{id}}/{verb}");
        walk.good(&route, &format!("/jobs/{job}/{verb}"), Value::Null)
            .await;
    }
    let form = json!({
        "environment": "sandbox", "consumer_key": "3MVG9key-x7Qp", "consumer_secret": "canary-secret",
    });
    walk.plain("PUT /connections/salesforce", form).await;
    walk.desk
        .owner("UPDATE connections SET state = 'connected'");
    walk.plain("POST /reps/sync", json!({})).await;
    walk.desk
        .owner("UPDATE connections SET state = 'configured'");
    let begun = walk
        .plain("POST /connections/salesforce/authorize", json!({}))
        .await;
    let state = begun["authorize_url"]
        .as_str()
        .unwrap()
        .split("state=")
        .nth(1)
        .unwrap()
        .to_owned();
    let done = "POST /connections/salesforce/complete";
    let token = walk.desk.token.clone();
    let back = json!({ "code": "c", "state": state });
    let (status, answer, _) = walk
        .ask(
            done,
            "/connections/salesforce/complete",
            back,
            (Some(&token), None),
        )
        .await;
    assert!(
        status >= 400,
        "Salesforce is a double that refuses: {answer}"
    );
    walk.plain(
        "POST /connections/salesforce/disconnect",
        json!({ "confirm": "disconnect" }),
    )
    .await;
}

/// What a program proposed is approved, of either kind, and declined.
async fn proposals(walk: &mut Walk) {
    let tenant = walk.desk.tenant().uuid();
    let rep = walk
        .desk
        .rows("SELECT 'rep_' || replace(rep_id::text, '-', '') FROM reps LIMIT 1")
        .remove(0);
    let wishes = [
        json!({ "kind": "record_retry", "object": "Lead", "record_id": "00Q000000000003AAA" }),
        json!({ "kind": "time_off", "rep": rep, "first_day": "2027-02-01", "last_day": "2027-02-02" }),
        json!({ "kind": "time_off", "rep": rep, "first_day": "2027-03-01", "last_day": "2027-03-02" }),
    ];
    for (wish, verb) in wishes.iter().zip(["approve", "approve", "decline"]) {
        let kind = wish["kind"].as_str().unwrap();
        walk.desk.owner(&format!(
            "INSERT INTO intents (tenant_id, intent_id, kind, subject, wish, reason, grant_id, asked_at) \
             VALUES ('{tenant}', gen_random_uuid(), '{kind}', '{kind}', '{wish}', 'canary-operation', gen_random_uuid(), now())"
        ));
        let made = walk.desk.rows(
            "SELECT 'intent_' || replace(intent_id::text, '-', '') FROM intents WHERE state = 'waiting'",
        );
        let route = format!("POST /intents/{{id}}/{verb}");
        let path = format!("/intents/{}/{verb}", made[0]);
        walk.good(&route, &path, json!({})).await;
    }
}
