//! The plan test of identity: each list of people, access and provisioning, asked as the console and a
//! provider ask it, in a database that mostly holds another tenant's. The server's own counters say how
//! many rows were read by walking a whole table: none may be.
//!
//! A backend hands its counts over when it ends, so the daemon's connections are ended after each list.

use std::collections::BTreeMap;

use diesel::{PgConnection, connection::SimpleConnection};
use kernel::{Role, TenantId, UserId};
use reqwest::Method;
use serde_json::json;
use vault::Binding;

use crate::{
    harness::{column, connect},
    scim::Place,
};

/// People of the other tenant, enough that walking their tables is the dearer plan; and of ours.
const THEIRS: u32 = 20_000;
const OURS: u32 = 60;
const PROVISIONED: u32 = 6;

/// Another tenant with `{n}` of everything that people bring.
const FILL: &str = "
INSERT INTO tenants (tenant_id, name) VALUES ('{t}', 'Theirs');
CREATE TEMPORARY TABLE theirs AS SELECT i, gen_random_uuid() AS u, sha256(i::text::bytea) AS h FROM generate_series(1, {n}) i;
INSERT INTO users (user_id, email_hash, email_sealed, name) SELECT u, h, h, 'Person ' || i FROM theirs;
INSERT INTO memberships (tenant_id, user_id, roles) SELECT '{t}', u, '{member}' FROM theirs;
INSERT INTO sessions (session_id, user_id, tenant_id, created_at, expires_at, last_used_at)
  SELECT gen_random_uuid(), u, '{t}', now(), now() + interval '7 days', now() FROM theirs, generate_series(1, 2);
INSERT INTO refresh_tokens (token_id, session_id, user_id, hash, issued_at)
  SELECT gen_random_uuid(), session_id, user_id, sha256(session_id::text::bytea), now() FROM sessions WHERE tenant_id = '{t}';
INSERT INTO totp_factors (user_id, secret_sealed, created_at, confirmed_at) SELECT u, h, now(), now() FROM theirs;
INSERT INTO passkeys (passkey_id, user_id, credential_id, credential, name, created_at) SELECT u, u, h, '{}', 'k', now() FROM theirs;
INSERT INTO recovery_codes (user_id, hash, created_at) SELECT u, sha256(c::text::bytea), now() FROM theirs, generate_series(1, 4) c;
INSERT INTO known_devices (user_id, device_hash, first_seen_at, last_seen_at) SELECT u, h, now(), now() FROM theirs;
INSERT INTO invitations (tenant_id, invitation_id, email_hash, email_sealed, roles, invited_by, created_at, expires_at)
  SELECT '{t}', u, h, h, '{member}', u, now(), now() FROM theirs;
INSERT INTO support_visits (tenant_id, visit_id, user_id, session_id, home_tenant, reason, wants_write, started_at, ends_at)
  SELECT '{t}', u, u, u, '{t}', 'r', false, now(), now() FROM theirs;
INSERT INTO api_keys (tenant_id, key_id, name, secret_hash, scopes, created_by, created_at)
  SELECT '{t}', u, 'n', 'h', '{s}', u, now() FROM theirs;
INSERT INTO sso_providers (tenant_id, provider_id, kind, name, enabled, issuer, client_id, create_members, created_at, updated_at)
  SELECT '{t}', u, 'oidc', 'n', true, 'https://idp.example/' || i, 'c', true, now(), now() FROM theirs;
INSERT INTO sso_domains (tenant_id, domain, provider_id, created_at) SELECT '{t}', i || '.example', u, now() FROM theirs;
INSERT INTO sso_identities (tenant_id, issuer, subject, provider_id, user_id, created_at, last_used_at)
  SELECT '{t}', 'i', u::text, u, u, now(), now() FROM theirs;
INSERT INTO scim_tokens (tenant_id, token_id, name, secret_hash, created_by, created_at) SELECT '{t}', u, 'n', h, u, now() FROM theirs;
INSERT INTO scim_users (tenant_id, user_id, user_name_hash, external_hash, profile_sealed, created_at, updated_at)
  SELECT '{t}', u, h, h, h, now(), now() FROM theirs;
INSERT INTO scim_groups (tenant_id, group_id, name, created_at, updated_at) SELECT '{t}', u, 'n', now(), now() FROM theirs;
INSERT INTO scim_group_members (tenant_id, group_id, user_id) SELECT '{t}', u, u FROM theirs;
INSERT INTO audit_log (tenant_id, at, audit_id, actor_kind, actor_id, action, outcome, resource_type, resource_id)
  SELECT '{t}', now(), u, 'system', 'x', 'x', 'done', 'x', 'x' FROM theirs;
";

/// Rows that were read by walking a table so far, for each table that the other tenant fills.
fn walked(superuser: &mut PgConnection) -> BTreeMap<String, i64> {
    let rows = column(
        superuser,
        "SELECT relname || ' ' || seq_tup_read FROM pg_stat_user_tables WHERE relname ~ \
         '^(users|memberships|sessions|refresh_tokens|totp_factors|passkeys|recovery_codes|known_devices|\
           invitations|support_visits|api_keys|sso_providers|sso_domains|sso_identities|scim_.*|audit_log.*)$'",
    );
    let read = |row: &String| {
        let (table, rows) = row.split_once(' ').unwrap();
        (table.to_owned(), rows.parse().unwrap())
    };
    rows.iter().map(read).collect()
}

/// Ends the daemon's connections, and with that has them tell what they read.
fn settle(superuser: &mut PgConnection) {
    let ended = column(
        superuser,
        "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    assert!(ended.iter().all(|ended| ended == "true"), "{ended:?}");
}

struct Stage {
    place: Place,
    superuser: PgConnection,
    someone: String,
    group: String,
}

impl Stage {
    async fn filled() -> Self {
        let place = Place::open().await;
        let desk = &place.desk;
        let ada = place.ada().await;
        let mut people = Vec::new();
        for n in 0..PROVISIONED {
            let person = place.person(&format!("person{n}@acme.example")).await;
            people.push(person["id"].as_str().unwrap().to_owned());
        }
        let members: Vec<_> = people.iter().map(|id| json!({ "value": id })).collect();
        let group = json!({ "displayName": "Sales", "members": members });
        let (status, group) = place.ask(Method::POST, "/Groups", Some(&group)).await;
        assert_eq!(status, 201, "{group}");
        let group = group["id"].as_str().unwrap().to_owned();
        for n in 0..OURS {
            member(&place, n).await;
        }
        let identity = &desk.house.identity;
        for n in 0..3 {
            let address = format!("guest{n}@acme.example");
            let invited = identity.invitation_create(&ada, &address, vec![Role::Member]);
            invited.await.unwrap();
        }
        let key = json!({ "name": "Warehouse", "scopes": ["records:read"], "expires_at": null });
        desk.post("/api-keys", key).await;
        let theirs = kernel::id::uuid_at(&kernel::SystemClock);
        let fill = FILL
            .replace("{t}", &theirs.to_string())
            .replace("{n}", &THEIRS.to_string());
        let mut superuser = connect(&desk.house.bed.database, "postgres");
        // It takes longer than the daemon keeps a client waiting, which the client must see meanwhile.
        let superuser = tokio::task::spawn_blocking(move || {
            superuser.batch_execute(&fill).unwrap();
            superuser.batch_execute("ANALYZE").unwrap();
            superuser
        });
        let superuser = superuser.await.unwrap();
        Self {
            someone: people.remove(0),
            group,
            place,
            superuser,
        }
    }

    /// What `ask` read by walking tables.
    async fn cost(&mut self, ask: impl AsyncFnOnce(&Place)) -> BTreeMap<String, i64> {
        settle(&mut self.superuser);
        let before = walked(&mut self.superuser);
        ask(&self.place).await;
        settle(&mut self.superuser);
        let mut after = walked(&mut self.superuser);
        for (table, rows) in &mut after {
            *rows -= before.get(table).copied().unwrap_or_default();
        }
        after.retain(|_, rows| *rows != 0);
        after
    }
}

/// Somebody of our tenant whose address opens.
async fn member(place: &Place, n: u32) {
    let bed = &place.desk.house.bed;
    let user = UserId::generate(&kernel::SystemClock);
    let owner = user.to_string();
    let binding = Binding {
        provider: "identity",
        owner: &owner,
        column: "users.email_sealed",
    };
    let address = format!("member{n}@acme.example");
    let sealed = bed
        .vault
        .seal(TenantId::PLATFORM, &binding, address.as_bytes());
    let hex: String = sealed
        .await
        .unwrap()
        .to_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    bed.owner(&format!(
        "INSERT INTO users (user_id, email_hash, email_sealed, name) VALUES ('{0}', sha256('{0}'), '\\x{hex}', 'Member {n}'); \
         INSERT INTO memberships (tenant_id, user_id, roles) VALUES ('{1}', '{0}', '{{member}}')",
        user.uuid(),
        place.desk.tenant().uuid()
    ));
}

#[tokio::test]
async fn every_list_of_people_and_access_reaches_its_rows_by_an_index() {
    let mut stage = Stage::filled().await;
    let console = [
        ("/members?limit=50", "/items/49"),
        ("/members?state=active&search=Member", "/items/0"),
        ("/invitations", "/items/0"),
        ("/api-keys", "/items/0"),
        ("/me/sessions", "/items/0"),
        ("/me/factors", "/totp"),
        ("/sso/providers", "/items/0"),
        ("/sso/scim", "/groups/0"),
        ("/sso/settings", ""),
        ("/support-visits", "/items"),
        ("/tenant", "/name"),
    ];
    for (path, shows) in console {
        let walked = stage
            .cost(async |place| {
                let answer = place.desk.get(path).await;
                assert!(answer.pointer(shows).is_some(), "{path}: {answer}");
            })
            .await;
        assert_eq!(walked, BTreeMap::new(), "{path} walked whole tables");
    }
    let (person, group) = (stage.someone.clone(), stage.group.clone());
    let provider = [
        ("/Users?startIndex=2&count=3".to_owned(), "/Resources/2"),
        (
            "/Users?filter=userName%20eq%20%22person1@acme.example%22".to_owned(),
            "/Resources/0",
        ),
        (
            "/Users?filter=externalId%20eq%20%22ext-person1@acme.example%22".to_owned(),
            "/Resources/0",
        ),
        (format!("/Users/{person}"), "/userName"),
        ("/Groups".to_owned(), "/Resources/0"),
        (format!("/Groups/{group}"), "/members/0"),
    ];
    for (path, shows) in provider {
        let walked = stage
            .cost(async |place| {
                let (status, answer) = place.ask(Method::GET, &path, None).await;
                assert!(
                    status == 200 && answer.pointer(shows).is_some(),
                    "{path}: {answer}"
                );
            })
            .await;
        assert_eq!(walked, BTreeMap::new(), "{path} walked whole tables");
    }
    stage.place.close().await;
}

/// The counters see a list whose index is not used, so that none is no accident.
#[tokio::test]
async fn a_list_that_walks_its_table_is_found() {
    let mut stage = Stage::filled().await;
    stage
        .superuser
        .batch_execute("ALTER TABLE memberships DROP CONSTRAINT memberships_pkey CASCADE")
        .unwrap();
    let walked = stage
        .cost(async |place| {
            let members = place.desk.get("/members?limit=50").await;
            assert!(members.pointer("/items/49").is_some());
        })
        .await;
    let rows = walked.get("memberships").copied().unwrap_or_default();
    assert!(rows >= i64::from(THEIRS), "{walked:?}");
    stage.place.close().await;
}
