//! The daemon killed, and OpenBao sealed, in the middle of a sign-in by SAML and of what a provider writes by
//! SCIM: afterwards nothing is half done, the person begins again, an assertion that was used counts no
//! second time, and the provider's retry finds or makes the one person that it is about.

mod appliance;

use kernel::{Clock, Secret, SystemClock};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use stack::{
    console::Console,
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    world::World,
};

use crate::{
    harness::column,
    live::superuser,
    saml::{Away, Idp},
};

const SIGN_IN_POINTS: [&str; 4] = [
    "sso_flow_taken",
    "saml_ticket_stored",
    "saml_ticket_taken",
    "sso_person_made",
];
const SCIM_POINTS: [&str; 4] = [
    "scim_account_made",
    "scim_member_made",
    "scim_person_audited",
    "scim_person_made",
];
/// What a person, however they come, leaves in the database.
const LEFT: &str = "SELECT (SELECT count(*) FROM users) || ' users, ' || (SELECT count(*) FROM memberships) || ' members, ' \
     || (SELECT count(*) FROM scim_users) || ' provisioned, ' || (SELECT count(*) FROM sso_identities) || ' identities, ' \
     || (SELECT count(*) FROM audit_log WHERE action = 'user_create') || ' made, ' \
     || (SELECT count(*) FROM sessions WHERE sso_provider_id IS NOT NULL) || ' sessions'";

/// An organisation with a SAML provider, whose domain is verified, and a provisioning token.
struct Ground {
    world: World,
    port: u16,
    idp: Idp,
    provider: String,
    entity_id: String,
    acs: String,
    token: String,
}

/// How a request at a daemon that may die ended.
enum Answer {
    Nothing,
    Said(StatusCode, Value),
}

impl Ground {
    async fn lay() -> Self {
        let world = World::start(Durability::Tests).await.unwrap();
        let port = stack::ports::free().unwrap();
        let options = DaemonOptions {
            port: Some(port),
            ..DaemonOptions::default()
        };
        let daemon = world.daemon(options).await.unwrap();
        let console = Console::set_up(&daemon).await.unwrap();
        let idp = Idp::at("https://idp.example/entity");
        let form = json!({
            "kind": "saml", "name": "P", "enabled": true, "create_members": true,
            "saml": { "issuer": "https://idp.example/entity", "sign_in_url": "https://idp.example/in", "certificates": [idp.certificate] },
        });
        let provider = console.post("/sso/providers", form).await.unwrap();
        let text = |path: &str| provider.pointer(path).unwrap().as_str().unwrap().to_owned();
        let id = text("/id");
        let named = json!({ "domain": "acme.example", "provider": id });
        console.post("/sso/domains", named).await.unwrap();
        let waiting = console.get("/platform/sso/domains").await.unwrap();
        let word = json!({ "domain": "acme.example", "tenant": waiting["items"][0]["tenant"] });
        console
            .post("/platform/sso/domains/verify", word)
            .await
            .unwrap();
        let made = json!({ "name": "Entra ID", "expires_at": null });
        let token = console.post("/sso/scim/tokens", made).await.unwrap();
        assert!(daemon.stop().await.unwrap().success());
        Self {
            world,
            port,
            idp,
            provider: id,
            entity_id: text("/saml/entity_id"),
            acs: text("/saml/acs_url"),
            token: token["secret"].as_str().unwrap().to_owned(),
        }
    }

    /// At the same address each time, which the provider knows.
    async fn daemon(&self, failpoint: Option<&str>) -> Daemon {
        let options = DaemonOptions {
            port: Some(self.port),
            failpoints: failpoint.map(|point| format!("{point}=1*panic")),
            ..DaemonOptions::default()
        };
        self.world.daemon(options).await.unwrap()
    }

    async fn dies(&self, mut daemon: Daemon, point: &str) {
        let status = daemon
            .wait_ended()
            .await
            .unwrap_or_else(|error| panic!("{point} was not reached: {error:#}"));
        assert!(!status.success(), "{point}: the daemon ended well");
        assert!(
            daemon.log().contains(point),
            "{point}: it died of something else"
        );
    }

    fn left(&self) -> String {
        column(&mut superuser(&self.world), LEFT).remove(0)
    }

    fn count(&self, sql: &str) -> String {
        column(&mut superuser(&self.world), sql).remove(0)
    }

    async fn leave(&self, daemon: &Daemon) -> Away {
        let answer = self
            .console(daemon, "/sso/start", &json!({ "provider": self.provider }))
            .send()
            .await
            .unwrap();
        let cookie = answer
            .headers()
            .get_all("set-cookie")
            .iter()
            .find_map(|line| {
                let line = line.to_str().ok()?.strip_prefix("__Host-revkeep-sso=")?;
                Some(line.split(';').next()?.to_owned())
            })
            .unwrap();
        let body: Value = answer.json().await.unwrap();
        let url = body["authorize_url"].as_str().unwrap();
        Away::at(url, Secret::new(cookie))
    }

    fn console(&self, daemon: &Daemon, path: &str, body: &Value) -> reqwest::RequestBuilder {
        client(daemon)
            .post(format!("{}/api/console/v1{path}", daemon.url))
            .header("x-revkeep", "1")
            .json(body)
    }

    /// The provider's form; what stands in the fragment of the page that it leads to.
    async fn respond(
        &self,
        daemon: &Daemon,
        away: &Away,
        (id, subject): (&str, &str),
    ) -> Option<String> {
        let mail = format!("{subject}@acme.example");
        let response = self.idp.response(
            (&self.entity_id, &self.acs),
            (&away.request, id),
            (subject, &mail),
            SystemClock.now(),
        );
        let form = [
            ("SAMLResponse", response),
            ("RelayState", away.state.clone()),
        ];
        let sent = client(daemon)
            .post(format!("{}/sso/saml/{}/acs", daemon.url, self.provider))
            .form(&form)
            .send()
            .await;
        let answer = sent.ok()?;
        let page = answer.headers().get("location")?.to_str().ok()?;
        Some(page.split_once('#')?.1.to_owned())
    }

    async fn complete(&self, daemon: &Daemon, ticket: &str, away: &Away) -> Answer {
        let cookie = format!("__Host-revkeep-sso={}", away.cookie.expose());
        let request = self
            .console(daemon, "/sso/saml/complete", &json!({ "ticket": ticket }))
            .header("cookie", cookie);
        said(request).await
    }

    /// A whole sign-in; the person must get in.
    async fn signs_in(&self, daemon: &Daemon, person: (&str, &str)) {
        let away = self.leave(daemon).await;
        let ticket = self.respond(daemon, &away, person).await.unwrap();
        match self.complete(daemon, &ticket, &away).await {
            Answer::Said(StatusCode::OK, body) => {
                assert_eq!(body["tenant"]["name"], "Acme", "{body}");
            }
            Answer::Said(status, body) => panic!("{status} {body} for {ticket}"),
            Answer::Nothing => panic!("no answer"),
        }
    }

    async fn scim(
        &self,
        daemon: &Daemon,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut request = client(daemon)
            .request(method, format!("{}/scim/v2{path}", daemon.url))
            .header("content-type", "application/scim+json")
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        said(request).await
    }

    async fn provision(&self, daemon: &Daemon, name: &str) -> Answer {
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": format!("{name}@acme.example"), "externalId": name, "active": true,
            "emails": [{ "value": format!("{name}@acme.example"), "primary": true }],
        });
        self.scim(daemon, Method::POST, "/Users", Some(user)).await
    }

    /// The provider tries again as providers do: once, once more, and then it looks.
    async fn provisions(&self, daemon: &Daemon, name: &str) {
        for _ in 0..2 {
            let Answer::Said(status, body) = self.provision(daemon, name).await else {
                panic!("no answer");
            };
            assert!(matches!(status.as_u16(), 201 | 409), "{status} {body}");
        }
        let path = format!("/Users?filter=userName%20eq%20%22{name}%40acme.example%22");
        let Answer::Said(status, body) = self.scim(daemon, Method::GET, &path, None).await else {
            panic!("no answer");
        };
        assert_eq!(
            (status.as_u16(), &body["totalResults"]),
            (200, &json!(1)),
            "{body}"
        );
        assert_eq!(body["Resources"][0]["active"], true, "{body}");
    }
}

fn client(daemon: &Daemon) -> Client {
    daemon.client_that_stays().unwrap()
}

async fn said(request: reqwest::RequestBuilder) -> Answer {
    let Ok(answer) = request.send().await else {
        return Answer::Nothing;
    };
    let status = answer.status();
    match answer.bytes().await {
        Ok(bytes) => Answer::Said(
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        ),
        Err(_) => Answer::Nothing,
    }
}

fn refused(answer: Answer) -> (u16, String) {
    match answer {
        Answer::Said(status, body) => (
            status.as_u16(),
            body["code"].as_str().unwrap_or_default().to_owned(),
        ),
        Answer::Nothing => (0, String::new()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_a_sign_in_or_of_provisioning_nothing_is_half_done() {
    let ground = Ground::lay().await;
    for point in SIGN_IN_POINTS {
        killed_in_a_sign_in(&ground, point).await;
    }
    for point in SCIM_POINTS {
        killed_while_provisioning(&ground, point).await;
    }
}

async fn killed_in_a_sign_in(ground: &Ground, point: &str) {
    let before = ground.left();
    let (assertion, subject) = (format!("_{point}"), point.replace('_', "-"));
    let person = (assertion.as_str(), subject.as_str());
    let doomed = ground.daemon(Some(point)).await;
    let away = ground.leave(&doomed).await;
    let ticket = ground.respond(&doomed, &away, person).await;
    if let Some(ticket) = &ticket {
        let answer = ground.complete(&doomed, ticket, &away).await;
        assert!(matches!(answer, Answer::Nothing), "{point}");
    }
    ground.dies(doomed, point).await;
    assert_eq!(ground.left(), before, "{point}");

    let daemon = ground.daemon(None).await;
    // What was used before the end is used after it: flow, assertion and ticket.
    let again = ground.respond(&daemon, &away, person).await.unwrap();
    assert_eq!(again, "error=sso_flow_void", "{point}");
    let other = ground.leave(&daemon).await;
    let replayed = ground.respond(&daemon, &other, person).await.unwrap();
    let used = point != "sso_flow_taken";
    assert_eq!(
        replayed == "error=saml_replayed",
        used,
        "{point}: {replayed}"
    );
    if let Some(ticket) = ticket {
        let answer = refused(ground.complete(&daemon, &ticket, &away).await);
        assert_eq!(answer, (401, String::from("sso_flow_void")), "{point}");
    }
    assert_eq!(ground.left(), before, "{point}");
    let fresh = format!("_{point}-2");
    ground.signs_in(&daemon, (&fresh, person.1)).await;
    ground
        .signs_in(&daemon, (&format!("_{point}-3"), person.1))
        .await;
    let known = format!(
        "SELECT count(*) FROM sso_identities WHERE subject = '{}'",
        person.1
    );
    assert_eq!(ground.count(&known), "1", "{point}");
    assert!(daemon.stop().await.unwrap().success());
}

async fn killed_while_provisioning(ground: &Ground, point: &str) {
    let before = ground.left();
    let name = point.replace('_', "-");
    let doomed = ground.daemon(Some(point)).await;
    let answer = ground.provision(&doomed, &name).await;
    assert!(matches!(answer, Answer::Nothing), "{point}");
    ground.dies(doomed, point).await;
    let stored = point == "scim_person_made";
    assert_eq!(
        ground.left() != before,
        stored,
        "{point}: {}",
        ground.left()
    );

    let daemon = ground.daemon(None).await;
    ground.provisions(&daemon, &name).await;
    let made = ground.left();
    ground.provisions(&daemon, &name).await;
    assert_eq!(ground.left(), made, "{point}");
    assert!(daemon.stop().await.unwrap().success());
}

/// Data keys in memory carry on for a while, so that a step may still be done; then it is done whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sealed_in_the_middle_of_a_sign_in_or_of_provisioning_nothing_is_half_done() {
    let ground = Ground::lay().await;
    let bao = &ground.world.openbao;
    let daemon = ground.daemon(None).await;

    // Before the response is read.
    let before = ground.left();
    let away = ground.leave(&daemon).await;
    bao.seal().await.unwrap();
    let told = ground
        .respond(&daemon, &away, ("_a", "anna"))
        .await
        .unwrap();
    assert!(told.starts_with("error="), "{told}");
    assert_eq!(ground.left(), before);
    bao.unseal().await.unwrap();
    ground.signs_in(&daemon, ("_a2", "anna")).await;

    // Between the ticket and the session.
    let before = ground.left();
    let away = ground.leave(&daemon).await;
    let ticket = ground
        .respond(&daemon, &away, ("_b", "berta"))
        .await
        .unwrap();
    bao.seal().await.unwrap();
    let (status, code) = refused(ground.complete(&daemon, &ticket, &away).await);
    assert_eq!(status, 503, "{code}");
    assert_eq!(ground.left(), before);
    bao.unseal().await.unwrap();
    let (status, code) = refused(ground.complete(&daemon, &ticket, &away).await);
    assert_eq!((status, code.as_str()), (401, "sso_flow_void"));
    let other = ground.leave(&daemon).await;
    let replayed = ground.respond(&daemon, &other, ("_b", "berta")).await;
    assert_eq!(replayed.unwrap(), "error=saml_replayed");
    ground.signs_in(&daemon, ("_b2", "berta")).await;

    // A provider's write.
    let before = ground.left();
    bao.seal().await.unwrap();
    let (status, code) = refused(ground.provision(&daemon, "cara").await);
    assert_eq!(status, 503, "{code}");
    assert_eq!(ground.left(), before);
    bao.unseal().await.unwrap();
    ground.provisions(&daemon, "cara").await;
    assert!(daemon.stop().await.unwrap().success());
}
