//! What goes on while the primary is killed: people write at both daemons, and leads come in.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stack::console::Console;
use tokio::{sync::Mutex, task::JoinHandle, time::MissedTickBehavior};

const EVERY: Duration = Duration::from_millis(300);

/// One person who writes at one daemon, again and again.
pub(crate) struct Writer {
    told: Arc<Mutex<Told>>,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

/// What the daemon said to each write.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) acknowledged: Vec<String>,
    /// Nobody knows whether they were stored.
    pub(crate) in_doubt: Vec<String>,
    pub(crate) refused: Vec<String>,
    /// When the last one began that was acknowledged.
    began: Option<Instant>,
    /// What was said last that was not yes.
    pub(crate) last_no: String,
}

impl Writer {
    pub(crate) fn start(console: Arc<Console>, name: &'static str) -> Self {
        let (told, stop) = (Arc::<Mutex<Told>>::default(), Arc::<AtomicBool>::default());
        let (tells, stops) = (Arc::clone(&told), Arc::clone(&stop));
        let task = tokio::spawn(async move {
            let mut tick = tokio::time::interval(EVERY);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut number = 0_u32;
            while !stops.load(Ordering::Relaxed) {
                tick.tick().await;
                number = number.saturating_add(1);
                write(&console, format!("{name} {number}"), &tells).await;
            }
        });
        Self { told, stop, task }
    }

    /// Whether a write that began after `moment` was acknowledged.
    pub(crate) async fn is_served_since(&self, moment: Instant) -> bool {
        self.told
            .lock()
            .await
            .began
            .is_some_and(|began| began > moment)
    }

    /// What was said last that was not yes.
    pub(crate) async fn last_no(&self) -> String {
        self.told.lock().await.last_no.clone()
    }

    pub(crate) async fn end(self) -> Result<Told> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await?;
        Ok(std::mem::take(&mut *self.told.lock().await))
    }
}

/// A pool of this name. Only a clear yes is an acknowledgement, and only a clear no is none: whatever
/// else comes back, the write may have happened.
async fn write(console: &Console, name: String, told: &Mutex<Told>) {
    let (began, body) = (Instant::now(), json!({ "name": name, "members": [] }));
    let answer = console.request(Method::POST, "/pools", Some(body)).await;
    let mut told = told.lock().await;
    match answer {
        Ok((StatusCode::CREATED, _)) => {
            told.acknowledged.push(name);
            told.began = Some(began);
        }
        Ok((status, body)) => {
            told.last_no = format!("{status} {body}");
            let clear = ["database_unreachable", "database_busy", "rate_limited"];
            let code = body.get("code").and_then(Value::as_str).unwrap_or_default();
            if clear.contains(&code) {
                told.refused.push(name);
            } else {
                told.in_doubt.push(name);
            }
        }
        Err(error) => {
            told.last_no = format!("{error:#}");
            told.in_doubt.push(name);
        }
    }
}

/// The names of every pool that is stored.
pub(crate) async fn stored(console: &Console) -> Result<HashSet<String>> {
    let pools = console.all("/pools").await?;
    let name = |pool: &Value| Some(pool.get("name")?.as_str()?.to_owned());
    Ok(pools.iter().filter_map(name).collect())
}
