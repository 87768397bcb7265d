//! The time of the running thread on a core: what a rate on one core is claimed by.

use std::time::Duration;

use anyhow::Context as _;

/// The time that this thread has been on a core. What is claimed is a rate on one core; the wall
/// clock would count the time in which others had it.
pub(crate) fn on_core() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text
        .split_ascii_whitespace()
        .next()
        .context("schedstat is empty")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}
