//! What the database needs now and then, whichever daemon does it: partitions of the coming months,
//! and an end to jobs that were done.

use std::time::Duration;

use chrono::TimeDelta;
use db::{Db, DbError};
use tokio::sync::watch;

const HOURLY: Duration = Duration::from_secs(3600);
/// Soon, when the database or its key was not there yet.
const SOON: Duration = Duration::from_secs(15);
const MONTHS_AHEAD: i32 = 3;
/// How long the console shows a job that was done.
const JOBS_KEPT: TimeDelta = TimeDelta::days(7);
/// Jobs forgotten in one transaction.
const AT_ONCE: i32 = 5_000;

pub(super) async fn run(db: Db, mut stop: watch::Receiver<bool>) {
    loop {
        let pause = match once(&db).await {
            Ok(()) => HOURLY,
            Err(error) => {
                log::debug!("maintenance of the database waits: {error}");
                SOON
            }
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
    Ok(())
}
