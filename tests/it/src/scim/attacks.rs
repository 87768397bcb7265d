//! Bodies, paths and filters that a hostile or broken provider crafts: none gives a right, changes what
//! is not the provider's, or finds more than it says.

use kernel::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Place, encoded, id, user, user_id};

/// What somebody may do, and where: roles and owner's flag of every membership, and who runs the appliance.
fn rights(place: &Place) -> Vec<String> {
    place.desk.rows(
        "SELECT m.user_id || ' ' || m.tenant_id || ' ' || array_to_string(m.roles, '+') || ' ' || m.owner || ' ' || u.super_admin \
         FROM memberships m JOIN users u USING (user_id) ORDER BY 1",
    )
}

/// Members that no provider may set, under every name by which they might be known.
fn crafted(mut body: Value, group: &str, tenant: &str) -> Value {
    let more = json!({
        "roles": [{ "value": "admin", "primary": true }], "entitlements": [{ "value": "super_admin" }],
        "super_admin": true, "superAdmin": true, "owner": true, "epoch": 99, "state": "active",
        "tenant": tenant, "tenant_id": tenant, "home_tenant_id": tenant, "user_id": "user_00000000000000000000000000000007",
        "id": "user_00000000000000000000000000000007", "meta": { "version": "W/\"99\"" },
        "groups": [{ "value": group, "display": "Ops" }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "organization": tenant, "roles": ["admin"] },
        "urn:revkeep:roles": ["admin"], "__proto__": { "roles": ["admin"] },
    });
    let members = body.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn no_body_of_a_person_or_a_group_gives_a_right() {
    let place = Place::open().await;
    let (beta, _) = place.neighbour().await;
    let bob = place.person("bob@acme.example").await;
    // A group that makes administrators, with somebody in it, so that roles follow groups here.
    let ops = json!({ "displayName": "Ops", "members": [{ "value": bob["id"] }] });
    let (_, ops) = place.ask(Method::POST, "/Groups", Some(&ops)).await;
    let path = format!("/sso/scim/groups/{}", id(&ops));
    let map = json!({ "roles": ["admin"] });
    let (status, _) = place.desk.call(Method::PUT, &path, Some(&map)).await;
    assert_eq!(status, 200);
    let carl = place.person("carl@acme.example").await;
    let plain = format!("/Users/{}", id(&carl));
    assert_eq!(place.membership(user_id(&carl)), "member active");
    let before = rights(&place);

    let craft = |body: Value| crafted(body, &id(&ops), &beta.to_string());
    let body = craft(user("carl@acme.example"));
    let (status, answer) = place.ask(Method::PUT, &plain, Some(&body)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(rights(&place), before, "by PUT");
    let whole = json!([{ "op": "replace", "value": craft(json!({ "displayName": "Carl" })) }]);
    let (status, answer) = place.patch(&plain, whole).await;
    assert_eq!(rights(&place), before, "by PATCH: {status} {answer}");
    let made = craft(user("dora@acme.example"));
    let (status, dora) = place.ask(Method::POST, "/Users", Some(&made)).await;
    assert_eq!(status, 201, "{dora}");
    assert_eq!(place.membership(user_id(&dora)), "member active", "by POST");
    assert_ne!(id(&dora), "user_00000000000000000000000000000007");
    let before = rights(&place);

    let group = json!({ "displayName": "Pets", "roles": ["admin"], "members": [{ "value": dora["id"], "roles": ["admin"] }] });
    let (status, pets) = place.ask(Method::POST, "/Groups", Some(&group)).await;
    assert_eq!(status, 201, "{pets}");
    let at = format!("/Groups/{}", id(&pets));
    assert_eq!(place.ask(Method::PUT, &at, Some(&group)).await.0, 200);
    let change =
        json!([{ "op": "replace", "value": { "roles": ["admin"], "displayName": "Pets" } }]);
    place.patch(&at, change).await;
    assert_eq!(rights(&place), before, "by a group");
    let roles = "SELECT array_to_string(roles, '+') FROM scim_groups WHERE name = 'Pets'";
    assert_eq!(place.desk.rows(roles), [""]);
    place.close().await;
}

#[tokio::test]
async fn no_path_of_a_patch_reaches_what_is_not_the_providers() {
    let place = Place::open().await;
    let bob = place.person("bob@acme.example").await;
    let (_, group) = place
        .ask(
            Method::POST,
            "/Groups",
            Some(&json!({ "displayName": "Ops" })),
        )
        .await;
    let path = format!("/Users/{}", id(&bob));
    let before = (rights(&place), place.get(&path).await);
    let one = json!([{ "value": id(&group) }]);
    for (path_of, value, code) in [
        (
            "id",
            json!("user_00000000000000000000000000000007"),
            "mutability",
        ),
        (
            "ID",
            json!("user_00000000000000000000000000000007"),
            "mutability",
        ),
        ("meta", json!({ "version": "1" }), "mutability"),
        ("meta.version", json!("W/\"99\""), "mutability"),
        ("schemas", json!([]), "mutability"),
        ("groups", one.clone(), "mutability"),
        ("groups[value pr]", one.clone(), "mutability"),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:groups",
            one,
            "mutability",
        ),
        ("userName\u{0}", json!("x"), "invalidPath"),
        ("userName eq", json!("x"), "invalidPath"),
        ("../roles", json!(["admin"]), "invalidPath"),
        ("emails[value eq \"x\" or", json!("x"), "invalidPath"),
    ] {
        for op in ["add", "replace"] {
            let operation = json!([{ "op": op, "path": path_of, "value": value }]);
            let (status, answer) = place.patch(&path, operation).await;
            assert_eq!(
                (status, answer["scimType"].as_str()),
                (400, Some(code)),
                "{op} {path_of}: {answer}"
            );
        }
    }
    let gone = json!([{ "op": "remove", "path": "userName" }]);
    let (status, answer) = place.patch(&path, gone).await;
    assert_eq!(
        (status, answer["scimType"].as_str()),
        (400, Some("mutability"))
    );
    // Names that are nobody's are kept by nobody.
    for path_of in ["roles", "owner", "super_admin", "tenant", "password"] {
        let operation = json!([{ "op": "add", "path": path_of, "value": "admin" }]);
        place.patch(&path, operation).await;
    }
    let mut after = place.get(&path).await;
    let mut shown = before.1;
    for body in [&mut after, &mut shown] {
        body["meta"] = Value::Null;
    }
    assert_eq!((rights(&place), after), (before.0, shown));
    place.close().await;
}

#[tokio::test]
async fn no_filter_finds_more_than_it_says() {
    let place = Place::open().await;
    let (_, theirs) = place.neighbour().await;
    let (_, other) = place
        .ask_as(
            &theirs,
            Method::POST,
            "/Users",
            Some(&user("nina@beta.example")),
        )
        .await;
    assert!(other["id"].is_string(), "{other}");
    // A member whom no provider looks after.
    place.join("eve@acme.example", &[Role::Member]).await;
    place.person("bob@acme.example").await;
    place.person("carl@acme.example").await;
    for filter in [
        "userName eq \"' OR '1'='1\"",
        "userName eq \"bob@acme.example' --\"",
        "userName eq \"%\"",
        "userName sw \"%\"",
        "userName co \"_ob\"",
        "userName eq \"bob\\\" or id pr or userName eq \\\"\"",
        "userName eq \"nina@beta.example\"",
        "userName eq \"eve@acme.example\"",
        "userName eq \"canary-ada@acme.example\"",
        "userName eq \"bob@acme.example\" and userName eq \"carl@acme.example\"",
        "externalId eq \"\"",
        "externalId eq null",
        "password pr",
        "profile_sealed pr",
        "user_name_hash pr",
        "tenant pr or owner pr or roles pr or super_admin pr",
        "not (id pr)",
    ] {
        let body = place
            .get(&format!("/Users?filter={}", encoded(filter)))
            .await;
        assert_eq!(body["totalResults"], 0, "{filter}: {body}");
    }
    for filter in [
        "userName eq \"bob@acme.example\" or true",
        "userName eq \"bob@acme.example\" or 1 eq 1",
        "userName eq bob@acme.example",
        "userName eq \"bob@acme.example\"; DROP TABLE users",
        "1=1",
        "true",
        "\"\"",
        "()",
    ] {
        let asked = format!("/Users?filter={}", encoded(filter));
        let (status, body) = place.ask(Method::GET, &asked, None).await;
        assert_eq!(
            (status, body["scimType"].as_str()),
            (400, Some("invalidFilter")),
            "{filter}: {body}"
        );
    }
    // With what it says it does find, and of this tenant's provisioned people alone.
    let all = place
        .get(&format!("/Users?filter={}", encoded("id pr")))
        .await;
    assert_eq!(all["totalResults"], 2);
    let two = "userName eq \"bob@acme.example\" or userName eq \"nina@beta.example\"";
    let found = place.get(&format!("/Users?filter={}", encoded(two))).await;
    assert_eq!(found["totalResults"], 1);
    assert_eq!(found["Resources"][0]["userName"], "bob@acme.example");
    place.close().await;
}
