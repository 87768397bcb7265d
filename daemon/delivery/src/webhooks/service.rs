//! What administrators do with webhooks.

use audit::Entry;
use chrono::{DateTime, Utc};
use db::Unit;
use kernel::{Action, EventId, Principal, WebhookId};
use serde_json::json;
use uuid::Uuid;

use super::{
    Webhooks,
    attempt::Attempt,
    catalogue,
    endpoint::{Webhook, WebhookInput},
    fan_out::{made_at, send_job},
    secret::{self, NewSecret, OVERLAP},
    store::{self, Delivery, DeliveryFilter, WebhookChange, WebhookRow},
};
use crate::error::DeliveryError;

/// Of one tenant.
const MOST: usize = 100;

impl Webhooks {
    pub async fn webhook_list(&self, who: &Principal) -> Result<Vec<Webhook>, DeliveryError> {
        let rows = self.db.run(who, store::webhooks).await?;
        Ok(rows.into_iter().map(Webhook::from).collect())
    }

    /// The secret is in this answer and in none after it.
    pub async fn webhook_create(
        &self,
        who: &Principal,
        input: WebhookInput,
    ) -> Result<(Webhook, NewSecret), DeliveryError> {
        let input = self.checked(input)?;
        let id = WebhookId::generate(self.db.clock().as_ref());
        let text = secret::made()?;
        let now = self.db.clock().now();
        let row = WebhookRow {
            tenant_id: who.tenant.uuid(),
            webhook_id: id.uuid(),
            name: input.name,
            url: input.url,
            events: input.events,
            enabled: input.enabled,
            long_retries: input.long_retries,
            secret_sealed: self.sealed(who.tenant, id, &text).await?,
            previous_sealed: None,
            previous_until: None,
            failures: 0,
            failing_since: None,
            stopped_code: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let made = row.clone();
        self.db
            .run(who, move |tx| {
                if store::webhooks(tx)?.len() >= MOST {
                    return Err(DeliveryError::TooManyWebhooks);
                }
                store::webhook_insert(tx, &row)?;
                Entry::new(Action::WebhookCreate, "webhook", id)
                    .after(shown(&row))
                    .write(tx)?;
                Ok(())
            })
            .await?;
        let secret = NewSecret {
            text,
            previous_until: None,
        };
        Ok((made.into(), secret))
    }

    /// Switching it on again begins with a clean slate.
    pub async fn webhook_update(
        &self,
        who: &Principal,
        id: WebhookId,
        version: i64,
        input: WebhookInput,
    ) -> Result<Webhook, DeliveryError> {
        let input = self.checked(input)?;
        let after = self
            .db
            .run(who, move |tx| {
                let before = store::webhook(tx, id)?.ok_or(DeliveryError::NoWebhook)?;
                let again = input.enabled && !before.enabled;
                let change = WebhookChange {
                    name: input.name,
                    url: input.url,
                    events: input.events,
                    enabled: input.enabled,
                    long_retries: input.long_retries,
                    failures: if again { 0 } else { before.failures },
                    failing_since: before.failing_since.filter(|_| !again),
                    stopped_code: before.stopped_code.clone().filter(|_| !again),
                    version: version.saturating_add(1),
                    updated_at: tx.now(),
                };
                if !store::webhook_update(tx, id, version, &change)? {
                    return Err(DeliveryError::Stale);
                }
                if !change.enabled {
                    store::give_up(tx, id)?;
                }
                let after = store::webhook(tx, id)?.ok_or(DeliveryError::NoWebhook)?;
                Entry::new(Action::WebhookUpdate, "webhook", id)
                    .before(shown(&before))
                    .after(shown(&after))
                    .write(tx)?;
                Ok(after)
            })
            .await?;
        Ok(after.into())
    }

    pub async fn webhook_delete(
        &self,
        who: &Principal,
        id: WebhookId,
    ) -> Result<(), DeliveryError> {
        self.db
            .run(who, move |tx| {
                let row = store::webhook(tx, id)?.ok_or(DeliveryError::NoWebhook)?;
                store::webhook_delete(tx, id)?;
                Entry::new(Action::WebhookDelete, "webhook", id)
                    .before(shown(&row))
                    .write(tx)?;
                Ok(())
            })
            .await
    }

    /// A new secret; the one before signs beside it for a day.
    pub async fn webhook_rotate(
        &self,
        who: &Principal,
        id: WebhookId,
    ) -> Result<NewSecret, DeliveryError> {
        let row = self.row(who, id).await?;
        let text = secret::made()?;
        let fresh = self.sealed(who.tenant, id, &text).await?;
        let retired = self.retired(&row).await?;
        let until = self.db.clock().now() + OVERLAP;
        self.db
            .run(who, move |tx| {
                if !store::secret_change(tx, &row, (fresh, retired, until))? {
                    return Err(DeliveryError::Stale);
                }
                Entry::new(Action::WebhookRotate, "webhook", id)
                    .after(json!({ "previous_until": until }))
                    .write(tx)?;
                Ok(())
            })
            .await?;
        Ok(NewSecret {
            text,
            previous_until: Some(until),
        })
    }

    /// Sends one event at once, whether the webhook is on or not; it stands in the log of deliveries.
    pub async fn webhook_test(
        &self,
        who: &Principal,
        id: WebhookId,
    ) -> Result<Attempt, DeliveryError> {
        let row = self.row(who, id).await?;
        let event = EventId::generate(self.db.clock().as_ref());
        let now = self.db.clock().now();
        let at = made_at(event).unwrap_or(now);
        let body = catalogue::envelope(catalogue::TEST, at, &json!({}));
        let delivery = Delivery::waiting(&row, event, (catalogue::TEST, at, body), now);
        let secrets = self.secrets(&row, now).await?;
        let attempt = self.attempt(&row.url, &delivery, &secrets).await?;
        let (code, noted) = (attempt.code, attempt.clone());
        self.db
            .run(who, move |tx| {
                store::delivery_add(tx, &delivery.tested(&noted, tx.now()))?;
                let entry = Entry::new(Action::WebhookTest, "webhook", id);
                match code {
                    None => entry.write(tx)?,
                    Some(code) => entry.failed(code).write(tx)?,
                }
                Ok::<_, DeliveryError>(())
            })
            .await?;
        Ok(attempt)
    }

    /// Newest first, one more than `limit` where there are more.
    pub async fn delivery_list(
        &self,
        who: &Principal,
        id: WebhookId,
        filter: DeliveryFilter,
        (after, limit): (Option<(DateTime<Utc>, Uuid)>, i64),
    ) -> Result<Vec<Delivery>, DeliveryError> {
        self.db
            .run(who, move |tx| {
                store::webhook(tx, id)?.ok_or(DeliveryError::NoWebhook)?;
                store::deliveries(tx, id, &filter, after, limit)
            })
            .await
    }

    /// Sends one again that has ended, well or not, with its own id.
    pub async fn webhook_replay(
        &self,
        who: &Principal,
        id: WebhookId,
        event: EventId,
    ) -> Result<(), DeliveryError> {
        self.db
            .run(who, move |tx| {
                let row = store::webhook(tx, id)?.ok_or(DeliveryError::NoWebhook)?;
                if !row.enabled {
                    return Err(DeliveryError::WebhookOff);
                }
                let at = made_at(event).ok_or(DeliveryError::NoDelivery)?;
                if !store::replay(tx, id, event, at)? {
                    return Err(DeliveryError::NoDelivery);
                }
                jobs::enqueue_or_hasten(tx, &send_job(id))?;
                Entry::new(Action::WebhookReplay, "webhook", id)
                    .after(json!({ "event": event }))
                    .write(tx)?;
                Ok(())
            })
            .await
    }

    fn checked(&self, input: WebhookInput) -> Result<WebhookInput, DeliveryError> {
        let input = input.checked()?;
        self.egress
            .admits_url(egress::Purpose::Webhook, &input.url)?;
        Ok(input)
    }

    async fn row(&self, who: &Principal, id: WebhookId) -> Result<WebhookRow, DeliveryError> {
        let row = self.db.run(who, move |tx| store::webhook(tx, id)).await?;
        row.ok_or(DeliveryError::NoWebhook)
    }
}

/// For the audit log. A URL may carry a token of its receiver, so only its host stands there.
fn shown(row: &WebhookRow) -> serde_json::Value {
    let host = egress::check_public_url(&row.url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    json!({
        "name": row.name,
        "host": host,
        "events": row.events,
        "enabled": row.enabled,
        "long_retries": row.long_retries,
    })
}
