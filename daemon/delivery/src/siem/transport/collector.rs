//! An HTTPS collector in the form of Splunk's HTTP event collector: objects of JSON after each other, a token
//! in the header, and an answer that says whether they were taken.

use chrono::{DateTime, Utc};
use egress::{Egress, Http, Method, Purpose, Request};
use kernel::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{super::format::Payload, Route, STEP};
use crate::{
    error::DeliveryError,
    siem::{
        event::Event,
        format::{payload, syslog},
        target::der_ends_at,
    },
};

/// Collectors take a megabyte at least.
const MOST_BODY: usize = 512 << 10;
const MOST_ANSWER: usize = 64 << 10;

pub(super) struct Collector {
    http: Http,
    /// Of the certificate that came with the last answer.
    certificate_ends_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Answer {
    /// Zero is success; a collector that is no Splunk may leave it out.
    #[serde(default)]
    code: i64,
}

impl Collector {
    pub(super) fn new(egress: &Egress, route: &Route) -> Result<Self, DeliveryError> {
        Ok(Self {
            http: egress.http_trusting(Purpose::Siem, &route.trust(egress)?)?,
            certificate_ends_at: None,
        })
    }

    pub(super) const fn certificate_ends_at(&self) -> Option<DateTime<Utc>> {
        self.certificate_ends_at
    }

    pub(super) async fn send(
        &mut self,
        route: &Route,
        events: &[Event],
    ) -> Result<(), DeliveryError> {
        let mut body = Vec::new();
        for event in events {
            body.extend_from_slice(wrapped(route, event).to_string().as_bytes());
            if body.len() >= MOST_BODY {
                self.post(route, std::mem::take(&mut body)).await?;
            }
        }
        if body.is_empty() {
            return Ok(());
        }
        self.post(route, body).await
    }

    async fn post(&mut self, route: &Route, body: Vec<u8>) -> Result<(), DeliveryError> {
        let token = route.token.as_ref().map_or("", |token| token.expose());
        let authorization = Secret::new(format!("Splunk {token}"));
        let request = Request::new(Method::Post, &route.address)
            .header("authorization", authorization.expose())
            .body("application/json", body)
            // Of the whole batch, which the link gives up before.
            .timeout(STEP * 2)
            .most_response_bytes(MOST_ANSWER);
        let answer = self.http.send(request).await?;
        self.certificate_ends_at = answer.certificate().and_then(der_ends_at);
        if !answer.is_success() {
            return Err(DeliveryError::NotAccepted(format!(
                "status {}",
                answer.status
            )));
        }
        match answer.json::<Answer>() {
            Ok(Answer { code: 0 }) => Ok(()),
            Ok(Answer { code }) => Err(DeliveryError::NotAccepted(format!("code {code}"))),
            Err(_) => Err(DeliveryError::NotAccepted(
                "an answer that is no collector's".to_owned(),
            )),
        }
    }
}

/// The event with what the collector asks to know of it. Its id stands in an indexed field, for finding what came
/// twice.
fn wrapped(route: &Route, event: &Event) -> Value {
    let content = match payload(route.format, event) {
        Some(Payload::Json(value)) => value,
        Some(Payload::Text(text)) => Value::from(text),
        None => Value::from(syslog(event, &route.host, None)),
    };
    let micros = event.at.timestamp_micros();
    json!({
        "time": format!("{}.{:06}", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000)),
        "host": route.host,
        "source": "revkeep",
        "sourcetype": "revkeep:audit",
        "event": content,
        "fields": { "id": event.id },
    })
}
