//! A tenant with records and routing, a neighbour with the same, and keys.

use kernel::{ApiKeyId, TenantId};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::console_desk::Desk;

pub(crate) struct Door {
    pub(crate) desk: Desk,
    pub(crate) neighbour: TenantId,
}

/// What is planted where no machine may see it.
pub(crate) const CANARY: &str = "zyxcanary";

impl Door {
    pub(crate) async fn open() -> Self {
        let mut desk = Desk::open().await;
        desk.token = desk.sign_in().await;
        let neighbour = desk.house.bed.tenant().tenant;
        desk.owner(&rows(desk.tenant(), "Visible", 5));
        desk.owner(&rows(neighbour, CANARY, 9));
        Self { desk, neighbour }
    }

    pub(crate) async fn made(&self, scope: &str) -> (ApiKeyId, String) {
        let key = json!({ "name": format!("{CANARY} key"), "scopes": [scope] });
        let made = self.desk.post("/api-keys", key).await;
        let id = made["id"].as_str().unwrap().parse().unwrap();
        (id, made["secret"].as_str().unwrap().to_owned())
    }

    pub(crate) async fn key(&self, scope: &str) -> String {
        self.made(scope).await.1
    }

    pub(crate) fn request(&self, method: Method, key: &str, path: &str) -> RequestBuilder {
        let path = format!("{}{path}", gateway::BASE);
        self.desk.outside(method, &path).bearer_auth(key)
    }

    pub(crate) async fn ask(&self, key: &str, path: &str) -> (u16, Value) {
        let answer = self.request(Method::GET, key, path).send().await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub(crate) async fn good(&self, key: &str, path: &str) -> Value {
        let (status, body) = self.ask(key, path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub(crate) async fn close(self) {
        let _ = self.desk.stopper.send(true);
        self.desk.running.stop().await;
    }
}

/// A member of each item.
pub(crate) fn strings(items: &Value, member: &str) -> Vec<String> {
    let text = |item: &Value| item[member].as_str().unwrap().to_owned();
    items.as_array().unwrap().iter().map(text).collect()
}

/// A route's address with something that is there.
pub(crate) fn address(path: &str) -> String {
    path.replace("{object}", "Lead")
        .replace("{id}", "00Q00000000001AAAA")
}

/// `count` leads whose companies begin with `word`, of which one waits and one failed, and two entries of the log.
fn rows(tenant: TenantId, word: &str, count: u8) -> String {
    let t = tenant.uuid();
    let fields = [("Company", true), ("Email", false)].map(|(name, searchable)| {
        format!(
            "INSERT INTO layer_fields (tenant_id, field_id, object, name, label, data_type, data_class, reason, searchable, added_at) \
             VALUES ('{t}', md5('{t}{name}')::uuid, 'Lead', '{name}', '{name}', 'string', 'crm_business', 'Rules read it', {searchable}, now());"
        )
    });
    format!(
        "{} \
         INSERT INTO layer_records (tenant_id, object, record_id, owner_id, fields, source_modified_at, imported_at) \
         SELECT '{t}', 'Lead', '00Q0000000000' || n || 'AAAA', '005000000000001AAA', jsonb_build_object( \
           'Company', '{word} ' || n, 'Email', 'lead' || n || '@acme.example', 'Secret__c', '{CANARY} secret'), \
           now(), timestamptz '2026-01-01' + make_interval(days => n - 1) FROM generate_series(1, {count}) AS n; \
         INSERT INTO layer_values (tenant_id, field_id, value, record_id) \
         SELECT '{t}', md5('{t}Company')::uuid, lower('{word} ') || n, '00Q0000000000' || n || 'AAAA' FROM generate_series(1, {count}) AS n; \
         INSERT INTO routers (tenant_id, router_id, object, enrollment, canonical, created_at, updated_at) \
         VALUES ('{t}', '{t}', 'Lead', '{CANARY}', '{CANARY}', now(), now()); \
         INSERT INTO rules (tenant_id, rule_id, router_id, position, name, enabled, condition, target, created_at, updated_at) \
         VALUES ('{t}', '{t}', '{t}', 1, 'Rule', true, '{{\"{CANARY}\": 1}}', '{{}}', now(), now()); \
         INSERT INTO reps (tenant_id, rep_id, external_id, name, active, synced_at) VALUES ('{t}', '{t}', '005000000000001AAA', 'Rita', true, now()); \
         INSERT INTO pools (tenant_id, pool_id, name, created_at, updated_at) VALUES ('{t}', '{t}', 'Pool', now(), now()); \
         INSERT INTO pool_members (tenant_id, pool_id, rep_id, weight) VALUES ('{t}', '{t}', '{t}', 3); \
         INSERT INTO routing_records (tenant_id, object, record_id, router_id, state, reason_code, first_seen_at, updated_at) VALUES \
           ('{t}', 'Lead', '00Q00000000003AAAA', '{t}', 'failed', 'no_rule', now(), now()), \
           ('{t}', 'Lead', '00Q00000000004AAAA', '{t}', 'postponed', NULL, now(), now()), \
           ('{t}', 'Lead', '00Q00000000005AAAA', '{t}', 'baseline', NULL, now(), now()); \
         INSERT INTO assignments (tenant_id, decided_at, assignment_id, object, record_id, router_id, rules_version, rule_id, rule_version, target_kind, target_id, rep_id, new_owner, state, reasons) VALUES \
           ('{t}', now() - interval '2 hours', md5('{t}1')::uuid, 'Lead', '00Q00000000001AAAA', '{t}', 1, NULL, NULL, 'queue', '{t}', NULL, 'x', 'failed', '{{\"{CANARY}\": 1}}'), \
           ('{t}', now() - interval '1 hour', md5('{t}2')::uuid, 'Lead', '00Q00000000002AAAA', '{t}', 1, '{t}', 1, 'pool', '{t}', '{t}', 'x', 'assigned', '{{}}');",
        fields.join(" ")
    )
}
