//! Enqueue and publish, inside the caller's transaction.

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};
use kernel::{Event, JobId};
use schema::jobs;
use serde_json::{Value, json};

use crate::error::JobsError;

/// A job to be done.
#[derive(Clone, Debug)]
pub struct NewJob {
    kind: String,
    payload: Value,
    run_at: Option<DateTime<Utc>>,
    max_attempts: i32,
    dedupe_key: Option<String>,
}

impl NewJob {
    /// `payload` is a JSON object of ids and settings; the tenant is added to it.
    pub fn new(kind: impl Into<String>, payload: Value) -> Self {
        Self {
            kind: kind.into(),
            payload,
            run_at: None,
            max_attempts: 10,
            dedupe_key: None,
        }
    }
    /// Not before this time; at once when left out.
    pub const fn at(mut self, time: DateTime<Utc>) -> Self {
        self.run_at = Some(time);
        self
    }
    pub const fn attempts(mut self, most: i32) -> Self {
        self.max_attempts = most;
        self
    }
    /// While one job of this kind and key is queued, another is not added.
    pub fn dedupe(mut self, key: impl Into<String>) -> Self {
        self.dedupe_key = Some(key.into());
        self
    }
}

/// Adds a job in the caller's transaction. `None` when its dedupe key is queued already.
pub fn enqueue<U: Unit>(tx: &mut U, job: NewJob) -> Result<Option<JobId>, JobsError> {
    let id = JobId::generate(tx.clock().as_ref());
    let now = tx.now();
    let added = diesel::insert_into(jobs::table)
        .values((
            jobs::tenant_id.eq(tx.tenant().uuid()),
            jobs::job_id.eq(id.uuid()),
            jobs::kind.eq(job.kind),
            jobs::payload.eq(with_tenant(tx, job.payload)),
            jobs::run_at.eq(job.run_at.unwrap_or(now)),
            jobs::max_attempts.eq(job.max_attempts),
            jobs::dedupe_key.eq(job.dedupe_key),
            jobs::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn())?;
    Ok((added == 1).then_some(id))
}

/// As [`enqueue`]; where one with its dedupe key is queued for later, that one comes as early. So the
/// job is sure to begin after the caller's transaction.
pub fn enqueue_or_hasten<U: Unit>(tx: &mut U, job: &NewJob) -> Result<(), JobsError> {
    let at = job.run_at.unwrap_or_else(|| tx.now());
    // A second look: the one that was queued may have been claimed meanwhile, and then it is no longer
    // in the way.
    for _ in 0..2 {
        if enqueue(tx, job.clone())?.is_some() {
            return Ok(());
        }
        let queued = jobs::table
            .filter(jobs::tenant_id.eq(tx.tenant().uuid()))
            .filter(jobs::kind.eq(&job.kind))
            .filter(jobs::dedupe_key.eq(&job.dedupe_key))
            .filter(jobs::state.eq("queued"));
        // The lock keeps it from being claimed until the caller's transaction ends.
        let found: Option<DateTime<Utc>> = queued
            .select(jobs::run_at)
            .for_update()
            .first(tx.conn())
            .optional()?;
        if let Some(run_at) = found {
            if run_at > at {
                diesel::update(queued)
                    .set(jobs::run_at.eq(at))
                    .execute(tx.conn())?;
            }
            return Ok(());
        }
    }
    Ok(())
}

/// Keeps what a long job must know of itself when it is run again: `notes` is an object whose keys
/// are added to its payload.
pub fn remember(tx: &mut TenantTx<'_>, id: JobId, notes: &Value) -> Result<(), JobsError> {
    let tenant = tx.tenant().uuid();
    let own = jobs::table
        .filter(jobs::tenant_id.eq(tenant))
        .filter(jobs::job_id.eq(id.uuid()));
    let stored: Option<Value> = own
        .select(jobs::payload)
        .for_update()
        .first(tx.conn())
        .optional()?;
    let (Some(Value::Object(mut payload)), Value::Object(notes)) = (stored, notes) else {
        return Ok(());
    };
    payload.extend(notes.clone());
    diesel::update(own)
        .set(jobs::payload.eq(Value::Object(payload)))
        .execute(tx.conn())?;
    Ok(())
}

/// Tells whoever subscribes that something happened, once the transaction commits.
pub fn publish<U: Unit>(tx: &mut U, event: &Event) -> Result<(), JobsError> {
    let payload = serde_json::to_value(event).unwrap_or_else(|_| json!({}));
    enqueue(tx, NewJob::new(event_kind(event.name()), payload))?;
    Ok(())
}

/// The job kind under which an event is delivered to its subscriber.
pub fn event_kind(name: &str) -> String {
    format!("event.{name}")
}

pub(crate) fn with_tenant<U: Unit>(tx: &U, payload: Value) -> Value {
    let mut fields = match payload {
        Value::Object(fields) => fields,
        _ => serde_json::Map::new(),
    };
    fields.insert("tenant".to_owned(), Value::String(tx.tenant().to_string()));
    Value::Object(fields)
}
