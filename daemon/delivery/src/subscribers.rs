//! From events to notices. Nothing is sent here: a job sends when the window is over.

use std::collections::BTreeMap;

use async_trait::async_trait;
use db::{Db, TenantTx, Unit};
use jobs::{Handler, Job, JobError, NewJob};
use kernel::Event;
use serde_json::Value as Json;

use crate::{
    error::DeliveryError,
    notice::{BROKEN_SILENCE, FAILURES_WINDOW, Key, Kind, window},
    store,
};

/// Subscribes to `records_failed`.
pub(crate) struct Failures {
    pub(crate) db: Db,
}

/// Subscribes to `connection_broken`.
pub(crate) struct Broken {
    pub(crate) db: Db,
}

#[async_trait]
impl Handler for Failures {
    fn kind(&self) -> &'static str {
        "event.records_failed"
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let Event::RecordsFailed { count, reasons } = job.read()? else {
            return Err(not_this_event());
        };
        let who = job.principal();
        Ok(self
            .db
            .run(&who, move |tx| failures_note(tx, count, &reasons))
            .await?)
    }
}

#[async_trait]
impl Handler for Broken {
    fn kind(&self) -> &'static str {
        "event.connection_broken"
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let Event::ConnectionBroken { connection, reason } = job.read()? else {
            return Err(not_this_event());
        };
        let who = job.principal();
        Ok(self
            .db
            .run(&who, move |tx| {
                broken_note(tx, &connection.to_string(), reason)
            })
            .await?)
    }
}

fn not_this_event() -> JobError {
    JobError::Dead {
        code: "payload_invalid",
        detail: "the payload is another event's".to_owned(),
    }
}

fn failures_note(
    tx: &mut TenantTx<'_>,
    count: u64,
    reasons: &BTreeMap<String, u64>,
) -> Result<(), DeliveryError> {
    let key = Key {
        kind: Kind::RoutingFailures,
        window_start: window(tx.now(), FAILURES_WINDOW),
        subject: String::new(),
    };
    if store::notice_open(tx, &key)? {
        let at = key.window_start + FAILURES_WINDOW;
        jobs::enqueue(tx, send_job(&key)?.at(at))?;
    }
    match store::notice_locked(tx, &key)? {
        Some(notice) => store::notice_add(tx, &key, &notice, count, reasons),
        None => Ok(()),
    }
}

/// The lease is the silence: who holds it has told, until it ends.
fn broken_note(
    tx: &mut TenantTx<'_>,
    connection: &str,
    reason: String,
) -> Result<(), DeliveryError> {
    let silence = jobs::lease_acquire(tx, "connection_broken mail", "delivery", BROKEN_SILENCE)?;
    if silence.is_none() {
        return Ok(());
    }
    let key = Key {
        kind: Kind::ConnectionBroken,
        window_start: tx.now(),
        subject: connection.to_owned(),
    };
    if store::notice_open(tx, &key)? {
        let reasons = BTreeMap::from([(reason, 1)]);
        if let Some(notice) = store::notice_locked(tx, &key)? {
            store::notice_add(tx, &key, &notice, 0, &reasons)?;
        }
        jobs::enqueue(tx, send_job(&key)?)?;
    }
    Ok(())
}

pub(crate) fn send_job(key: &Key) -> Result<NewJob, DeliveryError> {
    let payload: Json = serde_json::to_value(key)
        .map_err(|error| diesel::result::Error::SerializationError(Box::new(error)))?;
    Ok(NewJob::new("notice.send", payload).dedupe(key.id()))
}
