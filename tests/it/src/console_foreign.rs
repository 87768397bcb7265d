//! Another tenant's ids, asked for by an administrator (LR-13, LM-19): for every route with an id in its
//! path, with a body that would do something at home. `tests/golden/foreign-ids.txt` says what is
//! answered; nothing of the other tenant may change, whatever is answered. Then a tenant's id where
//! none is read: in headers, in the query, and in bodies.

use std::collections::BTreeMap;

use kernel::TenantId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    console_access::{Expected, PREFIXES, expected},
    console_desk::Desk,
};

/// Exists in the other tenant alone.
const RECORD: &str = "00Q000000000007AAA";

/// A body that the route accepts, were the id at home. `{}` where none is read.
fn body(route: &Expected) -> Value {
    let id = "rep_00000000000000000000000000000007";
    let target = json!({ "kind": "user", "rep_id": id });
    let rule = json!({ "name": "r", "enabled": true, "condition": { "all": [] }, "target": target, "version": 1 });
    match (route.method.as_str(), route.path.as_str()) {
        ("PUT", "/pools/{id}") => json!({ "name": "p", "members": [], "version": 1 }),
        ("PATCH", "/reps/{id}") => json!({ "paused": true }),
        ("PUT", "/reps/{id}/availability") => {
            json!({ "time_zone": "Europe/Berlin", "hours": null, "caps": {}, "version": 1 })
        }
        ("POST", "/reps/{id}/time-off") => {
            json!({ "first_day": "2026-12-24", "last_day": "2026-12-31", "reason": "Leave" })
        }
        ("POST", "/reps/{id}/time-off/calendar") => {
            json!({ "text": "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "counts": "everything", "dry_run": false })
        }
        ("PUT", "/holiday-calendars/{id}") => json!({ "name": "c", "days": [], "version": 1 }),
        ("PUT", "/rules/{id}") => rule,
        ("PATCH", "/members/{id}") => json!({ "roles": ["member"], "version": 1 }),
        ("POST", "/members/{id}/erase") => json!({ "confirm": "ann@x.example" }),
        ("POST", "/person-cases/{id}/erase") => json!({ "confirm": "ann@x.example" }),
        ("POST", "/members/{id}/owner") => json!({ "confirm": "T" }),
        ("POST", "/platform/tenants/{id}/enter") => {
            json!({ "reason": "Curious about a competitor", "mode": "read" })
        }
        ("PUT", "/sso/providers/{id}") => json!({
            "kind": "oidc", "name": "n", "enabled": true, "issuer": "https://idp.example",
            "client_id": "c", "client_secret": null, "create_members": false, "version": 1,
        }),
        ("PUT", "/siem/targets/{id}") => json!({
            "name": "n", "transport": "syslog_tls", "format": "json", "address": "siem.example:6514",
            "enabled": true, "version": 1,
        }),
        ("PUT", "/webhooks/{id}") => json!({
            "name": "n", "url": "https://hooks.example.com/", "enabled": true, "version": 1,
        }),
        ("PUT", "/sso/scim/groups/{id}") => json!({ "roles": ["admin"] }),
        ("PATCH", "/me/factors/passkeys/{id}") => json!({ "name": "n" }),
        _ => json!({}),
    }
}

fn address(route: &Expected, theirs: &str) -> String {
    let prefix = PREFIXES
        .into_iter()
        .find(|(place, _)| route.path.contains(place))
        .map_or("rule", |(_, prefix)| prefix);
    let path = route
        .path
        .replace("{object}", "Lead")
        .replace("{record_id}", RECORD)
        .replace("{version}", "1")
        .replace("{user_code}", "BCDF-GHJK")
        .replace("{event}", &format!("evt_{theirs}"))
        .replace("{id}", &format!("{prefix}_{theirs}"));
    if route.method == Method::DELETE && path.starts_with("/rules/") {
        format!("{path}?version=1")
    } else {
        path
    }
}

/// Every row of the tenant, table by table.
fn contents(desk: &Desk, tenant: TenantId) -> Vec<String> {
    let tables = desk.rows(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1",
    );
    tables
        .into_iter()
        .map(|table| {
            let rows = format!(
                "SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM {table} t WHERE tenant_id = '{}'",
                tenant.uuid()
            );
            format!("{table}: {}", desk.rows(&rows)[0])
        })
        .collect()
}

/// An answer but for the id of its request.
fn without_request(mut answer: Value) -> Value {
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("request_id");
    }
    answer
}

struct Neighbours {
    desk: Desk,
    theirs: TenantId,
    /// The id of each of their rows.
    id: String,
}

impl Neighbours {
    /// Ada as an administrator who is no super_admin, beside a tenant with a row of each kind.
    async fn open() -> Self {
        let mut desk = Desk::open().await;
        desk.become_role("admin").await;
        let (theirs, user) = desk.house.bed.seeded();
        desk.owner(&format!(
            "INSERT INTO routing_records (tenant_id, object, record_id, router_id, state, reason_code, first_seen_at, updated_at) \
             VALUES ('{}', 'Lead', '{RECORD}', '{}', 'failed', 'row_locked', now(), now())",
            theirs.uuid(),
            user.uuid()
        ));
        Self {
            desk,
            theirs,
            id: user.uuid().as_simple().to_string(),
        }
    }

    async fn close(self) {
        let _ = self.desk.stopper.send(true);
        self.desk.running.stop().await;
    }
}

#[tokio::test]
async fn another_tenants_ids_open_nothing_and_change_nothing() {
    let near = Neighbours::open().await;
    let before = contents(&near.desk, near.theirs);
    assert!(before.iter().filter(|table| !table.ends_with(": ")).count() > 20);
    let mut answers = BTreeMap::new();
    for route in expected() {
        let aimed = route.path.contains("{id}") || route.path.contains("{record_id}");
        if !aimed || matches!(route.access.as_str(), "public" | "knock") {
            continue;
        }
        let body = (route.method != Method::GET).then(|| body(&route));
        let path = address(&route, &near.id);
        let (status, answer) = near
            .desk
            .call(route.method.clone(), &path, body.as_ref())
            .await;
        let place = format!("{} {}", route.path, route.method);
        assert!(
            matches!(status, 403 | 404),
            "{place} answered {status}: {answer}"
        );
        answers.insert(place, status);
    }
    assert_eq!(contents(&near.desk, near.theirs), before);
    let lines: Vec<String> = answers
        .iter()
        .map(|(place, status)| format!("{place} {status}"))
        .collect();
    let found = format!(
        "# What an administrator is answered who asks for another tenant's ids: path, method, status.\n{}\n",
        lines.join("\n")
    );
    near.close().await;
    if std::env::var("REVKEEP_BLESS").is_ok() {
        let path = format!("{}/../golden/foreign-ids.txt", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, &found).unwrap();
        return;
    }
    assert_eq!(
        found,
        include_str!("../../golden/foreign-ids.txt"),
        "bless tests/golden/foreign-ids.txt with REVKEEP_BLESS=1 after reading the difference"
    );
}

/// The check above sees a row that changed.
#[tokio::test]
async fn a_change_of_the_other_tenant_would_be_seen() {
    let near = Neighbours::open().await;
    let before = contents(&near.desk, near.theirs);
    near.desk.owner(&format!(
        "UPDATE pools SET name = 'stolen' WHERE tenant_id = '{}'",
        near.theirs.uuid()
    ));
    assert_ne!(contents(&near.desk, near.theirs), before);
    near.close().await;
}

#[tokio::test]
async fn a_tenants_id_in_a_header_a_query_or_a_body_selects_nothing() {
    let near = Neighbours::open().await;
    let theirs = near.theirs.to_string();
    let before = contents(&near.desk, near.theirs);
    let mut asked = 0;
    for route in expected() {
        let plain = route.method == Method::GET
            && !route.path.contains('{')
            // What is read of the audit log is in it the next time; `audit_page` asks it.
            && !route.path.starts_with("/audit/")
            && !matches!(route.path.as_str(), "/events" | "/overview");
        if !plain || matches!(route.access.as_str(), "public" | "knock") {
            continue;
        }
        asked += 1;
        let (status, own) = near.desk.call(Method::GET, &route.path, None).await;
        let path = format!(
            "{}?tenant={theirs}&tenant_id={}",
            route.path,
            near.theirs.uuid()
        );
        let (aimed_status, aimed) = near.desk.get_as_tenant(&path, &theirs).await;
        let same = (aimed_status, without_request(aimed)) == (status, without_request(own));
        assert!(same, "{}", route.path);
    }
    assert!(asked > 10, "only {asked} routes were asked");

    for (method, path, body) in [
        (
            Method::POST,
            "/pools",
            json!({ "name": "p", "members": [] }),
        ),
        (
            Method::POST,
            "/invitations",
            json!({ "email": "e@acme.example", "roles": ["member"] }),
        ),
        (
            Method::POST,
            "/api-keys",
            json!({ "name": "k", "scopes": ["records:read"] }),
        ),
        (Method::PATCH, "/me", json!({ "name": "Ada" })),
        (
            Method::PATCH,
            "/tenant",
            json!({ "name": "Acme", "version": 1 }),
        ),
        (Method::POST, "/failures/retry", json!({})),
    ] {
        for name in ["tenant", "tenant_id", "tid"] {
            let mut crafted = body.clone();
            crafted[name] = json!(theirs);
            let (status, answer) = near.desk.call(method.clone(), path, Some(&crafted)).await;
            assert_eq!(status, 400, "{method} {path} {crafted}: {answer}");
        }
    }
    let switch = json!({ "tenant": theirs });
    let (status, _) = near
        .desk
        .call(Method::POST, "/session/tenant", Some(&switch))
        .await;
    assert_eq!(status, 404);
    assert_eq!(contents(&near.desk, near.theirs), before);
    near.close().await;
}
