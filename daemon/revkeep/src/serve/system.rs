//! What the System page of the console shows: the facts of `revkeep status`, the findings of `revkeep doctor`,
//! and the samples of each minute.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use console::{ControlDesk, Span, SystemDesk};
use db::{DbError, LeaseCount, QueueCount, SampleStep, UpkeepMark};
use http::Readiness;
use openssl::{nid::Nid, x509::X509};
use prometheus::proto::MetricFamily;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use vault::Choice;

use super::{
    answers::DaemonAnswers,
    evidence,
    facts::missing,
    figures::{ends_at, memory},
    presence,
};
use crate::checks::{self, Finding};

/// Whoever asks again within this is told the same: looking opens connections to everything outside.
const FRESH: TimeDelta = TimeDelta::seconds(60);

/// A minute's sample is written within the next; older ones are no news.
const RECENT: TimeDelta = TimeDelta::minutes(3);

pub(super) struct SystemFacts {
    answers: Arc<DaemonAnswers>,
    /// When it was last looked, and what was found. One looks at a time.
    looked: Mutex<Option<(DateTime<Utc>, Vec<Finding>)>>,
}

/// What the database says at one moment.
struct Census {
    facts: Value,
    queue: Vec<QueueCount>,
    leases: Vec<LeaseCount>,
    marks: Vec<UpkeepMark>,
    streams: Value,
    rewraps: Vec<Value>,
    recent: Option<Value>,
}

impl SystemFacts {
    pub(super) fn new(answers: Arc<DaemonAnswers>) -> Self {
        Self {
            answers,
            looked: Mutex::new(None),
        }
    }

    async fn census(&self, now: DateTime<Utc>) -> Result<Census, DbError> {
        let asked = self.answers.parts.db.system(move |tx| {
            let (database, tables, run) = (
                tx.database_facts()?,
                tx.largest_tables()?,
                tx.migrations_run()?,
            );
            let brought = db::schema_versions();
            let tables: Vec<Value> = tables
                .iter()
                .map(|table| {
                    json!({
                        "name": table.name,
                        "bytes": table.bytes,
                        "rows": table.rows,
                        "dead": table.dead,
                        "vacuumed_at": table.vacuumed_at,
                    })
                })
                .collect();
            let streams = tx
                .upkeep_census(now)?
                .into_iter()
                .find(|count| count.rule == "streams_late");
            Ok(Census {
                facts: json!({
                    "version": database.version,
                    "up_since": database.up_since,
                    "bytes": database.bytes,
                    "connections": database.connections,
                    "most_connections": database.most_connections,
                    "longest_seconds": database.longest_seconds,
                    "cached": database.cached,
                    "deadlocks": database.deadlocks,
                    "tables": tables,
                    "migrations": {
                        "run": run.len(),
                        "pending": missing(&brought, &run),
                        "unknown": missing(&run, &brought),
                    },
                }),
                queue: tx.queue_census(now)?,
                leases: tx.leases_census(now)?,
                marks: tx.upkeep_marked()?,
                recent: tx
                    .daemon_series(now - RECENT, TimeDelta::minutes(1))?
                    .last()
                    .map(point),
                streams: streams.map_or(
                    Value::Null,
                    |count| json!({ "targets": count.seen, "late": count.broken }),
                ),
                rewraps: tx
                    .rewraps_open()?
                    .iter()
                    .map(|run| json!({ "what": "rewrap", "done": run.done, "total": run.total, "since": run.since }))
                    .collect(),
            })
        });
        asked.await
    }

    fn secrets(&self) -> Value {
        let secrets = &self.answers.config.secrets;
        match secrets.backend {
            Choice::Vault => json!({
                "backend": "vault",
                "place": secrets.vault.as_ref().map(|vault| vault.address.as_str()),
            }),
            Choice::Local => json!({
                "backend": "local",
                "place": secrets.local.as_ref().map(|local| &local.keystore),
            }),
        }
    }

    /// The one that is served now, which need not be the one on the disk.
    fn certificate(&self, now: DateTime<Utc>) -> Option<Value> {
        let leaf = self.answers.certificate()?.leaf()?;
        let ends_at = DateTime::from_timestamp(ends_at(&leaf)?, 0)?;
        let certificate = X509::from_der(&leaf).ok()?;
        let names: Vec<String> = certificate
            .subject_alt_names()
            .iter()
            .flatten()
            .filter_map(|name| name.dnsname().map(str::to_owned))
            .collect();
        let issuer = certificate
            .issuer_name()
            .entries_by_nid(Nid::COMMONNAME)
            .next()
            .and_then(|name| name.data().to_string().ok());
        Some(json!({
            "ends_at": ends_at,
            "days": (ends_at - now).num_days(),
            "names": names,
            "issuer": issuer,
        }))
    }
}

#[async_trait]
impl SystemDesk for SystemFacts {
    async fn standing(&self) -> Value {
        let parts = &self.answers.parts;
        let now = parts.db.clock().now();
        // All at once: each waits for a part that is away.
        let (reasons, census, nodes, audit, controls) = tokio::join!(
            self.answers.readiness.reasons(),
            self.census(now),
            presence::nodes(&parts.db, &self.answers.config.database),
            evidence::standing(parts),
            parts.verifier.standing(),
        );
        let census = census.ok();
        let gathered = parts.registry().gather();
        let reasons: Vec<Value> = reasons
            .iter()
            .map(|reason| json!({ "part": reason.component, "code": reason.code, "message": reason.message }))
            .collect();
        json!({
            "at": now,
            "version": env!("CARGO_PKG_VERSION"),
            "address": self.answers.config.site.public_url,
            "started_at": self.answers.started_at,
            "reasons": reasons,
            "nodes": nodes,
            "load": {
                "in_hand": gauge(&gathered, "revkeep_http_in_hand"),
                "memory": memory(),
                "open_files": gauge(&gathered, "process_open_fds"),
            },
            "queue": census.as_ref().map(|census| queue(&census.queue, now)),
            "leases": census.as_ref().map(|census| leases(&census.leases)),
            "work": work(controls.ok(), census.as_ref()),
            "database": census.as_ref().map(|census| &census.facts),
            "disks": checks::rooms(&self.answers.config),
            "certificate": self.certificate(now),
            "secrets": self.secrets(),
            "audit": audit,
            "streams": census.as_ref().map(|census| &census.streams),
            "recent": census.as_ref().and_then(|census| census.recent.clone()),
            "backup": census.as_ref().and_then(|census| mark(&census.marks, "backup")),
            "rehearsal": census.as_ref().and_then(|census| mark(&census.marks, "rehearsal")),
        })
    }

    async fn findings(&self) -> Value {
        let mut looked = self.looked.lock().await;
        let now = self.answers.parts.db.clock().now();
        if !matches!(&*looked, Some((at, _)) if now - *at < FRESH) {
            *looked = Some((now, self.answers.examined().await));
        }
        match &*looked {
            Some((at, findings)) => json!({ "at": at, "findings": findings }),
            None => Value::Null,
        }
    }

    async fn series(&self, span: Span) -> Result<Value, DbError> {
        let (reach, step) = match span {
            Span::Hour => (TimeDelta::hours(1), TimeDelta::minutes(1)),
            Span::Day => (TimeDelta::days(1), TimeDelta::minutes(15)),
            Span::Week => (TimeDelta::days(7), TimeDelta::hours(2)),
        };
        let db = &self.answers.parts.db;
        let to = db.clock().now();
        let from = to - reach;
        let steps: Vec<SampleStep> = db.system(move |tx| tx.daemon_series(from, step)).await?;
        let points: Vec<Value> = steps.iter().map(point).collect();
        Ok(json!({
            "from": from,
            "to": to,
            "step_seconds": step.num_seconds(),
            "points": points,
        }))
    }
}

fn point(step: &SampleStep) -> Value {
    json!({
        "at": step.at,
        "daemons": step.daemons,
        "minutes": step.minutes,
        "answers": step.answers,
        "errors": step.errors,
        "p50_ms": step.p50_ms,
        "p95_ms": step.p95_ms,
        "memory": step.memory,
        "disk_free": step.disk_free,
        "waiting": step.waiting,
        "waited_seconds": step.waited_seconds,
        "dead": step.dead,
        "database_bytes": step.database_bytes,
        "connections": step.connections,
        "unsealed": step.unsealed,
    })
}

fn queue(counts: &[QueueCount], now: DateTime<Utc>) -> Value {
    let sum = |state: &str| -> i64 {
        let of = counts.iter().filter(|count| count.state == state);
        of.map(|count| count.jobs).sum()
    };
    let waited = counts
        .iter()
        .filter(|count| count.state == "queued")
        .filter_map(|count| Some((now - count.oldest?).num_seconds()))
        .max();
    let kinds: Vec<Value> = counts
        .iter()
        .map(|count| {
            json!({
                "kind": count.kind,
                "state": count.state,
                "jobs": count.jobs,
                "due": count.due,
                "oldest": count.oldest,
            })
        })
        .collect();
    json!({
        "queued": sum("queued"),
        "due": counts.iter().map(|count| count.due).sum::<i64>(),
        "running": sum("running"),
        "dead": sum("dead"),
        "waited_seconds": waited.unwrap_or(0).max(0),
        "kinds": kinds,
    })
}

fn leases(counts: &[LeaseCount]) -> Vec<Value> {
    counts
        .iter()
        .map(|count| json!({ "owner": count.owner, "purpose": count.purpose, "leases": count.leases }))
        .collect()
}

/// What takes long and tells how far it is.
fn work(controls: Option<Value>, census: Option<&Census>) -> Vec<Value> {
    let verifying = controls
        .and_then(|standing| standing.get("running").cloned())
        .filter(|running| !running.is_null())
        .map(|running| {
            json!({
                "what": "controls",
                "done": running.get("done"),
                "total": running.get("total"),
                "since": running.get("started_at"),
            })
        });
    let rewraps = census.map(|census| census.rewraps.clone());
    verifying
        .into_iter()
        .chain(rewraps.into_iter().flatten())
        .collect()
}

fn mark(marks: &[UpkeepMark], what: &str) -> Option<Value> {
    let mark = marks.iter().find(|mark| mark.what == what)?;
    Some(json!({ "at": mark.at, "detail": mark.detail }))
}

/// A gauge that has no labels.
fn gauge(families: &[MetricFamily], name: &str) -> Option<f64> {
    let family = families.iter().find(|family| family.name() == name)?;
    Some(family.get_metric().first()?.get_gauge().get_value())
}
