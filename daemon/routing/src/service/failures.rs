//! Records without an owner from us: where they stand, why, and trying them again.

use std::collections::HashMap;

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{DbError, TenantTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper, dsl::count_star,
};
use kernel::Action;
use layer::Object;
use schema::routing_records;
use serde_json::json;
use uuid::Uuid;

use crate::{error::RoutingError, model::failure::MAX_ATTEMPTS};

/// Where a record stands.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = routing_records)]
pub struct RecordMark {
    pub object: String,
    pub record_id: String,
    pub router_id: Uuid,
    pub state: String,
    pub reason_code: Option<String>,
    pub attempts: i32,
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub assignment_id: Option<Uuid>,
    pub assignment_at: Option<DateTime<Utc>>,
    pub first_seen_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl RecordMark {
    /// The state in the words of the contract: what is decided and not yet settled is waiting.
    pub fn state_shown(&self) -> &str {
        shown(&self.state)
    }
    pub const fn max_attempts(&self) -> i32 {
        MAX_ATTEMPTS
    }
}

fn shown(state: &str) -> &str {
    match state {
        "postponed" | "proposed" | "claimed" => "waiting",
        other => other,
    }
}

/// Every enrolled record, counted in exactly one place (LR-49).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accounting {
    pub baseline: i64,
    pub assigned: i64,
    pub failed: i64,
    pub given_up: i64,
    pub waiting: i64,
    pub in_doubt: i64,
}

impl Accounting {
    pub const fn total(&self) -> i64 {
        self.baseline
            .saturating_add(self.assigned)
            .saturating_add(self.failed)
            .saturating_add(self.given_up)
            .saturating_add(self.waiting)
            .saturating_add(self.in_doubt)
    }
}

pub fn accounting(tx: &mut TenantTx<'_>) -> Result<Accounting, RoutingError> {
    let rows: Vec<(String, i64)> = routing_records::table
        .filter(routing_records::tenant_id.eq(tx.tenant().uuid()))
        .group_by(routing_records::state)
        .select((routing_records::state, count_star()))
        .load(tx.conn())?;
    let mut sums: HashMap<&str, i64> = HashMap::new();
    for (state, count) in &rows {
        let sum = sums.entry(shown(state)).or_default();
        *sum = sum.saturating_add(*count);
    }
    let of = |state| sums.get(state).copied().unwrap_or(0);
    Ok(Accounting {
        baseline: of("baseline"),
        assigned: of("assigned"),
        failed: of("failed"),
        given_up: of("given_up"),
        waiting: of("waiting"),
        in_doubt: of("in_doubt"),
    })
}

/// Which records to list. Without a state: failed and given up.
#[derive(Clone, Debug, Default)]
pub struct FailureFilter {
    pub state: Option<FailureState>,
    pub reason: Option<String>,
    /// A record's id, or the beginning of one.
    pub record: Option<String>,
    /// These records only: those that a search in the layer found.
    pub records: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureState {
    Failed,
    GivenUp,
    Waiting,
    InDoubt,
}

impl FailureState {
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "failed" => Some(Self::Failed),
            "given_up" => Some(Self::GivenUp),
            "waiting" => Some(Self::Waiting),
            "in_doubt" => Some(Self::InDoubt),
            _ => None,
        }
    }
    const fn stored(self) -> &'static [&'static str] {
        match self {
            Self::Failed => &["failed"],
            Self::GivenUp => &["given_up"],
            Self::Waiting => &["postponed", "waiting", "proposed", "claimed"],
            Self::InDoubt => &["in_doubt"],
        }
    }
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureCursor {
    pub updated_at: DateTime<Utc>,
    pub record_id: String,
}

#[derive(Debug)]
pub struct FailurePage {
    pub items: Vec<RecordMark>,
    pub next: Option<FailureCursor>,
}

/// Records of a state, the latest change first.
pub fn failure_list(
    tx: &mut TenantTx<'_>,
    filter: &FailureFilter,
    after: Option<&FailureCursor>,
    limit: u16,
) -> Result<FailurePage, RoutingError> {
    let states = filter
        .state
        .map_or(&["failed", "given_up"][..], FailureState::stored);
    let mut query = routing_records::table
        .filter(routing_records::tenant_id.eq(tx.tenant().uuid()))
        .filter(routing_records::state.eq_any(states))
        .into_boxed();
    if let Some(reason) = &filter.reason {
        query = query.filter(routing_records::reason_code.eq(reason));
    }
    if let Some(record) = filter
        .record
        .as_deref()
        .map(str::trim)
        .filter(|id| !id.is_empty())
    {
        // A range, not LIKE: under row security only such operators reach an index.
        query = query
            .filter(routing_records::record_id.ge(record))
            .filter(routing_records::record_id.lt(format!("{record}~")));
    }
    if let Some(records) = &filter.records {
        query = query.filter(routing_records::record_id.eq_any(records));
    }
    if let Some(FailureCursor {
        updated_at,
        record_id,
    }) = after
    {
        query = query.filter(
            routing_records::updated_at
                .lt(updated_at)
                .or(routing_records::updated_at
                    .eq(updated_at)
                    .and(routing_records::record_id.lt(record_id))),
        );
    }
    let mut items: Vec<RecordMark> = query
        .order((
            routing_records::updated_at.desc(),
            routing_records::record_id.desc(),
        ))
        .limit(i64::from(limit).saturating_add(1))
        .select(RecordMark::as_select())
        .load(tx.conn())?;
    let more = items.len() > usize::from(limit);
    items.truncate(usize::from(limit));
    let next = items.last().filter(|_| more).map(|last| FailureCursor {
        updated_at: last.updated_at,
        record_id: last.record_id.clone(),
    });
    Ok(FailurePage { items, next })
}

/// How many records failed or were given up, by reason, the most frequent first.
pub fn failure_reasons(tx: &mut TenantTx<'_>) -> Result<Vec<(String, i64)>, RoutingError> {
    let mut rows: Vec<(Option<String>, i64)> = routing_records::table
        .filter(routing_records::tenant_id.eq(tx.tenant().uuid()))
        .filter(routing_records::state.eq_any(["failed", "given_up"]))
        .group_by(routing_records::reason_code)
        .select((routing_records::reason_code, count_star()))
        .load(tx.conn())?;
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(rows
        .into_iter()
        .filter_map(|(code, count)| Some((code?, count)))
        .collect())
}

/// The mark of one record.
pub fn record_mark(
    tx: &mut TenantTx<'_>,
    object: Object,
    record_id: &str,
) -> Result<Option<RecordMark>, RoutingError> {
    Ok(routing_records::table
        .filter(routing_records::tenant_id.eq(tx.tenant().uuid()))
        .filter(routing_records::object.eq(object.name()))
        .filter(routing_records::record_id.eq(record_id))
        .select(RecordMark::as_select())
        .first(tx.conn())
        .optional()?)
}

/// Tries a record again in the next cycle, with its attempts counted from nothing (LR-51).
///
/// # Errors
/// `NotRetryable` when it neither failed nor was given up.
pub fn failure_retry(
    tx: &mut TenantTx<'_>,
    object: Object,
    record_id: &str,
) -> Result<(), RoutingError> {
    let mark = record_mark(tx, object, record_id)?.ok_or(DbError::NotFound)?;
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let changed = diesel::update(routing_records::table)
        .filter(routing_records::tenant_id.eq(tenant))
        .filter(routing_records::object.eq(object.name()))
        .filter(routing_records::record_id.eq(record_id))
        .filter(routing_records::state.eq_any(["failed", "given_up"]))
        .set((
            routing_records::state.eq("failed"),
            routing_records::attempts.eq(0),
            routing_records::next_attempt_at.eq(now),
            routing_records::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    if changed == 0 {
        return Err(RoutingError::NotRetryable);
    }
    let before = json!({ "state": mark.state, "attempts": mark.attempts });
    Entry::new(Action::RecordRetry, "record", record_id)
        .before(before)
        .write(tx)?;
    db::hint(tx, "failures")?;
    Ok(())
}

/// Tries all records again that failed or were given up, or those of one state or reason. Says how
/// many.
///
/// # Errors
/// `NotRetryable` for a state that is neither failed nor given up.
pub fn failure_retry_all(
    tx: &mut TenantTx<'_>,
    state: Option<FailureState>,
    reason: Option<&str>,
) -> Result<usize, RoutingError> {
    let states: &[&str] = match state {
        None => &["failed", "given_up"],
        Some(state @ (FailureState::Failed | FailureState::GivenUp)) => state.stored(),
        Some(FailureState::Waiting | FailureState::InDoubt) => {
            return Err(RoutingError::NotRetryable);
        }
    };
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let set = (
        routing_records::state.eq("failed"),
        routing_records::attempts.eq(0),
        routing_records::next_attempt_at.eq(now),
        routing_records::updated_at.eq(now),
    );
    let all = diesel::update(routing_records::table)
        .filter(routing_records::tenant_id.eq(tenant))
        .filter(routing_records::state.eq_any(states));
    let changed = match reason {
        Some(reason) => all
            .filter(routing_records::reason_code.eq(reason))
            .set(set)
            .execute(tx.conn())?,
        None => all.set(set).execute(tx.conn())?,
    };
    let after = json!({ "records": changed, "states": states, "reason": reason });
    Entry::new(Action::RecordRetry, "record", "all")
        .after(after)
        .write(tx)?;
    db::hint(tx, "failures")?;
    Ok(changed)
}
