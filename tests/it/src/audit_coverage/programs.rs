//! What programs ask: an identity provider by SCIM, and a person's own program by OAuth.

use reqwest::Method;
use serde_json::{Value, json};

use super::walk::Walk;
use crate::scim::Place;

/// A provider's token makes, changes and removes people and groups.
pub(super) async fn scim(walk: &mut Walk) {
    let tenant = walk.desk.tenant();
    Place::verify(&walk.desk, tenant, "acme.example");
    let token = json!({ "name": "Entra ID", "expires_at": null });
    let token = walk.desk.post("/sso/scim/tokens", token).await;
    let token = token["secret"].as_str().unwrap().to_owned();
    let person = |active: bool| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "canary-eve@acme.example",
            "name": { "givenName": "Canary", "familyName": "Eve" }, "active": active,
            "emails": [{ "value": "canary-eve@acme.example", "type": "work", "primary": true }],
        })
    };
    let group = |name: &str, member: &Value| json!({ "displayName": name, "members": [{ "value": member }] });
    let active = |value: bool| json!({ "Operations": [{ "op": "replace", "path": "active", "value": value }] });
    let rename =
        json!({ "Operations": [{ "op": "replace", "path": "displayName", "value": "Third" }] });

    let eve = asked(walk, &token, "POST /Users", "", person(true)).await["id"].clone();
    let at_eve = format!("/{}", eve.as_str().unwrap());
    asked(walk, &token, "PUT /Users/{id}", &at_eve, person(false)).await;
    asked(walk, &token, "PATCH /Users/{id}", &at_eve, active(true)).await;
    let made = asked(walk, &token, "POST /Groups", "", group("First", &eve)).await;
    let at_group = format!("/{}", made["id"].as_str().unwrap());
    let second = group("Second", &eve);
    asked(walk, &token, "PUT /Groups/{id}", &at_group, second).await;
    asked(walk, &token, "PATCH /Groups/{id}", &at_group, rename).await;
    asked(walk, &token, "DELETE /Groups/{id}", &at_group, Value::Null).await;
    asked(walk, &token, "DELETE /Users/{id}", &at_eve, Value::Null).await;
}

/// Asks below `/scim/v2`; `end` stands for `/{id}`.
async fn asked(walk: &mut Walk, token: &str, route: &str, end: &str, body: Value) -> Value {
    let (method, path) = route.split_once(' ').unwrap();
    let path = format!("/scim/v2{}{end}", path.trim_end_matches("/{id}"));
    let method: Method = method.parse().unwrap();
    let mut request = walk.desk.outside(method, &path).bearer_auth(token);
    if !body.is_null() {
        let kind = "application/scim+json";
        request = request.header("content-type", kind).body(body.to_string());
    }
    let name = route.replacen(" /", " /scim/v2/", 1);
    let (status, answer, _) = walk.told(&name, request).await;
    assert!((200..300).contains(&status), "{route}: {status} {answer}");
    answer
}

/// A program asks for a session by a code, and a person gives it one.
pub(super) async fn oauth(walk: &mut Walk) {
    let ask = "client_id=revkeep-cli&scope=x";
    let asked = form(walk, "POST /oauth/device_authorization", ask).await;
    let code = asked["user_code"].as_str().unwrap();
    let approve = format!("/me/device-requests/{code}/approve");
    walk.desk.post(&approve, Value::Null).await;
    let exchange = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=revkeep-cli&device_code={}",
        asked["device_code"].as_str().unwrap()
    );
    let granted = form(walk, "POST /oauth/token", &exchange).await;
    let again = format!(
        "grant_type=refresh_token&client_id=revkeep-cli&refresh_token={}",
        granted["refresh_token"].as_str().unwrap()
    );
    form(walk, "POST /oauth/token", &again).await;
}

pub(super) async fn form(walk: &mut Walk, route: &str, body: &str) -> Value {
    let (_, path) = route.split_once(' ').unwrap();
    let request = walk.desk.outside(Method::POST, path).body(body.to_owned());
    let kind = "application/x-www-form-urlencoded";
    let (status, answer, _) = walk.told(route, request.header("content-type", kind)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}
