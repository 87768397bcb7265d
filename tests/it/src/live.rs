//! An organisation that routes, on real parts: what the tests of crashes, outages, fleets and secrets
//! stand on.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use diesel::{Connection, PgConnection, connection::SimpleConnection};
use serde::de::DeserializeOwned;
use serde_json::Value;
use stack::{
    account_for::{Account, account_for},
    console::Console,
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    scenario,
    world::World,
};

/// Longer than any step takes on a machine that does much else.
const WITHIN: Duration = Duration::from_secs(120);
/// Leads of the baseline, and the most records of one page: several pages.
const BASELINE: u32 = 40;
const PAGE: usize = 15;

/// Servers with Salesforce in small pages, and its first leads.
pub(crate) async fn world() -> World {
    let world = World::start(Durability::Tests).await.unwrap();
    let mut settings = world.salesforce.settings().await.unwrap();
    settings.page_size = PAGE;
    world.salesforce.set_settings(&settings).await.unwrap();
    scenario::populate(&world, 1, BASELINE).await.unwrap();
    world
}

/// A daemon whose router is set up and not yet active.
pub(crate) async fn configured(world: &World) -> (Daemon, Console) {
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    let console = Console::set_up(&daemon).await.unwrap();
    scenario::connect(world, &console).await.unwrap();
    scenario::configure(&console, 1).await.unwrap();
    (daemon, console)
}

/// An ordinary daemon beside whatever is there, and a person signed in at it.
pub(crate) async fn daemon(world: &World) -> (Daemon, Console) {
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    let console = Console::sign_in(&daemon).await.unwrap();
    (daemon, console)
}

/// Asks until the answer is there; what `ask` said last stands in the failure.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + WITHIN;
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    loop {
        tick.tick().await;
        match ask().await {
            Ok(answer) => return answer,
            Err(said) => assert!(Instant::now() < deadline, "{what}: {said}"),
        }
    }
}

/// Waits until every lead is either of the baseline or assigned, then compares with Salesforce's own
/// records and write log.
pub(crate) async fn all_routed(world: &World, console: &Console, daemon: &Daemon) -> Account {
    let compare = async || {
        let enrolled = scenario::enrolled(world).await.unwrap();
        account_for(world, console, &enrolled)
            .await
            .map_err(|error| format!("{error:#}"))
    };
    until("leads are not routed", async || {
        let account = compare().await?;
        let settled = |state: &String| ["baseline", "assigned"].contains(&state.as_str());
        if account.by_state.keys().all(settled) {
            Ok(())
        } else {
            Err(format!("{account:#?}\n{}", tail(&daemon.log())))
        }
    })
    .await;
    // Both sides are still now; what was read while they moved need not agree.
    let account = compare().await.unwrap();
    assert!(account.holds, "{account:#?}\n{}", daemon.log());
    account
}

/// How many leads are in `state`.
pub(crate) fn counted(account: &Account, state: &str) -> usize {
    account.by_state.get(state).copied().unwrap_or_default()
}

/// Nobody ever presented a refresh token that was used up, nor two at once.
pub(crate) async fn no_token_was_reused(world: &World) {
    let stats = world.salesforce.stats().await.unwrap();
    assert_eq!((stats.reuses, stats.collisions), (0, 0));
}

/// Lets the time pass for which a dead daemon's claims and leases last.
pub(crate) fn claims_run_out(world: &World) {
    superuser(world)
        .batch_execute(
            "UPDATE jobs SET lease_until = now() - interval '1 second' WHERE state = 'running'; \
             UPDATE leases SET until = now() - interval '1 second'; \
             UPDATE routing_records SET claim_until = now() - interval '1 second' WHERE claim_until IS NOT NULL",
        )
        .unwrap();
}

pub(crate) fn superuser(world: &World) -> PgConnection {
    PgConnection::establish(&world.dsn("postgres")).unwrap()
}

/// The state of the connection to Salesforce, and why it is broken.
pub(crate) async fn connection(console: &Console) -> (String, Option<String>) {
    let list = console.get("/connections").await.unwrap();
    let text = |path: &str| list.pointer(path).and_then(Value::as_str);
    (
        text("/items/0/state").unwrap_or_default().to_owned(),
        text("/items/0/broken/code").map(str::to_owned),
    )
}

/// `/health/ready`: whether it says yes, and `component: code` of each reason why not.
pub(crate) async fn health(daemon: &Daemon) -> Result<(u16, Vec<String>), String> {
    let client = daemon.client().unwrap();
    let answer = client
        .get(format!("{}/health/ready", daemon.url))
        .send()
        .await
        .map_err(|error| error.to_string())?;
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.map_err(|error| error.to_string())?;
    let text = |reason: &Value, key: &str| {
        reason
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let reasons = body.get("reasons").and_then(Value::as_array);
    Ok((
        status,
        reasons
            .into_iter()
            .flatten()
            .map(|reason| format!("{}: {}", text(reason, "component"), text(reason, "code")))
            .collect(),
    ))
}

/// One section of a configuration file.
pub(crate) fn section<T: DeserializeOwned>(file: &Path, name: &str) -> T {
    let text = std::fs::read_to_string(file).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    table[name].clone().try_into().unwrap()
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().rev().take(20).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
