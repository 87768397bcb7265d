//! Writes down once a minute how this daemon and the whole do, for the charts of the System page.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use db::{DbError, Sample};
use prometheus::proto::MetricFamily;
use tokio::sync::watch;

use super::{
    figures::{memory, whole},
    parts::{Parts, own_name},
};

const EVERY: Duration = Duration::from_secs(60);
/// When the database or its key was not there.
const SOON: Duration = Duration::from_secs(5);
/// Of whoever balances the load, and no load itself.
const PROBES: &str = "/health";

/// What was answered since the daemon began.
#[derive(Clone, Default)]
struct Load {
    answers: u64,
    errors: u64,
    /// Upper bounds in seconds, with how many took no longer.
    buckets: Vec<(f64, u64)>,
}

pub(super) async fn run(parts: Parts, state: PathBuf, mut stop: watch::Receiver<bool>) {
    let mut before = Load::default();
    loop {
        let now = Load::read(&parts.registry().gather());
        let pause = match sample(&parts, &state, &now.since(&before)).await {
            Ok(()) => {
                before = now;
                EVERY
            }
            Err(error) => {
                log::debug!("no sample of this minute is kept: {error}");
                SOON
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn sample(
    parts: &Parts,
    state: &Path,
    load: &Load,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let at = parts.db.clock().now();
    let unsealed = parts.sealer.standing().await?.waiting;
    let disk =
        rustix::fs::statvfs(state).map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    let mut sample = Sample {
        at,
        answers: whole(load.answers),
        errors: whole(load.errors),
        p50_ms: load.quantile(0.5),
        p95_ms: load.quantile(0.95),
        memory: whole(memory().unwrap_or(0)),
        disk_free: whole(disk),
        waiting: 0,
        waited_seconds: 0,
        dead: 0,
        database_bytes: 0,
        connections: 0,
        unsealed: i64::try_from(unsealed).unwrap_or(i64::MAX),
    };
    let kept = parts.db.system(move |tx| {
        let database = tx.database_facts()?;
        for count in tx.queue_census(at)? {
            sample.waiting = sample.waiting.saturating_add(count.due);
            match (count.state.as_str(), count.oldest) {
                ("dead", _) => sample.dead = sample.dead.saturating_add(count.jobs),
                ("queued", Some(oldest)) => {
                    let waited = (at - oldest).num_seconds();
                    sample.waited_seconds = sample.waited_seconds.max(waited);
                }
                _ => {}
            }
        }
        (sample.database_bytes, sample.connections) = (database.bytes, database.connections);
        tx.daemon_sampled(&own_name(), &sample)
    });
    kept.await.map_err(|error: DbError| error.into())
}

impl Load {
    fn read(families: &[MetricFamily]) -> Self {
        let mut load = Self::default();
        for family in families {
            match family.name() {
                "revkeep_http_answers_total" => load.add_answers(family),
                "revkeep_http_request_seconds" => load.add_durations(family),
                _ => {}
            }
        }
        load
    }

    fn add_answers(&mut self, family: &MetricFamily) {
        for metric in family.get_metric() {
            let label = |name: &str| {
                let found = metric.get_label().iter().find(|label| label.name() == name);
                found.map_or("", |label| label.value())
            };
            if label("route").starts_with(PROBES) {
                continue;
            }
            let count = counted(metric.get_counter().get_value());
            self.answers = self.answers.saturating_add(count);
            if label("status").starts_with('5') {
                self.errors = self.errors.saturating_add(count);
            }
        }
    }

    fn add_durations(&mut self, family: &MetricFamily) {
        for metric in family.get_metric() {
            let probe = metric
                .get_label()
                .iter()
                .any(|label| label.name() == "route" && label.value().starts_with(PROBES));
            if probe {
                continue;
            }
            for (nth, bucket) in metric.get_histogram().get_bucket().iter().enumerate() {
                match self.buckets.get_mut(nth) {
                    Some((_, count)) => *count = count.saturating_add(bucket.cumulative_count()),
                    None => self
                        .buckets
                        .push((bucket.upper_bound(), bucket.cumulative_count())),
                }
            }
        }
    }

    fn since(&self, before: &Self) -> Self {
        let earlier = |nth: usize| before.buckets.get(nth).map_or(0, |(_, count)| *count);
        Self {
            answers: self.answers.saturating_sub(before.answers),
            errors: self.errors.saturating_sub(before.errors),
            buckets: self
                .buckets
                .iter()
                .enumerate()
                .map(|(nth, (bound, count))| (*bound, count.saturating_sub(earlier(nth))))
                .collect(),
        }
    }

    /// Milliseconds within which this share was answered, even within a bucket. Beyond the last bound nothing
    /// more is known than that it took longer.
    fn quantile(&self, share: f64) -> Option<f64> {
        let (last, all) = *self.buckets.last()?;
        let all = all.max(self.answers);
        if all == 0 {
            return None;
        }
        let wanted = real(all) * share;
        let (mut from, mut below) = (0.0, 0_u64);
        for (bound, count) in &self.buckets {
            if real(*count) >= wanted {
                let inside = real(count.saturating_sub(below)).max(1.0);
                return Some((from + (bound - from) * (wanted - real(below)) / inside) * 1_000.0);
            }
            (from, below) = (*bound, *count);
        }
        Some(last * 1_000.0)
    }
}

fn real(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A counter's value, which is whole.
fn counted(value: f64) -> u64 {
    format!("{value:.0}").parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

    use super::*;

    #[test]
    fn load_is_told_by_the_minute_and_without_probes() {
        let registry = Registry::new();
        let answers = IntCounterVec::new(
            Opts::new("revkeep_http_answers_total", "x"),
            &["route", "status"],
        )
        .unwrap();
        let durations = HistogramVec::new(
            HistogramOpts::new("revkeep_http_request_seconds", "x"),
            &["route"],
        )
        .unwrap();
        registry.register(Box::new(answers.clone())).unwrap();
        registry.register(Box::new(durations.clone())).unwrap();
        let answer = |route: &str, status: &str, seconds: f64| {
            answers.with_label_values(&[route, status]).inc();
            durations.with_label_values(&[route]).observe(seconds);
        };
        answer("/leads", "500", 9.0);
        let before = Load::read(&registry.gather());
        assert_eq!((before.answers, before.errors), (1, 1));
        for _ in 0..19 {
            answer("/leads", "200", 0.02);
        }
        answer("/leads", "503", 4.0);
        answer("/health/ready", "503", 9.0);
        let load = Load::read(&registry.gather()).since(&before);
        assert_eq!((load.answers, load.errors), (20, 1));
        let (half, most) = (load.quantile(0.5).unwrap(), load.quantile(0.99).unwrap());
        assert!((10.0..=25.0).contains(&half), "{half}");
        assert!((2_500.0..=5_000.0).contains(&most), "{most}");
    }

    #[test]
    fn a_minute_without_an_answer_has_no_median_and_a_very_slow_one_the_last_bound() {
        assert_eq!(Load::default().quantile(0.5), None);
        let quiet = Load {
            buckets: vec![(0.1, 0), (10.0, 0)],
            ..Load::default()
        };
        assert_eq!(quiet.quantile(0.95), None);
        let slow = Load {
            answers: 3,
            ..quiet
        };
        assert_eq!(slow.quantile(0.95), Some(10_000.0));
    }
}
