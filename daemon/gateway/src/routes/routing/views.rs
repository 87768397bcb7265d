//! How the routing reads on the wire, with the names that `fields=` takes.

use chrono::{DateTime, Utc};
use kernel::{AssignmentId, PoolId, QueueId, RepId, RuleId};
use layer::machine::{
    MachineFailure, MachineLog, MachineMember, MachinePool, MachineRep, Statistics,
};
use serde::Serialize;
use uuid::Uuid;

pub(super) const LOG: [&str; 14] = [
    "id",
    "decided_at",
    "object",
    "record_id",
    "rule",
    "target_kind",
    "target_id",
    "rep",
    "new_owner_id",
    "previous_owner_id",
    "state",
    "outcome_code",
    "sent_at",
    "written_at",
];

#[derive(Serialize)]
pub(crate) struct LogView {
    id: AssignmentId,
    decided_at: DateTime<Utc>,
    object: String,
    record_id: String,
    /// Null: the fallback.
    rule: Option<RuleView>,
    target_kind: String,
    target_id: String,
    rep: Option<Named<RepId>>,
    new_owner_id: String,
    previous_owner_id: Option<String>,
    state: String,
    outcome_code: Option<String>,
    sent_at: Option<DateTime<Utc>>,
    written_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct RuleView {
    id: RuleId,
    /// Null: the rule is no longer there.
    name: Option<String>,
    version: Option<i64>,
}

#[derive(Serialize)]
struct Named<I> {
    id: I,
    name: Option<String>,
}

impl From<MachineLog> for LogView {
    fn from(row: MachineLog) -> Self {
        Self {
            id: AssignmentId::from_uuid(row.assignment_id),
            decided_at: row.decided_at,
            object: row.object,
            record_id: row.record_id,
            rule: row.rule_id.map(|id| RuleView {
                id: RuleId::from_uuid(id),
                name: row.rule_name,
                version: row.rule_version,
            }),
            target_id: target_id(&row.target_kind, row.target_id),
            target_kind: row.target_kind,
            rep: row.rep_id.map(|id| Named {
                id: RepId::from_uuid(id),
                name: row.rep_name,
            }),
            new_owner_id: row.new_owner,
            previous_owner_id: row.previous_owner,
            state: row.state,
            outcome_code: row.outcome_code,
            sent_at: row.sent_at,
            written_at: row.written_at,
        }
    }
}

fn target_id(kind: &str, id: Uuid) -> String {
    match kind {
        "pool" => PoolId::from_uuid(id).to_string(),
        "queue" => QueueId::from_uuid(id).to_string(),
        _ => RepId::from_uuid(id).to_string(),
    }
}

pub(super) const FAILURE: [&str; 8] = [
    "object",
    "record_id",
    "state",
    "reason_code",
    "attempts",
    "next_attempt_at",
    "first_seen_at",
    "updated_at",
];

#[derive(Serialize)]
pub(crate) struct FailureView {
    object: String,
    record_id: String,
    state: &'static str,
    reason_code: Option<String>,
    attempts: i32,
    next_attempt_at: Option<DateTime<Utc>>,
    first_seen_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// The states in the words of the contract.
fn shown(state: &str) -> &'static str {
    match state {
        "failed" => "failed",
        "given_up" => "given_up",
        "in_doubt" => "in_doubt",
        _ => "waiting",
    }
}

impl From<MachineFailure> for FailureView {
    fn from(row: MachineFailure) -> Self {
        Self {
            object: row.object,
            record_id: row.record_id,
            state: shown(&row.state),
            reason_code: row.reason_code,
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at,
            first_seen_at: row.first_seen_at,
            updated_at: row.updated_at,
        }
    }
}

pub(super) const REP: [&str; 9] = [
    "id",
    "salesforce_id",
    "name",
    "active",
    "paused",
    "time_zone",
    "caps",
    "last_assigned_at",
    "synced_at",
];

#[derive(Serialize)]
pub(crate) struct RepView {
    id: RepId,
    salesforce_id: String,
    name: String,
    active: bool,
    paused: bool,
    time_zone: Option<String>,
    caps: Caps,
    last_assigned_at: Option<DateTime<Utc>>,
    synced_at: DateTime<Utc>,
}

/// Null: any number.
#[derive(Serialize)]
struct Caps {
    hour: Option<i32>,
    day: Option<i32>,
    week: Option<i32>,
}

impl From<MachineRep> for RepView {
    fn from(row: MachineRep) -> Self {
        Self {
            id: RepId::from_uuid(row.rep_id),
            salesforce_id: row.external_id,
            name: row.name,
            active: row.active,
            paused: row.paused,
            time_zone: row.time_zone,
            caps: Caps {
                hour: row.cap_hour,
                day: row.cap_day,
                week: row.cap_week,
            },
            last_assigned_at: row.last_assigned_at,
            synced_at: row.synced_at,
        }
    }
}

pub(super) const POOL: [&str; 7] = [
    "id",
    "name",
    "version",
    "caps",
    "members",
    "created_at",
    "updated_at",
];

#[derive(Serialize)]
pub(super) struct PoolView {
    id: PoolId,
    name: String,
    version: i64,
    caps: Caps,
    members: Vec<MemberView>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct MemberView {
    rep_id: RepId,
    weight: i32,
}

impl From<(MachinePool, Vec<MachineMember>)> for PoolView {
    fn from((row, members): (MachinePool, Vec<MachineMember>)) -> Self {
        let member = |member: MachineMember| MemberView {
            rep_id: RepId::from_uuid(member.rep_id),
            weight: member.weight,
        };
        Self {
            id: PoolId::from_uuid(row.pool_id),
            name: row.name,
            version: row.version,
            caps: Caps {
                hour: row.cap_hour,
                day: row.cap_day,
                week: row.cap_week,
            },
            members: members.into_iter().map(member).collect(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct StatisticsView {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// Entries of the log in the span, by what became of them.
    decided: DecidedView,
    /// Of those assigned, by who got them; without an id: a queue, or nobody of ours.
    by_rep: Vec<RepCountView>,
    /// Records that are not settled at this moment.
    unsettled: UnsettledView,
}

#[derive(Default, Serialize)]
struct DecidedView {
    proposed: i64,
    assigned: i64,
    in_doubt: i64,
    failed: i64,
}

#[derive(Default, Serialize)]
struct UnsettledView {
    waiting: i64,
    failed: i64,
    given_up: i64,
    in_doubt: i64,
}

#[derive(Serialize)]
struct RepCountView {
    rep_id: Option<RepId>,
    assigned: i64,
}

impl StatisticsView {
    pub(crate) fn new(from: DateTime<Utc>, to: DateTime<Utc>, counted: Statistics) -> Self {
        let mut decided = DecidedView::default();
        for row in counted.decided {
            match row.state.as_str() {
                "proposed" => decided.proposed += row.count,
                "assigned" => decided.assigned += row.count,
                "in_doubt" => decided.in_doubt += row.count,
                _ => decided.failed += row.count,
            }
        }
        let mut unsettled = UnsettledView::default();
        for row in counted.unsettled {
            match shown(&row.state) {
                "failed" => unsettled.failed += row.count,
                "given_up" => unsettled.given_up += row.count,
                "in_doubt" => unsettled.in_doubt += row.count,
                _ => unsettled.waiting += row.count,
            }
        }
        let by_rep = counted.by_rep.into_iter().map(|row| RepCountView {
            rep_id: row.rep_id.map(RepId::from_uuid),
            assigned: row.count,
        });
        Self {
            from,
            to,
            decided,
            by_rep: by_rep.collect(),
            unsettled,
        }
    }
}
