//! One cycle of one router.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, TenantTx};
use jobs::{Handler, Job, JobError};
use kernel::{Classified, Principal};
use layer::{Field, Object};
use routing::{Batch, CycleError, CycleReport, Router, RoutingError, Settled};
use serde::Deserialize;
use tokio::sync::mpsc::{self, Sender};

use super::{
    Bench, WorkError, baseline,
    pull::{self, Pulled, wide},
    push::{self, CALLS_IN_LINE, PAGES_IN_LINE, Stop},
};
use crate::{client::SalesforceClient, watermark};

/// Failed records that are tried again in one transaction.
const RETRIES: u16 = 500;
/// A cycle in which nothing happened is written down this often at most.
const QUIET: TimeDelta = TimeDelta::seconds(15);

/// The handler of `routing.cycle`.
pub(super) struct Cycle {
    pub(super) db: Db,
    pub(super) client: SalesforceClient,
}

#[derive(Deserialize)]
struct Payload {
    object: Object,
}

#[async_trait]
impl Handler for Cycle {
    fn kind(&self) -> &'static str {
        "routing.cycle"
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let payload: Payload = job.read()?;
        self.cycle(&job.principal(), payload.object)
            .await
            .map_err(|error| JobError::from_classified(&error))
    }
}

/// What happened in a cycle.
#[derive(Default)]
struct Done {
    pulled: Pulled,
    settled: Settled,
    retried: u64,
    marked: Option<u64>,
}

impl Done {
    fn is_nothing(&self) -> bool {
        self.pulled.fetched == 0
            && self.retried == 0
            && self.marked.is_none()
            && self.settled == Settled::default()
    }
}

impl Cycle {
    async fn cycle(&self, who: &Principal, object: Object) -> Result<(), WorkError> {
        let started = self.db.clock().now();
        let Some((router, policy)) = self.db.run(who, move |tx| load(tx, object)).await? else {
            return Ok(());
        };
        let mut done = Done::default();
        let (worked, usage) = match self.client.routing(who).await {
            Err(error) => (Err(error.into()), None),
            Ok(connection) => {
                let bench = Bench {
                    db: &self.db,
                    who: who.clone(),
                    connection,
                    client: &self.client,
                };
                let worked = bench.work(&router, &policy, started, &mut done).await;
                let id = bench.connection.connection_id().await;
                (worked, bench.connection.usage().map(|usage| (id, usage)))
            }
        };
        let error = match worked {
            Ok(()) => None,
            // The router was paused, switched off or changed meanwhile: this cycle is over.
            Err(WorkError::Routing(RoutingError::EpochOver)) => None,
            Err(error @ (WorkError::Db(_) | WorkError::Jobs(_))) => return Err(error),
            Err(error) => {
                tell(who, object, &error);
                Some(error)
            }
        };
        if done.is_nothing() && is_quiet(&router, error.as_ref(), started) {
            return Ok(());
        }
        let watermark = match router.state.as_str() {
            "active" => watermark::advanced(
                router.watermark,
                done.pulled.seen,
                last_start(&router),
                started,
            ),
            _ => None,
        };
        let report = report(&done, error.as_ref(), started, self.db.clock().now());
        let (id, epoch) = (router.id(), router.epoch);
        self.db
            .run(who, move |tx| {
                routing::cycle_record(tx, id, epoch, &report, watermark)?;
                if let Some((connection, usage)) = usage {
                    let narrow = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
                    let (used, max) = (narrow(usage.used), narrow(usage.max));
                    connections::limits_record(tx, connection, used, max)?;
                }
                Ok(())
            })
            .await
    }
}

impl Bench<'_> {
    async fn work(
        &self,
        router: &Router,
        policy: &[Field],
        started: DateTime<Utc>,
        done: &mut Done,
    ) -> Result<(), WorkError> {
        let settled = self.settle_doubts(router).await?;
        done.settled = settled;
        match router.state.as_str() {
            "baselining" => {
                let query = baseline::query(router, policy, started)?;
                done.marked = Some(self.baseline(router, &query).await?);
                Ok(())
            }
            "active" => self.route(router, policy, started, done).await,
            _ => Ok(()),
        }
    }

    /// Fetches and decides, writes, and records, each beside the others.
    async fn route(
        &self,
        router: &Router,
        policy: &[Field],
        started: DateTime<Utc>,
        done: &mut Done,
    ) -> Result<(), WorkError> {
        let (stop, mut pushed) = (Stop::default(), Settled::default());
        let (batches, to_write) = mpsc::channel(PAGES_IN_LINE);
        let (reports, to_record) = mpsc::channel(CALLS_IN_LINE);
        let (decided, written, recorded) = tokio::join!(
            self.decide(router, policy, started, done, (batches, &stop)),
            self.write_all(router, to_write, reports, &stop),
            self.record_all(router, to_record, &mut pushed, &stop),
        );
        push::add(&mut done.settled, pushed);
        decided.and(written).and(recorded)
    }

    /// Owners that are decided on are written even when no new record can be fetched.
    async fn decide(
        &self,
        router: &Router,
        policy: &[Field],
        started: DateTime<Utc>,
        done: &mut Done,
        (line, stop): (Sender<Vec<Batch>>, &Stop),
    ) -> Result<(), WorkError> {
        let since = router
            .watermark
            .map(|watermark| watermark::since(watermark, last_start(router), started));
        let pulled = match pull::query(router, policy, since, started) {
            Ok(query) => {
                let pulled = &mut done.pulled;
                self.pull(router, &query, pulled, (&line, stop)).await
            }
            Err(error) => Err(error),
        };
        let retried = match &pulled {
            Err(WorkError::Routing(_)) => Ok(0),
            _ => self.retry(router).await,
        };
        done.retried = *retried.as_ref().unwrap_or(&0);
        let claimed = self.claim_rest(router, &line, stop).await;
        pulled.and(retried.map(|_| ())).and(claimed)
    }

    /// Proposes again what failed and is due (LR-51).
    async fn retry(&self, router: &Router) -> Result<u64, WorkError> {
        let (id, epoch) = (router.id(), router.epoch);
        let mut retried = 0_u64;
        loop {
            let again = self
                .db
                .run(&self.who, move |tx| {
                    routing::retry_due(tx, id, epoch, RETRIES).map_err(WorkError::from)
                })
                .await?;
            let tried = again
                .proposed
                .saturating_add(again.already)
                .saturating_add(again.failed);
            retried = retried.saturating_add(wide(tried));
            if tried.saturating_add(again.waiting) < usize::from(RETRIES) {
                return Ok(retried);
            }
        }
    }
}

type Loaded = Option<(Router, Vec<Field>)>;

fn load(tx: &mut TenantTx<'_>, object: Object) -> Result<Loaded, WorkError> {
    let Some(router) = routing::router_get(tx, object)? else {
        return Ok(None);
    };
    routing::claims_expire(tx, router.id())?;
    let policy = layer::field_list(tx, object)?;
    Ok(Some((router, policy)))
}

fn last(router: &Router) -> Option<CycleReport> {
    serde_json::from_value(router.last_cycle.clone()?).ok()
}

/// When the last cycle on record began.
fn last_start(router: &Router) -> Option<DateTime<Utc>> {
    last(router).map(|report| report.started_at)
}

fn is_quiet(router: &Router, error: Option<&WorkError>, started: DateTime<Utc>) -> bool {
    last(router).is_some_and(|last| {
        last.error.map(|error| error.code) == error.map(|error| error.code().to_owned())
            && started - last.finished_at < QUIET
    })
}

fn report(
    done: &Done,
    error: Option<&WorkError>,
    started_at: DateTime<Utc>,
    finished_at: DateTime<Utc>,
) -> CycleReport {
    let settled = &done.settled;
    CycleReport {
        started_at,
        finished_at,
        fetched: done.pulled.fetched,
        proposed: done.pulled.proposed.saturating_add(done.retried),
        assigned: done.pulled.already.saturating_add(wide(settled.assigned)),
        failed: done
            .pulled
            .failed
            .saturating_add(wide(settled.failed))
            .saturating_add(wide(settled.given_up)),
        error: error.map(|error| CycleError {
            code: error.code().to_owned(),
            message: error.message(),
        }),
    }
}

/// The whole chain of causes goes to the log; the router's row gets the code and what to do.
fn tell(who: &Principal, object: Object, error: &WorkError) {
    let mut chain = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        chain = format!("{chain}: {cause}");
        source = cause.source();
    }
    log::warn!(REVKEEP_TENANT = who.tenant.to_string().as_str(); "the routing cycle of {} ended early: {}: {chain}", object.name(), error.code());
}
