//! The queue in PostgreSQL. A job is enqueued, or an event published, in the caller's transaction: it
//! exists if and only if the change does. Any daemon claims due jobs (SKIP LOCKED) under a lease with
//! a fence, so a worker that died is succeeded and its late result refused.
//!
//! A job carries ids, never a secret or a person's data. Its payload names its tenant, and the worker
//! refuses one that does not match its row before anything runs (LM-20).

mod backoff;
mod error;
mod lease;
mod listing;
mod queue;
mod schedule;
mod worker;

pub use error::{JobError, JobsError};
pub use lease::{Fence, lease_acquire, lease_check, lease_end, lease_release, lease_renew};
pub use listing::{
    JobCounts, JobPage, JobRow, ScheduleRow, job_counts, job_discard, job_list, job_retry,
    schedule_list,
};
pub use queue::{NewJob, enqueue, enqueue_or_hasten, event_kind, publish, remember};
pub use schedule::{schedule_ensure, schedule_remove, schedule_set};
pub use worker::{Handler, Job, Worker, WorkerConfig};
