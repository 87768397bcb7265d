//! Counters of the server, by route pattern and never by address, person or tenant.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

use crate::error::HttpError;

pub(crate) struct HttpMetrics {
    durations: HistogramVec,
    answers: IntCounterVec,
    pub(crate) in_hand: IntGauge,
}

impl HttpMetrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, HttpError> {
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "revkeep_http_request_seconds",
                "Time until the head of an answer was ready.",
            ),
            &["method", "route"],
        )?;
        let answers = IntCounterVec::new(
            Opts::new("revkeep_http_answers_total", "Answers by route and status."),
            &["method", "route", "status"],
        )?;
        let in_hand = IntGauge::new("revkeep_http_in_hand", "Requests that are worked on now.")?;
        registry.register(Box::new(durations.clone()))?;
        registry.register(Box::new(answers.clone()))?;
        registry.register(Box::new(in_hand.clone()))?;
        Ok(Self {
            durations,
            answers,
            in_hand,
        })
    }

    pub(crate) fn observe(&self, method: &str, route: &str, status: u16, took: Duration) {
        let method = known(method);
        self.durations
            .with_label_values(&[method, route])
            .observe(took.as_secs_f64());
        self.answers
            .with_label_values(&[method, route, status.to_string().as_str()])
            .inc();
    }
}

/// The methods that routes have. A client may invent others without end, and each would be a series of its own.
fn known(method: &str) -> &str {
    match method {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{Encoder, TextEncoder};

    use super::*;

    #[test]
    fn invented_methods_are_one_series() {
        let registry = Registry::new();
        let metrics = HttpMetrics::register(&registry).unwrap();
        for method in ["GET", "FOO", "FOO2", "get"] {
            metrics.observe(method, "/x", 405, Duration::from_millis(1));
        }
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&registry.gather(), &mut text)
            .unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains("FOO"), "{text}");
        let others = "revkeep_http_answers_total{method=\"other\",route=\"/x\",status=\"405\"} 3";
        assert!(text.contains(others), "{text}");
    }
}
