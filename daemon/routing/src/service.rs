//! The verbs of routing. Each runs in the caller's transaction and writes its audit entry there.

pub(crate) mod absences;
pub(crate) mod availability;
pub(crate) mod explain;
pub(crate) mod failures;
pub(crate) mod field_use;
pub(crate) mod file;
pub(crate) mod holidays;
pub(crate) mod log;
pub(crate) mod overview;
pub(crate) mod pools;
pub(crate) mod preview;
pub(crate) mod propose;
pub(crate) mod recompute;
pub(crate) mod records;
pub(crate) mod reps;
pub(crate) mod retry;
pub(crate) mod routers;
pub(crate) mod rulebook;
pub(crate) mod said;
pub(crate) mod story;
pub(crate) mod territories;
pub(crate) mod versions;
pub(crate) mod what_if;
pub(crate) mod write;
