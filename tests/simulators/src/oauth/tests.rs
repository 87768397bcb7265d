use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use sha2::{Digest, Sha256};
use url::Url;

use crate::{
    CLIENT_ID, PASSWORD, USERNAME,
    fixture::Fixture,
    wire::{ClockCommand, Settings},
};

const VERIFIER: &str = "a-verifier-that-is-long-enough-to-be-taken-for-one";
const REDIRECT: &str = "https://app.example/callback";

fn authorize_url(sim: &Fixture, more: &[(&str, &str)]) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut url = Url::parse(&format!("{}/services/oauth2/authorize", sim.running.url)).unwrap();
    url.query_pairs_mut()
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", REDIRECT),
            ("scope", "api refresh_token"),
            ("state", "st4te"),
            ("code_challenge", challenge.as_str()),
        ])
        .extend_pairs(more);
    url.into()
}

fn param(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

async fn redeem(sim: &Fixture, code: &str, verifier: Option<&str>) -> (u16, serde_json::Value) {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
    ];
    form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
    sim.token(&form).await
}

async fn code(sim: &Fixture) -> String {
    let sent = sim
        .admin
        .sign_in(&authorize_url(sim, &[]), USERNAME, PASSWORD, true)
        .await
        .unwrap();
    assert_eq!(param(&sent, "state").as_deref(), Some("st4te"));
    param(&sent, "code").unwrap()
}

#[tokio::test]
async fn a_code_is_redeemed_once_and_only_with_its_verifier() {
    let sim = Fixture::start();
    let first = code(&sim).await;
    let (status, tokens) = redeem(&sim, &first, Some(VERIFIER)).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(tokens["instance_url"], sim.running.url);
    assert!(tokens["issued_at"].is_string() && tokens["refresh_token"].is_string());
    assert!(tokens.get("expires_in").is_none());
    let (status, again) = redeem(&sim, &first, Some(VERIFIER)).await;
    assert_eq!((status, &again["error"]), (400, &"invalid_grant".into()));

    let second = code(&sim).await;
    let (status, wrong) = redeem(&sim, &second, Some("another-verifier")).await;
    assert_eq!((status, &wrong["error"]), (400, &"invalid_request".into()));
    let third = code(&sim).await;
    let (status, missing) = redeem(&sim, &third, None).await;
    assert_eq!((status, &missing["error"]), (400, &"invalid_grant".into()));
}

#[tokio::test]
async fn denial_plain_challenges_and_unknown_scopes_come_back_as_errors() {
    let sim = Fixture::start();
    let denied = sim
        .admin
        .sign_in(&authorize_url(&sim, &[]), USERNAME, PASSWORD, false)
        .await
        .unwrap();
    assert_eq!(param(&denied, "error").as_deref(), Some("access_denied"));
    assert_eq!(param(&denied, "state").as_deref(), Some("st4te"));
    for (more, error) in [
        (("code_challenge_method", "plain"), "invalid_request"),
        (("prompt", "login"), "none"),
    ] {
        let url = authorize_url(&sim, &[more]);
        let sent = sim
            .admin
            .sign_in(&url, USERNAME, PASSWORD, true)
            .await
            .unwrap();
        assert_eq!(param(&sent, "error").unwrap_or("none".to_owned()), error);
    }
    let url = authorize_url(&sim, &[]).replace("scope=api", "scope=everything");
    let sent = sim
        .admin
        .sign_in(&url, USERNAME, PASSWORD, true)
        .await
        .unwrap();
    assert_eq!(param(&sent, "error").as_deref(), Some("invalid_scope"));
    assert!(
        sim.admin
            .sign_in(&authorize_url(&sim, &[]), USERNAME, "guess", true)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn an_unregistered_redirect_gets_a_page_and_no_code() {
    let sim = Fixture::start_with(|config| {
        config.clients[0].redirect_uris = vec!["https://other.example/callback".to_owned()];
    });
    let answer = sim.http.get(authorize_url(&sim, &[])).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.headers().get("location").is_none());
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("redirect_uri_mismatch")
    );
}

#[tokio::test]
async fn a_refresh_rotates_and_using_the_old_token_kills_the_family_and_freezes_the_user() {
    let sim = Fixture::start();
    let granted = sim.grant().await;
    let old = granted.refresh_token.unwrap();
    let (status, fresh) = sim.refresh(&old).await;
    assert_eq!(status, 200);
    let new = fresh["refresh_token"].as_str().unwrap();
    assert_ne!(new, old);
    let access = fresh["access_token"].as_str().unwrap();
    assert_eq!(sim.call(Method::GET, "limits", access, None).await.0, 200);

    let (status, reuse) = sim.refresh(&old).await;
    assert_eq!((status, &reuse["error"]), (400, &"invalid_grant".into()));
    assert_eq!(reuse["error_description"], "expired access/refresh token");
    assert_eq!(
        sim.refresh(new).await.0,
        400,
        "the new token dies with the family"
    );
    assert_eq!(sim.call(Method::GET, "limits", access, None).await.0, 401);
    let tokens = sim.admin.tokens().await.unwrap();
    assert_eq!(
        (tokens.grants[0].refreshes, tokens.grants[0].reuses),
        (1, 1)
    );
    assert_eq!(tokens.frozen_users.len(), 1);
    let url = authorize_url(&sim, &[]);
    assert!(
        sim.admin
            .sign_in(&url, USERNAME, PASSWORD, true)
            .await
            .is_err(),
        "frozen"
    );
    sim.admin.unfreeze().await.unwrap();
    assert!(
        sim.admin
            .sign_in(&url, USERNAME, PASSWORD, true)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn of_concurrent_refreshes_one_wins_and_the_others_are_told_it_is_in_hand() {
    let sim = Fixture::start_with(|config| config.settings.refresh_hold_ms = 300);
    let token = sim.grant().await.refresh_token.unwrap();
    let answers = futures_util::future::join_all((0..8).map(|_| sim.refresh(&token))).await;
    let won = answers.iter().filter(|(status, _)| *status == 200).count();
    let told = answers.iter().filter(|(_, body)| {
        body["error_description"] == "token request is already being processed"
    });
    assert_eq!((won, told.count()), (1, 7));
    let report = sim.admin.tokens().await.unwrap();
    assert_eq!(
        (report.grants[0].refreshes, report.grants[0].collisions),
        (1, 7)
    );
    assert!(report.frozen_users.is_empty(), "a collision is no reuse");
}

#[tokio::test]
async fn without_rotation_a_refresh_token_lasts() {
    let sim = Fixture::start_with(|config| config.settings.rotation = false);
    let token = sim.grant().await.refresh_token.unwrap();
    for _ in 0..3 {
        let (status, body) = sim.refresh(&token).await;
        assert_eq!(status, 200);
        assert!(body.get("refresh_token").is_none());
        assert!(body["id"].is_string());
    }
}

#[tokio::test]
async fn access_tokens_wear_out_by_use_and_by_time_and_all_at_once() {
    let sim = Fixture::start_with(|config| config.settings.access_token_uses = Some(2));
    let token = sim.grant().await.access_token;
    let statuses = [
        sim.call(Method::GET, "limits", &token, None).await.0,
        sim.call(Method::GET, "limits", &token, None).await.0,
        sim.call(Method::GET, "limits", &token, None).await.0,
    ];
    assert_eq!(statuses, [200, 200, 401]);

    let settings = Settings {
        access_token_seconds: Some(3_600),
        ..Settings::default()
    };
    sim.admin.set_settings(&settings).await.unwrap();
    let token = sim.grant().await.access_token;
    sim.admin
        .clock(ClockCommand::Advance(3_500_000))
        .await
        .unwrap();
    assert_eq!(sim.call(Method::GET, "limits", &token, None).await.0, 200);
    sim.admin
        .clock(ClockCommand::Advance(101_000))
        .await
        .unwrap();
    let (status, body) = sim.call(Method::GET, "limits", &token, None).await;
    assert_eq!(
        (status, &body[0]["errorCode"]),
        (401, &"INVALID_SESSION_ID".into())
    );

    let token = sim.grant().await.access_token;
    sim.admin.expire_sessions().await.unwrap();
    assert_eq!(sim.call(Method::GET, "limits", &token, None).await.0, 401);
}

#[tokio::test]
async fn revoking_a_refresh_token_ends_its_access_tokens_and_an_unknown_token_is_an_error() {
    let sim = Fixture::start();
    let granted = sim.grant().await;
    let revoke = |token: String| {
        let url = format!("{}/services/oauth2/revoke", sim.running.url);
        sim.http.post(url).form(&[("token", token)]).send()
    };
    let refresh = granted.refresh_token.unwrap();
    assert_eq!(revoke(refresh.clone()).await.unwrap().status(), 200);
    assert_eq!(
        sim.call(Method::GET, "limits", &granted.access_token, None)
            .await
            .0,
        401
    );
    assert_eq!(sim.refresh(&refresh).await.0, 400);
    let unknown = revoke("5Aep861unknown".to_owned()).await.unwrap();
    assert_eq!(unknown.status(), 400);
    assert!(
        unknown
            .text()
            .await
            .unwrap()
            .starts_with("error=invalid_token&")
    );
}

#[tokio::test]
async fn a_sixth_approval_ends_the_first() {
    let sim = Fixture::start();
    let mut tokens = Vec::new();
    for _ in 0..6 {
        tokens.push(sim.grant().await.access_token);
    }
    assert_eq!(
        sim.call(Method::GET, "limits", &tokens[0], None).await.0,
        401
    );
    assert_eq!(
        sim.call(Method::GET, "limits", &tokens[1], None).await.0,
        200
    );
}

#[tokio::test]
async fn a_secret_is_needed_and_identity_speaks_only_to_its_own_token() {
    let sim = Fixture::start();
    let granted = sim.grant().await;
    let refresh = granted.refresh_token.unwrap();
    let url = format!("{}/services/oauth2/token", sim.running.url);
    for secret in [None, Some("wrong")] {
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT_ID),
            ("refresh_token", &refresh),
        ];
        form.extend(secret.map(|secret| ("client_secret", secret)));
        let answer = sim.http.post(&url).form(&form).send().await.unwrap();
        assert!(answer.text().await.unwrap().contains("\"invalid_client\""));
    }
    let identity = sim.http.get(&granted.id).bearer_auth(&granted.access_token);
    let identity: serde_json::Value = identity.send().await.unwrap().json().await.unwrap();
    assert_eq!(identity["organization_id"], crate::ORGANISATION);
    assert_eq!(identity["username"], USERNAME);
    let bad = sim
        .http
        .get(&granted.id)
        .bearer_auth("00D!nothing")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (bad.status().as_u16(), bad.text().await.unwrap().as_str()),
        (403, "Bad_OAuth_Token")
    );
}
