//! Sign-ins as fast as the threads for passwords make them, while others read; and more of them than
//! may wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use reqwest::{StatusCode, header::RETRY_AFTER};
use tokio::{task::JoinSet, time::MissedTickBehavior};

use super::daemon::{ADA, Bed};
use crate::{
    browser::{Browser, Login},
    load::Load,
    report::{self, Figure, Limit},
};

/// ADR and CX-15: what a hash costs.
const COST: u32 = 12;
/// Sign-ins that are under way at a time: enough that a thread never waits for the network.
const AT_ONCE: usize = 4;
const READS_A_SECOND: u64 = 100;
/// At least 0.9 of what the threads could do.
const RATE_BAR: f64 = 1.0 / 0.9;
const P99_BAR: f64 = 50.0;
/// Sign-ins at one moment, far more than may wait for a thread.
const FLOOD: u8 = 200;

pub(crate) async fn measure(bed: &Bed, load: Load) -> Result<Vec<Figure>> {
    let threads = std::thread::available_parallelism()?
        .get()
        .div_euclid(2)
        .max(1);
    let threads = f64::from(u32::try_from(threads)?);
    let (mut rates, mut floors, mut ratios, mut slowest) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 1..=load.rounds {
        let one = tokio::task::spawn_blocking(hash_seconds).await??;
        let (rate, p99) = round_of(&bed.browser, load.lasts).await?;
        report::progress(&format!(
            "sign-in {round}/{}: {rate:.2} a second, floor {:.2}; reads p99 {p99:.1} ms",
            load.rounds,
            threads / one
        ));
        rates.push(rate);
        floors.push(threads / one);
        ratios.push(threads / one / rate);
        slowest.push(p99);
    }
    let (value, interval) = report::median(&mut rates).context("no rounds")?;
    let (ratio, ratio_interval) = report::median(&mut ratios).context("no rounds")?;
    let rate = Figure {
        value,
        interval,
        floor: report::median(&mut floors).context("no rounds")?.0,
        ratio,
        ratio_interval,
        ..Figure::new("auth", "sign_ins", "sign-ins/s", load.rounds)
    };
    let (value, interval) = report::median(&mut slowest).context("no rounds")?;
    let reads = Figure {
        value,
        interval,
        ..Figure::new("auth", "reads_meanwhile_p99", "ms", load.rounds)
    };
    Ok(vec![
        rate.bounded(Limit::RatioAtMost(RATE_BAR)),
        reads.bounded(Limit::AtMost(P99_BAR)),
        flood(bed).await?,
    ])
}

/// Seconds of one bcrypt on an idle core.
fn hash_seconds() -> Result<f64> {
    let mut taken = Vec::new();
    for _ in 0..3 {
        let start = Instant::now();
        bcrypt::hash("Walking-otters-9-quietly", COST)?;
        taken.push(start.elapsed().as_secs_f64());
    }
    Ok(report::median(&mut taken).context("no hashes")?.0)
}

/// Sign-ins a second, and the 99th percentile of the reads' milliseconds.
async fn round_of(browser: &Browser, lasts: Duration) -> Result<(f64, f64)> {
    let session = browser.session(ADA).await?;
    let (over, done) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let mut signing_in = JoinSet::new();
    let start = Instant::now();
    for _ in 0..AT_ONCE {
        let (browser, over, done) = (browser.clone(), Arc::clone(&over), Arc::clone(&done));
        signing_in.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                browser.session(ADA).await?;
                if !over.load(Ordering::Relaxed) {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
            anyhow::Ok(())
        });
    }
    let reads = reads(browser, &session.access_token, lasts).await?;
    over.store(true, Ordering::Relaxed);
    let (count, seconds) = (done.load(Ordering::Relaxed), start.elapsed().as_secs_f64());
    while let Some(ended) = signing_in.join_next().await {
        ended??;
    }
    Ok((
        f64::from(u32::try_from(count)?) / seconds,
        percentile(reads)?,
    ))
}

/// Milliseconds of each read; they begin on time, whatever became of those before.
async fn reads(browser: &Browser, token: &str, lasts: Duration) -> Result<Vec<f64>> {
    let token: Arc<str> = token.into();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / u32::try_from(READS_A_SECOND)?);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut reading = JoinSet::new();
    for _ in 0..lasts.as_secs().saturating_mul(READS_A_SECOND) {
        let due = tick.tick().await.into_std();
        let (browser, token) = (browser.clone(), Arc::clone(&token));
        reading.spawn(async move {
            browser.read(&token).await?;
            anyhow::Ok(due.elapsed().as_secs_f64() * 1_000.0)
        });
    }
    let mut taken = Vec::new();
    while let Some(read) = reading.join_next().await {
        taken.push(read??);
    }
    Ok(taken)
}

fn percentile(mut taken: Vec<f64>) -> Result<f64> {
    taken.sort_by(f64::total_cmp);
    let at = taken.len().saturating_mul(99).div_euclid(100);
    taken.get(at).copied().context("no reads")
}

/// How many of a flood were told to come back. Each of them is told when, and the others are judged. Everybody
/// has an address and a name of their own, so that no counter of failures is what turns them away.
async fn flood(bed: &Bed) -> Result<Figure> {
    let mut all = JoinSet::new();
    for number in 0..FLOOD {
        let browser = bed.stranger(number)?;
        all.spawn(async move {
            let email = format!("stranger-{number}@nowhere.example");
            let password = "Walking-otters-9-quietly";
            let login = Login {
                email: &email,
                password,
            };
            let answer = browser.sign_in(login).await?;
            let told = answer.headers().contains_key(RETRY_AFTER);
            anyhow::Ok((answer.status(), told))
        });
    }
    let mut refused = 0_u32;
    while let Some(answer) = all.join_next().await {
        match answer?? {
            (StatusCode::UNAUTHORIZED, _) => {}
            (StatusCode::SERVICE_UNAVAILABLE, true) => refused = refused.saturating_add(1),
            (status, told) => {
                ensure!(
                    false,
                    "a sign-in of a flood got {status}, Retry-After: {told}"
                );
            }
        }
    }
    let value = f64::from(refused);
    let figure = Figure {
        value,
        interval: [value; 2],
        ..Figure::new("auth", "flood_told_to_come_back", "sign-ins", 1)
    };
    Ok(figure.bounded(Limit::AtLeast(1.0)))
}
