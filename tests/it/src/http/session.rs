//! Sessions by cookie, foreign pages, and who may use a route (LM-27 to LM-30, CX-18, CX-22).

use super::*;

/// LM-08, LM-06, CX-03: the whole life of a session as a browser lives it.
#[tokio::test]
async fn a_session_lives_in_a_cookie_that_no_script_reads() {
    let house = House::empty().await;
    let code = house.identity.setup_code_create(&local()).await.unwrap();
    let site = Site::start(house).await;
    let before: Value = site.get("/setup").await.json().await.unwrap();
    assert_eq!(before, json!({"needed": true}));
    let claim = json!({
        "code": code.expose(), "organisation": "Acme", "name": "Ada", "email": EMAIL, "password": PASSWORD,
    });
    let answer = site.post("/setup", &claim).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let cookie = set_cookie(&answer).unwrap();
    for part in [
        "__Host-revkeep-refresh=",
        "; HttpOnly",
        "; Secure",
        "; SameSite=Strict",
        "; Path=/",
        "Max-Age=604800",
    ] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let body: Value = answer.json().await.unwrap();
    assert!(
        !body
            .to_string()
            .contains(pair(&cookie).split_once('=').unwrap().1),
        "not in the body"
    );
    assert_eq!(
        (body["expires_in"].as_u64(), body["owner"].as_bool()),
        (Some(900), Some(true))
    );
    assert_eq!(body["user"]["email"], EMAIL);
    assert_eq!(body["roles"], json!(["admin", "super_admin"]));
    assert!(
        body["permissions"]
            .as_array()
            .unwrap()
            .contains(&json!("rule_edit"))
    );

    let renewed = site
        .post("/session/refresh", &json!({}))
        .header("cookie", pair(&cookie))
        .send()
        .await
        .unwrap();
    assert_eq!(renewed.status(), StatusCode::OK);
    let next = set_cookie(&renewed).unwrap();
    assert_ne!(pair(&next), pair(&cookie));
    let renewed: Value = renewed.json().await.unwrap();
    let token = renewed["access_token"].as_str().unwrap();

    let shown = site
        .client
        .get(site.url("/session"))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    let shown: Value = shown.json().await.unwrap();
    assert!(shown.get("access_token").is_none() && shown["tenant"]["name"] == "Acme");
    let gone = site
        .client
        .delete(site.url("/session"))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert!(set_cookie(&gone).unwrap().contains("Max-Age=0"));
    let after = site
        .post("/session/refresh", &json!({}))
        .header("cookie", pair(&next))
        .send()
        .await
        .unwrap();
    assert_eq!(after.status(), StatusCode::UNAUTHORIZED);
    let after: Value = after.json().await.unwrap();
    assert_eq!(after["code"], "session_revoked");
    site.running.stop().await;
}

/// Another site's page has the cookie sent for it (were SameSite not there) and still gets nothing.
#[tokio::test]
async fn a_foreign_page_cannot_use_the_cookie() {
    let (house, _) = House::set_up().await;
    let site = Site::start(house).await;
    let (_, cookie) = site.sign_in().await;
    let own = format!("https://{}", site.running.address());
    for (name, value) in [
        ("x-other", "1"),
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let mut request = site
            .client
            .post(site.url("/session/refresh"))
            .header("cookie", pair(&cookie))
            .header(name, value);
        if name != "x-other" {
            request = request.header("x-revkeep", "1");
        }
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{name}");
        assert!(set_cookie(&refused).is_none());
    }
    let ours = site
        .post("/session/refresh", &json!({}))
        .header("cookie", pair(&cookie))
        .header("origin", own)
        .send()
        .await
        .unwrap();
    assert_eq!(ours.status(), StatusCode::OK);
    site.running.stop().await;
}

/// LR-13, LM-27: the requirement is met before the body is read, and by roles as they are now.
#[tokio::test]
async fn a_route_admits_whom_its_signature_names() {
    let (house, _) = House::set_up().await;
    let site = Site::start(house).await;
    let edit = |token: &str, body: &'static str| {
        site.client
            .post(site.url("/edit"))
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .body(body)
            .send()
    };
    let (admin, cookie) = site.sign_in().await;
    assert_eq!(edit(&admin, "{}").await.unwrap().status(), StatusCode::OK);
    for forged in ["", "x", "a.b.c"] {
        assert_eq!(
            edit(forged, "not json").await.unwrap().status(),
            StatusCode::UNAUTHORIZED
        );
    }
    let by_cookie = site
        .client
        .get(site.url("/read"))
        .header("cookie", pair(&cookie))
        .send()
        .await
        .unwrap();
    assert_eq!(
        by_cookie.status(),
        StatusCode::UNAUTHORIZED,
        "the cookie alone is no session"
    );
    let by_query = site.get(&format!("/read?access_token={admin}")).await;
    assert_eq!(by_query.status(), StatusCode::UNAUTHORIZED);

    site.house.bed.owner("UPDATE memberships SET roles = ARRAY['member'], owner = false, epoch = epoch + 1; UPDATE users SET super_admin = false");
    site.house.bed.clock.advance(chrono::TimeDelta::seconds(5));
    assert_eq!(
        edit(&admin, "{}").await.unwrap().status(),
        StatusCode::UNAUTHORIZED,
        "an older token"
    );
    let (member, _) = site.sign_in().await;
    let refused = edit(&member, "not json").await.unwrap();
    assert_eq!(
        refused.status(),
        StatusCode::FORBIDDEN,
        "before the body is read"
    );
    assert_headers(&refused);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(
        (refused["code"].as_str(), refused["permission"].as_str()),
        (Some("not_permitted"), Some("rule_edit"))
    );
    let denied = site.house.rows(
        "SELECT actor_kind || ' ' || outcome || ' ' || resource_id FROM audit_log WHERE action = 'access_deny'",
    );
    assert_eq!(denied, ["human refused rule_edit"]);
    let read = site
        .client
        .get(site.url("/read"))
        .bearer_auth(&member)
        .send()
        .await
        .unwrap();
    assert_eq!(read.status(), StatusCode::OK);
    site.running.stop().await;
}

/// CX-18, issue of step-up: what opens doors for others takes a factor of the last five minutes.
#[tokio::test]
async fn a_dangerous_route_takes_a_fresh_factor() {
    let (house, _) = House::set_up().await;
    let site = Site::start(house).await;
    let (token, _) = site.sign_in().await;
    let ask = async |path: &str, body: &Value| {
        let answer = site
            .post(path, body)
            .bearer_auth(&token)
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.unwrap();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        (status, body)
    };
    let nothing = json!({});
    assert_eq!(ask("/rotate", &nothing).await.0, 200, "just signed in");
    site.house.bed.clock.advance(chrono::TimeDelta::minutes(5));
    let (status, stale) = ask("/rotate", &nothing).await;
    assert_eq!(
        (status, stale["code"].as_str()),
        (403, Some("fresh_factor_required"))
    );
    assert_eq!(ask("/edit", &nothing).await.0, 200, "the rest goes on");

    let (_, begun) = ask("/session/step-up/begin", &nothing).await;
    assert_eq!(begun["factors"], json!(["totp"]));
    let (status, wrong) = ask(
        "/session/step-up",
        &json!({"totp": site.phone.wrong_code()}),
    )
    .await;
    assert_eq!((status, wrong["remaining"].as_i64()), (401, Some(2)));
    assert_eq!(ask("/rotate", &nothing).await.0, 403);
    let (status, fresh) = ask("/session/step-up", &json!({"totp": site.phone.code()})).await;
    assert_eq!(status, 200, "{fresh}");
    assert!(fresh["fresh_until"].is_string());
    assert_eq!(ask("/rotate", &nothing).await.0, 200);
    site.running.stop().await;
}

/// Session fixation: whatever cookies a browser brings along, what it signs in to is new.
#[tokio::test]
async fn cookies_from_before_are_never_the_session_after() {
    let (house, _) = House::set_up().await;
    let site = Site::start(house).await;
    let (_, planted) = site.sign_in().await;
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let waiting = async |cookie: &str| {
        let answer = site
            .post("/session", &body)
            .header("cookie", cookie)
            .send()
            .await
            .unwrap();
        stack::console::cookie(&answer, "__Host-revkeep-sign-in").unwrap()
    };
    let attackers = waiting(&planted).await;
    let victims = waiting(&format!("{planted}; {attackers}")).await;
    assert_ne!(victims, attackers, "the planted question is not taken over");
    let answer = site
        .post("/session/factor", &json!({"totp": site.phone.code()}))
        .header("cookie", format!("{planted}; {victims}"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let refresh = stack::console::cookie(&answer, "__Host-revkeep-refresh").unwrap();
    assert_ne!(refresh, planted);
    let forgotten = answer.headers().get_all("set-cookie").iter().any(|cookie| {
        let cookie = cookie.to_str().unwrap();
        cookie.starts_with("__Host-revkeep-sign-in=;") && cookie.contains("Max-Age=0")
    });
    assert!(forgotten, "the question's cookie is not forgotten");
    assert_eq!(
        site.house
            .rows("SELECT count(DISTINCT session_id) FROM refresh_tokens"),
        ["3"],
        "set-up, the attacker's, the victim's"
    );
    let renew = async |cookie: &str| {
        let ask = site
            .post("/session/refresh", &json!({}))
            .header("cookie", cookie);
        ask.send().await.unwrap().status()
    };
    assert_eq!(
        renew(&planted).await,
        StatusCode::UNAUTHORIZED,
        "it is over"
    );
    assert_eq!(renew(&refresh).await, StatusCode::OK);
    site.running.stop().await;
}
