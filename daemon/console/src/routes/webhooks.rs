//! Webhooks of the organisation: where it is told of events, and what came of it.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use delivery::{
    Attempt, Delivery, DeliveryFilter, EventType, NewSecret, Webhook, WebhookInput, event_types,
};
use http::{Allowed, Body, Page, PageQuery, Path, Problem, Query, Routes};
use identity::permit;
use kernel::{EventId, WebhookId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Console, views::All};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/webhooks", webhook_list)
        .post("/webhooks", webhook_create)
        .get("/webhooks/events", webhook_events)
        .put("/webhooks/{id}", webhook_update)
        .delete("/webhooks/{id}", webhook_delete)
        .post("/webhooks/{id}/rotate", webhook_rotate)
        .post("/webhooks/{id}/test", webhook_test)
        .get("/webhooks/{id}/deliveries", webhook_deliveries)
        .post("/webhooks/{id}/deliveries/{event}/replay", webhook_replay)
}

#[derive(Serialize)]
struct WebhookView {
    id: WebhookId,
    name: String,
    url: String,
    /// None: all.
    events: Vec<String>,
    enabled: bool,
    long_retries: bool,
    /// `off`, `stopped` (by itself), `failing` or `on`.
    state: &'static str,
    /// Why it was switched off by itself.
    stopped: Option<String>,
    /// Deliveries that failed one after the other.
    failures: i32,
    failing_since: Option<DateTime<Utc>>,
    /// Until when the secret before signs as well.
    previous_until: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        let state = match (webhook.enabled, &webhook.stopped, webhook.failures) {
            (false, Some(_), _) => "stopped",
            (false, None, _) => "off",
            (true, _, 0) => "on",
            (true, ..) => "failing",
        };
        Self {
            id: webhook.id,
            name: webhook.name,
            url: webhook.url,
            events: webhook.events,
            enabled: webhook.enabled,
            long_retries: webhook.long_retries,
            state,
            stopped: webhook.stopped,
            failures: webhook.failures,
            failing_since: webhook.failing_since,
            previous_until: webhook.previous_until,
            version: webhook.version,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

/// The only answers that ever hold the secret.
#[derive(Serialize)]
struct CreatedView {
    #[serde(flatten)]
    webhook: WebhookView,
    secret: String,
}

#[derive(Serialize)]
struct RotatedView {
    secret: String,
    previous_until: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct EventView {
    name: &'static str,
    title: &'static str,
    /// JSON Schema of `data`.
    schema: Value,
}

impl From<EventType> for EventView {
    fn from(kind: EventType) -> Self {
        Self {
            name: kind.name,
            title: kind.title,
            schema: kind.schema,
        }
    }
}

#[derive(Serialize)]
struct AttemptView {
    delivered: bool,
    status: Option<u16>,
    code: Option<&'static str>,
    milliseconds: i32,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            delivered: attempt.code.is_none(),
            status: attempt.status,
            code: attempt.code,
            milliseconds: attempt.milliseconds,
        }
    }
}

#[derive(Serialize)]
struct DeliveryView {
    id: EventId,
    event: String,
    at: DateTime<Utc>,
    /// `waiting`, `delivered` or `failed`.
    state: String,
    attempts: i32,
    next_at: Option<DateTime<Utc>>,
    status: Option<i16>,
    code: Option<String>,
    tried_at: Option<DateTime<Utc>>,
    milliseconds: Option<i32>,
    replays: i32,
    body: String,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id(),
            event: delivery.event,
            at: delivery.at,
            state: delivery.state,
            attempts: delivery.attempts,
            next_at: delivery.next_at,
            status: delivery.status,
            code: delivery.code,
            tried_at: delivery.tried_at,
            milliseconds: delivery.milliseconds,
            replays: delivery.replays,
            body: delivery.body,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookBody {
    name: String,
    url: String,
    #[serde(default)]
    events: Vec<String>,
    enabled: bool,
    #[serde(default)]
    long_retries: bool,
    /// The one that the change was made from; a new webhook has none.
    version: Option<i64>,
}

impl From<WebhookBody> for WebhookInput {
    fn from(body: WebhookBody) -> Self {
        Self {
            name: body.name,
            url: body.url,
            events: body.events,
            enabled: body.enabled,
            long_retries: body.long_retries,
        }
    }
}

/// Of the list of deliveries; cursor and limit are read beside it.
#[derive(Deserialize)]
struct Filters {
    state: Option<String>,
    event: Option<String>,
}

async fn webhook_list(
    who: Allowed<permit::WebhookRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<WebhookView>>, Problem> {
    let webhooks = console.webhooks.webhook_list(&who).await?;
    Ok(web::Json(All {
        items: webhooks.into_iter().map(WebhookView::from).collect(),
    }))
}

async fn webhook_events(
    _: Allowed<permit::WebhookRead>,
) -> Result<web::Json<All<EventView>>, Problem> {
    let items = event_types().into_iter().map(EventView::from).collect();
    Ok(web::Json(All { items }))
}

async fn webhook_create(
    who: Allowed<permit::WebhookEdit>,
    console: web::Data<Console>,
    Body(body): Body<WebhookBody>,
) -> Result<HttpResponse, Problem> {
    let (webhook, secret) = console.webhooks.webhook_create(&who, body.into()).await?;
    Ok(HttpResponse::Created().json(CreatedView {
        webhook: webhook.into(),
        secret: secret.text.expose().clone(),
    }))
}

async fn webhook_update(
    who: Allowed<permit::WebhookEdit>,
    console: web::Data<Console>,
    Path(id): Path<WebhookId>,
    Body(body): Body<WebhookBody>,
) -> Result<web::Json<WebhookView>, Problem> {
    let version = body.version.unwrap_or_default();
    let changed = console
        .webhooks
        .webhook_update(&who, id, version, body.into())
        .await?;
    Ok(web::Json(changed.into()))
}

async fn webhook_delete(
    who: Allowed<permit::WebhookEdit>,
    console: web::Data<Console>,
    Path(id): Path<WebhookId>,
) -> Result<HttpResponse, Problem> {
    console.webhooks.webhook_delete(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn webhook_rotate(
    who: Allowed<permit::WebhookEdit>,
    console: web::Data<Console>,
    Path(id): Path<WebhookId>,
) -> Result<web::Json<RotatedView>, Problem> {
    let NewSecret {
        text,
        previous_until,
    } = console.webhooks.webhook_rotate(&who, id).await?;
    Ok(web::Json(RotatedView {
        secret: text.expose().clone(),
        previous_until,
    }))
}

async fn webhook_test(
    who: Allowed<permit::WebhookEdit>,
    console: web::Data<Console>,
    Path(id): Path<WebhookId>,
) -> Result<web::Json<AttemptView>, Problem> {
    Ok(web::Json(
        console.webhooks.webhook_test(&who, id).await?.into(),
    ))
}

async fn webhook_deliveries(
    who: Allowed<permit::WebhookRead>,
    console: web::Data<Console>,
    Path(id): Path<WebhookId>,
    page: PageQuery<(DateTime<Utc>, Uuid)>,
    Query(filters): Query<Filters>,
) -> Result<web::Json<Page<DeliveryView>>, Problem> {
    let filter = DeliveryFilter {
        state: filters.state,
        event: filters.event,
    };
    let rows = console
        .webhooks
        .delivery_list(&who, id, filter, (page.after, page.limit))
        .await?;
    let found = Page::from_surplus(rows, page.limit, |row| (row.at, row.event_id));
    Ok(web::Json(found.map(DeliveryView::from)))
}

async fn webhook_replay(
    who: Allowed<permit::WebhookEdit>,
    console: web::Data<Console>,
    Path((id, event)): Path<(WebhookId, EventId)>,
) -> Result<HttpResponse, Problem> {
    console.webhooks.webhook_replay(&who, id, event).await?;
    Ok(HttpResponse::Accepted().finish())
}
