//! From an event to one delivery for each webhook that wants it. An event has one subscriber, so webhooks
//! listen before that one does.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use db::{Db, TenantTx, Unit};
use jobs::{Handler, Job, JobError, NewJob};
use kernel::{Event, EventId, WebhookId};
use serde_json::json;

use super::{
    catalogue,
    store::{self, Delivery},
};
use crate::error::DeliveryError;

pub(crate) const SEND: &str = "webhook.send";

/// A subscriber, and before it the webhooks.
struct Heard {
    db: Db,
    subscriber: Arc<dyn Handler>,
}

/// `subscriber` as it is where webhooks do not tell of its event.
pub(crate) fn heard(db: &Db, subscriber: Arc<dyn Handler>) -> Arc<dyn Handler> {
    let told = subscriber
        .kind()
        .strip_prefix("event.")
        .is_some_and(catalogue::is_told);
    if !told {
        return subscriber;
    }
    Arc::new(Heard {
        db: db.clone(),
        subscriber,
    })
}

#[async_trait]
impl Handler for Heard {
    fn kind(&self) -> &'static str {
        self.subscriber.kind()
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let event: Event = job.read()?;
        // The job is run again after a failure, and its id stays: an event is noted once.
        let id = EventId::from_uuid(job.id.uuid());
        self.db
            .run(&job.principal(), move |tx| fan_out(tx, id, &event))
            .await?;
        self.subscriber.run(job).await
    }
}

fn fan_out(tx: &mut TenantTx<'_>, id: EventId, event: &Event) -> Result<(), DeliveryError> {
    let listening = store::listening(tx, event.name())?;
    let at = made_at(id).unwrap_or_else(|| tx.now());
    let Some(body) = catalogue::body(event, at) else {
        return Ok(());
    };
    for webhook in listening {
        let now = tx.now();
        let told = (event.name(), at, body.clone());
        store::delivery_add(tx, &Delivery::waiting(&webhook, id, told, now))?;
        let job = send_job(WebhookId::from_uuid(webhook.webhook_id));
        jobs::enqueue_or_hasten(tx, &job)?;
    }
    Ok(())
}

/// When the event's id was made, which is when it was published.
pub(super) fn made_at(id: EventId) -> Option<DateTime<Utc>> {
    let (seconds, nanoseconds) = id.uuid().get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)
}

/// The job of a webhook: while it runs, the next one waits.
pub(super) fn send_job(id: WebhookId) -> NewJob {
    NewJob::new(SEND, json!({ "webhook": id })).dedupe(id.to_string())
}
