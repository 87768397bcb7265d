//! What the database needs now and then, whichever daemon does it: partitions of the coming months,
//! an end to jobs that were done, the end of trials, and the erasure of tenants whose day has come.

use std::time::Duration;

use chrono::TimeDelta;
use custody::Custody;
use db::{Db, DbError};
use identity::Identity;
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
/// Rows forgotten in one transaction.
const AT_ONCE: i32 = 5_000;

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
        let pause = if rows.is_ok() && trials.is_ok() && erasures.is_ok() && planned.is_ok() {
            HOURLY
        } else {
            SOON
        };
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
    Ok(())
}
