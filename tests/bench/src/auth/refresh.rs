//! Refreshes of sessions, each after the one before, against a bare handler that sends the same
//! statements and signs once.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::floor::Floor;
use crate::{
    browser::{Browser, Login},
    load::{self, Load},
    person::{KNOWN, PASSWORD, Person},
    report::{self, Figure, Limit},
    site::Site,
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
    let site = Site::start(&person, console::routes::entrance)?;
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
    let browser = browser.clone();
    load::rate(cookies, lasts, move |cookie| {
        let browser = browser.clone();
        async move { Ok(browser.refresh(&cookie).await?.cookie) }
    })
    .await
}

async fn theirs(floor: &Floor, lasts: Duration) -> Result<f64> {
    let mut requests: Vec<_> = (0..BROWSERS)
        .map(|browser| floor.request(browser))
        .collect();
    load::rate(&mut requests, lasts, |request| async move {
        let next = request.try_clone().context("a body that streams")?;
        request.send().await?.error_for_status()?.bytes().await?;
        Ok(next)
    })
    .await
}
