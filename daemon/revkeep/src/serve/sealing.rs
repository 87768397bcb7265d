//! Seals the audit log every few seconds, whichever daemon does it.

use std::time::Duration;

use audit::{LEASE, SealError, Sealed, Sealer};
use chrono::{DateTime, TimeDelta, Utc};
use db::Db;
use jobs::{Fence, JobsError};
use kernel::{Principal, TenantId};
use tokio::sync::watch;

use super::parts::own_name;

/// More than twice what one head takes, with a slow backend.
const LEASE_LIFE: TimeDelta = TimeDelta::seconds(90);

pub(super) async fn run(
    db: Db,
    sealer: Sealer,
    config: audit::Config,
    mut stop: watch::Receiver<bool>,
) {
    let pause = Duration::from_secs(u64::from(config.seal_seconds.clamp(1, 3600)));
    let mut told = String::new();
    loop {
        match due(&db, &sealer).await {
            Ok(()) => told.clear(),
            // Once, not every few seconds.
            Err(error) => {
                let reason = error.to_string();
                if reason != told {
                    say(&error);
                    told = reason;
                }
            }
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Why nothing could be sealed now.
#[derive(Debug, thiserror::Error)]
pub(super) enum SealingError {
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("the lease of the sealer: {0}")]
    Lease(#[from] JobsError),
    #[error("another daemon seals now; ask again in a moment")]
    Busy,
}

fn say(error: &SealingError) {
    match error {
        SealingError::Busy | SealingError::Seal(SealError::Superseded) => {
            log::debug!("another daemon seals the audit log");
        }
        SealingError::Seal(SealError::Tampered(_)) => {
            log::error!(REVKEEP_ACTION = "audit_seal"; "the audit log is not sealed any more: {error}");
        }
        error => log::warn!(REVKEEP_ACTION = "audit_seal"; "sealing the audit log waits: {error}"),
    }
}

async fn due(db: &Db, sealer: &Sealer) -> Result<(), SealingError> {
    if !db.is_unlocked() || !sealer.is_due().await? {
        return Ok(());
    }
    held(db, async |owner, fence| {
        while let Some(sealed) = sealer.seal(owner, fence).await? {
            announce(&sealed);
            if sealed.head.statement.complete {
                break;
            }
        }
        Ok(())
    })
    .await
}

/// Signs that rows older than `before` may go.
pub(super) async fn prune(
    db: &Db,
    sealer: &Sealer,
    before: DateTime<Utc>,
) -> Result<Sealed, SealingError> {
    held(db, async |owner, fence| {
        let sealed = sealer.seal_prune(owner, fence, before).await?;
        announce(&sealed);
        Ok(sealed)
    })
    .await
}

/// The head on a line of its own, for whatever collects the journal: the archive outside of the database
/// that `revkeep audit compare` is for.
fn announce(sealed: &Sealed) {
    if let Ok(line) = serde_json::to_string(&sealed.head.line()) {
        log::info!(REVKEEP_ACTION = "audit_head"; "{line}");
    }
}

/// Runs `work` as the one sealer.
async fn held<T>(
    db: &Db,
    work: impl AsyncFnOnce(&str, i64) -> Result<T, SealingError>,
) -> Result<T, SealingError> {
    let who = Principal::system(TenantId::PLATFORM, None);
    let owner = own_name();
    let holder = owner.clone();
    let taken: Option<Fence> = db
        .run_unsealed(&who, move |tx| {
            jobs::lease_acquire(tx, LEASE, &holder, LEASE_LIFE)
        })
        .await?;
    let Some(fence) = taken else {
        return Err(SealingError::Busy);
    };
    let done = work(&owner, fence.number()).await;
    db.run_unsealed(&who, move |tx| {
        jobs::lease_release(tx, LEASE, &owner, fence)
    })
    .await?;
    done
}
