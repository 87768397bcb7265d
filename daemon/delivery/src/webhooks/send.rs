//! The job that sends what is due to one webhook. Nothing is written down before an attempt but that it is
//! due, so that a daemon which dies leaves it due: the receiver gets it again, with the same id.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use db::{TenantTx, Unit};
use jobs::{Handler, Job, JobError};
use kernel::{Action, Event, Principal, WebhookId};
use serde::Deserialize;
use serde_json::json;

use super::{
    Webhooks,
    attempt::{Attempt, GONE},
    fan_out::{SEND, send_job},
    store::{self, Delivery, Faring, Tried, WebhookRow},
};
use crate::error::DeliveryError;

/// After a first failure: once more (LR-38).
const ONCE_MORE: TimeDelta = TimeDelta::seconds(5);
/// What follows where the tenant wants it: about three days in all.
const LONG: [TimeDelta; 7] = [
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(20),
    TimeDelta::hours(36),
];
/// Deliveries of one run of the job; what is left has another run, behind the other webhooks' jobs.
const AT_ONCE: usize = 20;
/// A webhook is switched off after so many failures in a row, the first of them so long ago.
const STOP_AFTER: i32 = 20;
const STOP_AGE: TimeDelta = TimeDelta::hours(24);

/// The handler of `webhook.send`.
pub(super) struct Send {
    pub(super) webhooks: Webhooks,
}

#[derive(Deserialize)]
struct Payload {
    webhook: WebhookId,
}

#[async_trait]
impl Handler for Send {
    fn kind(&self) -> &'static str {
        SEND
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let Payload { webhook } = job.read()?;
        let who = job.principal();
        for _ in 0..AT_ONCE {
            let Some((row, delivery)) = self.next(&who, webhook).await? else {
                break;
            };
            let secrets = self
                .webhooks
                .secrets(&row, self.webhooks.db.clock().now())
                .await?;
            let attempt = self.webhooks.attempt(&row.url, &delivery, &secrets).await?;
            fail::fail_point!("webhook_sent_before_store");
            self.webhooks.stored(&who, delivery, attempt).await?;
        }
        Ok(self
            .webhooks
            .db
            .run(&who, move |tx| {
                if let Some(at) = store::next_due(tx, webhook)? {
                    jobs::enqueue_or_hasten(tx, &send_job(webhook).at(at))?;
                }
                Ok::<_, DeliveryError>(())
            })
            .await?)
    }
}

impl Send {
    /// What is due, and where it goes as of now.
    async fn next(
        &self,
        who: &Principal,
        id: WebhookId,
    ) -> Result<Option<(WebhookRow, Delivery)>, DeliveryError> {
        self.webhooks
            .db
            .run(who, move |tx| {
                let Some(row) = store::webhook(tx, id)? else {
                    return Ok(None);
                };
                if !row.enabled {
                    store::give_up(tx, id)?;
                    return Ok(None);
                }
                let now = tx.now();
                Ok(store::due(tx, id, now)?.map(|delivery| (row, delivery)))
            })
            .await
    }
}

impl Webhooks {
    /// Writes down what came of an attempt, and what it means for the webhook.
    pub(super) async fn stored(
        &self,
        who: &Principal,
        delivery: Delivery,
        attempt: Attempt,
    ) -> Result<(), DeliveryError> {
        self.db
            .run(who, move |tx| {
                let id = delivery.webhook();
                let Some(row) = store::webhook(tx, id)? else {
                    return Ok(());
                };
                let tried = tried(&row, &delivery, &attempt, tx.now());
                store::tried(tx, &delivery, &tried)?;
                if tried.state != "waiting" {
                    fared(tx, id, &row, &attempt)?;
                }
                Ok(())
            })
            .await
    }
}

fn tried(row: &WebhookRow, delivery: &Delivery, attempt: &Attempt, now: DateTime<Utc>) -> Tried {
    let attempts = delivery.attempts.saturating_add(1);
    let gone = attempt.status == Some(GONE);
    let next_at = match attempt.code {
        Some(_) if !gone => pause(attempts, row.long_retries).map(|pause| now + pause),
        _ => None,
    };
    Tried {
        state: match (attempt.code, next_at) {
            (None, _) => "delivered",
            (Some(_), Some(_)) => "waiting",
            (Some(_), None) => "failed",
        },
        attempts,
        next_at,
        status: attempt.status.and_then(|status| i16::try_from(status).ok()),
        code: attempt.code,
        tried_at: now,
        milliseconds: attempt.milliseconds,
    }
}

/// How long after so many attempts the next one comes, where there is one.
fn pause(attempts: i32, long: bool) -> Option<TimeDelta> {
    match usize::try_from(attempts).ok()? {
        1 => Some(ONCE_MORE),
        more if long => LONG.get(more.checked_sub(2)?).copied(),
        _ => None,
    }
}

/// A delivery has ended. One that nobody took may be the last before the webhook is switched off.
fn fared(
    tx: &mut TenantTx<'_>,
    id: WebhookId,
    row: &WebhookRow,
    attempt: &Attempt,
) -> Result<(), DeliveryError> {
    let now = tx.now();
    let (failures, since) = match attempt.code {
        None => (0, None),
        Some(_) => (
            row.failures.saturating_add(1),
            Some(row.failing_since.unwrap_or(now)),
        ),
    };
    let long_dead = failures >= STOP_AFTER && since.is_some_and(|since| now - since >= STOP_AGE);
    let stopped = match attempt.status {
        Some(GONE) => Some("webhook_gone"),
        _ if long_dead => Some("webhook_failing"),
        _ => None,
    };
    let stops = stopped.is_some() && row.enabled;
    let faring = Faring {
        enabled: row.enabled && !stops,
        failures,
        failing_since: since,
        stopped_code: match stopped {
            Some(code) if stops => Some(code.to_owned()),
            _ => row.stopped_code.clone(),
        },
    };
    store::faring(tx, id, &faring)?;
    if let (Some(code), true) = (stopped, stops) {
        store::give_up(tx, id)?;
        audit::Entry::new(Action::WebhookStop, "webhook", id)
            .after(json!({ "reason": code, "failures": failures }))
            .write(tx)?;
        jobs::publish(tx, &Event::WebhookStopped { webhook: id })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_more_after_five_seconds_and_on_for_days_where_that_is_wanted() {
        assert_eq!(pause(1, false), Some(TimeDelta::seconds(5)));
        assert_eq!(pause(2, false), None);
        assert_eq!(pause(1, true), Some(TimeDelta::seconds(5)));
        assert_eq!(pause(2, true), Some(TimeDelta::minutes(5)));
        assert_eq!(pause(8, true), Some(TimeDelta::hours(36)));
        assert_eq!(pause(9, true), None);
    }
}
