//! `bench auth`: what signing in costs, and what it costs everybody else. The real daemon with
//! PostgreSQL that commits to disk, asked over HTTPS; the verification of tokens alone, in this process.

mod daemon;
mod floor;
mod refresh;
mod sign_in;
mod verify;

use std::time::Duration;

use anyhow::Result;

use crate::report::Figure;

/// How long each load lasts.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) lasts: Duration,
    pub(crate) rounds: usize,
}

pub(crate) fn run(load: Load) -> Result<Vec<Figure>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut figures = runtime.block_on(verify::measure(load.rounds))?;
    figures.extend(runtime.block_on(async {
        let bed = daemon::Bed::start().await?;
        let mut figures = refresh::measure(&bed, load).await?;
        figures.extend(sign_in::measure(&bed, load).await?);
        bed.daemon.stop().await?;
        anyhow::Ok(figures)
    })?);
    Ok(figures)
}
