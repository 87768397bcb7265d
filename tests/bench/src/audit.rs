//! `bench audit`: what the audit log costs a change that is on record, and whoever verifies the log.

mod mutation;
mod verify;

use anyhow::Result;

use crate::{load::Load, report::Figure};

pub(crate) fn run(rows: u32, load: Load) -> Result<Vec<Figure>> {
    let mut figures = mutation::measure(load)?;
    figures.extend(verify::measure(rows, u16::try_from(load.rounds)?)?);
    Ok(figures)
}
