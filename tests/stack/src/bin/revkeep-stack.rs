//! `revkeep-stack demo [--check]`: the whole product on this machine, with a simulated Salesforce.
//! `revkeep-stack browser -- COMMAND`: the same, with its addresses in COMMAND's environment, where an
//! identity provider may be served as below.
//! `revkeep-stack idp -- COMMAND`: a daemon that nobody has set up, for COMMAND, which serves an
//! identity provider at the port and with the certificate that its environment names.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people and scripts"
)]

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use serde_json::{Value, json};
use simulators::wire::Trickle;
use stack::{
    account_for::account_for,
    console::{self, Console},
    daemon::{Daemon, DaemonOptions},
    directory::Slapd,
    ports,
    postgres::Durability,
    presence,
    receiver::Receiver,
    scenario,
    world::World,
};

/// Leads that are there before routing begins, and that come in afterwards.
const BASELINE: u32 = 400;
const ARRIVING: u32 = 2_000;
const TRICKLED: u64 = 10;
/// How soon a lead that trickles in has to have its owner.
const PROMPT: Duration = Duration::from_secs(10);

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything, and print an address to open.
    Demo {
        /// Verify that every lead is accounted for, print a JSON summary, and stop.
        #[arg(long)]
        check: bool,
        /// The console's port.
        #[arg(long)]
        port: Option<u16>,
    },
    /// Start the servers and a daemon that nobody has set up, and run a command against them.
    Browser { command: Vec<String> },
    /// Start a daemon that nobody has set up, and run a command that serves an identity provider.
    Idp { command: Vec<String> },
}

fn main() -> ExitCode {
    let run = tokio::runtime::Runtime::new()
        .map_err(Into::into)
        .and_then(|runtime| {
            runtime.block_on(async {
                match Cli::parse().command {
                    Command::Demo { check: true, .. } => check().await,
                    Command::Demo { check: false, port } => demo(port).await,
                    Command::Browser { command } => browser(&command).await,
                    Command::Idp { command } => idp(&command).await,
                }
            })
        });
    match run {
        Ok(code) => code,
        Err(error) => {
            eprintln!("revkeep-stack: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A running organisation: connected, configured, with its first leads.
async fn organisation(port: Option<u16>) -> Result<(World, Daemon, Console, Receiver)> {
    tell("Starting PostgreSQL, OpenBao, the simulated Salesforce and a mail server");
    let world = World::start(Durability::Production).await?;
    scenario::populate(&world, 1, BASELINE).await?;
    tell("Starting revkeep");
    let receiver = Receiver::of_world(&world)?;
    let daemon = world
        .daemon(DaemonOptions {
            port,
            endpoints: vec![format!("localhost:{}", receiver.port)],
            ..DaemonOptions::default()
        })
        .await?;
    let console = Console::set_up(&daemon).await?;
    tell("Connecting Salesforce, choosing fields, making pools and rules");
    scenario::connect(&world, &console).await?;
    scenario::configure(&console, 2).await?;
    scenario::activate(&console).await?;
    Ok((world, daemon, console, receiver))
}

async fn demo(port: Option<u16>) -> Result<ExitCode> {
    let port = port.unwrap_or(8443);
    let (world, daemon, console, receiver) = organisation(Some(port)).await?;
    scenario::single_sign_on(&console).await?;
    presence::furnish(&console, &scenario::wait_for_reps(&console).await?).await?;
    scenario::webhooks(&console, &receiver).await?;
    scenario::programs(&console, &format!("https://localhost:{port}")).await?;
    scenario::revise(&console).await?;
    world.postgres.run("postgres", "revkeep", YESTERDAY)?;
    let secret = console.phone().secret()?;
    let page = world
        .salesforce
        .authenticator(console::EMAIL, &secret)
        .await?;
    scenario::arrive(&world, 2, ARRIVING).await?;
    world
        .salesforce
        .trickle(&Trickle {
            every_ms: 3_000,
            seed: 3,
            hostile_every: 40,
            count: None,
        })
        .await?;
    println!(
        "\n  Revkeep    {}\n  sign in    {}\n  password   {}\n  code       {} (now; each is good once)\n  next codes {page}\n",
        daemon.url,
        console::EMAIL,
        console::PASSWORD,
        console.phone().code().await?
    );
    println!(
        "  The certificate is the demo's own: the browser asks once. {ARRIVING} leads are being routed now,\n  then one comes in every three seconds. Ctrl-C stops everything.\n"
    );
    println!(
        "  Salesforce {} (user {}, password {})",
        world.simulator.url,
        simulators::USERNAME,
        simulators::PASSWORD
    );
    interrupted().await?;
    tell("Stopping");
    daemon.stop().await?;
    Ok(ExitCode::SUCCESS)
}

async fn check() -> Result<ExitCode> {
    let begun = Instant::now();
    let (world, daemon, console, _receiver) = organisation(None).await?;
    let ready = begun.elapsed();
    tell("Waiting until every lead is accounted for");
    scenario::arrive(&world, 2, ARRIVING).await?;
    scenario::settle(&world, &console).await?;
    tell("Letting leads trickle in");
    let slowest = trickle(&world, &console).await?;
    scenario::settle(&world, &console).await?;
    let enrolled = scenario::enrolled(&world).await?;
    let account = account_for(&world, &console, &enrolled).await?;
    let stopped = daemon.stop().await?;
    let holds = account.holds && slowest <= PROMPT && stopped.success();
    let summary = json!({
        "account": account,
        "ready_seconds": ready.as_secs_f64(),
        "slowest_trickled_seconds": slowest.as_secs_f64(),
        "stopped_cleanly": stopped.success(),
        "holds": holds,
    });
    println!("{}", serde_json::to_string_pretty(&summary)?);
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Lets leads come one by one; the longest that one waited for its owner.
async fn trickle(world: &World, console: &Console) -> Result<Duration> {
    let mut slowest = Duration::ZERO;
    for seed in 0..TRICKLED {
        let known = scenario::arrive(world, 100 + seed, 1).await?.leads;
        let id = known.first().context("no lead was made")?.to_string();
        let begun = Instant::now();
        let path = format!("/records/{id}");
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        loop {
            tick.tick().await;
            let (status, record) = console.request(reqwest::Method::GET, &path, None).await?;
            let settled = ["assigned", "failed", "given_up"];
            if status.is_success()
                && record
                    .get("state")
                    .and_then(Value::as_str)
                    .is_some_and(|state| settled.contains(&state))
            {
                break;
            }
            ensure!(
                begun.elapsed() < Duration::from_secs(60),
                "{id} was not routed: {record}"
            );
        }
        slowest = slowest.max(begun.elapsed());
    }
    Ok(slowest)
}

/// Samples of a day, as a daemon would have written them down that rested at night and met a busy morning: the
/// System page of an appliance that was made a minute ago would show none.
const YESTERDAY: &str = "INSERT INTO daemon_samples (at, daemon, answers, errors, p50_ms, p95_ms, memory, disk_free, waiting, waited_seconds, dead, database_bytes, connections, unsealed) \
    SELECT date_trunc('minute', now()) - make_interval(mins => ago), 'yesterday:1', (load * 240)::bigint, CASE WHEN ago % 311 = 0 THEN 3 ELSE 0 END, \
           1.4 + load * 3, 18 + load * 110, (58000000 + load * 14000000)::bigint, 61000000000 - (1500 - ago) * 1200000::bigint, (load * load * 9)::bigint, (load * 4)::bigint, 0, \
           12100000 + (1500 - ago) * 400::bigint, 6 + (load * 9)::bigint, (load * 5)::bigint \
    FROM (SELECT ago, greatest(0.05, 0.5 + 0.42 * sin(ago / 210.0) + 0.08 * sin(ago * 1.7)) AS load FROM generate_series(3, 1500) ago WHERE ago NOT BETWEEN 900 AND 1010) day";

async fn browser(command: &[String]) -> Result<ExitCode> {
    let (program, arguments) = command.split_first().context("browser needs a command")?;
    let world = World::start(Durability::Tests).await?;
    world.postgres.run("postgres", "revkeep", YESTERDAY)?;
    scenario::populate(&world, 1, 60).await?;
    let idp_port = ports::free()?;
    let slapd = Slapd::start(&["localhost"]).await?;
    let daemon = world
        .daemon(DaemonOptions {
            endpoints: vec![
                format!("localhost:{idp_port}"),
                format!("localhost:{}", slapd.ldaps),
            ],
            ..DaemonOptions::default()
        })
        .await?;
    let setup = daemon.command(&["setup"])?;
    let code = setup
        .get("code")
        .and_then(Value::as_str)
        .context("no set-up code")?;
    let status = tokio::process::Command::new(program)
        .args(arguments)
        .env("REVKEEP_URL", &daemon.url)
        .env("SETUP_CODE", code)
        .env("IDP_PORT", idp_port.to_string())
        .env("IDP_CERTIFICATE", world.directory().join("server.pem"))
        .env("IDP_KEY", world.directory().join("server.key"))
        .env("LDAP_PORT", slapd.ldaps.to_string())
        .env("LDAP_CA_FILE", slapd.authority_file())
        .env("SIM_URL", &world.simulator.url)
        .env("SIM_HOST", world.salesforce_host())
        .env("SIM_ADMIN_TOKEN", stack::world::ADMIN_TOKEN)
        .env("SIM_USERNAME", simulators::USERNAME)
        .env("SIM_PASSWORD", simulators::PASSWORD)
        .env("SIM_CLIENT_ID", simulators::CLIENT_ID)
        .env("SIM_CLIENT_SECRET", simulators::CLIENT_SECRET)
        .env("CA_FILE", &world.ca_file)
        .env("NODE_EXTRA_CA_CERTS", &world.ca_file)
        .status()
        .await?;
    if !status.success() {
        eprintln!("the daemon's log:\n{}", daemon.log());
    }
    daemon.stop().await?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn interrupted() -> Result<()> {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended?,
        _ = terminated.recv() => {}
    }
    Ok(())
}

fn tell(text: &str) {
    eprintln!("{text}");
}

async fn idp(command: &[String]) -> Result<ExitCode> {
    let (program, arguments) = command.split_first().context("idp needs a command")?;
    let world = World::start(Durability::Tests).await?;
    let port = ports::free()?;
    let daemon = world
        .daemon(DaemonOptions {
            endpoints: vec![format!("localhost:{port}")],
            ..DaemonOptions::default()
        })
        .await?;
    let setup = daemon.command(&["setup"])?;
    let code = setup
        .get("code")
        .and_then(Value::as_str)
        .context("no set-up code")?;
    let status = tokio::process::Command::new(program)
        .args(arguments)
        .env("REVKEEP_URL", &daemon.url)
        .env("SETUP_CODE", code)
        .env("IDP_PORT", port.to_string())
        .env("IDP_CERTIFICATE", world.directory().join("server.pem"))
        .env("IDP_KEY", world.directory().join("server.key"))
        .env("NODE_EXTRA_CA_CERTS", &world.ca_file)
        .env("OWNER_DSN", world.dsn("revkeep_owner"))
        .status()
        .await?;
    daemon.stop().await?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
