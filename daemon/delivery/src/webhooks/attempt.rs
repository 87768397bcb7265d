//! One request to a receiver, and what it comes to.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use egress::{EgressError, Method, Purpose, Request};
use kernel::{Classified, Secret};

use super::{Webhooks, secret::Message, store::Delivery};
use crate::error::DeliveryError;

/// From the first byte to the last of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than a receiver has to say; its answer is not kept.
const LONGEST_ANSWER: usize = 64 << 10;
/// A receiver that says so wants no more (RFC 9110 section 15.5.11).
pub(super) const GONE: u16 = 410;

/// What came of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Of the answer, where there was one.
    pub status: Option<u16>,
    /// Why it failed; `None`: the receiver took it.
    pub code: Option<&'static str>,
    pub milliseconds: i32,
}

impl Webhooks {
    pub(super) async fn attempt(
        &self,
        url: &str,
        delivery: &Delivery,
        secrets: &[Secret<String>],
    ) -> Result<Attempt, DeliveryError> {
        let began: DateTime<Utc> = self.db.clock().now();
        let message = Message {
            id: delivery.id(),
            at: began,
            body: &delivery.body,
        };
        let request = Request::new(Method::Post, url)
            .header("webhook-id", &message.id.to_string())
            .header("webhook-timestamp", &began.timestamp().to_string())
            .header("webhook-signature", &message.signature(secrets)?)
            .body("application/json", delivery.body.clone().into_bytes())
            .timeout(PATIENCE)
            .most_response_bytes(LONGEST_ANSWER);
        let answer = self.egress.http(Purpose::Webhook).send(request).await;
        let (status, code) = match answer {
            Ok(answer) if answer.is_success() => (Some(answer.status), None),
            Ok(answer) => (Some(answer.status), Some("webhook_not_accepted")),
            Err(EgressError::Redirected { status, .. }) => {
                (Some(status), Some("egress_redirected"))
            }
            Err(error) => (None, Some(error.code())),
        };
        let took: TimeDelta = self.db.clock().now() - began;
        Ok(Attempt {
            status,
            code,
            milliseconds: i32::try_from(took.num_milliseconds().max(0)).unwrap_or(i32::MAX),
        })
    }
}
