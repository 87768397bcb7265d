//! Whom a provider does not reach: the owner, the last administrator, whoever runs the appliance, people
//! of other tenants, and addresses that are not its own.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Place, id, refusal, user, user_id};
use crate::console_desk::EMAIL;

use kernel::Role;

/// Every row that could tell of a change.
fn state(place: &Place) -> Vec<String> {
    let mut rows = Vec::new();
    for table in [
        "users",
        "memberships",
        "sessions",
        "scim_users",
        "scim_groups",
        "scim_group_members",
    ] {
        rows.extend(
            place
                .desk
                .rows(&format!("SELECT t::text FROM {table} t ORDER BY 1")),
        );
    }
    rows
}

#[tokio::test]
async fn the_owner_the_last_administrator_and_a_super_admin_are_never_taken_over() {
    let place = Place::open().await;
    for (sql, code) in [
        ("SELECT 1", "403 scim_super_admin"),
        ("UPDATE users SET super_admin = false", "403 scim_owner"),
        (
            "UPDATE memberships SET owner = false",
            "403 scim_last_admin",
        ),
    ] {
        place.desk.owner(sql);
        let before = state(&place);
        let asked = place.ask(Method::POST, "/Users", Some(&user(EMAIL))).await;
        assert_eq!(refusal(asked), code);
        assert_eq!(state(&place), before, "{code}");
    }
    let refused = [
        "refused scim_last_admin",
        "refused scim_owner",
        "refused scim_super_admin",
    ];
    assert_eq!(place.trail("scim_user_create"), refused);
    place.close().await;
}

#[tokio::test]
async fn a_provisioned_person_who_became_one_of_them_is_not_changed() {
    let place = Place::open().await;
    let bob = place.person("bob@acme.example").await;
    let (bob_id, path) = (user_id(&bob).uuid(), format!("/Users/{}", id(&bob)));
    let set = |sql: &str| place.desk.owner(&sql.replace("{bob}", &bob_id.to_string()));
    for (sql, code) in [
        (
            "UPDATE users SET super_admin = true WHERE user_id = '{bob}'",
            "403 scim_super_admin",
        ),
        (
            "UPDATE users SET super_admin = false WHERE user_id = '{bob}'; UPDATE memberships SET owner = false; \
             UPDATE memberships SET owner = true, roles = '{admin}' WHERE user_id = '{bob}'",
            "403 scim_owner",
        ),
        (
            "UPDATE memberships SET owner = false; UPDATE memberships SET roles = '{member}' WHERE user_id <> '{bob}'",
            "403 scim_last_admin",
        ),
    ] {
        set(sql);
        let before = state(&place);
        let mut renamed = user("bob@acme.example");
        renamed["displayName"] = json!("Taken Over");
        for asked in [
            place.activate(&id(&bob), false).await,
            place.ask(Method::DELETE, &path, None).await,
            place.ask(Method::PUT, &path, Some(&renamed)).await,
        ] {
            assert_eq!(refusal(asked), code);
        }
        assert_eq!(state(&place), before, "{code}");
    }
    assert_eq!(place.trail("scim_user_delete").len(), 3);
    place.close().await;
}

#[tokio::test]
async fn an_account_that_is_another_tenants_is_neither_taken_nor_seen() {
    let place = Place::open().await;
    let (beta, theirs) = place.neighbour().await;
    // Somebody with an address of ours who is a member there alone.
    let (eve, _) = place.join("eve@acme.example", &[Role::Member]).await;
    place.desk.owner(&format!(
        "UPDATE memberships SET tenant_id = '{}' WHERE user_id = '{}'",
        beta.uuid(),
        eve.uuid()
    ));
    let before = state(&place);
    let asked = place
        .ask(Method::POST, "/Users", Some(&user("eve@acme.example")))
        .await;
    assert_eq!(refusal(asked), "409 scim_account_elsewhere");
    assert_eq!(state(&place), before);

    // What is provisioned here is not there for the neighbour's token, whatever it asks.
    let bob = place.person("bob@acme.example").await;
    let group = json!({ "displayName": "Sales", "members": [{ "value": bob["id"] }] });
    let (_, group) = place.ask(Method::POST, "/Groups", Some(&group)).await;
    let before = state(&place);
    let patch = json!({ "Operations": [{ "op": "replace", "path": "active", "value": false }] });
    let rename =
        json!({ "Operations": [{ "op": "replace", "path": "displayName", "value": "X" }] });
    for (kind, target, patch, put) in [
        ("Users", id(&bob), patch, user("bob@acme.example")),
        ("Groups", id(&group), rename, json!({ "displayName": "X" })),
    ] {
        let path = format!("/{kind}/{target}");
        for (method, body) in [
            (Method::GET, None),
            (Method::PATCH, Some(&patch)),
            (Method::PUT, Some(&put)),
            (Method::DELETE, None),
        ] {
            let (status, answer) = place.ask_as(&theirs, method.clone(), &path, body).await;
            assert_eq!(status, 404, "{method} {path}: {answer}");
        }
        let (_, listed) = place
            .ask_as(&theirs, Method::GET, &format!("/{kind}"), None)
            .await;
        assert_eq!(listed["totalResults"], 0, "{kind}");
    }
    let (status, _) = place
        .ask_as(
            &theirs,
            Method::POST,
            "/Users",
            Some(&user("bob@acme.example")),
        )
        .await;
    assert_eq!(status, 400, "nor is our domain theirs");
    let group = json!({ "displayName": "G", "members": [{ "value": bob["id"] }] });
    let asked = place
        .ask_as(&theirs, Method::POST, "/Groups", Some(&group))
        .await;
    assert_eq!(refusal(asked), "400 scim_member_unknown");
    assert_eq!(state(&place), before);
    place.close().await;
}

#[tokio::test]
async fn who_is_a_member_elsewhere_too_loses_this_tenant_alone() {
    let place = Place::open().await;
    let (beta, _) = place.neighbour().await;
    let (bob, grant) = place.join("bob@acme.example", &[Role::Member]).await;
    place.desk.owner(&format!(
        "INSERT INTO memberships (tenant_id, user_id, roles) VALUES ('{}', '{}', '{{member}}')",
        beta.uuid(),
        bob.uuid()
    ));
    let house = &place.desk.house;
    let who = house.who(&grant).await.unwrap();
    let there = house.identity.tenant_switch(&who, beta).await.unwrap();
    let name = "SELECT name FROM users WHERE email_hash IS NOT NULL ORDER BY name";
    let named = place.desk.rows(name);
    let person = place.person("bob@acme.example").await;
    let (status, _) = place.activate(&id(&person), false).await;
    assert_eq!(status, 200);
    assert_eq!(place.membership(bob), "member deactivated");
    assert!(
        house.who(&there).await.is_ok(),
        "the other tenant's session lives on"
    );
    assert_eq!(
        place.desk.rows(name),
        named,
        "the account is not ours to rename"
    );
    place.close().await;
}

#[tokio::test]
async fn an_address_is_the_tenants_to_give_only_where_domain_and_account_are_its_own() {
    let place = Place::open().await;
    for name in ["bob@other.example", "bob@sub.acme.example", "bob"] {
        let (status, answer) = place.ask(Method::POST, "/Users", Some(&user(name))).await;
        assert_eq!(
            (status, answer["scimType"].as_str()),
            (400, Some("invalidValue")),
            "{name}"
        );
    }
    place
        .desk
        .owner("UPDATE sso_domains SET verified_at = NULL");
    let asked = place
        .ask(Method::POST, "/Users", Some(&user("bob@acme.example")))
        .await;
    assert_eq!(refusal(asked), "400 scim_domain_unverified");
    place
        .desk
        .owner("UPDATE sso_domains SET verified_at = now()");

    let readdress = async |person: &Value, to: &str| {
        let operation = json!([{ "op": "replace", "path": "emails", "value": [{ "value": to }] }]);
        place
            .patch(&format!("/Users/{}", id(person)), operation)
            .await
    };
    let hashes = "SELECT encode(email_hash, 'hex') FROM users ORDER BY 1";
    let made = place.person("bob@acme.example").await;
    let before = place.desk.rows(hashes);
    assert_eq!(readdress(&made, "robert@acme.example").await.0, 200);
    assert_ne!(
        place.desk.rows(hashes),
        before,
        "an account of the tenant's own"
    );
    let before = place.desk.rows(hashes);
    assert_eq!(
        refusal(readdress(&made, "bob@other.example").await),
        "400 scim_domain_unverified"
    );
    assert_eq!(refusal(readdress(&made, EMAIL).await), "409 already_exists");
    let (beta, _) = place.neighbour().await;
    place.desk.owner(&format!(
        "INSERT INTO memberships (tenant_id, user_id, roles) VALUES ('{}', '{}', '{{member}}')",
        beta.uuid(),
        user_id(&made).uuid()
    ));
    // The next reset link would go to whoever reads the new address, and open the other tenant.
    assert_eq!(
        refusal(readdress(&made, "evil@acme.example").await),
        "403 scim_address_fixed"
    );
    place.join("carl@acme.example", &[Role::Member]).await;
    let before_carl = place.desk.rows(hashes);
    let carl = place.person("carl@acme.example").await;
    assert_eq!(
        refusal(readdress(&carl, "evil@acme.example").await),
        "403 scim_address_fixed"
    );
    assert_eq!(place.desk.rows(hashes), before_carl);
    assert!(before.iter().all(|hash| before_carl.contains(hash)));
    place.close().await;
}
