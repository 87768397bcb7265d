//! What the console shows of the queue, and what a person may do to a dead letter.

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper, dsl::count_star,
};
use kernel::{Action, JobId};
use schema::{jobs, schedules};
use uuid::Uuid;

use crate::error::JobsError;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = jobs)]
pub struct JobRow {
    pub job_id: Uuid,
    pub kind: String,
    pub state: String,
    pub attempts: i32,
    pub max_attempts: i32,
    pub run_at: DateTime<Utc>,
    pub error_code: Option<String>,
    pub error_detail: Option<String>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// A page, and where the next begins.
#[derive(Debug)]
pub struct JobPage {
    pub items: Vec<JobRow>,
    pub next: Option<(DateTime<Utc>, Uuid)>,
}

/// Newest first, of one state (`queued`, `running`, `done`, `dead`).
pub fn job_list(
    tx: &mut TenantTx<'_>,
    state: &str,
    kind: Option<&str>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<JobPage, JobsError> {
    let mut query = jobs::table
        .filter(jobs::tenant_id.eq(tx.tenant().uuid()))
        .filter(jobs::state.eq(state))
        .into_boxed();
    if let Some(kind) = kind {
        query = query.filter(jobs::kind.eq(kind));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            jobs::created_at
                .lt(at)
                .or(jobs::created_at.eq(at).and(jobs::job_id.lt(id))),
        );
    }
    let mut items = query
        .order((jobs::created_at.desc(), jobs::job_id.desc()))
        .limit(limit + 1)
        .select(JobRow::as_select())
        .load(tx.conn())?;
    let most = usize::try_from(limit).unwrap_or(0);
    let more = items.len() > most;
    items.truncate(most);
    let next = items
        .last()
        .filter(|_| more)
        .map(|row| (row.created_at, row.job_id));
    Ok(JobPage { items, next })
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    pub queued: i64,
    pub running: i64,
    pub done: i64,
    pub dead: i64,
}

pub fn job_counts(tx: &mut TenantTx<'_>) -> Result<JobCounts, JobsError> {
    let rows: Vec<(String, i64)> = jobs::table
        .filter(jobs::tenant_id.eq(tx.tenant().uuid()))
        .group_by(jobs::state)
        .select((jobs::state, count_star()))
        .load(tx.conn())?;
    let of = |state: &str| {
        rows.iter()
            .find(|(name, _)| name == state)
            .map_or(0, |(_, n)| *n)
    };
    Ok(JobCounts {
        queued: of("queued"),
        running: of("running"),
        done: of("done"),
        dead: of("dead"),
    })
}

/// Queues a dead letter again, with its attempts counted from nothing.
pub fn job_retry(tx: &mut TenantTx<'_>, id: JobId) -> Result<(), JobsError> {
    let now = tx.now();
    let changed = diesel::update(
        jobs::table
            .filter(jobs::tenant_id.eq(tx.tenant().uuid()))
            .filter(jobs::job_id.eq(id.uuid()))
            .filter(jobs::state.eq("dead")),
    )
    .set((
        jobs::state.eq("queued"),
        jobs::attempts.eq(0),
        jobs::run_at.eq(now),
        jobs::finished_at.eq(None::<DateTime<Utc>>),
    ))
    .execute(tx.conn())?;
    settle(tx, id, changed, Action::JobRetry)
}

/// Deletes a dead letter. What it was remains in the audit log.
pub fn job_discard(tx: &mut TenantTx<'_>, id: JobId) -> Result<(), JobsError> {
    let changed = diesel::delete(
        jobs::table
            .filter(jobs::tenant_id.eq(tx.tenant().uuid()))
            .filter(jobs::job_id.eq(id.uuid()))
            .filter(jobs::state.eq("dead")),
    )
    .execute(tx.conn())?;
    settle(tx, id, changed, Action::JobDiscard)
}

fn settle(
    tx: &mut TenantTx<'_>,
    id: JobId,
    changed: usize,
    action: Action,
) -> Result<(), JobsError> {
    if changed == 0 {
        let there: Option<Uuid> = jobs::table
            .filter(jobs::tenant_id.eq(tx.tenant().uuid()))
            .filter(jobs::job_id.eq(id.uuid()))
            .select(jobs::job_id)
            .first(tx.conn())
            .optional()?;
        return Err(there.map_or(JobsError::Db(db::DbError::NotFound), |_| JobsError::NotDead));
    }
    audit::Entry::new(action, "job", id).write(tx)?;
    db::hint(tx, "jobs")?;
    Ok(())
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = schedules)]
pub struct ScheduleRow {
    pub name: String,
    pub kind: String,
    pub every_seconds: i32,
    pub next_at: DateTime<Utc>,
    pub last_at: Option<DateTime<Utc>>,
}

pub fn schedule_list(tx: &mut TenantTx<'_>) -> Result<Vec<ScheduleRow>, JobsError> {
    Ok(schedules::table
        .filter(schedules::tenant_id.eq(tx.tenant().uuid()))
        .order(schedules::name)
        .select(ScheduleRow::as_select())
        .load(tx.conn())?)
}
