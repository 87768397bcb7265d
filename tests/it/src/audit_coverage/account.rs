//! What a person does with their own account, and at the door.

use serde_json::{Value, json};

use super::{
    LAST_PASSWORD,
    walk::{Walk, id},
};
use crate::{
    console_desk::{EMAIL, PASSWORD},
    passkeys::Device,
};

/// One's own account.
pub(super) async fn account(walk: &mut Walk) {
    walk.plain("PATCH /me", json!({ "name": "canary-ada the second" }))
        .await;
    let options = walk
        .plain("POST /me/factors/passkeys/begin", json!({}))
        .await;
    let mut device = Device::new(b"laptop");
    let credential = device.create(&options);
    let passkey = json!({ "name": "Laptop", "credential": credential });
    let added = walk.plain("POST /me/factors/passkeys", passkey).await;
    let passkey = id(&added["passkey"]);
    let path = format!("/me/factors/passkeys/{passkey}");
    walk.good(
        "PATCH /me/factors/passkeys/{id}",
        &path,
        json!({ "name": "Old laptop" }),
    )
    .await;
    by_passkey(walk, &mut device).await;
    walk.plain("DELETE /me/factors/totp", Value::Null).await;
    let setup = walk.plain("POST /me/factors/totp", json!({})).await;
    walk.desk.phone.add(setup["secret"].as_str().unwrap());
    let code = json!({ "code": walk.desk.phone.code() });
    walk.plain("POST /me/factors/totp/confirm", code).await;
    walk.good("DELETE /me/factors/passkeys/{id}", &path, Value::Null)
        .await;
    walk.plain("POST /me/factors/recovery", json!({})).await;
    walk.plain("POST /session/step-up/begin", json!({})).await;
    let code = walk.desk.phone.code();
    walk.plain("POST /session/step-up", json!({ "totp": code }))
        .await;
    for verb in ["approve", "deny"] {
        let asked = walk
            .desk
            .form(
                "/oauth/device_authorization",
                "client_id=revkeep-cli&scope=x",
            )
            .await;
        let asked: Value = asked.json().await.unwrap();
        let path = format!(
            "/me/device-requests/{}/{verb}",
            asked["user_code"].as_str().unwrap()
        );
        let route = format!("POST /me/device-requests/{{user_code}}/{verb}");
        walk.good(&route, &path, Value::Null).await;
    }
    let asked = json!({
        "client_id": "revkeep-cli", "redirect_uri": "http://127.0.0.1:49152/callback", "response_type": "code",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256", "state": "s",
    });
    walk.plain("POST /me/authorizations/deny", asked.clone())
        .await;
    walk.plain("POST /me/authorizations", asked).await;
    consents(walk).await;
    walk.desk.sign_in().await;
    let sessions = walk.desk.get("/me/sessions").await;
    let other = sessions["items"].as_array().unwrap().iter();
    let other = other
        .into_iter()
        .find(|session| session["current"] != true)
        .unwrap();
    let path = format!("/me/sessions/{}", id(other));
    walk.good("DELETE /me/sessions/{id}", &path, Value::Null)
        .await;
    walk.desk.sign_in().await;
    walk.plain("DELETE /me/sessions", Value::Null).await;
}

/// Programs of others: named, let in, and ended by whoever may.
async fn consents(walk: &mut Walk) {
    let new = json!({
        "name": "Assistant", "redirect_uris": ["http://127.0.0.1/callback"], "scopes": ["reps:read"],
    });
    let client = id(&walk.plain("POST /clients", new).await);
    let asked = json!({
        "client_id": client, "redirect_uri": "http://127.0.0.1:49152/callback", "response_type": "code",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
        "resource": "https://revkeep.example/mcp",
    });
    walk.plain("POST /me/consents/deny", asked.clone()).await;
    for route in [
        "DELETE /me/grants/{id}",
        "DELETE /grants/{id}",
        "POST /oauth/revoke",
    ] {
        let onward = walk.plain("POST /me/consents", asked.clone()).await;
        let code = onward["redirect_to"].as_str().unwrap();
        let code = code.split(['=', '&']).nth(1).unwrap();
        let form = format!(
            "grant_type=authorization_code&client_id={client}&code={code}&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&redirect_uri=http%3A%2F%2F127.0.0.1%3A49152%2Fcallback"
        );
        let tokens = walk.desk.form("/oauth/token", &form).await;
        assert_eq!(tokens.status().as_u16(), 200);
        if route == "POST /oauth/revoke" {
            let tokens: Value = tokens.json().await.unwrap();
            let token = tokens["refresh_token"].as_str().unwrap();
            let body = format!("client_id={client}&token={token}");
            super::programs::form(walk, route, &body).await;
            continue;
        }
        let grants = walk.desk.get("/me/grants").await;
        let path = route.strip_prefix("DELETE ").unwrap();
        // Those of one moment stand in any order, and ended ones stay in the list.
        let standing = grants["items"].as_array().unwrap().iter();
        let standing = standing
            .into_iter()
            .find(|grant| grant["state"] == "active")
            .unwrap();
        let path = path.replace("{id}", &id(standing));
        walk.good(route, &path, Value::Null).await;
    }
    let path = format!("/clients/{client}");
    walk.good("DELETE /clients/{id}", &path, Value::Null).await;
}

async fn by_passkey(walk: &mut Walk, device: &mut Device) {
    let begin = "POST /session/passkey/begin";
    let asked = walk.ask(begin, "/session/passkey/begin", json!({}), (None, None));
    let (status, options, waiting) = asked.await;
    assert_eq!(status, 200, "{options}");
    let shown = json!({ "credential": device.get(&options) });
    let sign_in = "POST /session/passkey";
    let (status, answer, _) = walk
        .ask(
            sign_in,
            "/session/passkey",
            shown,
            (None, waiting.as_deref()),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
}

/// Sign-in and its end.
pub(super) async fn doors(walk: &mut Walk) {
    let sign_in = json!({ "email": EMAIL, "password": PASSWORD });
    let (_, answer, waiting) = walk
        .ask("POST /session", "/session", sign_in, (None, None))
        .await;
    assert_eq!(answer["step"], "factor", "{answer}");
    let code = json!({ "totp": walk.desk.phone.code() });
    let (status, answer, refresh) = walk
        .ask(
            "POST /session/factor",
            "/session/factor",
            code,
            (None, waiting.as_deref()),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer, _) = walk
        .ask(
            "POST /session/refresh",
            "/session/refresh",
            json!({}),
            (None, refresh.as_deref()),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    let token = answer["access_token"].as_str().unwrap().to_owned();
    let (status, _, _) = walk
        .ask(
            "DELETE /session",
            "/session",
            Value::Null,
            (Some(&token), None),
        )
        .await;
    assert_eq!(status, 204);
    let other = walk.desk.sign_in().await;
    let (status, answer, _) = walk
        .ask(
            "POST /sso/sign-out",
            "/sso/sign-out",
            json!({}),
            (Some(&other), None),
        )
        .await;
    assert!(status < 300, "{answer}");
}

/// A forgotten password; it ends every session.
pub(super) async fn forgotten(walk: &mut Walk) {
    let forgot = json!({ "email": EMAIL });
    let (status, _, _) = walk
        .ask(
            "POST /password/reset",
            "/password/reset",
            forgot,
            (None, None),
        )
        .await;
    assert!(status < 300);
    let identity = &walk.desk.house.identity;
    let user = walk.desk.rows(
        "SELECT 'user_' || replace(user_id::text, '-', '') FROM users ORDER BY created_at LIMIT 1",
    );
    let link = identity.reset_link_create(user[0].parse().unwrap()).await;
    let token = link.unwrap().expose().clone();
    let done = json!({ "token": token, "password": LAST_PASSWORD });
    let complete = "POST /password/reset/complete";
    let (status, answer, _) = walk
        .ask(complete, "/password/reset/complete", done, (None, None))
        .await;
    assert!(status < 300, "{answer}");
}
