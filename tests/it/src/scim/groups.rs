//! Groups, and the roles that an administrator lets them give.

use kernel::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Place, encoded, id, refusal, user_id};

async fn group(place: &Place, name: &str, members: &[&Value]) -> Value {
    let members: Vec<Value> = members
        .iter()
        .map(|person| json!({ "value": person["id"] }))
        .collect();
    let body = json!({ "displayName": name, "members": members });
    let (status, made) = place.ask(Method::POST, "/Groups", Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    made
}

async fn map(place: &Place, group: &Value, roles: &[&str]) -> (u16, Value) {
    let path = format!("/sso/scim/groups/{}", id(group));
    let body = json!({ "roles": roles });
    place.desk.call(Method::PUT, &path, Some(&body)).await
}

#[tokio::test]
async fn groups_give_roles_once_an_administrator_says_so() {
    let place = Place::open().await;
    let bob = place.person("bob@acme.example").await;
    let (carl, grant) = place.join("carl@acme.example", &[Role::Reviewer]).await;
    let carls = place.person("carl@acme.example").await;
    let ops = group(&place, "Sales operations", &[&bob]).await;
    let legal = group(&place, "Legal", &[&bob]).await;
    let bobs = || place.membership(user_id(&bob));
    assert_eq!(
        (bobs(), place.membership(carl)),
        (
            String::from("member active"),
            String::from("reviewer active")
        )
    );
    assert_eq!(
        place.get(&format!("/Users/{}", id(&bob))).await["groups"][0]["display"],
        "Legal"
    );

    let (status, view) = map(&place, &ops, &["admin"]).await;
    assert_eq!(
        (status, &view["members"], &view["roles"]),
        (200, &json!(1), &json!(["admin"]))
    );
    assert_eq!(bobs(), "admin active");
    assert_eq!(place.membership(carl), "member active", "in no group");
    let stale = place.console_says(&grant).await;
    assert_eq!(stale, 401, "a token with the older roles is worth nothing");
    map(&place, &legal, &["reviewer"]).await;
    assert_eq!(bobs(), "admin reviewer active");

    let patch = async |group: &Value, operation: Value| {
        let (status, answer) = place
            .patch(&format!("/Groups/{}", id(group)), json!([operation]))
            .await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let add = json!({ "op": "add", "path": "members", "value": [{ "value": carls["id"] }] });
    assert_eq!(
        patch(&legal, add).await["members"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(place.membership(carl), "reviewer active");
    let one = format!("members[value eq \"{}\"]", id(&bob));
    patch(&ops, json!({ "op": "remove", "path": one })).await;
    assert_eq!(bobs(), "reviewer active");
    place
        .ask(Method::DELETE, &format!("/Groups/{}", id(&legal)), None)
        .await;
    assert_eq!(
        (bobs(), place.membership(carl)),
        (String::from("member active"), String::from("member active"))
    );

    let overview = place.desk.get("/sso/scim").await;
    assert_eq!(overview["base_url"], "https://revkeep.example/scim/v2");
    assert_eq!(overview["users"], 2);
    assert_eq!(overview["groups"][0]["name"], "Sales operations");
    assert_eq!(
        overview["last_request_at"],
        overview["tokens"][0]["last_used_at"]
    );
    assert_eq!(overview["tokens"][0]["created_by"]["name"], "Ada Lovelace");
    assert!(!overview.to_string().contains(&place.token));
    for (action, outcomes) in [
        ("scim_group_create", 2),
        ("scim_group_update", 2),
        ("scim_group_delete", 1),
    ] {
        assert_eq!(place.trail(action), vec!["done"; outcomes], "{action}");
    }
    place.close().await;
}

#[tokio::test]
async fn no_group_gives_the_appliances_role_nor_takes_the_last_administrator() {
    let place = Place::open().await;
    let bob = place.person("bob@acme.example").await;
    let ops = group(&place, "Ops", &[&bob]).await;
    for roles in [
        &["super_admin"][..],
        &["admin", "super_admin"],
        &["admin", "admin"],
    ] {
        let (status, answer) = map(&place, &ops, roles).await;
        assert_eq!(
            (status, answer["code"].as_str()),
            (400, Some("roles_invalid")),
            "{roles:?}"
        );
    }
    let (status, _) = map(&place, &ops, &["owner"]).await;
    assert_eq!(status, 400);
    let check = "UPDATE scim_groups SET roles = ARRAY['super_admin']";
    let mut owner = crate::harness::connect(&place.desk.house.bed.database, "revkeep_owner");
    let error = diesel::connection::SimpleConnection::batch_execute(&mut owner, check).unwrap_err();
    assert!(error.to_string().contains("check constraint"), "{error}");

    assert_eq!(map(&place, &ops, &["admin"]).await.0, 200);
    place.desk.owner("UPDATE memberships SET owner = false; UPDATE memberships SET roles = '{member}' WHERE user_id IN (SELECT user_id FROM users WHERE super_admin)");
    let empty = json!({ "displayName": "Ops", "members": [] });
    let path = format!("/Groups/{}", id(&ops));
    let asked = place.ask(Method::PUT, &path, Some(&empty)).await;
    assert_eq!(refusal(asked), "409 last_admin");
    let asked = place.ask(Method::DELETE, &path, None).await;
    assert_eq!(refusal(asked), "409 last_admin");
    assert_eq!(place.membership(user_id(&bob)), "admin active");
    place.close().await;
}

#[tokio::test]
async fn groups_are_found_and_listed_without_their_members() {
    let place = Place::open().await;
    let bob = place.person("bob@acme.example").await;
    let sales = group(&place, "Sales", &[&bob]).await;
    // Groups are listed in the order in which they came.
    place.desk.house.advance(chrono::TimeDelta::seconds(1));
    group(&place, "Legal", &[]).await;
    let found = async |query: &str| place.get(&format!("/Groups?{query}")).await;
    let by_name = found(&format!("filter={}", encoded("displayName eq \"sales\""))).await;
    assert_eq!(by_name["Resources"][0]["id"], sales["id"]);
    let member = encoded(&format!("members.value eq \"{}\"", id(&bob)));
    let by_member = found(&format!("filter={member}&excludedAttributes=members")).await;
    assert_eq!(by_member["totalResults"], 1);
    assert!(by_member["Resources"][0].get("members").is_none());
    let all = found("").await;
    assert_eq!(all["Resources"][0]["members"][0]["value"], bob["id"]);

    // Who leaves the provider's care leaves its groups, which are changed by that.
    place
        .ask(Method::DELETE, &format!("/Users/{}", id(&bob)), None)
        .await;
    let after = place.get(&format!("/Groups/{}", id(&sales))).await;
    assert!(after.get("members").is_none());
    assert_ne!(after["meta"]["version"], sales["meta"]["version"]);
    place.close().await;
}
