//! The daily run: a schedule of the appliance itself, whichever daemon does it.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use db::{Db, Unit};
use jobs::{Handler, Job, JobError, JobsError};
use kernel::{Actor, Principal, TenantId};

use super::Verifier;

const KIND: &str = "controls.verify";
const NAME: &str = "controls-verify";
const DAILY_SECONDS: i32 = 86_400;
/// After the first start, so that what is being set up is not judged half-way.
const FIRST: TimeDelta = TimeDelta::hours(1);

struct Daily(Verifier);

pub(crate) fn handler(verifier: &Verifier) -> Arc<dyn Handler> {
    let daily: Arc<dyn Handler> = Arc::new(Daily(verifier.clone()));
    daily
}

/// Makes the schedule unless it is there.
pub(crate) async fn ensure(db: &Db) -> Result<(), JobsError> {
    let who = Principal::system(TenantId::PLATFORM, None);
    db.run_unsealed(&who, |tx| {
        let first = tx.now() + FIRST;
        jobs::schedule_ensure(tx, NAME, KIND, DAILY_SECONDS, first)
    })
    .await
}

#[async_trait]
impl Handler for Daily {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let daemon = Actor::System { job: Some(job.id) };
        // The schedule itself is the retry.
        self.0
            .run_all(&daemon)
            .await
            .map_err(|error| JobError::Dead {
                code: "verify_not_run",
                detail: error.to_string(),
            })
    }
}
