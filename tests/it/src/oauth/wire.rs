//! Over the wire: the page's calls, the metadata, and the token endpoint as RFC 6749 writes it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{CHALLENGE, ISSUER, NATIVE, REDIRECT, RESOURCE, VERIFIER, carried};
use crate::console_desk::Desk;

const ENCODED: &str = "http%3A%2F%2F127.0.0.1%3A49152%2Fcallback";

async fn form(desk: &Desk, path: &str, body: &str) -> (u16, Value) {
    let answer = desk.form(path, body).await;
    assert_eq!(answer.headers().get("cache-control").unwrap(), "no-store");
    assert!(answer.headers().get("set-cookie").is_none());
    let status = answer.status().as_u16();
    let bytes = answer.bytes().await.unwrap();
    (
        status,
        serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    )
}

fn outcome((status, answer): &(u16, Value)) -> (u16, &str) {
    (*status, answer["error"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_program_is_named_found_let_in_served_and_ended() {
    let desk = Desk::open().await;
    let found = desk
        .outside(Method::GET, "/.well-known/oauth-authorization-server")
        .send()
        .await
        .unwrap();
    let found: Value = found.json().await.unwrap();
    assert_eq!(found["issuer"], ISSUER);
    assert_eq!(found["token_endpoint"], format!("{ISSUER}/oauth/token"));

    let new = json!({ "name": "Assistant", "redirect_uris": [NATIVE], "scopes": ["reps:read", "failures:read"] });
    let client = desk.post("/clients", new).await;
    let client = client["id"].as_str().unwrap();
    let mut asked = json!({
        "client_id": client, "redirect_uri": REDIRECT, "response_type": "code", "scope": "reps:read",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "resource": RESOURCE,
    });
    let shown = desk.post("/me/consents/look", asked.clone()).await;
    assert_eq!(
        (&shown["name"], &shown["host"]),
        (&json!("Assistant"), &json!("127.0.0.1"))
    );
    assert_eq!(shown["scopes"].as_array().unwrap().len(), 1);
    let denied = desk.post("/me/consents/deny", asked.clone()).await;
    let denied = denied["redirect_to"].as_str().unwrap().to_owned();
    assert_eq!(carried(&denied, "error").unwrap(), "access_denied");
    assert_eq!(carried(&denied, "iss").unwrap(), ISSUER);
    assert!(carried(&denied, "state").is_none(), "none was sent");
    asked["state"] = json!("xyz");
    let approved = desk.post("/me/consents", asked.clone()).await;
    let approved = approved["redirect_to"].as_str().unwrap();
    assert_eq!(carried(approved, "state").unwrap(), "xyz");
    let code = carried(approved, "code").unwrap();

    let body = |code: &str| {
        format!(
            "grant_type=authorization_code&client_id={client}&code={code}&redirect_uri={ENCODED}&code_verifier={VERIFIER}&resource=https%3A%2F%2Frevkeep.example%2Fmcp"
        )
    };
    let token = "/oauth/token";
    let left_out = body(&code).replace(&format!("&code_verifier={VERIFIER}"), "");
    assert_eq!(
        outcome(&form(&desk, token, &left_out).await),
        (400, "invalid_request")
    );
    let by_password = body(&code).replace("authorization_code", "password");
    assert_eq!(
        outcome(&form(&desk, token, &by_password).await),
        (400, "unsupported_grant_type")
    );
    let (status, tokens) = form(&desk, token, &body(&code)).await;
    assert_eq!(
        (status, &tokens["token_type"], &tokens["expires_in"]),
        (200, &json!("Bearer"), &json!(3_600))
    );
    assert_eq!(tokens["scope"], "reps:read");

    // It is no session: the console knows nobody behind it, and no key opens with it.
    let held = tokens["access_token"].as_str();
    let seen = desk.send(Method::GET, "/overview", None, held).await;
    assert_eq!(seen.status().as_u16(), 401);
    let api = desk
        .outside(Method::GET, "/api/v1/routing/reps")
        .bearer_auth(held.unwrap());
    assert_eq!(api.send().await.unwrap().status().as_u16(), 401);

    let refresh = tokens["refresh_token"].as_str().unwrap();
    let renew = format!("grant_type=refresh_token&client_id={client}&refresh_token={refresh}");
    let (status, renewed) = form(&desk, token, &renew).await;
    assert_eq!(status, 200);
    assert_ne!(renewed["refresh_token"], tokens["refresh_token"]);
    let as_own = renew.replace(client, "revkeep-cli");
    assert_eq!(
        outcome(&form(&desk, token, &as_own).await),
        (400, "invalid_grant"),
        "no session comes of it"
    );

    let mine = desk.get("/me/grants").await;
    assert_eq!(
        (
            &mine["items"][0]["state"],
            &mine["items"][0]["client"]["name"]
        ),
        (&json!("active"), &json!("Assistant"))
    );
    let revoke = format!(
        "client_id={client}&token={}",
        renewed["access_token"].as_str().unwrap()
    );
    assert_eq!(
        form(&desk, "/oauth/revoke", &revoke).await,
        (200, Value::Null)
    );
    assert_eq!(
        form(&desk, "/oauth/revoke", &revoke).await,
        (200, Value::Null),
        "known or not"
    );
    assert_eq!(
        outcome(&form(&desk, "/oauth/revoke", "token=x").await),
        (400, "invalid_request")
    );
    let next = renew.replace(refresh, renewed["refresh_token"].as_str().unwrap());
    assert_eq!(
        outcome(&form(&desk, token, &next).await),
        (400, "invalid_grant")
    );
    let all = desk.get("/grants").await;
    assert_eq!(all["items"][0]["state"], "revoked");
    desk.running.stop().await;
}
