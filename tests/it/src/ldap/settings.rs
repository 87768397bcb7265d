//! What an administrator sets, tests and may not reach.

use identity::sso::{LdapSettings, Protocol, Sso};
use kernel::TenantId;
use reqwest::Method;
use serde_json::json;
use stack::directory::PASSWORD;

use super::{OPS, Table, input};
use crate::{console_desk::Desk, sso::code};

#[tokio::test]
async fn a_directory_of_another_tenant_opens_nothing_here() {
    let table = Table::lay().await;
    let provider = table.provider(table.settings()).await;
    let mut desk = Desk::open().await;
    // Of the other tenant, in this desk's own database.
    let other = desk.house.bed.tenant().tenant;
    let theirs = kernel::ProviderId::generate(&kernel::SystemClock);
    let settings = serde_json::to_string(&table.settings()).unwrap();
    desk.owner(&format!(
        "INSERT INTO sso_providers (tenant_id, provider_id, kind, name, enabled, issuer, directory, create_members, created_at, updated_at) \
         VALUES ('{}', '{}', 'ldap', 'P', true, 'ldap:x', '{settings}', true, now(), now())",
        other.uuid(),
        theirs.uuid(),
    ));
    for path in [
        format!("/sso/providers/{theirs}/test-directory"),
        format!("/sso/providers/{theirs}/test"),
    ] {
        let (status, told) = desk.call(Method::POST, &path, Some(&json!({}))).await;
        assert_eq!(
            (status, told["code"].as_str()),
            (404, Some("provider_not_found"))
        );
    }
    let sign_in = json!({ "provider": theirs, "user": "ada", "password": PASSWORD });
    let (status, told) = desk
        .call(Method::POST, "/sso/ldap/sign-in", Some(&sign_in))
        .await;
    assert_eq!(
        (status, told["code"].as_str()),
        (503, Some("ldap_unreachable"))
    );
    let audited = desk.rows("SELECT tenant_id::text FROM audit_log WHERE code LIKE 'ldap_%'");
    assert_eq!(audited, [other.uuid().to_string()]);
    for (body, wanted) in [
        (
            json!({ "provider": provider.id, "user": "ada", "password": PASSWORD }),
            (404, "provider_not_found"),
        ),
        (
            json!({ "provider": theirs, "user": "ada", "password": "" }),
            (401, "invalid_credentials"),
        ),
    ] {
        let (status, told) = desk
            .call(Method::POST, "/sso/ldap/sign-in", Some(&body))
            .await;
        assert_eq!((status, told["code"].as_str()), (wanted.0, Some(wanted.1)));
    }
    desk.become_role("member").await;
    let path = format!("/sso/providers/{theirs}/test-directory");
    assert_eq!(
        desk.call(Method::POST, &path, Some(&json!({}))).await.0,
        403
    );
    desk.running.stop().await;

    // Where it does open, it opens its own tenant alone.
    let grant = table.enter(&provider, "ada", PASSWORD).await.unwrap();
    let who = table.place.who(&grant).await.unwrap();
    let moved = table
        .place
        .house
        .identity
        .tenant_switch(&who, TenantId::from_uuid(other.uuid()))
        .await;
    assert_ne!(code(moved), "ok");
}

#[tokio::test]
async fn a_test_says_which_step_failed_and_asks_for_nobodys_password() {
    let table = Table::lay().await;
    let steps = async |sso: &Sso, settings: LdapSettings, user: Option<&str>| {
        let provider = sso
            .provider_create(&table.who, input(settings))
            .await
            .unwrap();
        let probe = sso
            .directory_test(&table.who, provider.id, user)
            .await
            .unwrap();
        sso.provider_delete(&table.who, provider.id).await.unwrap();
        let steps: Vec<_> = probe
            .steps
            .iter()
            .map(|step| format!("{}:{}", step.step, step.code.unwrap_or("ok")))
            .collect();
        (steps.join(" "), probe.person)
    };
    let (told, person) = steps(&table.sso, table.settings(), Some("ada")).await;
    assert_eq!(told, "connect:ok tls:ok bind:ok search:ok groups:ok");
    let person = person.unwrap();
    assert_eq!(person.name.as_deref(), Some("Ada of the directory"));
    assert_eq!(person.groups, [OPS]);
    let (told, person) = steps(&table.sso, table.settings(), None).await;
    assert_eq!(
        (told.as_str(), person.is_none()),
        ("connect:ok tls:ok bind:ok", true)
    );
    let with = |change: fn(&mut LdapSettings)| {
        let mut settings = table.settings();
        change(&mut settings);
        settings
    };
    for (settings, user, wanted) in [
        (
            table.settings(),
            "nobody",
            "connect:ok tls:ok bind:ok search:ldap_not_found",
        ),
        (
            table.settings(),
            "twin",
            "connect:ok tls:ok bind:ok search:ldap_not_unique",
        ),
        (
            with(|s| s.subject_attribute = String::from("objectGUID")),
            "ada",
            "connect:ok tls:ok bind:ok search:ldap_no_subject",
        ),
        (
            with(|s| s.bind_dn = Some(String::from("cn=other,dc=corp,dc=example"))),
            "ada",
            "connect:ok tls:ok bind:ldap_account_refused",
        ),
        (
            with(|s| s.ca = None),
            "ada",
            "connect:ok tls:ldap_not_trusted",
        ),
        (
            with(|s| s.servers = vec![String::from("ldaps://localhost:9")]),
            "ada",
            "connect:ldap_no_connection",
        ),
        (
            with(|s| {
                (s.bind_dn, s.bind_template) = (None, Some(String::from("{user}@corp.example")))
            }),
            "ada",
            "connect:ok tls:ok",
        ),
    ] {
        assert_eq!(steps(&table.sso, settings, Some(user)).await.0, wanted);
    }
    // The service account's password is sealed, and in nothing that is written down.
    table.provider(table.settings()).await;
    for sql in [
        "SELECT count(*) FROM sso_providers p WHERE p::text LIKE '%Canary-service%'",
        "SELECT count(*) FROM audit_log a WHERE a::text LIKE '%Canary-service%'",
    ] {
        assert_eq!(table.rows(sql), ["0"]);
    }
    assert_eq!(
        table.rows("SELECT count(*) FROM sso_providers WHERE client_secret_sealed IS NOT NULL"),
        ["1"]
    );
}

#[tokio::test]
async fn a_changed_directory_keeps_its_password_only_where_it_was() {
    let table = Table::lay().await;
    let provider = table.provider(table.settings()).await;
    let change = async |version, change: fn(&mut LdapSettings)| {
        let mut settings = table.settings();
        change(&mut settings);
        let mut input = input(settings);
        if let Protocol::Ldap(ldap) = &mut input.protocol {
            ldap.bind_password = None;
        }
        code(
            table
                .sso
                .provider_update(&table.who, provider.id, version, input)
                .await,
        )
    };
    assert_eq!(
        change(1, |s| s.servers.push(String::from("ldaps://evil.example"))).await,
        "ldap_password_again"
    );
    assert_eq!(
        change(1, |s| s.subject_attribute = String::from("objectGUID")).await,
        "ldap_subject_fixed"
    );
    assert_eq!(
        change(1, |s| s.person_filter =
            String::from("(|(uid={user})(mail={user}))"))
        .await,
        "ok"
    );
    let by_mail = table
        .enter(&provider, "canary-ada.directory@acme.example", PASSWORD)
        .await;
    assert!(by_mail.is_ok(), "with the password that was kept");
}
