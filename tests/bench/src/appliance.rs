//! `bench appliance`: how long the daemon takes from its start to ready on a migrated database, with real
//! PostgreSQL and OpenBao; what it holds in memory while nobody asks it anything; how large its program is.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use stack::{
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    simulator::built,
    world::World,
};

use crate::report::{self, Figure, Limit};

const NAME: &str = "appliance";
const LOOK: Duration = Duration::from_millis(5);
const READY_WITHIN: Duration = Duration::from_secs(30);
/// The first round of what it does every few seconds is over.
const IDLE_AFTER: Duration = Duration::from_secs(10);
const MOST_SECONDS: f64 = 0.7;
const MOST_MEMORY: f64 = 80.0;
const MOST_PROGRAM: f64 = 60.0;

pub(crate) fn run(rounds: u16) -> anyhow::Result<Vec<Figure>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let (mut starts, mut memory) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        let world = World::start(Durability::Production).await?;
        for round in 1..=rounds {
            let begun = Instant::now();
            let daemon = world.daemon(unwatched()).await?;
            starts.push(ready_after(&daemon, begun).await?);
            tokio::time::sleep(IDLE_AFTER).await;
            memory.push(resident(daemon.pid())?);
            ensure!(daemon.stop().await?.success(), "the daemon did not stop");
            report::progress(&format!("appliance: {round} of {rounds} starts"));
        }
        anyhow::Ok(())
    })?;
    let size = stripped(&built("revkeep")?)?;
    Ok(vec![
        figure("start_to_ready", "s", starts, MOST_SECONDS)?,
        figure("idle_memory", "MB", memory, MOST_MEMORY)?,
        figure("program_stripped", "MB", vec![size], MOST_PROGRAM)?,
    ])
}

fn unwatched() -> DaemonOptions {
    DaemonOptions {
        do_not_wait: true,
        ..DaemonOptions::default()
    }
}

async fn ready_after(daemon: &Daemon, begun: Instant) -> anyhow::Result<f64> {
    let (client, address) = (daemon.client()?, format!("{}/health/ready", daemon.url));
    let mut tick = tokio::time::interval(LOOK);
    loop {
        tick.tick().await;
        let asked = client.get(&address).send().await;
        if asked.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(begun.elapsed().as_secs_f64());
        }
        ensure!(begun.elapsed() < READY_WITHIN, "{}", daemon.log());
    }
}

/// Megabytes that it holds.
fn resident(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kilobytes: u32 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next())
        .context("no VmRSS")?
        .parse()?;
    Ok(f64::from(kilobytes) * 1024.0 / 1e6)
}

fn stripped(program: &Path) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let bare = folder.path().join("revkeep");
    let done = Command::new("strip")
        .arg("-o")
        .args([bare.as_path(), program])
        .status()
        .context("strip cannot be started: install binutils")?;
    ensure!(done.success(), "strip failed");
    Ok(f64::from(u32::try_from(fs::metadata(&bare)?.len())?) / 1e6)
}

fn figure(
    name: &'static str,
    unit: &'static str,
    mut samples: Vec<f64>,
    most: f64,
) -> anyhow::Result<Figure> {
    let rounds = samples.len();
    let (value, interval) = report::median(&mut samples).context("no rounds")?;
    let blank = Figure::new(NAME, name, unit, rounds);
    Ok(Figure {
        value,
        interval,
        ..blank
    }
    .bounded(Limit::AtMost(most)))
}
