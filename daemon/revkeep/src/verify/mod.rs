//! `revkeep verify`: tries the promises of the control table on the live appliance, writes down where
//! each one stands with evidence and time, and signs that (OB-01, OB-06). The running daemon does it,
//! because it alone has the roles of the database and the keys; the command asks.

mod build_evidence;
mod export;
mod job;
mod oscal;
mod probes;
mod registry;
mod report;
mod signed;
mod verdict;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use audit::{RunEnd, Sealer, VerifyRun};
use chrono::{DateTime, TimeDelta, Utc};
use console::ControlDesk;
use db::{Db, DbError};
use egress::Egress;
use identity::Identity;
use kernel::{Action, Actor, Classified, ErrorKind, Principal, TenantId, id::uuid_at};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;
use vault::Vault;

use crate::{
    config::Config,
    controls::{self, Control},
};

use build_evidence::BuildEvidence;
use export::{Format, Paper, paper};
pub(crate) use job::{ensure, handler};
pub(crate) use oscal::assessment_results;
use registry::{PROBES, probe};
pub(crate) use report::{ControlResult, Report};
use signed::Signed;
pub(crate) use verdict::Standing;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// A run that is older and has not ended was cut off with its daemon.
const LOST_AFTER: TimeDelta = TimeDelta::minutes(5);

/// What probes look with: the daemon's own parts.
pub(crate) struct Sight {
    pub(crate) db: Db,
    pub(crate) vault: Vault,
    pub(crate) identity: Identity,
    pub(crate) sealer: Sealer,
    pub(crate) egress: Egress,
    pub(crate) config: Config,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    #[error("the control table cannot be read")]
    Table(#[from] toml::de::Error),
    #[error("no control is called {0}")]
    NoControl(String),
    #[error("the run could not be kept")]
    Db(#[from] DbError),
    #[error("the run could not be put on record")]
    Audit(#[from] audit::AuditError),
    #[error("the result could not be signed")]
    Sign(#[from] vault::VaultError),
    #[error("the result could not be written down")]
    Json(#[from] serde_json::Error),
}

impl Classified for VerifyError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoControl(_) => ErrorKind::NotFound,
            Self::Table(_) | Self::Json(_) => ErrorKind::Internal,
            Self::Db(error) => error.kind(),
            Self::Audit(error) => error.kind(),
            Self::Sign(error) => error.kind(),
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::NoControl(_) => "control_unknown",
            Self::Table(_) | Self::Json(_) => "internal",
            Self::Db(error) => error.code(),
            Self::Audit(error) => error.code(),
            Self::Sign(error) => error.code(),
        }
    }
    fn message(&self) -> String {
        match self {
            Self::NoControl(_) | Self::Table(_) | Self::Json(_) => self.to_string(),
            Self::Db(error) => error.message(),
            Self::Audit(error) => error.message(),
            Self::Sign(error) => error.message(),
        }
    }
}

/// Runs probes, one run at a time in this daemon. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Verifier {
    sight: Arc<Sight>,
    turn: Arc<Mutex<()>>,
}

impl Verifier {
    pub(crate) fn new(sight: Sight) -> Self {
        Self {
            sight: Arc::new(sight),
            turn: Arc::new(Mutex::new(())),
        }
    }

    /// Begins a run over the controls `ids`, or over all, and answers with its id. It goes on by itself.
    pub(crate) async fn begin(&self, asker: &Actor, ids: &[String]) -> Result<Uuid, VerifyError> {
        let chosen = chosen(ids)?;
        let run = uuid_at(self.sight.db.clock().as_ref());
        let total = needed(&chosen).len();
        let who = Principal::of_appliance(asker);
        let (asked_by, whole) = (asker.id(), ids.is_empty());
        let total = i32::try_from(total).unwrap_or(i32::MAX);
        self.sight
            .db
            .run(&who, move |tx| {
                audit::run_begin(tx, run, &asked_by, VERSION, total, whole)
            })
            .await?;
        let verifier = self.clone();
        tokio::spawn(async move {
            let _turn = verifier.turn.lock().await;
            if let Err(error) = verifier.perform(run, &who, chosen, whole).await {
                log::error!(REVKEEP_ACTION = "controls_verify"; "the run {run} did not end: {error}");
            }
        });
        Ok(run)
    }

    /// Runs over everything and waits for the end: the daily run.
    pub(crate) async fn run_all(&self, asker: &Actor) -> Result<(), VerifyError> {
        let chosen = chosen(&[])?;
        let run = uuid_at(self.sight.db.clock().as_ref());
        let who = Principal::of_appliance(asker);
        let total = i32::try_from(needed(&chosen).len()).unwrap_or(i32::MAX);
        self.sight
            .db
            .run(&who, move |tx| {
                audit::run_begin(tx, run, "schedule", VERSION, total, true)
            })
            .await?;
        let _turn = self.turn.lock().await;
        self.perform(run, &who, chosen, true).await
    }

    async fn run_get(&self, run: Uuid) -> Result<Option<VerifyRun>, DbError> {
        let who = Principal::system(TenantId::PLATFORM, None);
        self.sight
            .db
            .run_unsealed(&who, move |tx| audit::run_get(tx, run))
            .await
    }

    /// How far a run is, as the command shows it, and what it came to.
    pub(crate) async fn progress(&self, run: Uuid) -> Result<Value, DbError> {
        let found = self.run_get(run).await?.ok_or(DbError::NotFound)?;
        let ended = found.finished_at.map(|_| {
            json!({
                "run": found.run_id,
                "started_at": found.started_at.to_rfc3339(),
                "report": found.report,
                "statement": found.statement,
                "signature": found.signature.map(|bytes| audit::hex(&bytes)),
            })
        });
        Ok(json!({ "done": found.done, "total": found.total, "ended": ended }))
    }

    /// Of the runs over everything, the last one and the last that ended.
    async fn latest(&self) -> Result<(Option<VerifyRun>, Option<VerifyRun>), DbError> {
        let who = Principal::system(TenantId::PLATFORM, None);
        self.sight
            .db
            .run_unsealed(&who, |tx| {
                Ok((audit::run_latest(tx, false)?, audit::run_latest(tx, true)?))
            })
            .await
    }

    /// The last run over everything that ended.
    pub(crate) async fn last(&self) -> Result<Option<VerifyRun>, DbError> {
        Ok(self.latest().await?.1)
    }

    async fn perform(
        &self,
        run: Uuid,
        who: &Principal,
        chosen: Vec<Control>,
        whole: bool,
    ) -> Result<(), VerifyError> {
        let mut verdicts = BTreeMap::new();
        let names = needed(&chosen);
        for (nth, name) in names.iter().enumerate() {
            let clock = self.sight.db.clock();
            if let Some(probe) = probe(name) {
                let verdict = (probe.run)(&self.sight).await;
                verdicts.insert(probe.name, (verdict, clock.now()));
            }
            let done = i32::try_from(nth + 1).unwrap_or(i32::MAX);
            self.sight
                .db
                .run_unsealed(who, move |tx| audit::run_step(tx, run, done))
                .await?;
        }
        let now = self.sight.db.clock().now();
        let build = self.build_evidence(now).await;
        let report = Report::new(&chosen, &verdicts, &build, whole, now);
        let signed = Signed::make(&self.sight.vault, run, &report).await?;
        report.tell();
        self.finish(run, who, &report, signed).await
    }

    /// Read anew for each run, because a manifest may come after the program.
    async fn build_evidence(&self, now: DateTime<Utc>) -> BuildEvidence {
        let manifest = self.sight.config.verify.build_manifest.clone();
        tokio::task::spawn_blocking(move || BuildEvidence::found(manifest.as_deref(), now))
            .await
            .unwrap_or_else(|error| BuildEvidence::Void(format!("it cannot be read: {error}")))
    }

    async fn finish(
        &self,
        run: Uuid,
        who: &Principal,
        report: &Report,
        signed: Signed,
    ) -> Result<(), VerifyError> {
        let count = |standing| i32::try_from(report.count(standing)).unwrap_or(i32::MAX);
        let end = RunEnd {
            failing: count(Standing::Failing),
            unknown: count(Standing::Unknown),
            report: serde_json::to_value(report)?,
            statement: signed.statement,
            signature: signed.signature,
        };
        let failing: Vec<String> = report.ids(Standing::Failing);
        let told = json!({
            "whole": report.whole,
            "failing": failing,
            "unknown": report.ids(Standing::Unknown),
            "enforced": report.count(Standing::Enforced),
        });
        self.sight
            .db
            .run(who, move |tx| {
                audit::run_end(tx, run, end)?;
                let entry =
                    audit::Entry::new(Action::ControlsVerify, "verify_run", run).after(told);
                if failing.is_empty() {
                    return Ok(entry.write(tx)?);
                }
                // Each by its name, so that whoever watches the stream of the log is told which.
                let each = failing.iter().map(|id| {
                    audit::Entry::new(Action::ControlsVerify, "control", id)
                        .failed("control_failing")
                });
                let whole = entry.failed("control_failing");
                Ok(audit::write_all(tx, each.chain([whole]).collect())?)
            })
            .await
    }
}

/// The console's way in.
#[async_trait]
impl ControlDesk for Verifier {
    async fn standing(&self) -> Result<Value, DbError> {
        let (begun, ended) = self.latest().await?;
        let now = self.sight.db.clock().now();
        let running = begun
            .filter(|run| run.finished_at.is_none() && now - run.started_at < LOST_AFTER)
            .map(
                |run| json!({ "done": run.done, "total": run.total, "started_at": run.started_at }),
            );
        let last = ended.map(|run| {
            json!({
                "run": run.run_id,
                "asked_by": run.asked_by,
                "version": run.version,
                "started_at": run.started_at,
                "finished_at": run.finished_at,
                "controls": run.report.as_ref().and_then(|report| report.get("controls")),
                "statement": run.statement,
                "signature": run.signature.map(|bytes| audit::hex(&bytes)),
            })
        });
        Ok(json!({ "running": running, "last": last }))
    }

    async fn failing(&self) -> Result<i64, DbError> {
        let (_, ended) = self.latest().await?;
        Ok(ended.and_then(|run| run.failing).map_or(0, i64::from))
    }

    async fn controls_verify(&self, asker: &Actor) -> Result<Uuid, DbError> {
        self.begin(asker, &[]).await.map_err(|error| match error {
            VerifyError::Db(error) => error,
            other => DbError::Setup(other.to_string()),
        })
    }

    async fn paper(&self, name: &str, format: &str) -> Result<Option<String>, DbError> {
        let (Some(kind), Some(form)) = (Paper::named(name), Format::named(format)) else {
            return Ok(None);
        };
        let (_, ended) = self.latest().await?;
        let Some(report) = ended.and_then(|run| run.report) else {
            return Ok(None);
        };
        let broken = |error: &dyn std::error::Error| DbError::Setup(error.to_string());
        let report: Report = serde_json::from_value(report).map_err(|error| broken(&error))?;
        let table = controls::all().map_err(|error| broken(&error))?;
        Ok(Some(paper(&report, &table, kind, form)))
    }
}

/// The controls that `ids` name; all of them when it names none.
fn chosen(ids: &[String]) -> Result<Vec<Control>, VerifyError> {
    let all = controls::all()?;
    if let Some(stranger) = ids
        .iter()
        .find(|id| !all.iter().any(|control| control.id == **id))
    {
        return Err(VerifyError::NoControl(stranger.clone()));
    }
    if ids.is_empty() {
        return Ok(all);
    }
    // What a chosen one rests on is tried with it.
    let rests: Vec<String> = all
        .iter()
        .filter(|control| ids.contains(&control.id))
        .flat_map(|control| control.rests_on.clone())
        .collect();
    Ok(all
        .into_iter()
        .filter(|control| ids.contains(&control.id) || rests.contains(&control.id))
        .collect())
}

/// The probes that these controls name, each once, in the registry's order.
fn needed(chosen: &[Control]) -> Vec<&'static str> {
    PROBES
        .iter()
        .map(|probe| probe.name)
        .filter(|name| {
            chosen
                .iter()
                .any(|control| control.live.iter().any(|live| live == name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_probe_that_the_table_names_exists_and_every_one_that_exists_is_named() {
        let named: BTreeSet<String> = controls::all()
            .unwrap()
            .into_iter()
            .flat_map(|control| control.live)
            .collect();
        let known: BTreeSet<String> = PROBES.iter().map(|probe| probe.name.to_owned()).collect();
        assert_eq!(known.len(), PROBES.len(), "two probes share a name");
        assert_eq!(named, known);
    }

    #[test]
    fn a_stranger_is_refused_and_what_a_control_rests_on_comes_along() {
        assert!(matches!(
            chosen(&["LR-99".to_owned()]),
            Err(VerifyError::NoControl(id)) if id == "LR-99"
        ));
        let ids: Vec<String> = chosen(&["LM-83".to_owned()])
            .unwrap()
            .into_iter()
            .map(|control| control.id)
            .collect();
        assert!(ids.contains(&"LM-83".to_owned()) && ids.contains(&"LR-13".to_owned()));
        assert_eq!(chosen(&[]).unwrap().len(), 231);
    }
}
