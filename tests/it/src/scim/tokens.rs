//! The provider's token: shown once, hashed, one tenant's, refused at once when revoked, and good for
//! nothing else.

use chrono::{SecondsFormat, TimeDelta};
use kernel::{
    Clock,
    port::{KeyCheck, KeyRefusal},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Place, id, refusal, user};

/// Method and path of every route, with an id that names nothing.
fn routes() -> Vec<(Method, String)> {
    include_str!("../../../golden/scim-routes.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut parts = line.split(' ');
            let method = parts.next().unwrap().parse().unwrap();
            (
                method,
                parts
                    .next()
                    .unwrap()
                    .replace("{id}", "user_00000000000000000000000000000007"),
            )
        })
        .collect()
}

#[tokio::test]
async fn nothing_but_a_valid_token_opens_any_route() {
    let place = Place::open().await;
    let (person, _) = place
        .join("bob@acme.example", &[kernel::Role::Member])
        .await;
    let key = json!({ "name": "k", "scopes": ["records:read"], "expires_at": null });
    let key = place.desk.post("/api-keys", key).await;
    let (start, end) = place.token.split_at(place.token.len() - 20);
    let wrong = format!("{start}{}", end.chars().rev().collect::<String>());
    // Well formed, and nobody's.
    let unknown = place.new_token(Value::Null).await;
    place.desk.owner(&format!(
        "DELETE FROM scim_tokens WHERE secret_hash = sha256('{unknown}')"
    ));
    assert!(routes().len() > 15);
    for token in [
        "",
        "x",
        wrong.as_str(),
        unknown.as_str(),
        key["secret"].as_str().unwrap(),
        place.desk.token.as_str(),
    ] {
        for (method, path) in routes() {
            let asked = place
                .ask_as(token, method.clone(), &path, Some(&json!({})))
                .await;
            assert_eq!(refusal(asked), "401 scim_token_invalid", "{method} {path}");
        }
    }
    for (method, path) in routes() {
        let answer = place
            .desk
            .outside(method, &format!("/scim/v2{path}?token={}", place.token));
        let answer = answer
            .header("cookie", format!("token={}", place.token))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 401, "{path}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(answer.headers()["content-type"], "application/scim+json");
    }
    // The other way round, it is no session and no key.
    let own = format!("/members/{person}/deactivate");
    for (method, path) in [
        (Method::GET, "/session"),
        (Method::GET, "/sso/scim"),
        (Method::POST, own.as_str()),
    ] {
        let answer = place
            .desk
            .send(method, path, None, Some(&place.token))
            .await;
        assert_eq!(answer.status().as_u16(), 401, "{path}");
    }
    let checked = place.desk.house.identity.check(&place.token).await;
    assert_eq!(checked, Err(KeyRefusal::Unknown));
    place.close().await;
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_and_an_expired_one_on_time() {
    let place = Place::open().await;
    let end = place.desk.house.bed.clock.now() + TimeDelta::minutes(10);
    let short = place
        .new_token(json!(end.to_rfc3339_opts(SecondsFormat::Secs, true)))
        .await;
    let ask = async |token: &str| place.ask_as(token, Method::GET, "/Users", None).await;
    assert_eq!((ask(&short).await.0, ask(&place.token).await.0), (200, 200));
    let overview = place.desk.get("/sso/scim").await;
    let tokens = overview["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 2);
    let own = tokens
        .iter()
        .find(|token| place.token.starts_with(token["prefix"].as_str().unwrap()));
    let path = format!("/sso/scim/tokens/{}", id(own.unwrap()));
    for _ in 0..2 {
        let (status, answer) = place.desk.call(Method::DELETE, &path, None).await;
        assert_eq!(status, 204, "{answer}");
    }
    assert_eq!(refusal(ask(&place.token).await), "401 scim_token_invalid");
    assert_eq!(ask(&short).await.0, 200);
    place.desk.house.advance(TimeDelta::minutes(10));
    assert_eq!(refusal(ask(&short).await), "401 scim_token_invalid");
    let states = "SELECT (revoked_at IS NOT NULL)::text FROM scim_tokens ORDER BY 1";
    assert_eq!(place.desk.rows(states), ["false", "true"]);
    let revoked = "SELECT actor_kind FROM audit_log WHERE action = 'scim_token_revoke'";
    assert_eq!(place.desk.rows(revoked), ["human"], "written once");
    place.close().await;
}

#[tokio::test]
async fn the_secret_is_stored_nowhere_and_told_once() {
    let place = Place::open().await;
    let secret = &place.token[place.token.len() - 48..];
    let kept = place.desk.rows(
        "SELECT string_agg(t, ' ') FROM (SELECT s::text || encode(secret_hash, 'escape') AS t FROM scim_tokens s \
         UNION ALL SELECT l::text || coalesce(encode(detail_sealed, 'escape'), '') FROM audit_log l) AS all_rows",
    );
    assert!(!kept[0].contains(secret) && !kept[0].contains(&secret[..40]));
    assert!(
        !place
            .desk
            .get("/sso/scim")
            .await
            .to_string()
            .contains(secret)
    );
    for (input, code) in [
        (json!({ "name": "", "expires_at": null }), "length_1_to_200"),
        (
            json!({ "name": "n", "expires_at": "2020-01-01T00:00:00Z" }),
            "expires_in_past",
        ),
    ] {
        let (status, answer) = place
            .desk
            .call(Method::POST, "/sso/scim/tokens", Some(&input))
            .await;
        assert_eq!((status, answer["code"].as_str()), (400, Some(code)));
    }
    for _ in 1..20 {
        place.new_token(Value::Null).await;
    }
    let input = json!({ "name": "n", "expires_at": null });
    let (status, answer) = place
        .desk
        .call(Method::POST, "/sso/scim/tokens", Some(&input))
        .await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (409, Some("too_many_scim_tokens"))
    );
    place.close().await;
}

#[tokio::test]
async fn where_the_trial_is_over_people_are_shut_out_and_nothing_else() {
    let place = Place::open().await;
    let bob = place.person("bob@acme.example").await;
    place.desk.owner("UPDATE tenants SET state = 'read_only'");
    let refused = "403 trial_over";
    let asked = place
        .ask(Method::POST, "/Users", Some(&user("carl@acme.example")))
        .await;
    assert_eq!(refusal(asked), refused);
    let group = json!({ "displayName": "G" });
    assert_eq!(
        refusal(place.ask(Method::POST, "/Groups", Some(&group)).await),
        refused
    );
    assert_eq!(place.activate(&id(&bob), false).await.0, 200);
    assert_eq!(refusal(place.activate(&id(&bob), true).await), refused);
    let (status, _) = place
        .ask(Method::DELETE, &format!("/Users/{}", id(&bob)), None)
        .await;
    assert_eq!(status, 204);
    place.close().await;
}

#[tokio::test]
async fn what_is_refused_before_a_handler_runs_speaks_scim_as_well() {
    let place = Place::open().await;
    for (method, path, status) in [
        (Method::GET, "/Nothing", 404),
        (Method::DELETE, "/ServiceProviderConfig", 405),
        (Method::POST, "/Bulk", 501),
        (Method::GET, "/Users/tenant_1", 404),
        (Method::GET, "/Schemas?filter=id+pr", 403),
        (Method::GET, "/Users?count=many", 400),
    ] {
        let (found, body) = place.ask(method.clone(), path, None).await;
        assert_eq!(found, status, "{method} {path}");
        refusal((found, body));
    }
    let raw = async |kind: &'static str, body: String| {
        let request = place
            .desk
            .outside(Method::POST, "/scim/v2/Users")
            .bearer_auth(&place.token);
        let answer = request
            .header("content-type", kind)
            .body(body)
            .send()
            .await
            .unwrap();
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap(),
        )
    };
    let (status, body) = raw("application/scim+json", String::from("{")).await;
    assert_eq!((status, &body["scimType"]), (400, &json!("invalidSyntax")));
    assert_eq!(raw("text/plain", String::from("{}")).await.0, 415);
    place.close().await;
}
