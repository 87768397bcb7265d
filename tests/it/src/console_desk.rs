//! A console that people can use: the face over real TLS on a real database, with doubles behind
//! the two ports to Salesforce.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use connections::{
    App, AvailableField, BrokenCode, Connections, EnrollmentCounts, Environment, Grant, Provider,
    ProviderError, RoutingSource, SourceError,
};
use console::{Change, Console, ControlDesk, Live, Span, SystemDesk};
use custody::{Custody, ErasureConfig, ExportConfig};
use db::DbError;
use gateway::{Gateway, Ledger};
use http::{Readiness, Reason, Running, Shared};
use kernel::{ErrorKind, Principal, Secret, SharedClock, TenantId};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use stack::tls::TestCa;
use tokio::sync::{broadcast, watch};

use crate::{
    harness::{Bed, column, connect},
    identity::House,
    phone::{Ask, Phone},
};

/// Where a browser has the console open.
pub(crate) const SITE: &str = "https://revkeep.example";
pub(crate) const EMAIL: &str = "canary-ada@acme.example";
pub(crate) const PASSWORD: &str = "Canary-horse-7-battery";
/// Where a stream of the log may go, and where nobody listens.
pub(crate) const DECLARED: &str = "localhost:9";

/// What the double of Salesforce says next.
pub(crate) struct Source {
    pub(crate) counts: Mutex<EnrollmentCounts>,
    pub(crate) away: Mutex<bool>,
}

#[async_trait]
impl RoutingSource for Source {
    async fn available_fields(
        &self,
        _: &Principal,
        _: &str,
    ) -> Result<Vec<AvailableField>, SourceError> {
        if *self.away.lock().unwrap() {
            return Err(SourceError {
                kind: ErrorKind::Unavailable,
                code: "provider_unavailable",
                message: String::from("Salesforce does not answer."),
            });
        }
        let field = |name: &str, kind, personal| AvailableField {
            name: name.to_owned(),
            label: name.to_owned(),
            kind,
            personal,
        };
        Ok(vec![
            field("Country", "string", false),
            field("NumberOfEmployees", "number", false),
            field("Email", "string", true),
        ])
    }

    async fn enrollment_counts(
        &self,
        _: &Principal,
        _: &str,
        _: &str,
    ) -> Result<EnrollmentCounts, SourceError> {
        Ok(*self.counts.lock().unwrap())
    }
}

/// An appliance whose controls were never verified.
struct NoRuns;

#[async_trait]
impl ControlDesk for NoRuns {
    async fn standing(&self) -> Result<serde_json::Value, DbError> {
        Ok(serde_json::json!({ "running": null, "last": null }))
    }
    async fn failing(&self) -> Result<i64, DbError> {
        Ok(0)
    }
    async fn controls_verify(&self, _: &kernel::Actor) -> Result<uuid::Uuid, DbError> {
        Ok(uuid::Uuid::nil())
    }
    async fn paper(&self, _: &str, _: &str) -> Result<Option<String>, DbError> {
        Ok(None)
    }
}

/// An appliance of which nothing is known.
struct NoFacts;

#[async_trait]
impl SystemDesk for NoFacts {
    async fn standing(&self) -> Value {
        json!({})
    }
    async fn findings(&self) -> Value {
        json!({ "findings": [] })
    }
    async fn series(&self, _: Span) -> Result<Value, DbError> {
        Ok(json!({ "points": [] }))
    }
}

/// Nobody to connect to: what is stored can be looked at, and no login works.
struct Nobody;

#[async_trait]
impl Provider for Nobody {
    fn name(&self) -> &'static str {
        "salesforce"
    }
    fn scopes(&self) -> &'static [&'static str] {
        &["api", "refresh_token"]
    }
    fn first_jobs(&self) -> &'static [&'static str] {
        &[]
    }
    fn login_host(&self, environment: Environment, my_domain: Option<&str>) -> Option<String> {
        match environment {
            Environment::Production => Some(String::from("login.salesforce.com")),
            Environment::Sandbox => Some(String::from("test.salesforce.com")),
            Environment::MyDomain => my_domain
                .filter(|host| host.ends_with(".my.salesforce.com"))
                .map(str::to_owned),
        }
    }
    fn instance_allowed(&self, _: &str) -> bool {
        false
    }
    fn authorize_url(&self, app: &App, state: &str, _: &str) -> String {
        format!("https://{}/authorize?state={state}", app.login_host)
    }
    async fn exchange(
        &self,
        _: &App,
        _: &Secret<String>,
        _: &Secret<String>,
    ) -> Result<Grant, ProviderError> {
        Err(ProviderError::Refused {
            code: BrokenCode::LoginRefused,
            detail: String::from("invalid_grant"),
        })
    }
    async fn refresh(&self, _: &App, _: &Secret<String>) -> Result<Grant, ProviderError> {
        Err(ProviderError::NotDone(String::from("nobody")))
    }
    async fn revoke(&self, _: &App, _: &Secret<String>) -> Result<(), ProviderError> {
        Ok(())
    }
}

/// Single sign-on that reaches nobody.
fn sso(house: &House) -> identity::sso::Sso {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let egress = egress::Egress::new(egress::EgressConfig::default()).unwrap();
    let reader = stack::simulator::built("revkeep").unwrap();
    identity::sso::Sso::new(
        house.identity.clone(),
        &egress,
        "https://revkeep.example",
        &reader,
    )
}

/// As the daemon reads its audit log.
pub(crate) fn reader(bed: &Bed) -> audit::Reader {
    let keyring = Arc::new(audit::Keyring::new(bed.db.clone(), bed.vault.clone()));
    let sealer = audit::Sealer::new(bed.db.clone(), bed.vault.clone());
    audit::Reader::new(bed.db.clone(), keyring, sealer)
}

struct Ready;

#[async_trait]
impl Readiness for Ready {
    async fn reasons(&self) -> Vec<Reason> {
        Vec::new()
    }
}

pub(crate) struct Desk {
    pub(crate) house: House,
    pub(crate) source: Arc<Source>,
    pub(crate) changes: broadcast::Sender<Change>,
    pub(crate) stopper: watch::Sender<bool>,
    pub(crate) running: Running,
    pub(crate) shared: Shared,
    pub(crate) ledger: Ledger,
    client: Client,
    pub(crate) phone: Phone,
    pub(crate) token: String,
    pub(crate) custody: Custody,
    ca: Vec<u8>,
    _directory: tempfile::TempDir,
}

/// Export and erasure, with their files below `directory`.
pub(crate) fn custody_of(house: &House, directory: &std::path::Path) -> Custody {
    let export = ExportConfig {
        directory: directory.join("exports"),
        keep_days: 7,
    };
    let erasure = ErasureConfig {
        cooling_off_days: 14,
        backups_kept_days: 35,
    };
    Custody::new(
        house.bed.db.clone(),
        house.bed.vault.clone(),
        house.identity.clone(),
        export,
        erasure,
    )
}

impl Desk {
    /// With Ada signed in, who is admin, owner and super admin, and has an authenticator app.
    pub(crate) async fn open() -> Self {
        let (house, grant) = House::set_up().await;
        house.identity.set_site(SITE);
        let directory = tempfile::tempdir().unwrap();
        let ca = TestCa::new().unwrap();
        let files = ca.leaf(&["127.0.0.1"]).unwrap();
        let files = files.write(directory.path(), "server").unwrap();
        let config = http::Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            certificate: files.certificate,
            private_key: files.key,
            metrics_listen: None,
            trusted_proxies: Vec::new(),
            forwarded_header: http::ForwardedHeader::XForwardedFor,
            workers: 1,
            connections_per_worker: 100,
            client_timeout_seconds: 5,
            request_timeout_seconds: 60,
            shutdown_seconds: 20,
            sign_ins_per_minute: 1_000,
            requests_per_minute: 100_000,
        };
        let clock: SharedClock = Arc::clone(&house.bed.clock) as SharedClock;
        let identity = house.identity.clone();
        let registry = prometheus::Registry::new();
        let shared = Shared::new(&config, identity, clock, Arc::new(Ready), registry).unwrap();
        let source = Arc::new(Source {
            counts: Mutex::new(EnrollmentCounts {
                matching: 3,
                total: 1_000,
            }),
            away: Mutex::new(false),
        });
        let (changes, _) = broadcast::channel(64);
        let custody = custody_of(&house, directory.path());
        let declared = egress::Egress::new(egress::EgressConfig {
            private_endpoints: vec![DECLARED.parse().unwrap()],
            ..egress::EgressConfig::default()
        })
        .unwrap();
        let (stopper, stop) = watch::channel(false);
        let console = Console {
            db: house.bed.db.clone(),
            audit: reader(&house.bed),
            identity: house.identity.clone(),
            sso: sso(&house),
            siem: delivery::Siem::new(
                &house.bed.db,
                &house.bed.vault,
                &declared,
                &delivery::SiemConfig::default(),
                "revkeep.example",
            ),
            webhooks: delivery::Webhooks::new(&house.bed.db, &house.bed.vault, &declared),
            shared: shared.clone(),
            connections: Connections::new(
                house.bed.db.clone(),
                house.bed.vault.clone(),
                Arc::new(Nobody),
                String::from("https://revkeep.example/connect/salesforce"),
            ),
            custody: custody.clone(),
            source: Arc::clone(&source) as Arc<dyn RoutingSource>,
            live: Live::new(changes.clone(), stop),
            public_url: String::from("https://revkeep.example"),
            security_contact: None,
            budget_percent: 60,
            controls: Arc::new(NoRuns),
            system: Arc::new(NoFacts),
        };
        let ledger = Ledger::new(house.bed.db.clone(), &prometheus::Registry::new()).unwrap();
        shared.set_key_ledger(Arc::new(ledger.clone()));
        shared.set_site(SITE);
        let gateway = Gateway::new(house.bed.db.clone());
        let running = http::serve(&config, None, shared.clone(), move |app| {
            console::configure(app, &console);
            gateway::configure(app, &gateway, SITE);
        })
        .unwrap();
        let desk = Self {
            phone: Phone::new(Arc::clone(&house.bed.clock)),
            house,
            source,
            changes,
            stopper,
            running,
            shared,
            ledger,
            client: client(&ca),
            token: grant.access_token,
            custody,
            ca: ca.pem().unwrap(),
            _directory: directory,
        };
        desk.phone
            .enrol(&desk.token, &async |ask: Ask<'_>| desk.ask(ask).await)
            .await;
        desk
    }

    pub(crate) async fn ask(&self, ask: Ask<'_>) -> Response {
        let mut request = self.request(Method::POST, ask.path, Some(&ask.body), ask.token);
        if let Some(cookie) = ask.cookie {
            request = request.header("cookie", cookie);
        }
        request.send().await.unwrap()
    }

    /// What signed the certificate of this desk, in PEM.
    pub(crate) fn ca_pem(&self) -> &[u8] {
        &self.ca
    }

    pub(crate) fn tenant(&self) -> TenantId {
        let found = self.rows("SELECT tenant_id FROM memberships LIMIT 1");
        TenantId::from_uuid(found[0].parse().unwrap())
    }

    pub(crate) fn owner(&self, sql: &str) {
        self.house.bed.owner(sql);
    }

    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        column(&mut connect(&self.house.bed.database, "revkeep_owner"), sql)
    }

    /// Ada in another role: her old token dies with the membership's epoch. A super admin is a
    /// member as well, since a membership without a role is none.
    pub(crate) async fn become_role(&mut self, role: &str) {
        self.give_role(role);
        self.token = self.sign_in().await;
    }

    /// The same, for an Ada who has no factor; the tenant may ask everybody for one.
    pub(crate) async fn become_role_without_factor(&mut self, role: &str, for_all: bool) {
        self.owner(&format!("UPDATE tenants SET factor_for_all = {for_all}"));
        self.give_role(role);
        let session = json!({ "email": EMAIL, "password": PASSWORD });
        let (status, answer) = self.call(Method::POST, "/session", Some(&session)).await;
        assert_eq!(status, 200, "{answer}");
        self.token = answer["access_token"].as_str().unwrap().to_owned();
    }

    fn give_role(&self, role: &str) {
        let (roles, super_admin) = match role {
            "super_admin" => ("{member}", true),
            "member" => ("{member}", false),
            "reviewer" => ("{reviewer}", false),
            _ => ("{admin}", false),
        };
        self.owner(&format!(
            "UPDATE memberships SET roles = '{roles}', owner = false, epoch = epoch + 1; \
             UPDATE users SET super_admin = {super_admin}"
        ));
        self.house.identity.forget_all();
    }

    /// A new session of Ada's: its access token.
    pub(crate) async fn sign_in(&self) -> String {
        let ask = async |ask: Ask<'_>| self.ask(ask).await;
        self.phone.sign_in((EMAIL, PASSWORD), ask).await.0
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        token: Option<&str>,
    ) -> Response {
        self.request(method, path, body, token)
            .send()
            .await
            .unwrap()
    }

    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        token: Option<&str>,
    ) -> RequestBuilder {
        let url = format!("https://{}/api/console/v1{path}", self.running.address());
        let mut request = self.client.request(method, url).header("x-revkeep", "1");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request
    }

    /// A program's form, to an address outside the console's API.
    pub(crate) async fn form(&self, path: &str, body: &str) -> Response {
        let request = self.outside(Method::POST, path).body(body.to_owned());
        let kind = "application/x-www-form-urlencoded";
        request.header("content-type", kind).send().await.unwrap()
    }

    /// A request to an address outside the console's API.
    pub(crate) fn outside(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("https://{}{path}", self.running.address());
        self.client.request(method, url)
    }

    /// Status and JSON, as Ada.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let answer = self.send(method, path, body, Some(&self.token)).await;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.unwrap();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    /// As Ada, with headers that name another tenant, as a proxy or an older client might.
    pub(crate) async fn get_as_tenant(&self, path: &str, tenant: &str) -> (u16, Value) {
        let url = format!("https://{}/api/console/v1{path}", self.running.address());
        let mut request = self.client.get(url).bearer_auth(&self.token);
        for name in ["x-tenant", "x-tenant-id", "x-revkeep-tenant", "tenant"] {
            request = request.header(name, tenant);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.good(Method::GET, path, None).await
    }
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        self.good(Method::POST, path, Some(&body)).await
    }
    pub(crate) async fn put(&self, path: &str, body: Value) -> Value {
        self.good(Method::PUT, path, Some(&body)).await
    }

    async fn good(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let (status, answer) = self.call(method.clone(), path, body).await;
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        answer
    }

    /// Three reps of Ada's tenant, as a synchronisation brings them. Their ids.
    pub(crate) fn reps(&self) -> Vec<String> {
        let tenant = self.tenant().uuid();
        for number in 1..=3 {
            self.owner(&format!(
                "INSERT INTO reps (tenant_id, rep_id, external_id, name, active, synced_at) \
                 VALUES ('{tenant}', gen_random_uuid(), '00500000000000{number}AAA', 'Rep {number}', true, now())"
            ));
        }
        let found =
            self.rows("SELECT 'rep_' || replace(rep_id::text, '-', '') FROM reps ORDER BY name");
        assert_eq!(found.len(), 3);
        found
    }

    /// A router that is off, with two fields of the layer.
    pub(crate) async fn router(&self) -> Value {
        for (name, class) in [
            ("Country", "crm_business"),
            ("NumberOfEmployees", "crm_business"),
        ] {
            let field = json!({ "name": name, "reason": "Rules read it", "data_class": class });
            self.post("/layer/objects/Lead/fields", field).await;
        }
        let router = json!({
            "enrollment_text": "SELECT Id FROM Lead WHERE Country = 'DE'",
            "fallback": null, "cycle_seconds": 10,
        });
        self.put("/routers/Lead", router).await
    }
}

fn client(ca: &TestCa) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "a test's client")]
    let builder = Client::builder();
    builder
        .tls_certs_only([reqwest::Certificate::from_pem(&ca.pem().unwrap()).unwrap()])
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}
