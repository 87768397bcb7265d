//! The server over real TLS: versions, certificates, headers, sessions by cookie, permissions, rates,
//! limits and an orderly end (LR-13, LR-43, LR-44, LM-08, LM-27 to LM-36, OB-28, CX-22, CX-23, CX-30).

mod limits;
mod proxies;
mod session;
mod tls;

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
    harness::{Bed, local},
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
        forwarded_header: http::ForwardedHeader::XForwardedFor,
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
        let running = http::serve(&config, None, shared, |app| {
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
