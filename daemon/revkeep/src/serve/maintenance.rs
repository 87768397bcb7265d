//! What the database needs now and then, whichever daemon does it: partitions of the coming months,
//! an end to jobs that were done and to proposals that nobody decided, the end of trials, and the erasure of tenants
//! whose day has come.

use std::time::Duration;

use chrono::TimeDelta;
use custody::Custody;
use db::{Db, DbError};
use identity::Identity;
use kernel::Principal;
use layer::LayerError;
use tokio::sync::watch;

use crate::verify;

const HOURLY: Duration = Duration::from_secs(3600);
/// Soon, when the database or its key was not there yet.
const SOON: Duration = Duration::from_secs(15);
const MONTHS_AHEAD: i32 = 3;
/// How long the console shows a job that was done.
const JOBS_KEPT: TimeDelta = TimeDelta::days(7);
/// How long a key's requests stay on record (LR-34).
const REQUESTS_KEPT: TimeDelta = TimeDelta::days(30);
/// How long a delivery of a webhook is shown, and can be sent again.
const DELIVERIES_KEPT: TimeDelta = TimeDelta::days(30);
/// How long a proposal of a program waits for a person.
const PROPOSALS_WAIT: TimeDelta = TimeDelta::days(30);
/// How long a proposal is shown after it ended.
const PROPOSALS_KEPT: TimeDelta = TimeDelta::days(90);
/// Rows forgotten in one transaction.
const AT_ONCE: i32 = 5_000;
/// Proposals ended in one transaction, with an entry of the audit log each.
const ENDED_AT_ONCE: i64 = 100;

pub(super) async fn run(
    db: Db,
    identity: Identity,
    custody: Custody,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let (rows, trials) = (once(&db).await, identity.trials_move().await);
        if let Err(error) = &rows {
            log::debug!("maintenance of the database waits: {error}");
        }
        match &trials {
            Ok(0) => {}
            Ok(moved) => log::info!("{moved} trials end soon or are over; their owners are told"),
            Err(error) => log::debug!("trials cannot be looked at yet: {error}"),
        }
        let proposals = proposals_expire(&db).await;
        match &proposals {
            Ok(0) => {}
            Ok(ended) => log::info!("{ended} proposals of programs expired: nobody decided"),
            Err(error) => log::debug!("proposals of programs cannot be ended yet: {error}"),
        }
        let erasures = custody.erasures_begin().await;
        match &erasures {
            Ok(0) => {}
            Ok(due) => log::info!("{due} organisations are being erased"),
            Err(error) => log::debug!("erasures cannot be looked at yet: {error}"),
        }
        let planned = verify::ensure(&db).await;
        if let Err(error) = &planned {
            log::debug!("the daily run of the controls cannot be planned yet: {error}");
        }
        let good = rows.is_ok()
            && trials.is_ok()
            && proposals.is_ok()
            && erasures.is_ok()
            && planned.is_ok();
        let pause = if good { HOURLY } else { SOON };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn once(db: &Db) -> Result<(), DbError> {
    let made = db.system(|tx| tx.partitions_ensure(MONTHS_AHEAD)).await?;
    if made > 0 {
        log::info!("made {made} partitions for the coming months");
    }
    let before = db.clock().now() - JOBS_KEPT;
    while db.system(move |tx| tx.jobs_forget(before, AT_ONCE)).await? > 0 {}
    let before = db.clock().now() - REQUESTS_KEPT;
    while db
        .system(move |tx| tx.api_requests_forget(before, AT_ONCE))
        .await?
        > 0
    {}
    let before = db.clock().now() - DELIVERIES_KEPT;
    while db
        .system(move |tx| tx.webhook_deliveries_forget(before, AT_ONCE))
        .await?
        > 0
    {}
    let before = db.clock().now() - PROPOSALS_KEPT;
    while db
        .system(move |tx| tx.intents_forget(before, AT_ONCE))
        .await?
        > 0
    {}
    Ok(())
}

async fn proposals_expire(db: &Db) -> Result<usize, LayerError> {
    let before = db.clock().now() - PROPOSALS_WAIT;
    let mut ended = 0_usize;
    for tenant in db.system(move |tx| tx.intents_due(before)).await? {
        let who = Principal::system(tenant, None);
        loop {
            let now = db
                .run(&who, move |tx| {
                    layer::intents_expire(tx, before, ENDED_AT_ONCE)
                })
                .await?;
            ended = ended.saturating_add(now);
            if now == 0 {
                break;
            }
        }
    }
    Ok(ended)
}
