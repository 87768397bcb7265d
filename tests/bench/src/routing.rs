//! `bench routing`: leads through the whole daemon, against a plain program that does the same
//! work without deciding anything ([`floor`]). Real parts; PostgreSQL commits to disk; the
//! simulated Salesforce is a process of its own.

pub(crate) mod bed;
pub(crate) mod floor;
pub(crate) mod rows;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    report::{self, Figure, Limit},
    usage,
};
use bed::{Bed, FLOORS};

const RATIO_BAR: f64 = 1.5;
const CPU_BAR: f64 = 150.0;
const MEMORY_BAR: f64 = 256.0;
/// Cost a record at all leads over cost a record at a part of them: 1 is linear. What is above 1 is
/// allowed for deeper indexes and colder caches.
const GROWTH_BAR: f64 = 1.25;
const SMALL: u32 = 5_000;
const WARM_UP: u32 = 1_000;

pub(crate) fn run(leads: u32, rounds: u16) -> Result<Vec<Figure>> {
    tokio::runtime::Runtime::new()?.block_on(measure(leads, usize::from(rounds)))
}

/// One round's figures.
struct Round {
    ours: bed::Took,
    floor: floor::Took,
    small: bed::Took,
}

async fn measure(leads: u32, rounds: usize) -> Result<Vec<Figure>> {
    report::progress("routing: starting PostgreSQL, OpenBao, the simulated Salesforce and revkeep");
    let mut bed = Bed::start().await?;
    let small = if leads > SMALL { SMALL } else { leads / 5 };
    bed.round(WARM_UP).await?;
    let mut floor = FloorProcess::start(&mut bed).await?;
    floor.round(&mut bed, WARM_UP).await?;
    let mut taken = Vec::with_capacity(rounds);
    for round in 1..=rounds {
        bed.analyse()?;
        // Whoever is first finds smaller tables: they take turns.
        let (ours, floor) = if round % 2 == 1 {
            let ours = bed.round(leads).await?;
            (ours, floor.round(&mut bed, leads).await?)
        } else {
            let floor = floor.round(&mut bed, leads).await?;
            (bed.round(leads).await?, floor)
        };
        let small = bed.round(small).await?;
        progress(round, rounds, leads, &ours, &floor);
        taken.push(Round { ours, floor, small });
    }
    let peak = usage::peak_megabytes(bed.daemon.pid())?;
    let figures = figures(&taken, leads, small, peak).context("no rounds")?;
    bed.daemon.stop().await?;
    Ok(figures)
}

fn progress(round: usize, rounds: usize, leads: u32, ours: &bed::Took, floor: &floor::Took) {
    let each = |seconds: f64| seconds * 1e6 / f64::from(leads);
    report::progress(&format!(
        "routing {round}/{rounds}: {:.2} s, {:.0} us CPU a record (database {:.0}); floor {:.2} s, {:.0} us CPU",
        ours.seconds,
        each(ours.cpu_seconds),
        each(ours.database_cpu_seconds),
        floor.seconds,
        each(floor.cpu_seconds),
    ));
}

fn figures(taken: &[Round], leads: u32, small: u32, peak: f64) -> Option<Vec<Figure>> {
    let (leads, small) = (f64::from(leads), f64::from(small));
    let summary =
        |of: &dyn Fn(&Round) -> f64| report::median(&mut taken.iter().map(of).collect::<Vec<_>>());
    let blank = |figure, unit| Figure::new("routing", figure, unit, taken.len());
    let (ratio, ratio_interval) = summary(&|round| round.ours.seconds / round.floor.seconds)?;
    let (value, interval) = summary(&|round| leads / round.ours.seconds)?;
    let rate = Figure {
        value,
        interval,
        floor: summary(&|round| leads / round.floor.seconds)?.0,
        ratio,
        ratio_interval,
        ..blank("records_per_second", "records/s")
    }
    .bounded(Limit::RatioAtMost(RATIO_BAR));
    let each = |seconds: f64| seconds * 1e6 / leads;
    let (value, interval) =
        summary(&|round| each(round.ours.cpu_seconds - round.floor.cpu_seconds))?;
    let (ratio, ratio_interval) =
        summary(&|round| round.ours.cpu_seconds / round.floor.cpu_seconds)?;
    let cpu = Figure {
        value,
        interval,
        floor: summary(&|round| each(round.floor.cpu_seconds))?.0,
        ratio,
        ratio_interval,
        ..blank("cpu_above_floor", "us/record")
    }
    .bounded(Limit::AtMost(CPU_BAR));
    let floor_peak = taken.last()?.floor.peak_megabytes;
    let memory = Figure {
        value: peak,
        interval: [peak; 2],
        floor: floor_peak,
        ratio: peak / floor_peak,
        ratio_interval: [peak / floor_peak; 2],
        ..blank("peak_memory", "MB")
    }
    .bounded(Limit::AtMost(MEMORY_BAR));
    let cost = |took: &bed::Took| took.cpu_seconds + took.database_cpu_seconds;
    let (ratio, ratio_interval) =
        summary(&|round| (cost(&round.ours) / leads) / (cost(&round.small) / small))?;
    let (value, interval) = summary(&|round| each(cost(&round.ours)))?;
    let growth = Figure {
        value,
        interval,
        floor: summary(&|round| cost(&round.small) * 1e6 / small)?.0,
        ratio,
        ratio_interval,
        ..blank("cost_growth", "us/record")
    }
    .bounded(Limit::RatioAtMost(GROWTH_BAR));
    Some(vec![rate, cpu, memory, growth])
}

/// The floor's process and the pipes to it.
struct FloorProcess {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl FloorProcess {
    async fn start(bed: &mut Bed) -> Result<Self> {
        let setup = bed.floor_setup().await?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("routing-floor")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut orders = child.stdin.take().context("no standard input")?;
        let answers = BufReader::new(child.stdout.take().context("no standard output")?);
        writeln!(orders, "{}", serde_json::to_string(&setup)?)?;
        Ok(Self {
            child,
            orders,
            answers,
        })
    }

    async fn round(&mut self, bed: &mut Bed, count: u32) -> Result<floor::Took> {
        let leads = bed.leads(count, FLOORS);
        let ids = bed.world.salesforce.load("Lead", &leads).await?.ids;
        writeln!(self.orders, "go")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let took: floor::Took = serde_json::from_str(&line).context("the floor ended early")?;
        ensure!(
            took.records == count,
            "the floor saw {} of {count} leads",
            took.records
        );
        bed.close(&ids).await?;
        Ok(took)
    }
}

impl Drop for FloorProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
