//! `bench auth`: what signing in costs, and what it costs everybody else. Sign-ins go to the real daemon;
//! refreshes to its server in this process, so that the floor has the same pool; tokens are checked in
//! this process. PostgreSQL commits to disk, and all requests go over HTTPS.

mod daemon;
mod floor;
mod refresh;
mod sign_in;
mod verify;

use anyhow::Result;

use crate::{load::Load, report::Figure};

pub(crate) fn run(load: Load) -> Result<Vec<Figure>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut figures = runtime.block_on(verify::measure(load.rounds))?;
    figures.extend(runtime.block_on(refresh::measure(load))?);
    figures.extend(runtime.block_on(async {
        let bed = daemon::Bed::start().await?;
        let figures = sign_in::measure(&bed, load).await?;
        bed.daemon.stop().await?;
        anyhow::Ok(figures)
    })?);
    Ok(figures)
}
