//! The tables `webhooks` and `webhook_deliveries`.

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension,
    PgExpressionMethods, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper, delete,
    insert_into, update,
};
use kernel::{EventId, WebhookId};
use schema::{webhook_deliveries, webhooks};
use uuid::Uuid;

use super::attempt::Attempt;
use crate::error::DeliveryError;

type Outcome<T> = Result<T, DeliveryError>;

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = webhooks)]
pub(crate) struct WebhookRow {
    pub(crate) tenant_id: Uuid,
    pub(crate) webhook_id: Uuid,
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) events: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) long_retries: bool,
    pub(crate) secret_sealed: Vec<u8>,
    pub(crate) previous_sealed: Option<Vec<u8>>,
    pub(crate) previous_until: Option<DateTime<Utc>>,
    pub(crate) failures: i32,
    pub(crate) failing_since: Option<DateTime<Utc>>,
    pub(crate) stopped_code: Option<String>,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

#[derive(AsChangeset)]
#[diesel(table_name = webhooks, treat_none_as_null = true)]
pub(crate) struct WebhookChange {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) events: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) long_retries: bool,
    pub(crate) failures: i32,
    pub(crate) failing_since: Option<DateTime<Utc>>,
    pub(crate) stopped_code: Option<String>,
    pub(crate) version: i64,
    pub(crate) updated_at: DateTime<Utc>,
}

/// How a webhook fares after an attempt.
#[derive(AsChangeset)]
#[diesel(table_name = webhooks, treat_none_as_null = true)]
pub(crate) struct Faring {
    pub(crate) enabled: bool,
    pub(crate) failures: i32,
    pub(crate) failing_since: Option<DateTime<Utc>>,
    pub(crate) stopped_code: Option<String>,
}

/// One event for one webhook.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = webhook_deliveries)]
pub struct Delivery {
    tenant_id: Uuid,
    webhook_id: Uuid,
    pub at: DateTime<Utc>,
    pub event_id: Uuid,
    pub event: String,
    pub body: String,
    /// `waiting`, `delivered` or `failed`.
    pub state: String,
    pub attempts: i32,
    pub next_at: Option<DateTime<Utc>>,
    /// Of the last answer.
    pub status: Option<i16>,
    /// Why the last attempt failed.
    pub code: Option<String>,
    pub tried_at: Option<DateTime<Utc>>,
    pub milliseconds: Option<i32>,
    pub replays: i32,
}

impl Delivery {
    pub const fn id(&self) -> EventId {
        EventId::from_uuid(self.event_id)
    }

    pub(super) const fn webhook(&self) -> WebhookId {
        WebhookId::from_uuid(self.webhook_id)
    }

    /// The same after its only attempt.
    pub(super) fn tested(&self, attempt: &Attempt, now: DateTime<Utc>) -> Self {
        let state = if attempt.code.is_none() {
            "delivered"
        } else {
            "failed"
        };
        Self {
            state: state.to_owned(),
            attempts: 1,
            next_at: None,
            status: attempt.status.and_then(|status| i16::try_from(status).ok()),
            code: attempt.code.map(str::to_owned),
            tried_at: Some(now),
            milliseconds: Some(attempt.milliseconds),
            ..self.clone()
        }
    }

    /// One that waits for its first attempt.
    pub(super) fn waiting(
        webhook: &WebhookRow,
        id: EventId,
        (event, at, body): (&str, DateTime<Utc>, String),
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            tenant_id: webhook.tenant_id,
            webhook_id: webhook.webhook_id,
            at,
            event_id: id.uuid(),
            event: event.to_owned(),
            body,
            state: "waiting".to_owned(),
            attempts: 0,
            next_at: Some(now),
            status: None,
            code: None,
            tried_at: None,
            milliseconds: None,
            replays: 0,
        }
    }
}

/// What came of an attempt.
#[derive(AsChangeset)]
#[diesel(table_name = webhook_deliveries, treat_none_as_null = true)]
pub(crate) struct Tried {
    pub(crate) state: &'static str,
    pub(crate) attempts: i32,
    pub(crate) next_at: Option<DateTime<Utc>>,
    pub(crate) status: Option<i16>,
    pub(crate) code: Option<&'static str>,
    pub(crate) tried_at: DateTime<Utc>,
    pub(crate) milliseconds: i32,
}

/// Which deliveries are shown.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    pub state: Option<String>,
    pub event: Option<String>,
}

pub(crate) fn webhooks(tx: &mut TenantTx<'_>) -> Outcome<Vec<WebhookRow>> {
    Ok(webhooks::table
        .filter(webhooks::tenant_id.eq(tx.tenant().uuid()))
        .order((webhooks::name, webhooks::webhook_id))
        .select(WebhookRow::as_select())
        .load(tx.conn())?)
}

pub(crate) fn webhook(tx: &mut TenantTx<'_>, id: WebhookId) -> Outcome<Option<WebhookRow>> {
    Ok(webhooks::table
        .filter(webhooks::tenant_id.eq(tx.tenant().uuid()))
        .filter(webhooks::webhook_id.eq(id.uuid()))
        .select(WebhookRow::as_select())
        .first(tx.conn())
        .optional()?)
}

/// Those that are on and want the event.
pub(crate) fn listening(tx: &mut TenantTx<'_>, event: &str) -> Outcome<Vec<WebhookRow>> {
    let mut rows = webhooks(tx)?;
    rows.retain(|row| {
        row.enabled && (row.events.is_empty() || row.events.iter().any(|name| name == event))
    });
    Ok(rows)
}

pub(crate) fn webhook_insert(tx: &mut TenantTx<'_>, row: &WebhookRow) -> Outcome<()> {
    insert_into(webhooks::table)
        .values(row)
        .execute(tx.conn())?;
    Ok(())
}

/// `false`: it was changed meanwhile.
pub(crate) fn webhook_update(
    tx: &mut TenantTx<'_>,
    id: WebhookId,
    version: i64,
    change: &WebhookChange,
) -> Outcome<bool> {
    let changed = update(webhooks::table)
        .filter(webhooks::tenant_id.eq(tx.tenant().uuid()))
        .filter(webhooks::webhook_id.eq(id.uuid()))
        .filter(webhooks::version.eq(version))
        .set(change)
        .execute(tx.conn())?;
    Ok(changed == 1)
}

pub(crate) fn webhook_delete(tx: &mut TenantTx<'_>, id: WebhookId) -> Outcome<()> {
    delete(webhooks::table)
        .filter(webhooks::tenant_id.eq(tx.tenant().uuid()))
        .filter(webhooks::webhook_id.eq(id.uuid()))
        .execute(tx.conn())?;
    Ok(())
}

/// A new secret, and the one before until then; `false` when another was made meanwhile.
pub(crate) fn secret_change(
    tx: &mut TenantTx<'_>,
    row: &WebhookRow,
    (secret, previous, until): (Vec<u8>, Vec<u8>, DateTime<Utc>),
) -> Outcome<bool> {
    let now = tx.now();
    let changed = update(webhooks::table)
        .filter(webhooks::tenant_id.eq(row.tenant_id))
        .filter(webhooks::webhook_id.eq(row.webhook_id))
        .filter(webhooks::secret_sealed.eq(&row.secret_sealed))
        .set((
            webhooks::secret_sealed.eq(secret),
            webhooks::previous_sealed.eq(previous),
            webhooks::previous_until.eq(until),
            webhooks::version.eq(webhooks::version + 1),
            webhooks::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(changed == 1)
}

/// Puts rewrapped secrets in place, unless others stand there by now.
pub(crate) fn secrets_rewrapped(
    tx: &mut TenantTx<'_>,
    row: &WebhookRow,
    current: Option<Vec<u8>>,
    previous: Option<Vec<u8>>,
) -> Outcome<()> {
    let previous = previous.or_else(|| row.previous_sealed.clone());
    update(webhooks::table)
        .filter(webhooks::tenant_id.eq(row.tenant_id))
        .filter(webhooks::webhook_id.eq(row.webhook_id))
        .filter(webhooks::secret_sealed.eq(&row.secret_sealed))
        .filter(webhooks::previous_sealed.is_not_distinct_from(&row.previous_sealed))
        .set((
            webhooks::secret_sealed.eq(current.unwrap_or_else(|| row.secret_sealed.clone())),
            webhooks::previous_sealed.eq(previous),
        ))
        .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn faring(tx: &mut TenantTx<'_>, id: WebhookId, faring: &Faring) -> Outcome<()> {
    update(webhooks::table)
        .filter(webhooks::tenant_id.eq(tx.tenant().uuid()))
        .filter(webhooks::webhook_id.eq(id.uuid()))
        .set(faring)
        .execute(tx.conn())?;
    Ok(())
}

/// Adds it unless the event has been noted for this webhook before.
pub(crate) fn delivery_add(tx: &mut TenantTx<'_>, delivery: &Delivery) -> Outcome<()> {
    insert_into(webhook_deliveries::table)
        .values(delivery)
        .on_conflict_do_nothing()
        .execute(tx.conn())?;
    Ok(())
}

/// The first that is due at `now`.
pub(crate) fn due(
    tx: &mut TenantTx<'_>,
    id: WebhookId,
    now: DateTime<Utc>,
) -> Outcome<Option<Delivery>> {
    Ok(webhook_deliveries::table
        .filter(webhook_deliveries::tenant_id.eq(tx.tenant().uuid()))
        .filter(webhook_deliveries::webhook_id.eq(id.uuid()))
        .filter(webhook_deliveries::state.eq("waiting"))
        .filter(webhook_deliveries::next_at.le(now))
        .order((webhook_deliveries::next_at, webhook_deliveries::event_id))
        .select(Delivery::as_select())
        .first(tx.conn())
        .optional()?)
}

/// When the next one is due.
pub(crate) fn next_due(tx: &mut TenantTx<'_>, id: WebhookId) -> Outcome<Option<DateTime<Utc>>> {
    let next: Option<Option<DateTime<Utc>>> = webhook_deliveries::table
        .filter(webhook_deliveries::tenant_id.eq(tx.tenant().uuid()))
        .filter(webhook_deliveries::webhook_id.eq(id.uuid()))
        .filter(webhook_deliveries::state.eq("waiting"))
        .order(webhook_deliveries::next_at)
        .select(webhook_deliveries::next_at)
        .first(tx.conn())
        .optional()?;
    Ok(next.flatten())
}

/// What waits for a webhook that is off fails for that reason.
pub(crate) fn give_up(tx: &mut TenantTx<'_>, id: WebhookId) -> Outcome<()> {
    update(webhook_deliveries::table)
        .filter(webhook_deliveries::tenant_id.eq(tx.tenant().uuid()))
        .filter(webhook_deliveries::webhook_id.eq(id.uuid()))
        .filter(webhook_deliveries::state.eq("waiting"))
        .set((
            webhook_deliveries::state.eq("failed"),
            webhook_deliveries::next_at.eq(None::<DateTime<Utc>>),
            webhook_deliveries::code.eq("webhook_off"),
        ))
        .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn tried(tx: &mut TenantTx<'_>, delivery: &Delivery, tried: &Tried) -> Outcome<()> {
    update(webhook_deliveries::table)
        .filter(webhook_deliveries::tenant_id.eq(delivery.tenant_id))
        .filter(webhook_deliveries::webhook_id.eq(delivery.webhook_id))
        .filter(webhook_deliveries::at.eq(delivery.at))
        .filter(webhook_deliveries::event_id.eq(delivery.event_id))
        .set(tried)
        .execute(tx.conn())?;
    Ok(())
}

/// Has a delivery wait again from the start; `false` when there is none that has ended.
pub(crate) fn replay(
    tx: &mut TenantTx<'_>,
    id: WebhookId,
    event: EventId,
    at: DateTime<Utc>,
) -> Outcome<bool> {
    let now = tx.now();
    let changed = update(webhook_deliveries::table)
        .filter(webhook_deliveries::tenant_id.eq(tx.tenant().uuid()))
        .filter(webhook_deliveries::webhook_id.eq(id.uuid()))
        .filter(webhook_deliveries::at.eq(at))
        .filter(webhook_deliveries::event_id.eq(event.uuid()))
        .filter(webhook_deliveries::state.ne("waiting"))
        .set((
            webhook_deliveries::state.eq("waiting"),
            webhook_deliveries::attempts.eq(0),
            webhook_deliveries::next_at.eq(now),
            webhook_deliveries::replays.eq(webhook_deliveries::replays + 1),
        ))
        .execute(tx.conn())?;
    Ok(changed == 1)
}

/// Newest first, one more than `limit` where there are more.
pub(crate) fn deliveries(
    tx: &mut TenantTx<'_>,
    id: WebhookId,
    filter: &DeliveryFilter,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Outcome<Vec<Delivery>> {
    let mut query = webhook_deliveries::table
        .filter(webhook_deliveries::tenant_id.eq(tx.tenant().uuid()))
        .filter(webhook_deliveries::webhook_id.eq(id.uuid()))
        .order((
            webhook_deliveries::at.desc(),
            webhook_deliveries::event_id.desc(),
        ))
        .limit(limit.saturating_add(1))
        .select(Delivery::as_select())
        .into_boxed();
    if let Some(state) = &filter.state {
        query = query.filter(webhook_deliveries::state.eq(state));
    }
    if let Some(event) = &filter.event {
        query = query.filter(webhook_deliveries::event.eq(event));
    }
    if let Some((at, event)) = after {
        query = query.filter(
            webhook_deliveries::at.lt(at).or(webhook_deliveries::at
                .eq(at)
                .and(webhook_deliveries::event_id.lt(event))),
        );
    }
    Ok(query.load(tx.conn())?)
}
