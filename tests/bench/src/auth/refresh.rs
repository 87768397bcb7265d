//! Refreshes of sessions, each after the one before, against a bare handler that sends the same
//! statements and signs once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;

use super::{
    Load,
    browser::{Browser, Login},
    floor::Floor,
    site::Site,
};
use crate::{
    person::{KNOWN, PASSWORD, Person},
    report::{self, Figure, Limit},
};

/// Browsers that refresh at a time.
const BROWSERS: u32 = 4;
/// At least 0.7 of what the bare handler does.
const BAR: f64 = 1.0 / 0.7;

const ADA: Login = Login {
    email: KNOWN,
    password: PASSWORD,
};

pub(crate) async fn measure(load: Load) -> Result<Vec<Figure>> {
    let person = Person::with(|_| {}).await?;
    let site = Site::start(&person)?;
    let floor = Floor::start(&person, BROWSERS).await?;
    let mut cookies = Vec::new();
    for _ in 0..BROWSERS {
        cookies.push(site.browser.session(ADA).await?.cookie);
    }
    let (mut rates, mut floors, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=load.rounds {
        let (ours, bare) = if round % 2 == 1 {
            let ours = ours(&site.browser, &mut cookies, load.lasts).await?;
            (ours, theirs(&floor, load.lasts).await?)
        } else {
            let bare = theirs(&floor, load.lasts).await?;
            (ours(&site.browser, &mut cookies, load.lasts).await?, bare)
        };
        report::progress(&format!(
            "refresh {round}/{}: {ours:.0} a second, floor {bare:.0}",
            load.rounds
        ));
        rates.push(ours);
        floors.push(bare);
        ratios.push(bare / ours);
    }
    floor.stop().await;
    site.stop().await;
    let (value, interval) = report::median(&mut rates).context("no rounds")?;
    let (ratio, ratio_interval) = report::median(&mut ratios).context("no rounds")?;
    let figure = Figure {
        value,
        interval,
        floor: report::median(&mut floors).context("no rounds")?.0,
        ratio,
        ratio_interval,
        ..Figure::new("auth", "refreshes", "refreshes/s", load.rounds)
    };
    Ok(vec![figure.bounded(Limit::RatioAtMost(BAR))])
}

async fn ours(browser: &Browser, cookies: &mut Vec<String>, lasts: Duration) -> Result<f64> {
    let over = Arc::new(AtomicBool::new(false));
    let mut browsers = JoinSet::new();
    let start = Instant::now();
    for mut cookie in cookies.drain(..) {
        let (browser, over) = (browser.clone(), Arc::clone(&over));
        browsers.spawn(async move {
            let mut count = 0_u32;
            while !over.load(Ordering::Relaxed) {
                cookie = browser.refresh(&cookie).await?.cookie;
                count = count.saturating_add(1);
            }
            anyhow::Ok((count, cookie))
        });
    }
    elapse(lasts).await;
    over.store(true, Ordering::Relaxed);
    let mut all = 0_u32;
    while let Some(ended) = browsers.join_next().await {
        let (count, cookie) = ended??;
        all = all.saturating_add(count);
        cookies.push(cookie);
    }
    Ok(f64::from(all) / start.elapsed().as_secs_f64())
}

async fn theirs(floor: &Floor, lasts: Duration) -> Result<f64> {
    let over = Arc::new(AtomicBool::new(false));
    let mut browsers = JoinSet::new();
    let start = Instant::now();
    for browser in 0..BROWSERS {
        let (request, over) = (floor.request(browser), Arc::clone(&over));
        browsers.spawn(async move {
            let mut count = 0_u32;
            while !over.load(Ordering::Relaxed) {
                let request = request.try_clone().context("a body that streams")?;
                request.send().await?.error_for_status()?.bytes().await?;
                count = count.saturating_add(1);
            }
            anyhow::Ok(count)
        });
    }
    elapse(lasts).await;
    over.store(true, Ordering::Relaxed);
    let mut all = 0_u32;
    while let Some(ended) = browsers.join_next().await {
        all = all.saturating_add(ended??);
    }
    Ok(f64::from(all) / start.elapsed().as_secs_f64())
}

async fn elapse(time: Duration) {
    let mut tick = tokio::time::interval(time);
    tick.tick().await;
    tick.tick().await;
}
