//! `chaos [--kills N]`: the primary of a Patroni cluster is killed again and again while two daemons route
//! leads and people write. Prints one JSON object; exit code 0 when it holds.
//!
//! It holds when no acknowledged write is lost, no lead is assigned twice or not at all, and each kill is
//! over for both daemons within thirty seconds.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people and scripts"
)]

mod certificates;
mod cluster;
mod load;

use std::{
    collections::HashSet,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde_json::{Value, json};
use simulators::wire::Trickle;
use stack::{
    account_for::{Account, account_for},
    console::Console,
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    scenario,
    world::World,
};

use cluster::{Blow, Cluster};
use load::{Told, Writer, stored};

/// How soon after a kill both daemons must take writes again.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// How long it is waited for all the same, to tell how long it took.
const PATIENCE: Duration = Duration::from_secs(120);
/// A claim that a dead daemon's call held, and what follows, and a machine that does much else.
const SETTLED_WITHIN: Duration = Duration::from_secs(180);
const BASELINE: u32 = 50;
const LEAD_EVERY_MS: u64 = 250;

#[derive(Parser)]
struct Cli {
    /// How often the primary is killed: PostgreSQL alone and its whole node by turns.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    /// The folder with Patroni's Python packages.
    #[arg(long)]
    patroni: PathBuf,
}

fn main() -> Result<ExitCode> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    tokio::runtime::Runtime::new()?.block_on(run(&cli))
}

async fn run(cli: &Cli) -> Result<ExitCode> {
    let begun = Instant::now();
    eprintln!("Starting etcd and three PostgreSQL nodes under Patroni");
    let mut cluster = Cluster::start(&cli.patroni).await?;
    eprintln!("Starting OpenBao, the simulated Salesforce, and two daemons");
    let world = World::start(Durability::Tests).await?;
    world.prepare_database(&cluster.setup_section()?)?;
    scenario::populate(&world, 1, BASELINE).await?;
    let daemons = [
        daemon(&world, &cluster).await?,
        daemon(&world, &cluster).await?,
    ];
    let [one, two] = consoles(&world, &daemons).await?;
    let ready = begun.elapsed();
    let trickle = Trickle {
        every_ms: LEAD_EVERY_MS,
        seed: 7,
        hostile_every: 50,
        count: None,
    };
    world.salesforce.trickle(&trickle).await?;
    let writers = [
        Writer::start(Arc::clone(&one), "one"),
        Writer::start(Arc::clone(&two), "two"),
    ];
    let mut kills = Vec::new();
    for number in 0..cli.kills {
        let kill = kill(&mut cluster, &writers, number).await;
        kills.push(kill.with_context(|| said(&cluster, &daemons))?);
    }
    world.salesforce.stop_trickle().await?;
    let [first, second] = writers;
    let told = [first.end().await?, second.end().await?];
    eprintln!("Waiting until every lead is accounted for");
    let account = settled(&world, &one).await?;
    let stored = stored(&one).await?;
    let figures = figures(&cluster, &account, &stored, &told, &kills)?;
    let holds = figures.get("holds") == Some(&Value::Bool(true));
    let mut summary = json!({ "ready_seconds": seconds(ready), "kills": kills });
    if let (Some(summary), Some(figures)) = (summary.as_object_mut(), figures.as_object()) {
        summary.extend(figures.clone());
    }
    for daemon in daemons {
        ensure!(daemon.stop().await?.success(), "a daemon did not stop well");
    }
    println!("{summary}");
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Everything that was logged, when something went wrong.
fn said(cluster: &Cluster, daemons: &[Daemon; 2]) -> String {
    let logs: Vec<String> = daemons.iter().map(Daemon::log).collect();
    format!("{}\n{}", cluster.log(), logs.join("\n"))
}

async fn daemon(world: &World, cluster: &Cluster) -> Result<Daemon> {
    let options = DaemonOptions {
        // What was on its way when the primary died is read back soon, so that the run is short.
        instead: format!(
            "{}[salesforce]\nwrite_timeout_seconds = 2\n",
            cluster.daemon_section()?
        ),
        ..DaemonOptions::default()
    };
    world.daemon(options).await
}

/// Somebody at each daemon, and a router that runs.
async fn consoles(world: &World, [one, two]: &[Daemon; 2]) -> Result<[Arc<Console>; 2]> {
    let first = Console::set_up(one).await?;
    scenario::connect(world, &first).await?;
    scenario::configure(&first, 1).await?;
    scenario::activate(&first).await?;
    let second = Console::sign_in(two).await?;
    Ok([Arc::new(first), Arc::new(second)])
}

/// One kill, until both daemons take writes again and the cluster could bear another.
async fn kill(cluster: &mut Cluster, writers: &[Writer; 2], number: u32) -> Result<Value> {
    let blow = if number.is_multiple_of(2) {
        Blow::Server
    } else {
        Blow::Node
    };
    let killed = Instant::now();
    let victim = cluster.kill_primary(blow)?;
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    let promoted = loop {
        tick.tick().await;
        let moment = Instant::now();
        if cluster.primary().is_some_and(|primary| primary != victim) {
            break moment;
        }
        ensure!(killed.elapsed() < PATIENCE, "no standby was promoted");
    };
    for writer in writers {
        while !writer.is_served_since(promoted).await {
            ensure!(
                killed.elapsed() < PATIENCE,
                "a daemon takes no writes: {}",
                writer.last_no().await
            );
            tick.tick().await;
        }
    }
    let back = killed.elapsed();
    eprintln!(
        "kill {}: {blow:?} of db{}, back after {back:.1?}",
        number + 1,
        victim + 1
    );
    cluster.repair().await?;
    Ok(json!({
        "of": if blow == Blow::Server { "server" } else { "node" },
        "promoted_seconds": seconds(promoted.duration_since(killed)),
        "back_seconds": seconds(back),
    }))
}

/// Where every lead stands once each has its owner, or when that is not to be waited for any longer. What is
/// claimed at the moment is `waiting` in the console's words, so that word is not the end of anything here.
async fn settled(world: &World, console: &Console) -> Result<Account> {
    let deadline = Instant::now() + SETTLED_WITHIN;
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    loop {
        tick.tick().await;
        let account = account_for(world, console, &scenario::enrolled(world).await?).await?;
        if is_settled(&account) || Instant::now() > deadline {
            // Both sides are still now; what was read while they moved need not agree.
            return account_for(world, console, &scenario::enrolled(world).await?).await;
        }
    }
}

fn is_settled(account: &Account) -> bool {
    let at_its_end = |state: &String| ["baseline", "assigned"].contains(&state.as_str());
    account.by_state.keys().all(at_its_end)
}

fn figures(
    cluster: &Cluster,
    account: &Account,
    stored: &HashSet<String>,
    told: &[Told; 2],
    kills: &[Value],
) -> Result<Value> {
    let all = |names: fn(&Told) -> &Vec<String>| told.iter().flat_map(names).collect::<Vec<_>>();
    let (acknowledged, in_doubt) = (all(|told| &told.acknowledged), all(|told| &told.in_doubt));
    let refused = all(|told| &told.refused);
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|name| !stored.contains(**name))
        .collect();
    let refused_and_stored: Vec<_> = refused
        .iter()
        .filter(|name| stored.contains(**name))
        .collect();
    let slowest = kills
        .iter()
        .filter_map(|kill| kill.get("back_seconds")?.as_f64())
        .fold(0.0, f64::max);
    let holds = lost.is_empty()
        && refused_and_stored.is_empty()
        && account.holds
        && is_settled(account)
        && slowest <= BACK_WITHIN.as_secs_f64();
    Ok(json!({
        "slowest_seconds": slowest,
        "writes": {
            "acknowledged": acknowledged.len(),
            "lost": lost.len(),
            "in_doubt": in_doubt.len(),
            "in_doubt_and_stored": in_doubt.iter().filter(|name| stored.contains(**name)).count(),
            "refused": refused.len(),
            "refused_and_stored": refused_and_stored.len(),
        },
        "leads": account,
        "owners_read_back": cluster.count("SELECT count(*) AS n FROM audit_log WHERE action = 'record_reconcile'")?,
        "holds": holds,
    }))
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}
