//! What machines may know of the routing: its log, what is not settled, and who takes part.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use db::{MachineTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper, dsl::count_star,
};
use schema::{machine_failures, machine_log, machine_pool_members, machine_pools, machine_reps};
use uuid::Uuid;

use crate::{error::LayerError, model::Object};

/// An entry of the routing log.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = machine_log)]
pub struct MachineLog {
    pub assignment_id: Uuid,
    pub decided_at: DateTime<Utc>,
    pub object: String,
    pub record_id: String,
    pub rule_id: Option<Uuid>,
    pub rule_version: Option<i64>,
    pub rule_name: Option<String>,
    pub target_kind: String,
    pub target_id: Uuid,
    pub rep_id: Option<Uuid>,
    pub rep_name: Option<String>,
    pub new_owner: String,
    pub previous_owner: Option<String>,
    pub state: String,
    pub outcome_code: Option<String>,
    pub sent_at: Option<DateTime<Utc>>,
    pub written_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogCursor {
    pub decided_at: DateTime<Utc>,
    pub assignment_id: Uuid,
}

#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    pub object: Option<Object>,
    pub record: Option<String>,
    pub rule: Option<Uuid>,
    pub rep: Option<Uuid>,
    pub state: Option<&'static str>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub after: Option<LogCursor>,
}

/// The log, newest first: one more than `limit`, where there are more.
pub fn log_page(
    tx: &mut MachineTx<'_>,
    wanted: &LogQuery,
    limit: i64,
) -> Result<Vec<MachineLog>, LayerError> {
    let mut query = machine_log::table.into_boxed();
    if let Some(object) = wanted.object {
        query = query.filter(machine_log::object.eq(object.name()));
    }
    if let Some(record) = &wanted.record {
        query = query.filter(machine_log::record_id.eq(record));
    }
    if let Some(rule) = wanted.rule {
        query = query.filter(machine_log::rule_id.eq(rule));
    }
    if let Some(rep) = wanted.rep {
        query = query.filter(machine_log::rep_id.eq(rep));
    }
    if let Some(state) = wanted.state {
        query = query.filter(machine_log::state.eq(state));
    }
    if let Some(from) = wanted.from {
        query = query.filter(machine_log::decided_at.ge(from));
    }
    if let Some(to) = wanted.to {
        query = query.filter(machine_log::decided_at.lt(to));
    }
    if let Some(after) = &wanted.after {
        query = query.filter(
            machine_log::decided_at
                .lt(after.decided_at)
                .or(machine_log::decided_at
                    .eq(after.decided_at)
                    .and(machine_log::assignment_id.lt(after.assignment_id))),
        );
    }
    Ok(query
        .order((
            machine_log::decided_at.desc(),
            machine_log::assignment_id.desc(),
        ))
        .limit(limit.saturating_add(1))
        .select(MachineLog::as_select())
        .load(tx.conn())?)
}

/// A record that is not settled.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = machine_failures)]
pub struct MachineFailure {
    pub object: String,
    pub record_id: String,
    pub state: String,
    pub reason_code: Option<String>,
    pub attempts: i32,
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub first_seen_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Default)]
pub struct FailureQuery {
    /// As rows hold them.
    pub states: &'static [&'static str],
    pub object: Option<Object>,
    pub reason: Option<String>,
    pub after: Option<(DateTime<Utc>, String)>,
}

/// What is not settled, changed last first: one more than `limit`, where there are more.
pub fn failure_page(
    tx: &mut MachineTx<'_>,
    wanted: &FailureQuery,
    limit: i64,
) -> Result<Vec<MachineFailure>, LayerError> {
    let mut query = machine_failures::table
        .filter(machine_failures::state.eq_any(wanted.states))
        .into_boxed();
    if let Some(object) = wanted.object {
        query = query.filter(machine_failures::object.eq(object.name()));
    }
    if let Some(reason) = &wanted.reason {
        query = query.filter(machine_failures::reason_code.eq(reason));
    }
    if let Some((updated_at, record_id)) = &wanted.after {
        query = query.filter(
            machine_failures::updated_at
                .lt(updated_at)
                .or(machine_failures::updated_at
                    .eq(updated_at)
                    .and(machine_failures::record_id.lt(record_id))),
        );
    }
    Ok(query
        .order((
            machine_failures::updated_at.desc(),
            machine_failures::record_id.desc(),
        ))
        .limit(limit.saturating_add(1))
        .select(MachineFailure::as_select())
        .load(tx.conn())?)
}

/// The one record, if it is not settled.
pub fn failure_get(
    tx: &mut MachineTx<'_>,
    object: Object,
    record: &str,
) -> Result<Option<MachineFailure>, LayerError> {
    Ok(machine_failures::table
        .filter(machine_failures::object.eq(object.name()))
        .filter(machine_failures::record_id.eq(record))
        .select(MachineFailure::as_select())
        .first(tx.conn())
        .optional()?)
}

/// Somebody who gets records.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = machine_reps)]
pub struct MachineRep {
    pub rep_id: Uuid,
    pub external_id: String,
    pub name: String,
    pub active: bool,
    pub paused: bool,
    pub time_zone: Option<String>,
    pub cap_hour: Option<i32>,
    pub cap_day: Option<i32>,
    pub cap_week: Option<i32>,
    pub last_assigned_at: Option<DateTime<Utc>>,
    pub synced_at: DateTime<Utc>,
}

/// Reps by id: one more than `limit`, where there are more.
pub fn reps(
    tx: &mut MachineTx<'_>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<MachineRep>, LayerError> {
    let mut query = machine_reps::table.into_boxed();
    if let Some(after) = after {
        query = query.filter(machine_reps::rep_id.gt(after));
    }
    Ok(query
        .order(machine_reps::rep_id)
        .limit(limit.saturating_add(1))
        .select(MachineRep::as_select())
        .load(tx.conn())?)
}

/// Whether the tenant has this rep.
pub fn rep_known(tx: &mut MachineTx<'_>, rep: Uuid) -> Result<bool, LayerError> {
    let found: i64 = machine_reps::table
        .filter(machine_reps::rep_id.eq(rep))
        .select(count_star())
        .first(tx.conn())?;
    Ok(found > 0)
}

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = machine_pools)]
pub struct MachinePool {
    pub pool_id: Uuid,
    pub name: String,
    pub version: i64,
    pub cap_hour: Option<i32>,
    pub cap_day: Option<i32>,
    pub cap_week: Option<i32>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = machine_pool_members)]
pub struct MachineMember {
    pub pool_id: Uuid,
    pub rep_id: Uuid,
    pub weight: i32,
}

/// Pools by id with their members: one more than `limit`, where there are more.
pub fn pools(
    tx: &mut MachineTx<'_>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<(MachinePool, Vec<MachineMember>)>, LayerError> {
    let mut query = machine_pools::table.into_boxed();
    if let Some(after) = after {
        query = query.filter(machine_pools::pool_id.gt(after));
    }
    let pools: Vec<MachinePool> = query
        .order(machine_pools::pool_id)
        .limit(limit.saturating_add(1))
        .select(MachinePool::as_select())
        .load(tx.conn())?;
    let ids: Vec<Uuid> = pools.iter().map(|pool| pool.pool_id).collect();
    let members: Vec<MachineMember> = machine_pool_members::table
        .filter(machine_pool_members::pool_id.eq_any(ids))
        .order((machine_pool_members::pool_id, machine_pool_members::rep_id))
        .select(MachineMember::as_select())
        .load(tx.conn())?;
    let mut of: BTreeMap<Uuid, Vec<MachineMember>> = BTreeMap::new();
    for member in members {
        of.entry(member.pool_id).or_default().push(member);
    }
    let with = |pool: MachinePool| {
        let members = of.remove(&pool.pool_id).unwrap_or_default();
        (pool, members)
    };
    Ok(pools.into_iter().map(with).collect())
}

/// How many entries of the log are in a state.
#[derive(Clone, Debug, Queryable)]
pub struct StateCount {
    pub state: String,
    pub count: i64,
}

/// How many entries of the log gave their record to a rep.
#[derive(Clone, Debug, Queryable)]
pub struct RepCount {
    pub rep_id: Option<Uuid>,
    pub count: i64,
}

/// How many records each rep was given from `from` on.
pub fn rep_counts(
    tx: &mut MachineTx<'_>,
    from: DateTime<Utc>,
) -> Result<Vec<RepCount>, LayerError> {
    Ok(machine_log::table
        .filter(machine_log::decided_at.ge(from))
        .filter(machine_log::state.eq("assigned"))
        .group_by(machine_log::rep_id)
        .order(machine_log::rep_id)
        .select((machine_log::rep_id, count_star()))
        .load(tx.conn())?)
}

#[derive(Clone, Debug)]
pub struct Statistics {
    /// Of the span.
    pub decided: Vec<StateCount>,
    pub by_rep: Vec<RepCount>,
    /// At this moment.
    pub unsettled: Vec<StateCount>,
}

/// Counts of the log from `from` to before `to`, and of what is not settled now.
pub fn statistics(
    tx: &mut MachineTx<'_>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Statistics, LayerError> {
    let span = machine_log::decided_at
        .ge(from)
        .and(machine_log::decided_at.lt(to));
    let decided = machine_log::table
        .filter(span)
        .group_by(machine_log::state)
        .order(machine_log::state)
        .select((machine_log::state, count_star()))
        .load(tx.conn())?;
    let by_rep = machine_log::table
        .filter(span)
        .filter(machine_log::state.eq("assigned"))
        .group_by(machine_log::rep_id)
        .order(machine_log::rep_id)
        .select((machine_log::rep_id, count_star()))
        .load(tx.conn())?;
    let unsettled = machine_failures::table
        .group_by(machine_failures::state)
        .order(machine_failures::state)
        .select((machine_failures::state, count_star()))
        .load(tx.conn())?;
    Ok(Statistics {
        decided,
        by_rep,
        unsettled,
    })
}
