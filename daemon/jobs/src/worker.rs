//! Claims due jobs and runs their handlers, each at most once per claim.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::TimeDelta;
use db::{ClaimedJob, Db, DbError, TenantTx, Unit};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use kernel::{Action, Classified, ErrorKind, JobId, Principal, TenantId};
use schema::jobs;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    backoff,
    error::{JobError, JobsError},
};

/// How often a result that the database did not take is offered again.
const STORE_AGAIN: Duration = Duration::from_millis(500);

/// Does one kind of job.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// The kind that it does, such as `routing.cycle`.
    fn kind(&self) -> &'static str;
    async fn run(&self, job: &Job) -> Result<(), JobError>;
}

/// A claimed job whose payload was found to belong to its tenant.
#[derive(Clone, Debug)]
pub struct Job {
    pub tenant: TenantId,
    pub id: JobId,
    pub kind: String,
    pub payload: Value,
    pub attempts: i32,
    pub max_attempts: i32,
    fence: i64,
}

impl Job {
    /// The daemon, working on this job in its tenant.
    pub fn principal(&self) -> Principal {
        Principal::system(self.tenant, Some(self.id))
    }

    /// The payload as a type; a payload that does not fit is a dead letter.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, JobError> {
        serde_json::from_value(self.payload.clone()).map_err(|error| JobError::Dead {
            code: "payload_invalid",
            detail: error.to_string(),
        })
    }
}

#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Jobs that run at a time in this daemon.
    pub parallel: usize,
    /// How often the queue is looked at.
    pub poll: Duration,
    /// How long a claim lasts without a sign of life.
    pub lease: TimeDelta,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            parallel: 4,
            poll: Duration::from_millis(250),
            lease: TimeDelta::seconds(60),
        }
    }
}

/// Claims beyond its attempts that a job may have: those of daemons that died for other reasons.
const CRASHES: i32 = 20;

/// Runs jobs until it is told to stop.
pub struct Worker {
    db: Db,
    name: String,
    config: WorkerConfig,
    handlers: HashMap<&'static str, Arc<dyn Handler>>,
}

impl Worker {
    /// `name` tells this daemon from others in the rows that it claims.
    pub fn new(
        db: Db,
        name: String,
        config: WorkerConfig,
        handlers: Vec<Arc<dyn Handler>>,
    ) -> Self {
        let handlers = handlers
            .into_iter()
            .map(|handler| (handler.kind(), handler))
            .collect();
        Self {
            db,
            name,
            config,
            handlers,
        }
    }

    /// Works until `stop` becomes true, then finishes what is in hand.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut running = FuturesUnordered::new();
        let mut tick = tokio::time::interval(self.config.poll);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                Some(()) = running.next(), if !running.is_empty() => {}
                _ = tick.tick() => {}
            }
            let free = self.config.parallel.saturating_sub(running.len());
            let claiming = self.claim(free);
            tokio::pin!(claiming);
            // Jobs in hand go on while the database is slow to answer.
            let claimed = loop {
                tokio::select! {
                    claimed = &mut claiming => break claimed,
                    Some(()) = running.next(), if !running.is_empty() => {}
                }
            };
            match claimed {
                Ok(jobs) => running.extend(jobs.into_iter().map(|job| self.perform(job))),
                Err(error) => log::debug!("the queue cannot be read: {error}"),
            }
        }
        while running.next().await.is_some() {}
    }

    /// Runs everything that is due now, and what that made due, to the end; answers how many ran.
    pub async fn run_due(&self) -> Result<usize, DbError> {
        let mut ran = 0;
        loop {
            let jobs = self.claim(self.config.parallel.max(1)).await?;
            if jobs.is_empty() {
                return Ok(ran);
            }
            ran += jobs.len();
            jobs.into_iter()
                .map(|job| self.perform(job))
                .collect::<FuturesUnordered<_>>()
                .count()
                .await;
        }
    }

    async fn claim(&self, free: usize) -> Result<Vec<ClaimedJob>, DbError> {
        if free == 0 {
            return Ok(Vec::new());
        }
        let kinds: Vec<&'static str> = self.handlers.keys().copied().collect();
        let (name, at, lease) = (self.name.clone(), self.db.clock().now(), self.config.lease);
        let most = i32::try_from(free).unwrap_or(i32::MAX);
        self.db
            .system(move |tx| {
                tx.schedules_fire(at, 100)?;
                tx.jobs_claim(&kinds, &name, at, lease, most)
            })
            .await
    }

    async fn perform(&self, claimed: ClaimedJob) {
        let job = match self.admit(claimed).await {
            Some(job) => job,
            None => return,
        };
        fail::fail_point!("job_claimed");
        let Some(handler) = self.handlers.get(job.kind.as_str()) else {
            return;
        };
        // A handler that panics is a dead letter, not the end of the worker.
        let work = AssertUnwindSafe(handler.run(&job)).catch_unwind();
        tokio::pin!(work);
        let beat = Duration::from_secs(
            u64::try_from(self.config.lease.num_seconds() / 3)
                .unwrap_or(1)
                .max(1),
        );
        let beating = async {
            loop {
                tokio::time::sleep(beat).await;
                self.extend(&job).await;
            }
        };
        let result = tokio::select! {
            result = &mut work => result.unwrap_or_else(|_| {
                let detail = String::from("the handler panicked; the log says where");
                Err(JobError::Dead { code: "job_panicked", detail })
            }),
            () = beating => return,
        };
        fail::fail_point!("job_done_before_store");
        if let Err(error) = self.store_again(&job, &result).await {
            // The lease runs out and the job is claimed again; handlers are idempotent.
            log::warn!(
                "the result of {} {} could not be stored: {error}",
                job.kind,
                job.id
            );
        }
    }

    /// Refuses a job whose payload names another tenant than its row (LM-20).
    async fn admit(&self, claimed: ClaimedJob) -> Option<Job> {
        let tenant = TenantId::from_uuid(claimed.tenant_id);
        let named = claimed
            .payload
            .get("tenant")
            .and_then(Value::as_str)
            .and_then(|text| text.parse::<TenantId>().ok());
        let job = Job {
            tenant,
            id: JobId::from_uuid(claimed.job_id),
            kind: claimed.kind,
            payload: claimed.payload,
            attempts: claimed.attempts,
            max_attempts: claimed.max_attempts,
            fence: claimed.fence,
        };
        if job.attempts > job.max_attempts.saturating_add(CRASHES) {
            let detail = String::from("the daemon ended each time while it ran this job");
            let dead = JobError::Dead {
                code: "job_ends_daemon",
                detail,
            };
            if let Err(error) = self.store(&job, &Err(dead)).await {
                log::warn!("{} {} could not be marked: {error}", job.kind, job.id);
            }
            return None;
        }
        if named == Some(tenant) {
            return Some(job);
        }
        log::error!(
            "{} {} names another tenant than its row and was not run",
            job.kind,
            job.id
        );
        let dead = JobError::Dead {
            code: "tenant_mismatch",
            detail: "the payload names another tenant".to_owned(),
        };
        if let Err(error) = self.store(&job, &Err(dead)).await {
            log::warn!("{} {} could not be marked: {error}", job.kind, job.id);
        }
        None
    }

    async fn extend(&self, job: &Job) {
        let (id, fence, lease) = (job.id, job.fence, self.config.lease);
        let extended = self
            .db
            .run_unsealed(&job.principal(), move |tx| {
                let until = tx.now() + lease;
                diesel::update(jobs::table)
                    .filter(jobs::tenant_id.eq(tx.tenant().uuid()))
                    .filter(jobs::job_id.eq(id.uuid()))
                    .filter(jobs::fence.eq(fence))
                    .set(jobs::lease_until.eq(until))
                    .execute(tx.conn())
                    .map_err(DbError::from)
            })
            .await;
        if let Err(error) = extended {
            log::warn!(
                "the lease of {} {id} could not be extended: {error}",
                job.kind
            );
        }
    }

    /// Stores the result; while the database is away, again for as long as the lease lasts, so that
    /// the next run need not wait for its end.
    async fn store_again(&self, job: &Job, result: &Result<(), JobError>) -> Result<(), JobsError> {
        tell(job, result);
        let until = self.db.clock().now() + self.config.lease;
        loop {
            match self.store(job, result).await {
                Err(error)
                    if error.kind() == ErrorKind::Unavailable && self.db.clock().now() < until =>
                {
                    tokio::time::sleep(STORE_AGAIN).await;
                }
                other => return other,
            }
        }
    }

    async fn store(&self, job: &Job, result: &Result<(), JobError>) -> Result<(), JobsError> {
        let (stored, result) = (job.clone(), result.clone());
        self.db
            .run(&job.principal(), move |tx| {
                let mut ended = Ended::of(&stored, result, tx.now());
                if ended.state == "queued" && twin_is_queued(tx, stored.id)? {
                    // The next run of the same schedule stands in the queue and takes its place.
                    (ended.state, ended.finished_at) = ("done", Some(tx.now()));
                }
                let mismatch = ended.error_code == Some("tenant_mismatch");
                let changed = diesel::update(jobs::table)
                    .filter(jobs::tenant_id.eq(tx.tenant().uuid()))
                    .filter(jobs::job_id.eq(stored.id.uuid()))
                    .filter(jobs::fence.eq(stored.fence))
                    .filter(jobs::state.eq("running"))
                    .set((
                        jobs::state.eq(ended.state),
                        jobs::run_at.eq(ended.run_at),
                        jobs::attempts.eq(ended.attempts),
                        jobs::finished_at.eq(ended.finished_at),
                        jobs::error_code.eq(ended.error_code),
                        jobs::error_detail.eq(ended.error_detail),
                        jobs::lease_until.eq(None::<chrono::DateTime<chrono::Utc>>),
                    ))
                    .execute(tx.conn())?;
                if changed == 1 && mismatch {
                    audit::Entry::new(Action::AccessDeny, "job", stored.id)
                        .refused("tenant_mismatch")
                        .write(tx)?;
                }
                if changed == 1 && ended.state == "dead" {
                    db::hint(tx, "jobs")?;
                }
                Ok(())
            })
            .await
    }
}

fn tell(job: &Job, result: &Result<(), JobError>) {
    let Err(error) = result else { return };
    let (JobError::Retry { code, detail, .. }
    | JobError::Wait { code, detail }
    | JobError::Dead { code, detail }) = error;
    log::warn!(REVKEEP_TENANT = job.tenant.to_string().as_str(), REVKEEP_JOB = job.id.to_string().as_str(); "{} did not work: {code}: {detail}", job.kind);
}

/// Whether a job with this one's kind and dedupe key waits in the queue.
fn twin_is_queued(tx: &mut TenantTx<'_>, id: JobId) -> Result<bool, DbError> {
    let own = jobs::table
        .filter(jobs::tenant_id.eq(tx.tenant().uuid()))
        .filter(jobs::job_id.eq(id.uuid()))
        .select((jobs::kind, jobs::dedupe_key))
        .first::<(String, Option<String>)>(tx.conn())
        .optional()?;
    let Some((kind, Some(key))) = own else {
        return Ok(false);
    };
    let twins: i64 = jobs::table
        .filter(jobs::tenant_id.eq(tx.tenant().uuid()))
        .filter(jobs::kind.eq(kind))
        .filter(jobs::dedupe_key.eq(key))
        .filter(jobs::state.eq("queued"))
        .count()
        .get_result(tx.conn())?;
    Ok(twins > 0)
}

/// How a run ends in the row.
struct Ended {
    state: &'static str,
    run_at: chrono::DateTime<chrono::Utc>,
    attempts: i32,
    finished_at: Option<chrono::DateTime<chrono::Utc>>,
    error_code: Option<&'static str>,
    error_detail: Option<String>,
}

impl Ended {
    fn of(job: &Job, result: Result<(), JobError>, now: chrono::DateTime<chrono::Utc>) -> Self {
        let (state, run_at, attempts, code, detail) = match result {
            Ok(()) => ("done", now, job.attempts, None, None),
            Err(JobError::Wait { code, detail }) => {
                // Nothing was tried: the attempt is given back.
                (
                    "queued",
                    now + TimeDelta::seconds(2),
                    job.attempts - 1,
                    Some(code),
                    Some(detail),
                )
            }
            Err(JobError::Retry {
                code,
                detail,
                after,
            }) if job.attempts < job.max_attempts => {
                let wait = after
                    .and_then(|after| TimeDelta::from_std(after).ok())
                    .unwrap_or_else(|| backoff::after(job.attempts));
                ("queued", now + wait, job.attempts, Some(code), Some(detail))
            }
            Err(JobError::Retry { code, detail, .. } | JobError::Dead { code, detail }) => {
                ("dead", now, job.attempts, Some(code), Some(detail))
            }
        };
        let finished_at = matches!(state, "done" | "dead").then_some(now);
        Self {
            state,
            run_at,
            attempts,
            finished_at,
            error_code: code,
            error_detail: detail,
        }
    }
}

impl From<JobsError> for JobError {
    fn from(error: JobsError) -> Self {
        Self::from_classified(&error)
    }
}

impl From<DbError> for JobError {
    fn from(error: DbError) -> Self {
        Self::from_classified(&error)
    }
}

impl From<audit::AuditError> for JobError {
    fn from(error: audit::AuditError) -> Self {
        match error.kind() {
            ErrorKind::Sealed => Self::Wait {
                code: error.code(),
                detail: error.to_string(),
            },
            _ => Self::from_classified(&error),
        }
    }
}
