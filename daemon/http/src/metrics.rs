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
        self.durations
            .with_label_values(&[method, route])
            .observe(took.as_secs_f64());
        self.answers
            .with_label_values(&[method, route, status.to_string().as_str()])
            .inc();
    }
}
