//! A load of concurrent clients, each request after the one before.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio::task::JoinSet;

/// How long each load lasts, and how often.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) lasts: Duration,
    pub(crate) rounds: usize,
}

/// Requests a second of all clients together. `step` sends one request and gives its client back.
pub(crate) async fn rate<C, F>(
    clients: &mut Vec<C>,
    lasts: Duration,
    step: impl Fn(C) -> F + Clone + Send + 'static,
) -> Result<f64>
where
    C: Send + 'static,
    F: Future<Output = Result<C>> + Send,
{
    let over = Arc::new(AtomicBool::new(false));
    let mut running = JoinSet::new();
    let start = Instant::now();
    for mut client in clients.drain(..) {
        let (step, over) = (step.clone(), Arc::clone(&over));
        running.spawn(async move {
            let mut count = 0_u32;
            while !over.load(Ordering::Relaxed) {
                client = step(client).await?;
                count = count.saturating_add(1);
            }
            anyhow::Ok((count, client))
        });
    }
    elapse(lasts).await;
    over.store(true, Ordering::Relaxed);
    let mut all = 0_u32;
    while let Some(ended) = running.join_next().await {
        let (count, client) = ended??;
        all = all.saturating_add(count);
        clients.push(client);
    }
    Ok(f64::from(all) / start.elapsed().as_secs_f64())
}

async fn elapse(time: Duration) {
    let mut tick = tokio::time::interval(time);
    tick.tick().await;
    tick.tick().await;
}
