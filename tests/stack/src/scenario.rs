//! An organisation that routes its leads: what a person would click together, by the console's API.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use simulators::wire::{Generate, Generated};
use url::Url;

use crate::{
    account_for::account_for,
    console::Console,
    receiver::{Receiver, Reply},
    world::World,
};

/// A cycle every second or two, on a machine that does much else.
const SETTLED_WITHIN: Duration = Duration::from_secs(180);

pub const ENROLLMENT: &str = "SELECT Id FROM Lead WHERE Status = 'Open - Not Contacted'";

/// Fields that the rules of the demo read, with the reason a person would give.
const FIELDS: [(&str, &str, &str); 6] = [
    (
        "Company",
        "Shown in the log, matched by rules",
        "crm_business",
    ),
    ("Country", "Rules by territory", "crm_business"),
    ("Industry", "Rules by industry", "crm_business"),
    ("NumberOfEmployees", "Rules by company size", "crm_business"),
    ("LeadSource", "Reports by source", "crm_business"),
    ("Rating", "Hot leads first", "crm_business"),
];

/// Users, a queue, and leads that were there before routing began.
pub async fn populate(world: &World, seed: u64, leads: u32) -> Result<Generated> {
    let wanted = Generate {
        seed,
        users: 12,
        inactive_users: 1,
        queues: 2,
        leads,
        hostile_every: 50,
        spread_seconds: 86_400,
        ..Generate::default()
    };
    world.salesforce.generate(&wanted).await
}

/// An identity provider that nobody has enabled yet, and a mail domain that waits for the operator.
pub async fn single_sign_on(console: &Console) -> Result<()> {
    let provider = console
        .post(
            "/sso/providers",
            json!({
                "kind": "oidc", "name": "Example account", "enabled": false,
                "issuer": "https://login.example.com/realms/people", "client_id": "revkeep",
                "client_secret": "of-the-demo-and-nowhere-known", "scopes": ["email", "profile", "groups"],
                "role_map": [
                    { "group": "revenue-operations", "roles": ["admin"] },
                    { "group": "revenue-review", "roles": ["reviewer"] },
                ],
                "create_members": true,
            }),
        )
        .await?;
    let id = provider.get("id").context("the provider has no id")?;
    console
        .post(
            "/sso/domains",
            json!({ "domain": "example.com", "provider": id }),
        )
        .await?;
    Ok(())
}

/// Programs of the organisation that are told of events: one that takes everything, one whose receiver was
/// not there when it was tested, and one that is off.
pub async fn webhooks(console: &Console, receiver: &Receiver) -> Result<()> {
    receiver.reply(&[Reply::Status(204), Reply::Status(503)]);
    let webhooks: [(&str, &[&str], bool); 3] = [
        ("Data warehouse", &[], true),
        (
            "On-call paging",
            &["records_failed", "connection_broken"],
            true,
        ),
        (
            "Identity inventory",
            &["roles_changed", "member_deactivated", "member_reactivated"],
            false,
        ),
    ];
    for (name, events, enabled) in webhooks {
        let url = receiver.url();
        let body = json!({
            "name": name, "url": url, "events": events, "enabled": enabled, "long_retries": enabled,
        });
        let made = console.post("/webhooks", body).await?;
        let id = made.get("id").and_then(Value::as_str);
        let id = id.context("the webhook has no id")?;
        if enabled {
            console
                .post(&format!("/webhooks/{id}/test"), json!({}))
                .await?;
        }
    }
    Ok(())
}

/// Two programs of others; somebody let one of them in.
pub async fn programs(console: &Console, public_url: &str) -> Result<()> {
    let new = json!({
        "name": "Notebook of revenue operations", "redirect_uris": ["https://notebook.example.com/oauth/callback"],
        "scopes": ["records:search", "statistics:read"],
    });
    console.post("/clients", new).await?;
    let new = json!({
        "name": "Desk assistant", "redirect_uris": ["http://127.0.0.1/callback"],
        "scopes": ["routing:explain", "failures:read", "reps:read", "time_off:propose"],
    });
    let made = console.post("/clients", new).await?;
    let client = made.get("id").and_then(Value::as_str);
    let client = client.context("the program has no id")?;
    let redirect = "http://127.0.0.1:49152/callback";
    // RFC 7636, appendix B.
    let asked = json!({
        "client_id": client, "redirect_uri": redirect, "response_type": "code", "code_challenge_method": "S256",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "resource": format!("{public_url}/mcp"),
    });
    let onward = console.post("/me/consents", asked).await?;
    let address = onward.get("redirect_to").and_then(Value::as_str);
    let address = Url::parse(address.context("nothing was approved")?)?;
    let code = address.query_pairs().find(|(name, _)| name == "code");
    let (_, code) = code.context("no code")?;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("redirect_uri", redirect),
        ("code", &code),
        (
            "code_verifier",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        ),
    ];
    let tokens = console.form("/oauth/token", &form).await?;
    let token = tokens.get("access_token").and_then(Value::as_str);
    propose(console, token.context("no access token")?).await
}

/// The assistant heard that somebody will be away, and leaves it to a person.
async fn propose(console: &Console, token: &str) -> Result<()> {
    let reps = wait_for_reps(console).await?;
    for (rep, reason) in reps.iter().zip([
        "Said in the team channel that the whole week is a conference",
        "Has an out-of-office answer for these days",
    ]) {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "time_off_propose",
            "arguments": { "rep_id": rep.get("id"), "first_day": "2027-03-01", "last_day": "2027-03-05", "reason": reason },
        } });
        console.program("/mcp", token, &call).await?;
    }
    Ok(())
}

/// More leads, as if they had just come in.
pub async fn arrive(world: &World, seed: u64, leads: u32) -> Result<Generated> {
    let wanted = Generate {
        seed,
        leads,
        hostile_every: 50,
        ..Generate::default()
    };
    world.salesforce.generate(&wanted).await
}

/// Configures the connection and takes it through Salesforce's login and consent.
pub async fn connect(world: &World, console: &Console) -> Result<()> {
    let settings = json!({
        "environment": "my_domain",
        "my_domain": world.salesforce_host(),
        "consumer_key": simulators::CLIENT_ID,
        "consumer_secret": simulators::CLIENT_SECRET,
    });
    console.put("/connections/salesforce", settings).await?;
    authorize(world, console).await
}

/// The browser's way to Salesforce and back.
pub async fn authorize(world: &World, console: &Console) -> Result<()> {
    let started = console
        .post("/connections/salesforce/authorize", json!({}))
        .await?;
    let url = started
        .get("authorize_url")
        .and_then(Value::as_str)
        .context("no authorize_url")?;
    let back = world
        .salesforce
        .sign_in(url, simulators::USERNAME, simulators::PASSWORD, true)
        .await?;
    let parameter = |name: &str| {
        back.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let complete = json!({ "code": parameter("code"), "state": parameter("state") });
    let connection = console
        .post("/connections/salesforce/complete", complete)
        .await?;
    ensure!(
        connection.get("state") == Some(&json!("connected")),
        "not connected: {connection}"
    );
    Ok(())
}

/// Fields, reps, pools, rules and the router, not yet active. `cycle_seconds` is how often it looks.
pub async fn configure(console: &Console, cycle_seconds: u32) -> Result<()> {
    for (name, reason, data_class) in FIELDS {
        let field = json!({ "name": name, "reason": reason, "data_class": data_class });
        console.post("/layer/objects/Lead/fields", field).await?;
    }
    console.post("/reps/sync", json!({})).await?;
    let reps = wait_for_reps(console).await?;
    let (enterprise, rest) = reps.split_at(reps.len() / 2);
    let enterprise = pool(console, "Enterprise", enterprise).await?;
    let everyone = pool(console, "Everyone", rest).await?;
    let queues = console.all("/queues").await?;
    let queue = queues
        .first()
        .and_then(|queue| queue.get("id"))
        .cloned()
        .context("no queue was synced")?;
    let router = json!({
        "enrollment_text": ENROLLMENT,
        "fallback": { "kind": "pool", "pool_id": everyone },
        "cycle_seconds": cycle_seconds,
    });
    console.put("/routers/Lead", router).await?;
    let rules = [
        (
            "Large companies",
            json!({ "all": [{ "field": "NumberOfEmployees", "op": "gte", "value": 1000 }] }),
            json!({ "kind": "pool", "pool_id": enterprise }),
        ),
        (
            "Germany, Austria, Switzerland",
            json!({ "any": [{ "field": "Country", "op": "in", "value": ["Germany", "Austria", "Switzerland"] }] }),
            json!({ "kind": "pool", "pool_id": everyone }),
        ),
        (
            "Education goes to the queue",
            json!({ "all": [{ "field": "Industry", "op": "eq", "value": "Education" }] }),
            json!({ "kind": "queue", "queue_id": queue }),
        ),
    ];
    for (name, condition, target) in rules {
        let rule =
            json!({ "name": name, "enabled": true, "condition": condition, "target": target });
        console.post("/routers/Lead/rules", rule).await?;
    }
    Ok(())
}

/// What a team does to its rules over time: a second version with a note, and a change that nobody has
/// published yet.
pub async fn revise(console: &Console) -> Result<()> {
    territories(console).await?;
    let large = json!({ "all": [{ "field": "NumberOfEmployees", "op": "gte", "value": 500 }] });
    redraft(console, "Large companies", "condition", large).await?;
    let draft = console.get("/routers/Lead/draft").await?;
    let version = draft.get("draft_version").cloned().unwrap_or(Value::Null);
    let note = "Enterprise takes companies from 500 people on, as agreed with sales.";
    console
        .post(
            "/routers/Lead/publish",
            json!({ "draft_version": version, "note": note }),
        )
        .await?;
    let dach = json!({ "any": [{ "field": "Country", "op": "in", "value": ["Germany", "Austria", "Switzerland", "Liechtenstein"] }] });
    redraft(console, "Germany, Austria, Switzerland", "condition", dach).await
}

/// A team's map: countries with an owner each, exceptions for large and for named companies inside them, and
/// what such a map has after some years: sizes that two claim, and some that nobody has.
async fn territories(console: &Console) -> Result<()> {
    let reps = wait_for_reps(console).await?;
    let named = |rep: &Value| Some(rep.get("name")?.as_str()?.to_owned());
    let names: Vec<String> = reps.iter().filter_map(named).collect();
    let rep = |at: usize| {
        let name = names.get(at.checked_rem(names.len())?)?;
        Some(format!("rep:{name}"))
    };
    let map = [
        ("United States, small", rep(0), "United States,,1,199"),
        (
            "United States, mid-market",
            rep(1),
            "United States,,200,499",
        ),
        (
            "United States, software",
            rep(2),
            "United States,Software,,",
        ),
        ("France and Benelux", rep(3), "France,,,"),
        ("France and Benelux", rep(3), "Belgium,,,"),
        ("UK and Ireland, small", rep(4), "United Kingdom,,1,99"),
        ("UK and Ireland, large", rep(5), "United Kingdom,,250,"),
        ("Eastern Europe", rep(6), "Poland,,,"),
        ("Middle East", rep(6), "United Arab Emirates,,,"),
        ("Brazil", Some(String::from("pool:Everyone")), "Brazil,,,"),
        ("India", Some(String::from("pool:Everyone")), "India,,,"),
        ("Japan", rep(7), "Japan,,,"),
    ];
    let mut text =
        String::from("territory,owner,country,industry,employees_from,employees_until\n");
    for (name, owner, area) in map {
        let owner = owner.context("there are no reps")?;
        text.push_str(&format!("\"{name}\",\"{owner}\",{area}\n"));
    }
    let draft = console.get("/routers/Lead/draft").await?;
    let version = draft.get("draft_version").cloned().unwrap_or(Value::Null);
    let import = json!({ "text": text, "draft_version": version, "dry_run": false });
    console
        .post("/routers/Lead/territories/import", import)
        .await?;
    let rule = json!({
        "name": "By territory", "enabled": true, "unavailable": "pass_on",
        "condition": { "all": [{ "field": "Country", "op": "is_not_empty" }] }, "target": { "kind": "territory" },
    });
    console.post("/routers/Lead/rules", rule).await?;
    Ok(())
}

/// Changes one part of a rule in the draft.
async fn redraft(console: &Console, name: &str, part: &str, value: Value) -> Result<()> {
    let list = console.get("/routers/Lead/rules").await?;
    let rules = list.get("items").and_then(Value::as_array);
    let found = rules
        .into_iter()
        .flatten()
        .find(|rule| rule.get("name").and_then(Value::as_str) == Some(name));
    let rule = found.context("the rule is not there")?;
    let kept = [
        "name",
        "enabled",
        "condition",
        "target",
        "unavailable",
        "version",
    ];
    let mut changed: serde_json::Map<String, Value> = kept
        .into_iter()
        .filter_map(|part| Some((part.to_owned(), rule.get(part)?.clone())))
        .collect();
    changed.insert(part.to_owned(), value);
    let id = rule.get("id").and_then(Value::as_str).unwrap_or_default();
    console
        .put(&format!("/rules/{id}"), Value::Object(changed))
        .await?;
    Ok(())
}

/// Activates the router, typing what the confirmation asks for, and waits for the baseline.
pub async fn activate(console: &Console) -> Result<()> {
    let preview = console
        .post("/routers/Lead/activation-preview", json!({}))
        .await?;
    let confirm = preview.get("confirm_text").cloned().unwrap_or(Value::Null);
    console
        .post("/routers/Lead/activate", json!({ "confirm": confirm }))
        .await?;
    until(console, "/routers", |routers| {
        routers.pointer("/items/0/state") == Some(&json!("active"))
    })
    .await
    .context("the baseline did not end")
}

/// Asks until `holds`, for a minute.
pub async fn until(console: &Console, path: &str, holds: impl Fn(&Value) -> bool) -> Result<()> {
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(200));
    let mut last = Value::Null;
    for _ in 0..300 {
        tick.tick().await;
        last = console.get(path).await?;
        if holds(&last) {
            return Ok(());
        }
    }
    anyhow::bail!("{path} still says {last}")
}

/// Who takes leads, in the order in which pools are filled.
pub async fn wait_for_reps(console: &Console) -> Result<Vec<Value>> {
    until(console, "/reps", |page| {
        page.get("items")
            .and_then(Value::as_array)
            .is_some_and(|reps| reps.len() > 5)
    })
    .await
    .context("reps were not synced")?;
    let reps = console.all("/reps").await?;
    Ok(reps
        .into_iter()
        .filter(|rep| rep.get("active") == Some(&Value::Bool(true)))
        // The integration user owns what nobody was given yet: no lead is its to work.
        .filter(|rep| rep.get("name") != Some(&json!("Iris Integration")))
        .collect())
}

async fn pool(console: &Console, name: &str, reps: &[Value]) -> Result<Value> {
    let members: Vec<Value> = reps
        .iter()
        .enumerate()
        .map(|(index, rep)| json!({ "rep_id": rep.get("id"), "weight": 1 + index % 3 }))
        .collect();
    let pool = console
        .post("/pools", json!({ "name": name, "members": members }))
        .await?;
    pool.get("id").cloned().context("the new pool has no id")
}

/// The leads that enrollment matches, asked of Salesforce itself.
pub async fn enrolled(world: &World) -> Result<HashSet<String>> {
    let owners = world.salesforce.owners("Lead").await?;
    Ok(owners.into_iter().map(|row| row.id.to_string()).collect())
}

/// Waits until no enrolled lead is unknown or on its way.
pub async fn settle(world: &World, console: &Console) -> Result<()> {
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    let deadline = Instant::now() + SETTLED_WITHIN;
    loop {
        tick.tick().await;
        let account = account_for(world, console, &enrolled(world).await?).await?;
        let moving = ["unaccounted", "proposed", "claimed", "in_doubt"];
        if !account
            .by_state
            .keys()
            .any(|state| moving.contains(&state.as_str()))
        {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "leads are still on their way: {:?}",
            account.by_state
        );
    }
}
