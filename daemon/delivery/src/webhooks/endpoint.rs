//! What an administrator says of a webhook, and what is shown.

use chrono::{DateTime, Utc};
use kernel::WebhookId;

use super::{catalogue::is_told, store::WebhookRow};
use crate::error::DeliveryError;

const LONGEST_NAME: usize = 80;
const LONGEST_URL: usize = 2_000;

/// What is typed. The secret is never: it is made.
#[derive(Clone, Debug)]
pub struct WebhookInput {
    pub name: String,
    pub url: String,
    /// Names of the catalogue; none: all.
    pub events: Vec<String>,
    pub enabled: bool,
    /// Goes on for days after the second attempt.
    pub long_retries: bool,
}

#[derive(Clone, Debug)]
pub struct Webhook {
    pub id: WebhookId,
    pub name: String,
    pub url: String,
    pub events: Vec<String>,
    pub enabled: bool,
    pub long_retries: bool,
    /// Until when the secret before signs as well.
    pub previous_until: Option<DateTime<Utc>>,
    /// Deliveries that failed one after the other, and since when.
    pub failures: i32,
    pub failing_since: Option<DateTime<Utc>>,
    /// Why it was switched off by itself, as a code.
    pub stopped: Option<String>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl WebhookInput {
    pub(super) fn checked(mut self) -> Result<Self, DeliveryError> {
        self.name = self.name.trim().to_owned();
        self.url = self.url.trim().to_owned();
        let length = self.name.chars().count();
        if length == 0 || length > LONGEST_NAME || self.name.chars().any(char::is_control) {
            return Err(DeliveryError::input("name", "text_invalid"));
        }
        if self.url.is_empty() || self.url.chars().count() > LONGEST_URL {
            return Err(DeliveryError::input("url", "text_invalid"));
        }
        if !self.events.iter().all(|name| is_told(name)) {
            return Err(DeliveryError::input("events", "event_unknown"));
        }
        self.events.sort_unstable();
        self.events.dedup();
        Ok(self)
    }
}

impl From<WebhookRow> for Webhook {
    fn from(row: WebhookRow) -> Self {
        Self {
            id: WebhookId::from_uuid(row.webhook_id),
            name: row.name,
            url: row.url,
            events: row.events,
            enabled: row.enabled,
            long_retries: row.long_retries,
            previous_until: row.previous_until,
            failures: row.failures,
            failing_since: row.failing_since,
            stopped: row.stopped_code,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
