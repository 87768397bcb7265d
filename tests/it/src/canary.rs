//! Must hold 6: what is secret or personal is planted, used, made to fail, and then looked for wherever
//! it must not be: logs, error answers, the queue, metrics, and a dump of the whole database.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::{Value, json};
use simulators::wire::{Effect, Fault};
use stack::{
    console::{Console, EMAIL, PASSWORD, cookie},
    daemon::Daemon,
    scenario,
    world::World,
};

use crate::{
    harness::column,
    live::{all_routed, configured, section, superuser, until, world},
};

pub(crate) const LEAD_NAME: &str = "Zyxcanarylead";
pub(crate) const LEAD_EMAIL: &str = "zyx.canarylead@prospects.example";
pub(crate) const LEAD_COMPANY: &str = "Zyxcanary Works";
/// What every token of the simulator begins with: access tokens by the organisation's id.
pub(crate) const REFRESH_TOKEN: &str = "5Aep861";
const WRONG_PASSWORD: &str = "Wrong-canary-4711-x";

/// A value that must not be found, and what it is.
pub(crate) struct Canary {
    what: &'static str,
    value: String,
}

impl Canary {
    pub(crate) fn new(what: &'static str, value: impl Into<String>) -> Self {
        Self {
            what,
            value: value.into(),
        }
    }

    /// As it is, as PostgreSQL dumps bytes, and as base64.
    fn is_in(&self, text: &str) -> bool {
        let hex: String = self.value.bytes().map(|b| format!("{b:02x}")).collect();
        let mut base64 = STANDARD_NO_PAD.encode(&self.value);
        base64.truncate(self.value.len() / 3 * 4);
        [&self.value, &hex, &base64]
            .iter()
            .any(|form| text.contains(form.as_str()))
    }
}

/// Which canaries are in which place.
pub(crate) fn found(canaries: &[Canary], places: &[(&str, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (place, text) in places {
        let here = canaries.iter().filter(|canary| canary.is_in(text));
        found.extend(
            here.map(|canary| format!("{} in {place}: {}", canary.what, around(canary, text))),
        );
    }
    found
}

/// The line where it stands, cut short.
fn around(canary: &Canary, text: &str) -> String {
    let line = text.lines().find(|line| canary.is_in(line));
    line.unwrap_or_default().chars().take(400).collect()
}

#[test]
fn a_canary_is_found_in_each_form_in_which_it_could_leak() {
    let canary = Canary::new("password", "Correct-horse-7-battery");
    for text in [
        "tried Correct-horse-7-battery today".to_owned(),
        "\\x00436f72726563742d686f7273652d372d62617474657279ff".to_owned(),
        format!(
            "{{\"blob\":\"{}\"}}",
            STANDARD_NO_PAD.encode("Correct-horse-7-battery, and more")
        ),
    ] {
        assert!(canary.is_in(&text), "{text}");
    }
    assert!(!canary.is_in("Correct-horse"));
}

/// What the administrator's backup holds: every row, without the key of the tenant context.
fn as_the_backup_role(world: &World) -> String {
    let refused = world.postgres.dump("revkeep_backup", "revkeep", &[]);
    let why = format!("{:#}", refused.unwrap_err());
    assert!(why.contains("context_keys"), "{why}");
    let backup = world
        .postgres
        .dump(
            "revkeep_backup",
            "revkeep",
            &["--exclude-table=context_keys"],
        )
        .unwrap();
    for table in [
        "connections",
        "audit_log",
        "users",
        "__diesel_schema_migrations",
    ] {
        let copied = format!("COPY public.{table} (");
        let partition = format!("COPY public.{table}_");
        assert!(
            backup.contains(&copied) || backup.contains(&partition),
            "{table} is not in the backup"
        );
    }
    assert!(backup.contains(LEAD_COMPANY), "the backup has no rows");
    backup
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_and_no_person_is_where_it_must_not_be() {
    let world = world().await;
    let (daemon, console) = configured(&world).await;
    see_personal_fields(&console).await;
    scenario::activate(&console).await.unwrap();
    let mut secrets = vec![
        Canary::new("password", PASSWORD),
        Canary::new("email", EMAIL),
        Canary::new("consumer secret", simulators::CLIENT_SECRET),
        Canary::new("refresh token", REFRESH_TOKEN),
        Canary::new("access token", format!("{}!", simulators::ORGANISATION)),
    ];
    secrets.extend(session_of(&console).await);
    route_canary_leads(&world, &console, &daemon).await;
    let answers = provoke(&world, &console, &daemon).await;
    secrets.push(Canary::new("wrong password", WRONG_PASSWORD));

    let superuser = &mut superuser(&world);
    let rows = |superuser: &mut _, table: &str| {
        column(superuser, &format!("SELECT to_jsonb(t) FROM {table} t")).join("\n")
    };
    let dump = world.postgres.dump("postgres", "revkeep", &[]).unwrap();
    let backup = as_the_backup_role(&world);
    let places = [
        ("the log", daemon.log()),
        ("error answers", answers),
        ("the queue", rows(superuser, "jobs")),
        ("metrics", metrics(&daemon).await),
        ("the dump", dump.clone()),
        ("the backup", backup),
    ];
    for (place, text) in &places {
        assert!(text.len() > 200, "{place} is all but empty: {text}");
    }
    assert_eq!(found(&secrets, &places), Vec::<String>::new());

    // The search finds what is there.
    let host = Canary::new("the host of Salesforce", world.salesforce_host());
    assert!(!found(&[host], &[("the dump", dump.clone())]).is_empty());
    let people = [
        Canary::new("a lead's name", LEAD_NAME),
        Canary::new("a lead's address", LEAD_EMAIL),
    ];
    assert_eq!(
        found(&people, &[("the layer", dump)]).len(),
        2,
        "the layer lost them"
    );

    let places = [
        ("the log", daemon.log()),
        ("the queue", rows(superuser, "jobs")),
        ("the audit log", rows(superuser, "audit_log")),
        ("the routing log", rows(superuser, "assignments")),
        ("the records", rows(superuser, "routing_records")),
        ("metrics", metrics(&daemon).await),
    ];
    assert_eq!(found(&people, &places), Vec::<String>::new());
    assert!(daemon.stop().await.unwrap().success());
}

/// Name and address of leads are in the layer, and a rule reads them.
pub(crate) async fn see_personal_fields(console: &Console) {
    for name in ["LastName", "Email"] {
        let field =
            json!({ "name": name, "reason": "A test of what leaks", "data_class": "crm_personal" });
        console
            .post("/layer/objects/Lead/fields", field)
            .await
            .unwrap();
    }
    let reps = console.all("/reps").await.unwrap();
    let rep = reps.iter().find(|rep| rep["active"] == true).unwrap();
    let rule = json!({
        "name": "Canaries", "enabled": true,
        "condition": { "all": [
            { "field": "LastName", "op": "starts_with", "value": "Zyx" },
            { "field": "Email", "op": "ends_with", "value": "prospects.example" },
        ] },
        "target": { "kind": "user", "rep_id": rep["id"] },
    });
    console.post("/routers/Lead/rules", rule).await.unwrap();
}

/// One lead gets its owner; another's write is refused with words that name a person.
pub(crate) async fn route_canary_leads(world: &World, console: &Console, daemon: &Daemon) {
    let lead = json!({
        "LastName": LEAD_NAME, "Email": LEAD_EMAIL, "Company": LEAD_COMPANY,
        "Status": "Open - Not Contacted",
    });
    world
        .salesforce
        .load("Lead", std::slice::from_ref(&lead))
        .await
        .unwrap();
    all_routed(world, console, daemon).await;
    let refused = Fault {
        method: None,
        path: Some("/composite/sobjects".to_owned()),
        record: None,
        skip: 0,
        count: Some(1),
        effect: Effect::Row {
            code: "FIELD_CUSTOM_VALIDATION_EXCEPTION".to_owned(),
            message: format!("{LEAD_NAME} <{LEAD_EMAIL}> may not be moved"),
        },
    };
    world.salesforce.fault(&refused).await.unwrap();
    world.salesforce.load("Lead", &[lead]).await.unwrap();
    until("no record fails", async || {
        let failures = console.get("/failures?state=failed").await.unwrap();
        let items = failures["items"].as_array().unwrap();
        if items.is_empty() {
            Err(failures.to_string())
        } else {
            Ok(())
        }
    })
    .await;
}

/// A browser's session: its access token and its refresh cookie, and what its second factor is made of.
pub(crate) async fn session_of(console: &Console) -> [Canary; 3] {
    let answer = console.answer_of_sign_in().await.unwrap();
    let cookie = cookie(&answer, "__Host-revkeep-refresh").unwrap();
    let cookie = cookie.split('=').nth(1).unwrap().to_owned();
    let body: Value = answer.json().await.unwrap();
    assert!(cookie.len() > 20, "{cookie}");
    [
        Canary::new("session token", body["access_token"].as_str().unwrap()),
        Canary::new("session cookie", cookie),
        Canary::new("authenticator secret", console.phone().secret().unwrap()),
    ]
}

/// Errors of every part that sees secrets; the answers' text.
async fn provoke(world: &World, console: &Console, daemon: &Daemon) -> String {
    let mut answers = wrong_sign_ins(daemon).await;
    let secret = simulators::CLIENT_SECRET;
    let connection = "/connections/salesforce";
    let unknown = json!({ "environment": secret, "consumer_key": "k", "consumer_secret": secret });
    let foreign = json!({
        "environment": "my_domain", "my_domain": "evil.example", "consumer_key": "k",
        "consumer_secret": secret,
    });
    let returned = json!({ "code": secret, "state": secret });
    let rule = json!({ "name": LEAD_EMAIL, "condition": PASSWORD, "target": EMAIL });
    let password = json!({ "password": PASSWORD });
    for (method, path, body) in [
        ("PUT", connection.to_owned(), unknown),
        ("PUT", connection.to_owned(), foreign),
        ("POST", format!("{connection}/complete"), returned),
        ("POST", "/routers/Lead/rules".to_owned(), rule),
        ("POST", "/no/such/path".to_owned(), password),
        ("GET", format!("/failures?state={PASSWORD}"), Value::Null),
        (
            "GET",
            format!("/assignments?from={PASSWORD}&q={LEAD_EMAIL}"),
            Value::Null,
        ),
        (
            "GET",
            format!("/assignments?cursor={PASSWORD}"),
            Value::Null,
        ),
    ] {
        let body = (!body.is_null()).then_some(body);
        let request = console.request(method.parse().unwrap(), &path, body);
        let (status, answer) = request.await.unwrap();
        assert!(status.is_client_error(), "{path}: {status} {answer}");
        answers.push(answer.to_string());
    }
    answers.push(salesforce_says_too_much(world, console).await);
    answers.join("\n")
}

/// Bodies that are wrong in each way, with the secret in the address and in a header as well.
async fn wrong_sign_ins(daemon: &Daemon) -> Vec<String> {
    let client = daemon.client().unwrap();
    let setup = json!({
        "code": PASSWORD, "organisation": "X", "name": "X", "email": EMAIL, "password": PASSWORD,
    });
    let wrong = json!({ "email": EMAIL, "password": WRONG_PASSWORD });
    let unknown = json!({ "email": EMAIL, "password": PASSWORD, PASSWORD: 1 });
    let mut answers = Vec::new();
    for (path, body) in [
        ("session", wrong.to_string()),
        (
            "session",
            json!({ "email": EMAIL, "password": [PASSWORD] }).to_string(),
        ),
        (
            "session",
            format!("{{\"email\": \"{EMAIL}\", \"password\": \"{PASSWORD}\""),
        ),
        ("session", unknown.to_string()),
        ("session/refresh", String::new()),
        ("setup", setup.to_string()),
    ] {
        let query = format!("email={EMAIL}&password={PASSWORD}");
        let sent = client
            .post(format!("{}/api/console/v1/{path}?{query}", daemon.url))
            .header("X-Revkeep", "1")
            .header("Content-Type", "application/json")
            .header("User-Agent", format!("canary {PASSWORD}"))
            .body(body);
        let answer = sent.send().await.unwrap();
        let status = answer.status();
        assert!(status.is_client_error(), "{path}: {status}");
        answers.push(answer.text().await.unwrap());
    }
    answers
}

/// Salesforce answers a job and a person with an error that repeats what it was sent.
async fn salesforce_says_too_much(world: &World, console: &Console) -> String {
    let fault = |path: &str| Fault {
        method: None,
        path: Some(path.to_owned()),
        record: None,
        skip: 0,
        count: Some(2),
        effect: Effect::Status {
            status: 400,
            code: "MALFORMED_QUERY".to_owned(),
            message: format!("{EMAIL} {PASSWORD} {LEAD_EMAIL} {REFRESH_TOKEN}"),
        },
    };
    world.salesforce.fault(&fault("/query")).await.unwrap();
    console.post("/reps/sync", json!({})).await.unwrap();
    until("the sync of reps does not fail", async || {
        let failed = column(
            &mut superuser(world),
            "SELECT error_detail FROM jobs WHERE kind = 'reps.sync' AND error_detail IS NOT NULL",
        );
        if failed.is_empty() {
            Err("no error".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
    world.salesforce.fault(&fault("/describe")).await.unwrap();
    let (status, answer) = console
        .request(reqwest::Method::GET, "/layer/objects/Lead/available", None)
        .await
        .unwrap();
    assert!(!status.is_success(), "{answer}");
    world.salesforce.clear_faults().await.unwrap();
    answer.to_string()
}

pub(crate) async fn metrics(daemon: &Daemon) -> String {
    let address =
        section::<toml::Table>(daemon.config.as_path(), "server")["metrics_listen"].clone();
    let url = format!("http://{}/metrics", address.as_str().unwrap());
    let answer = daemon.client().unwrap().get(url).send().await.unwrap();
    answer.text().await.unwrap()
}
