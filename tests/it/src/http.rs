//! The server over real TLS: versions, certificates, headers, sessions by cookie, permissions, rates,
//! limits and an orderly end (LR-13, LR-43, LR-44, LM-08, LM-27 to LM-36, OB-28, CX-22, CX-23, CX-30).

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use http::{
    Allowed, Body, CONTENT_SECURITY_POLICY, HttpError, Problem, Public, Readiness, Reason, Routes,
    Running, Shared,
};
use identity::permit;
use kernel::{SharedClock, SystemClock};
use openssl::ssl::{SslConnector, SslMethod, SslVersion};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use stack::tls::{LeafFiles, TestCa};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};

use crate::{
    harness::Bed,
    identity::House,
    phone::{Ask, Phone},
};

const EMAIL: &str = "canary-ada@acme.example";
const PASSWORD: &str = "Canary-horse-7-battery";

#[derive(Default)]
struct State(Mutex<Vec<Reason>>);

#[async_trait]
impl Readiness for State {
    async fn reasons(&self) -> Vec<Reason> {
        self.0.lock().unwrap().clone()
    }
}

/// A server with the console's entrance and three routes of our own.
struct Site {
    house: House,
    phone: Phone,
    running: Running,
    client: Client,
    state: Arc<State>,
    ca: TestCa,
    files: LeafFiles,
    directory: tempfile::TempDir,
}

/// What the slow route waits for; one for the binary, because a handler carries nothing.
static ARRIVED: OnceLock<Notify> = OnceLock::new();
static RELEASE: OnceLock<Notify> = OnceLock::new();

async fn edit(_: Allowed<permit::RuleEdit>, Body(input): Body<Value>) -> String {
    input.to_string()
}
async fn read(_: Allowed<permit::RuleRead>) -> &'static str {
    "read"
}
async fn rotate(_: Allowed<permit::SigningKeyRotate>) -> &'static str {
    "rotated"
}
async fn slow(_: Public) -> &'static str {
    ARRIVED.get_or_init(Notify::new).notify_one();
    RELEASE.get_or_init(Notify::new).notified().await;
    "done"
}
async fn never(_: Public) -> &'static str {
    std::future::pending().await
}
async fn broken(_: Public) -> Result<&'static str, Problem> {
    Err(Problem::internal())
}

fn config(files: &LeafFiles) -> http::Config {
    http::Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        certificate: files.certificate.clone(),
        private_key: files.key.clone(),
        metrics_listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        trusted_proxies: Vec::new(),
        workers: 1,
        connections_per_worker: 100,
        client_timeout_seconds: 1,
        request_timeout_seconds: 30,
        shutdown_seconds: 20,
        sign_ins_per_minute: 10,
        requests_per_minute: 600,
    }
}

fn client(ca: &TestCa) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "a test's client")]
    let builder = Client::builder();
    builder
        .tls_certs_only([reqwest::Certificate::from_pem(&ca.pem().unwrap()).unwrap()])
        .no_proxy()
        .build()
        .unwrap()
}

impl Site {
    async fn start(house: House) -> Self {
        Self::start_with(house, |_| ()).await
    }

    async fn start_with(house: House, change: impl FnOnce(&mut http::Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ca = TestCa::new().unwrap();
        let files = ca
            .leaf(&["127.0.0.1"])
            .unwrap()
            .write(directory.path(), "server")
            .unwrap();
        let mut config = config(&files);
        change(&mut config);
        let state = Arc::new(State::default());
        let clock: SharedClock = house.bed.clock.clone();
        let shared = Shared::new(
            &config,
            house.identity.clone(),
            clock,
            state.clone(),
            prometheus::Registry::new(),
        )
        .unwrap();
        let running = http::serve(&config, shared, |app| {
            let ours = Routes::new()
                .post("/edit", edit)
                .get("/read", read)
                .post("/rotate", rotate)
                .get("/slow", slow)
                .get("/never", never)
                .get("/broken", broken);
            for resource in console::routes::entrance().and(ours).into_resources() {
                app.service(resource);
            }
        })
        .unwrap();
        let client = client(&ca);
        Self {
            phone: Phone::new(Arc::clone(&house.bed.clock)),
            house,
            running,
            client,
            state,
            ca,
            files,
            directory,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.running.address())
    }

    async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    /// A post as the web app sends it.
    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client
            .post(self.url(path))
            .header("x-revkeep", "1")
            .json(body)
    }

    async fn sign_in(&self) -> (String, String) {
        let ask = async |ask: Ask<'_>| {
            let mut request = self.post(ask.path, &ask.body);
            if let Some(token) = ask.token {
                request = request.bearer_auth(token);
            }
            if let Some(cookie) = ask.cookie {
                request = request.header("cookie", cookie);
            }
            request.send().await.unwrap()
        };
        self.phone.sign_in((EMAIL, PASSWORD), ask).await
    }

    async fn raw(&self) -> TcpStream {
        raw(self.running.address()).await
    }
}

#[expect(clippy::disallowed_methods, reason = "a stranger's socket")]
async fn raw(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

fn set_cookie(answer: &Response) -> Option<String> {
    answer
        .headers()
        .get("set-cookie")
        .map(|value| value.to_str().unwrap().to_owned())
}

/// The part of a Set-Cookie header that a browser sends back.
fn pair(cookie: &str) -> String {
    cookie.split(';').next().unwrap().to_owned()
}

fn assert_headers(answer: &Response) {
    let header = |name: &str| {
        let values: Vec<_> = answer.headers().get_all(name).iter().collect();
        assert_eq!(
            values.len(),
            1,
            "{name} on {} {}",
            answer.status(),
            answer.url()
        );
        values[0].to_str().unwrap().to_owned()
    };
    assert_eq!(
        header("strict-transport-security"),
        "max-age=31536000; includeSubDomains; preload"
    );
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("x-frame-options"), "DENY");
    assert_eq!(header("referrer-policy"), "strict-origin-when-cross-origin");
    assert_eq!(
        header("permissions-policy"),
        "camera=(), microphone=(), geolocation=()"
    );
    assert_eq!(header("cross-origin-opener-policy"), "same-origin");
    assert_eq!(header("cross-origin-resource-policy"), "same-origin");
    assert_eq!(header("content-security-policy"), CONTENT_SECURITY_POLICY);
    assert!(header("x-request-id").starts_with("req_"));
    assert!(!answer.headers().contains_key("server"));
    assert!(!header("cache-control").is_empty());
}

#[tokio::test]
async fn every_answer_has_its_headers_and_every_error_is_a_problem() {
    let (house, _) = House::set_up().await;
    let site = Site::start(house).await;
    let large = "x".repeat(http::MOST_BYTES + 1);
    let cases: Vec<(Response, u16, &str)> = vec![
        (site.get("/health/live").await, 200, ""),
        (site.get("/setup").await, 200, ""),
        (site.get("/nowhere").await, 404, "not_found"),
        (
            site.get("/%2e%2e/%2e%2e/etc/passwd").await,
            404,
            "not_found",
        ),
        (
            site.client.put(site.url("/read")).send().await.unwrap(),
            405,
            "method_not_allowed",
        ),
        (site.get("/read").await, 401, "not_signed_in"),
        (site.get("/broken").await, 500, "internal"),
        (
            site.post("/session", &json!({"email": 1}))
                .send()
                .await
                .unwrap(),
            400,
            "body_invalid",
        ),
        (
            site.post("/session", &json!({"email": large}))
                .send()
                .await
                .unwrap(),
            413,
            "body_too_large",
        ),
        (
            site.client
                .post(site.url("/session"))
                .header("x-revkeep", "1")
                .body("a=b")
                .send()
                .await
                .unwrap(),
            415,
            "media_type",
        ),
        (
            site.post("/session", &json!({"email": "a@b", "password": "x"}))
                .send()
                .await
                .unwrap(),
            401,
            "invalid_credentials",
        ),
    ];
    for (answer, status, code) in cases {
        assert_headers(&answer);
        assert_eq!(answer.status().as_u16(), status, "{}", answer.url());
        if code.is_empty() {
            continue;
        }
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let id = answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(
            (body["code"].as_str(), body["request_id"].as_str()),
            (Some(code), Some(id.as_str()))
        );
        assert_eq!(body["status"], status);
    }
    let refused = site.client.put(site.url("/read")).send().await.unwrap();
    assert_eq!(refused.headers()["allow"], "GET");
    site.running.stop().await;
}

/// LR-43, OB-28: whoever speaks plain HTTP gets no answer, not even a redirect.
#[tokio::test]
async fn plain_http_is_not_answered() {
    let site = Site::start(House::empty().await).await;
    let mut stranger = site.raw().await;
    stranger
        .write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut heard = Vec::new();
    let _ = stranger.read_to_end(&mut heard).await;
    assert!(
        !String::from_utf8_lossy(&heard).contains("HTTP"),
        "{heard:?}"
    );
    site.running.stop().await;
}

fn shake_hands(
    address: SocketAddr,
    ca: PathBuf,
    version: SslVersion,
) -> Result<Option<Vec<u8>>, String> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_ca_file(ca).unwrap();
    // The library itself would refuse the old versions at its usual level.
    builder.set_security_level(0);
    builder.set_min_proto_version(Some(version)).unwrap();
    builder.set_max_proto_version(Some(version)).unwrap();
    builder.set_alpn_protos(b"\x02h2\x08http/1.1").unwrap();
    #[expect(clippy::disallowed_methods, reason = "a stranger's socket")]
    let socket = std::net::TcpStream::connect(address).unwrap();
    let stream = builder
        .build()
        .connect("127.0.0.1", socket)
        .map_err(|error| error.to_string())?;
    Ok(stream.ssl().selected_alpn_protocol().map(<[u8]>::to_vec))
}

/// LM-31. HTTP/2 is offered by the client and not taken.
#[tokio::test]
async fn tls_1_2_and_1_3_and_nothing_older() {
    let site = Site::start(House::empty().await).await;
    let ca = site.ca.write(site.directory.path()).unwrap();
    let address = site.running.address();
    let shake = |version| {
        let ca = ca.clone();
        tokio::task::spawn_blocking(move || shake_hands(address, ca, version))
    };
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        assert_eq!(
            shake(version).await.unwrap(),
            Ok(Some(b"http/1.1".to_vec()))
        );
    }
    for version in [SslVersion::TLS1, SslVersion::TLS1_1] {
        assert!(shake(version).await.unwrap().is_err());
    }
    site.running.stop().await;
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_a_bad_one_is_not() {
    let site = Site::start(House::empty().await).await;
    let other = TestCa::new().unwrap();
    let stranger = client(&other);
    assert!(stranger.get(site.url("/health/live")).send().await.is_err());

    std::fs::write(&site.files.certificate, "no certificate").unwrap();
    assert!(matches!(
        site.running.certificate().reload(),
        Err(HttpError::Certificate { .. })
    ));
    let mismatch = other.leaf(&["127.0.0.1"]).unwrap();
    std::fs::write(&site.files.certificate, &mismatch.certificate).unwrap();
    assert!(
        site.running.certificate().reload().is_err(),
        "the key belongs to another certificate"
    );
    let fresh = client(&site.ca);
    assert!(
        fresh.get(site.url("/health/live")).send().await.is_ok(),
        "the old one stays"
    );

    std::fs::write(&site.files.key, &mismatch.key).unwrap();
    site.running.certificate().reload().unwrap();
    assert!(stranger.get(site.url("/health/live")).send().await.is_ok());
    site.running.stop().await;
}

/// LM-08, LM-06, CX-03: the whole life of a session as a browser lives it.
#[tokio::test]
async fn a_session_lives_in_a_cookie_that_no_script_reads() {
    let house = House::empty().await;
    let code = house.identity.setup_code_create().await.unwrap();
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
    site.running.stop().await;
}

#[tokio::test]
async fn the_eleventh_sign_in_of_a_minute_waits() {
    let (house, _) = House::set_up().await;
    let site = Site::start(house).await;
    let body = json!({"email": "nobody", "password": "x"});
    for _ in 0..10 {
        let answer = site
            .post("/session", &body)
            .header("x-forwarded-for", "203.0.113.1")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "no address");
    }
    let held = site
        .post("/session", &body)
        .header("x-forwarded-for", "203.0.113.2")
        .send()
        .await
        .unwrap();
    assert_eq!(
        held.status(),
        StatusCode::TOO_MANY_REQUESTS,
        "a header of one's own changes nothing"
    );
    assert_headers(&held);
    assert_eq!(held.headers()["retry-after"], "6");
    site.house.bed.clock.advance(chrono::TimeDelta::seconds(6));
    assert_eq!(
        site.post("/session", &body).send().await.unwrap().status(),
        StatusCode::BAD_REQUEST
    );
    site.running.stop().await;
}

#[tokio::test]
async fn sealed_says_so_and_lets_nobody_in() {
    let bed = Bed::new();
    let identity = identity::Identity::new(
        bed.db.clone(),
        bed.vault.clone(),
        identity::Config::default(),
    );
    let site = Site::start(House { bed, identity }).await;
    *site.state.0.lock().unwrap() = vec![Reason {
        component: "secrets",
        code: "sealed",
        message: String::from("OpenBao is sealed."),
    }];
    let ready = site.get("/health/ready").await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_headers(&ready);
    let ready: Value = ready.json().await.unwrap();
    assert_eq!(
        (
            ready["status"].as_str(),
            ready["reasons"][0]["component"].as_str()
        ),
        (Some("sealed"), Some("secrets"))
    );
    assert_eq!(site.get("/health/live").await.status(), StatusCode::OK);
    let refused = site
        .post("/session", &json!({"email": EMAIL, "password": PASSWORD}))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["code"], "sealed");

    site.state.0.lock().unwrap().clear();
    site.house.identity.unlock().await.unwrap();
    assert_eq!(site.get("/health/ready").await.status(), StatusCode::OK);
    let keys: Value = site
        .get("/.well-known/jwks.json")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(2));
    site.running.stop().await;
}

#[tokio::test]
async fn metrics_are_on_loopback_by_route_and_name_nobody() {
    let (house, _) = House::set_up().await;
    let site = Site::start(house).await;
    let (token, _) = site.sign_in().await;
    site.client
        .get(site.url("/read"))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    site.get("/canary-path?q=canary-query").await;
    let address = site.running.metrics_address().unwrap();
    assert!(address.ip().is_loopback());
    let text = site
        .client
        .get(format!("http://{address}/metrics"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        text.contains(
            "revkeep_http_answers_total{method=\"GET\",route=\"/read\",status=\"200\"} 1"
        ),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");
    assert_eq!(
        site.get("/metrics").await.status(),
        StatusCode::NOT_FOUND,
        "not for people"
    );
    site.running.stop().await;
}

#[tokio::test]
async fn metrics_in_public_and_limits_of_zero_are_refused_at_start() {
    let house = House::empty().await;
    let directory = tempfile::tempdir().unwrap();
    let ca = TestCa::new().unwrap();
    let files = ca
        .leaf(&["127.0.0.1"])
        .unwrap()
        .write(directory.path(), "server")
        .unwrap();
    let mut config = config(&files);
    let start = |config: &http::Config| {
        let shared = Shared::new(
            config,
            house.identity.clone(),
            Arc::new(SystemClock),
            Arc::new(State::default()),
            prometheus::Registry::new(),
        )
        .unwrap();
        http::serve(config, shared, |_| ()).map(|_| ())
    };
    config.metrics_listen = Some(SocketAddr::from(([0, 0, 0, 0], 0)));
    assert!(matches!(start(&config), Err(HttpError::MetricsInPublic(_))));
    config.metrics_listen = None;
    config.request_timeout_seconds = 0;
    assert!(matches!(
        start(&config),
        Err(HttpError::Zero("request_timeout_seconds"))
    ));
    config.request_timeout_seconds = 30;
    config.private_key = PathBuf::from("/nowhere.key");
    assert!(matches!(start(&config), Err(HttpError::Certificate { .. })));
}

/// A client that never finishes its request is let go, and others are served meanwhile.
#[tokio::test]
async fn a_client_that_dawdles_is_let_go() {
    let site = Site::start(House::empty().await).await;
    let mut dawdlers = Vec::new();
    for _ in 0..20 {
        dawdlers.push(site.raw().await);
    }
    assert_eq!(site.get("/health/live").await.status(), StatusCode::OK);
    for mut dawdler in dawdlers {
        let mut heard = Vec::new();
        let ended =
            tokio::time::timeout(Duration::from_secs(20), dawdler.read_to_end(&mut heard)).await;
        assert!(ended.is_ok(), "the server closes it");
    }
    site.running.stop().await;
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let site = Site::start_with(House::empty().await, |config| {
        config.request_timeout_seconds = 1
    })
    .await;
    let late = site.get("/never").await;
    assert_eq!(late.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_headers(&late);
    let late: Value = late.json().await.unwrap();
    assert_eq!(late["code"], "timed_out");
    site.running.stop().await;
}

/// Work in hand is finished, and nothing new is taken.
#[tokio::test]
async fn a_stop_lets_the_work_in_hand_finish() {
    let site = Site::start(House::empty().await).await;
    let (url, client, address) = (
        site.url("/slow"),
        site.client.clone(),
        site.running.address(),
    );
    let working =
        tokio::spawn(async move { client.get(url).send().await.unwrap().text().await.unwrap() });
    ARRIVED.get_or_init(Notify::new).notified().await;
    let stopping = tokio::spawn(site.running.stop());
    // The listener is closed as soon as the stop begins.
    loop {
        #[expect(clippy::disallowed_methods, reason = "a stranger's socket")]
        let attempt = TcpStream::connect(address).await;
        if attempt.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished());
    RELEASE.get_or_init(Notify::new).notify_waiters();
    assert_eq!(working.await.unwrap(), "done");
    stopping.await.unwrap();
}
