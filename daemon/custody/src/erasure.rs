//! The job that erases a tenant, and goes on wherever it was cut short: each step can be done again. The
//! database itself refuses every one of them unless the deletion was asked for and its day has come.

use async_trait::async_trait;
use audit::Entry;
use chrono::TimeDelta;
use db::Db;
use jobs::{Handler, Job, JobError, NewJob};
use kernel::{Action, Principal, TenantId};
use serde::Deserialize;
use serde_json::json;

use crate::{Custody, error::CustodyError, making::remove};

const ERASE: &str = "tenant.erase";

/// Between the moment at which nobody gets in any more and the first row that goes: longer than any request,
/// statement or claimed job of the tenant still lasts.
pub(crate) const SETTLE: TimeDelta = TimeDelta::minutes(3);
/// Rows of one transaction.
const BATCH: i32 = 2_000;
/// People of one transaction.
const PEOPLE: i32 = 50;

pub(crate) struct TenantErase(pub(crate) Custody);

#[derive(Deserialize)]
struct Payload {
    target: TenantId,
}

#[async_trait]
impl Handler for TenantErase {
    fn kind(&self) -> &'static str {
        ERASE
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let Payload { target } = job.read()?;
        Ok(self.0.tenant_erase(&job.principal(), target).await?)
    }
}

impl Custody {
    /// Queues the erasure of every tenant whose day has come, and of those that were cut short; answers how
    /// many. Run again and again by the daemon.
    pub async fn erasures_begin(&self) -> Result<usize, CustodyError> {
        let now = self.db.clock().now();
        let due = self
            .db
            .system(move |tx| tx.tenant_erasures_due(now))
            .await?;
        for target in &due {
            queue(&self.db, *target, now).await?;
        }
        Ok(due.len())
    }

    async fn tenant_erase(&self, who: &Principal, target: TenantId) -> Result<(), CustodyError> {
        let now = self.db.clock().now();
        let begun = self
            .db
            .system(move |tx| tx.tenant_erase_begin(target, now))
            .await?;
        let Some(begun) = begun else {
            return Ok(());
        };
        fail::fail_point!("erase_begun");
        if now < begun + SETTLE {
            return queue(&self.db, target, begun + SETTLE).await;
        }
        self.erase_rows(target).await?;
        remove(self.tenant_directory(target)).await?;
        // Whatever was sealed for the tenant is closed from here on, in every backup as well.
        self.vault.destroy_tenant_key(target).await?;
        fail::fail_point!("erase_key_destroyed");
        self.erase_end(who, target).await
    }

    async fn erase_rows(&self, target: TenantId) -> Result<(), CustodyError> {
        while self
            .db
            .system(move |tx| tx.tenant_erase_batch(target, BATCH))
            .await?
            .is_some()
        {
            fail::fail_point!("erase_batch");
        }
        while self
            .db
            .system(move |tx| tx.tenant_erase_people(target, PEOPLE))
            .await?
            .is_some()
        {
            fail::fail_point!("erase_people");
        }
        Ok(())
    }

    /// The platform's log tells of it, the certificate states it, and the tenant's row goes.
    async fn erase_end(&self, who: &Principal, target: TenantId) -> Result<(), CustodyError> {
        let found = self.db.system(move |tx| tx.tenant_erasure(target)).await?;
        let Some(done) = found.filter(|done| done.finished_at.is_none()) else {
            return Ok(());
        };
        let (statement, signature) = self.certify(target, &done).await?;
        let told = json!({ "counts": done.counts, "audit_rows_kept": done.audit_rows });
        self.db
            .run(who, move |tx| {
                Entry::new(Action::TenantErase, "tenant", target)
                    .after(told)
                    .write(tx)
            })
            .await?;
        fail::fail_point!("erase_before_end");
        let now = self.db.clock().now();
        let ended = self
            .db
            .system(move |tx| tx.tenant_erase_end(target, now, &statement, &signature))
            .await?;
        if ended {
            Ok(())
        } else {
            Err(CustodyError::LeftOver)
        }
    }
}

/// One job at most waits for each tenant; it is the platform's, because the tenant's own are erased.
async fn queue(
    db: &Db,
    target: TenantId,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<(), CustodyError> {
    let platform = Principal::system(TenantId::PLATFORM, None);
    db.run_unsealed(&platform, move |tx| {
        let job = NewJob::new(ERASE, json!({ "target": target }))
            .at(at)
            .attempts(100)
            .dedupe(target.to_string());
        jobs::enqueue(tx, job)
    })
    .await?;
    Ok(())
}
