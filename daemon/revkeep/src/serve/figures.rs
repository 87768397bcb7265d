//! Figures of the whole appliance for `/metrics`. They are read four times a minute and kept, so that whoever
//! scrapes costs the database nothing, and how fresh they are is a figure itself.

use std::{path::PathBuf, sync::Arc, time::Duration};

use audit::Standing;
use chrono::{DateTime, Utc};
use db::{Counted, DbError, JobCount, RecordCount};
use egress::Purpose;
use http::{Certificate, Readiness};
use openssl::{asn1::Asn1Time, x509::X509};
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use tokio::sync::watch;

use super::{parts::Parts, readiness::DaemonReadiness};

const EVERY: Duration = Duration::from_secs(15);
/// The parts that readiness speaks of.
const PARTS: [&str; 2] = ["secrets", "database"];

pub(super) struct Figures {
    parts: Parts,
    readiness: Arc<DaemonReadiness>,
    certificate: Arc<Certificate>,
    /// Where archives wait, on the disk of the daemon's state.
    state: PathBuf,
    gauges: Gauges,
}

struct Gauges {
    ready: IntGaugeVec,
    jobs: IntGaugeVec,
    records: IntGaugeVec,
    upkeep: IntGaugeVec,
    refused: IntCounterVec,
    controls: IntGaugeVec,
    controls_at: IntGauge,
    unsealed: IntGauge,
    unsealed_for: IntGauge,
    head_at: IntGauge,
    certificate_ends: IntGauge,
    disk_free: IntGauge,
    disk: IntGauge,
    memory: IntGauge,
    files: IntGauge,
    started_at: IntGauge,
    read_at: IntGauge,
}

/// What the database says at one moment.
struct Census {
    jobs: Vec<JobCount>,
    records: Vec<RecordCount>,
    upkeep: Vec<Counted>,
}

impl Figures {
    pub(super) fn register(
        parts: Parts,
        readiness: Arc<DaemonReadiness>,
        certificate: Arc<Certificate>,
        state: PathBuf,
    ) -> Result<Self, prometheus::Error> {
        let gauges = Gauges::register(parts.registry())?;
        gauges.started_at.set(parts.db.clock().now().timestamp());
        Ok(Self {
            parts,
            readiness,
            certificate,
            state,
            gauges,
        })
    }

    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = tick.tick() => {}
            }
            self.read().await;
        }
    }

    async fn read(&self) {
        self.machine();
        let reasons = self.readiness.reasons().await;
        for part in PARTS {
            let away = reasons.iter().any(|reason| reason.component == part);
            let ready = self.gauges.ready.with_label_values(&[part]);
            ready.set(i64::from(!away));
        }
        if let Err(error) = self.database().await {
            log::debug!("the figures of the database are not read: {error}");
        }
    }

    async fn database(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let now = self.parts.db.clock().now();
        let census = self.parts.db.system(move |tx| {
            Ok::<_, DbError>(Census {
                jobs: tx.jobs_census()?,
                records: tx.routing_census()?,
                upkeep: tx.upkeep_census(now)?,
            })
        });
        self.gauges.census(&census.await?);
        self.gauges.audit(&self.parts.sealer.standing().await?, now);
        if let Some(run) = self.parts.verifier.last().await? {
            let counts = [("failing", run.failing), ("unknown", run.unknown)];
            for (status, count) in counts {
                let gauge = self.gauges.controls.with_label_values(&[status]);
                gauge.set(i64::from(count.unwrap_or(0)));
            }
            let at = run.finished_at.map_or(0, |at| at.timestamp());
            self.gauges.controls_at.set(at);
        }
        self.gauges.read_at.set(now.timestamp());
        Ok(())
    }

    /// What the machine and this process say. What cannot be read stays as it was.
    fn machine(&self) {
        for purpose in Purpose::ALL.iter().copied() {
            let counter = self.gauges.refused.with_label_values(&[purpose.name()]);
            let refused = self.parts.egress.refusals(purpose);
            counter.inc_by(refused.saturating_sub(counter.get()));
        }
        if let Some(ends_at) = self.certificate.leaf().and_then(|leaf| ends_at(&leaf)) {
            self.gauges.certificate_ends.set(ends_at);
        }
        if let Ok(disk) = rustix::fs::statvfs(&self.state) {
            let bytes = |blocks: u64| whole(blocks.saturating_mul(disk.f_frsize));
            self.gauges.disk_free.set(bytes(disk.f_bavail));
            self.gauges.disk.set(bytes(disk.f_blocks));
        }
        if let Some(bytes) = memory() {
            self.gauges.memory.set(whole(bytes));
        }
        if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
            self.gauges
                .files
                .set(whole(u64::try_from(open.count()).unwrap_or(0)));
        }
    }
}

impl Gauges {
    fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let one = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let many = |name: &str, help: &str, labels: &[&str]| {
            let gauges = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(gauges.clone()))?;
            Ok::<_, prometheus::Error>(gauges)
        };
        let refused = IntCounterVec::new(
            Opts::new(
                "revkeep_egress_refused_total",
                "Calls outside that the guard refused, by what they were for.",
            ),
            &["purpose"],
        )?;
        registry.register(Box::new(refused.clone()))?;
        let build = many("revkeep_build_info", "The version that runs.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Ok(Self {
            refused,
            ready: many(
                "revkeep_ready",
                "Whether a part that the daemon needs is there.",
                &["part"],
            )?,
            jobs: many(
                "revkeep_jobs",
                "Jobs that are not done.",
                &["kind", "state"],
            )?,
            records: many(
                "revkeep_routing_records",
                "Records that are on their way to an owner or need a hand.",
                &["state"],
            )?,
            upkeep: many(
                "revkeep_upkeep",
                "What needs a hand, by the rules of revkeep doctor; 0 is well.",
                &["rule"],
            )?,
            controls: many(
                "revkeep_controls",
                "Controls in the last whole run of revkeep verify.",
                &["status"],
            )?,
            controls_at: one(
                "revkeep_controls_verified_at_seconds",
                "When that run ended, Unix time.",
            )?,
            unsealed: one(
                "revkeep_audit_unsealed_rows",
                "Rows of the audit log that wait for their place in the tree, counted up to ten thousand.",
            )?,
            unsealed_for: one(
                "revkeep_audit_unsealed_seconds",
                "How long the oldest of them has waited.",
            )?,
            head_at: one(
                "revkeep_audit_head_at_seconds",
                "When the last head was signed, Unix time.",
            )?,
            certificate_ends: one(
                "revkeep_certificate_ends_at_seconds",
                "When the certificate that is served ends, Unix time.",
            )?,
            disk_free: one(
                "revkeep_disk_free_bytes",
                "What is free on the disk of the daemon's state.",
            )?,
            disk: one("revkeep_disk_bytes", "The size of that disk.")?,
            memory: one(
                "process_resident_memory_bytes",
                "Memory of this process that is in use.",
            )?,
            files: one(
                "process_open_fds",
                "Files and sockets that this process has open.",
            )?,
            started_at: one(
                "process_start_time_seconds",
                "When this process began, Unix time.",
            )?,
            read_at: one(
                "revkeep_figures_read_at_seconds",
                "When the figures of the database were last read, Unix time.",
            )?,
        })
    }

    fn census(&self, census: &Census) {
        // A kind or state that has none any more is not told of.
        self.jobs.reset();
        for count in &census.jobs {
            let gauge = self.jobs.with_label_values(&[&count.kind, &count.state]);
            gauge.set(count.jobs);
        }
        self.records.reset();
        for count in &census.records {
            self.records
                .with_label_values(&[&count.state])
                .set(count.records);
        }
        for count in &census.upkeep {
            self.upkeep
                .with_label_values(&[&count.rule])
                .set(count.broken);
        }
    }

    fn audit(&self, standing: &Standing, now: DateTime<Utc>) {
        self.unsealed
            .set(i64::try_from(standing.waiting).unwrap_or(i64::MAX));
        let waited = standing
            .waiting_since
            .map_or(0, |since| now.signed_duration_since(since).num_seconds());
        self.unsealed_for.set(waited.max(0));
        if let Some(head) = &standing.head {
            self.head_at.set(head.statement.at.timestamp());
        }
    }
}

/// When a certificate in DER ends, Unix time.
pub(super) fn ends_at(leaf: &[u8]) -> Option<i64> {
    let certificate = X509::from_der(leaf).ok()?;
    let life = Asn1Time::from_unix(0)
        .ok()?
        .diff(certificate.not_after())
        .ok()?;
    Some(i64::from(life.days) * 86_400 + i64::from(life.secs))
}

/// Bytes of this process that are in memory: the second number of proc_pid_statm(5) counts its pages.
pub(super) fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let page = u64::try_from(rustix::param::page_size()).ok()?;
    Some(pages.saturating_mul(page))
}

pub(super) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
