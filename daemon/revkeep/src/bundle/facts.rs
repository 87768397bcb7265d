//! What the running daemon says of itself for a bundle.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use prometheus::proto::{MetricFamily, MetricType};
use serde::{Deserialize, Serialize};

use crate::checks::{Finding, Verdict};

/// A finding without its words, which name files and hosts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Judged {
    subject: String,
    verdict: Verdict,
}

impl Judged {
    pub(super) fn of(finding: &Finding) -> Self {
        Self {
            subject: finding.subject.clone().into_owned(),
            verdict: finding.verdict,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Facts {
    pub(crate) version: String,
    pub(crate) started_at: DateTime<Utc>,
    /// Parts that are not well, by their names.
    pub(crate) not_ready: Vec<String>,
    pub(crate) server: Option<Server>,
    /// Versions of migrations: that the program brings and the database lacks, and the other way round.
    pub(crate) migrations_pending: Vec<String>,
    pub(crate) migrations_unknown: Vec<String>,
    pub(crate) tables: Vec<Table>,
    pub(crate) counts: Vec<Count>,
    /// Jobs by kind and state.
    pub(crate) jobs: Vec<Jobs>,
    pub(crate) metrics: Vec<MetricLine>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) version: String,
    pub(crate) fsync: String,
    pub(crate) full_page_writes: String,
    pub(crate) encrypted: bool,
    pub(crate) standby: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) bytes: i64,
    pub(crate) rows: i64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) rule: String,
    pub(crate) seen: i64,
    pub(crate) broken: i64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Jobs {
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) jobs: i64,
}

/// One counter, gauge or histogram; of the last the number and the sum.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MetricLine {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sum: Option<f64>,
}

/// Labels that say what we called something; a method is a client's word unless HTTP knows it.
const LABELS: [&str; 4] = ["route", "status", "kind", "state"];
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

pub(crate) fn facts_of_metrics(families: &[MetricFamily]) -> Vec<MetricLine> {
    families.iter().flat_map(lines).collect()
}

fn lines(family: &MetricFamily) -> Vec<MetricLine> {
    let kind = family.get_field_type();
    family
        .get_metric()
        .iter()
        .map(|metric| {
            let labels = metric
                .get_label()
                .iter()
                .filter(|label| {
                    LABELS.contains(&label.name())
                        || (label.name() == "method" && METHODS.contains(&label.value()))
                })
                .map(|label| (label.name().to_owned(), label.value().to_owned()))
                .collect();
            let (value, sum) = match kind {
                MetricType::COUNTER => (metric.get_counter().get_value(), None),
                MetricType::HISTOGRAM => {
                    let histogram = metric.get_histogram();
                    let count = u32::try_from(histogram.get_sample_count()).unwrap_or(u32::MAX);
                    (f64::from(count), Some(histogram.get_sample_sum()))
                }
                MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => {
                    (metric.get_gauge().get_value(), None)
                }
            };
            MetricLine {
                name: family.name().to_owned(),
                labels,
                value,
                sum,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use prometheus::{IntCounterVec, Opts, Registry};

    use super::*;

    #[test]
    fn a_method_that_somebody_made_up_is_not_repeated() {
        let registry = Registry::new();
        let counter = IntCounterVec::new(
            Opts::new("revkeep_http_answers_total", "x"),
            &["method", "route", "person"],
        )
        .unwrap();
        registry.register(Box::new(counter.clone())).unwrap();
        counter
            .with_label_values(&["GET", "/leads/{id}", "ada@acme.example"])
            .inc();
        counter.with_label_values(&["CANARY", "/", "x"]).inc();
        let told = serde_json::to_string(&facts_of_metrics(&registry.gather())).unwrap();
        assert!(
            told.contains("/leads/{id}") && told.contains("GET"),
            "{told}"
        );
        assert!(!told.contains("CANARY") && !told.contains("ada@"), "{told}");
    }
}
