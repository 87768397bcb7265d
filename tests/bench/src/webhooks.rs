//! `bench webhooks`: how fast leads are routed while a hundred webhooks send to a receiver that answers
//! nothing, against the same daemon while nothing is sent (LR-38).

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use stack::{postgres::Durability, receiver::Receiver, simulator::Place, world::World};

use crate::{
    report::{self, Figure, Limit},
    routing::bed::Bed,
};

const WEBHOOKS: usize = 100;
/// Time with slow receivers over time without.
const RATIO_BAR: f64 = 1.05;
const WARM_UP: u32 = 1_000;
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

/// A webhook, and an event that it was told of before.
struct Told {
    webhook: String,
    event: String,
}

pub(crate) fn run(leads: u32, rounds: u16) -> Result<Vec<Figure>> {
    tokio::runtime::Runtime::new()?.block_on(measure(leads, usize::from(rounds)))
}

async fn measure(leads: u32, rounds: usize) -> Result<Vec<Figure>> {
    report::progress(
        "webhooks: starting PostgreSQL, OpenBao, the simulated Salesforce and revkeep",
    );
    let world = World::start_with(Durability::Production, Place::Apart).await?;
    let receiver = Receiver::of_world(&world)?;
    let endpoint = format!("localhost:{}", receiver.port);
    let mut bed = Bed::in_world(world, vec![endpoint]).await?;
    let told = webhooks(&bed, &receiver).await?;
    bed.round(WARM_UP).await?;
    let (mut with, mut without, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        bed.analyse()?;
        // Whoever is first finds smaller tables: they take turns.
        let (slow, alone) = if round % 2 == 1 {
            let slow = beside(&mut bed, &receiver, &told, leads).await?;
            (slow, bed.round(leads).await?.seconds)
        } else {
            let alone = bed.round(leads).await?.seconds;
            (beside(&mut bed, &receiver, &told, leads).await?, alone)
        };
        report::progress(&format!(
            "webhooks {round}/{rounds}: {slow:.2} s beside slow receivers, {alone:.2} s alone"
        ));
        ratios.push(slow / alone);
        with.push(f64::from(leads) / slow);
        without.push(f64::from(leads) / alone);
    }
    bed.daemon.stop().await?;
    let (value, interval) = report::median(&mut with).context("no rounds")?;
    let (floor, _) = report::median(&mut without).context("no rounds")?;
    let (ratio, ratio_interval) = report::median(&mut ratios).context("no rounds")?;
    let figure = Figure {
        value,
        interval,
        floor,
        ratio,
        ratio_interval,
        ..Figure::new("webhooks", "records_per_second", "records/s", rounds)
    };
    Ok(vec![figure.bounded(Limit::RatioAtMost(RATIO_BAR))])
}

/// A hundred webhooks, each with one delivery that can be sent again.
async fn webhooks(bed: &Bed, receiver: &Receiver) -> Result<Vec<Told>> {
    let mut told = Vec::with_capacity(WEBHOOKS);
    for number in 0..WEBHOOKS {
        let body = json!({
            "name": format!("Receiver {number}"), "url": receiver.url(), "events": ["owner_changed"],
            "enabled": true,
        });
        let made = bed.console.post("/webhooks", body).await?;
        let webhook = text(&made, "/id")?;
        let path = format!("/webhooks/{webhook}");
        bed.console.post(&format!("{path}/test"), json!({})).await?;
        let found = bed.console.get(&format!("{path}/deliveries")).await?;
        let event = text(&found, "/items/0/id")?;
        told.push(Told { webhook, event });
    }
    Ok(told)
}

fn text(found: &Value, pointer: &str) -> Result<String> {
    let text = found.pointer(pointer).and_then(Value::as_str);
    Ok(text
        .with_context(|| format!("no {pointer}: {found}"))?
        .to_owned())
}

/// Routes while every webhook has something to send and the receiver answers nothing.
async fn beside(bed: &mut Bed, receiver: &Receiver, told: &[Told], leads: u32) -> Result<f64> {
    let before = receiver.received().len();
    receiver.hang();
    for Told { webhook, event } in told {
        let replay = format!("/webhooks/{webhook}/deliveries/{event}/replay");
        bed.console.post(&replay, json!({})).await?;
    }
    let took = bed.round(leads).await?;
    ensure!(
        waiting(bed)? > 0 && receiver.received().len() > before,
        "the receivers were not slow for the whole round: ask for fewer leads"
    );
    receiver.release();
    let deadline = Instant::now() + SETTLED_WITHIN;
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    while waiting(bed)? > 0 {
        ensure!(Instant::now() < deadline, "deliveries still wait");
        tick.tick().await;
    }
    Ok(took.seconds)
}

/// Deliveries that wait.
fn waiting(bed: &mut Bed) -> Result<usize> {
    bed.rows("SELECT FROM webhook_deliveries WHERE state = 'waiting'")
}
