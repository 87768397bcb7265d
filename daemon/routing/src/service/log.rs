//! The routing log (LR-47): what was decided, why, and what became of it. Nothing here changes it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};
use kernel::{AssignmentId, RepId, RuleId};
use layer::{LayerRecord, Object};
use schema::assignments;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{error::RoutingError, store::Names};

/// An entry of the log.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = assignments)]
pub struct Assignment {
    pub assignment_id: Uuid,
    pub decided_at: DateTime<Utc>,
    pub object: String,
    pub record_id: String,
    pub router_id: Uuid,
    pub rules_version: i64,
    /// `None`: the fallback.
    pub rule_id: Option<Uuid>,
    pub rule_version: Option<i64>,
    pub target_kind: String,
    pub target_id: Uuid,
    pub rep_id: Option<Uuid>,
    pub new_owner: String,
    pub previous_owner: Option<String>,
    pub state: String,
    pub reasons: Json,
    pub source_created_at: Option<DateTime<Utc>>,
    /// When the CRM was asked to write it.
    pub sent_at: Option<DateTime<Utc>>,
    pub written_at: Option<DateTime<Utc>>,
    pub outcome_code: Option<String>,
}

impl Assignment {
    pub const fn id(&self) -> AssignmentId {
        AssignmentId::from_uuid(self.assignment_id)
    }
    /// From the record's creation at the CRM to its owner.
    pub fn seconds_to_owner(&self) -> Option<i64> {
        Some(
            (self.written_at? - self.source_created_at?)
                .num_seconds()
                .max(0),
        )
    }
}

#[derive(Clone, Debug, Default)]
pub struct AssignmentFilter {
    /// A record's id, or the beginning of one.
    pub record: Option<String>,
    /// These records only: those that a search in the layer found.
    pub records: Option<Vec<String>>,
    pub rule: Option<RuleId>,
    pub rep: Option<RepId>,
    pub state: Option<String>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssignmentCursor {
    pub decided_at: DateTime<Utc>,
    pub assignment_id: Uuid,
}

#[derive(Debug)]
pub struct AssignmentPage {
    pub items: Vec<Assignment>,
    pub next: Option<AssignmentCursor>,
}

/// The log, latest decision first.
pub fn assignment_list(
    tx: &mut TenantTx<'_>,
    filter: &AssignmentFilter,
    after: Option<AssignmentCursor>,
    limit: u16,
) -> Result<AssignmentPage, RoutingError> {
    let mut query = assignments::table
        .filter(assignments::tenant_id.eq(tx.tenant().uuid()))
        .into_boxed();
    if let Some(record) = filter
        .record
        .as_deref()
        .map(str::trim)
        .filter(|id| !id.is_empty())
    {
        query = query
            .filter(assignments::object.eq_any(Object::ALL.map(Object::name)))
            .filter(assignments::record_id.ge(record))
            .filter(assignments::record_id.lt(format!("{record}~")));
    }
    if let Some(records) = &filter.records {
        query = query
            .filter(assignments::object.eq_any(Object::ALL.map(Object::name)))
            .filter(assignments::record_id.eq_any(records));
    }
    if let Some(rule) = filter.rule {
        query = query.filter(assignments::rule_id.eq(rule.uuid()));
    }
    if let Some(rep) = filter.rep {
        query = query.filter(assignments::rep_id.eq(rep.uuid()));
    }
    if let Some(state) = &filter.state {
        query = query.filter(assignments::state.eq(state));
    }
    if let Some(from) = filter.from {
        query = query.filter(assignments::decided_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(assignments::decided_at.lt(to));
    }
    if let Some(AssignmentCursor {
        decided_at,
        assignment_id,
    }) = after
    {
        query = query.filter(
            assignments::decided_at
                .lt(decided_at)
                .or(assignments::decided_at
                    .eq(decided_at)
                    .and(assignments::assignment_id.lt(assignment_id))),
        );
    }
    let mut items: Vec<Assignment> = query
        .order((
            assignments::decided_at.desc(),
            assignments::assignment_id.desc(),
        ))
        .limit(i64::from(limit).saturating_add(1))
        .select(Assignment::as_select())
        .load(tx.conn())?;
    let more = items.len() > usize::from(limit);
    items.truncate(usize::from(limit));
    let next = items.last().filter(|_| more).map(|last| AssignmentCursor {
        decided_at: last.decided_at,
        assignment_id: last.assignment_id,
    });
    Ok(AssignmentPage { items, next })
}

/// The names of the rules, reps, pools and queues that log entries name.
pub fn names(tx: &mut TenantTx<'_>) -> Result<Names, RoutingError> {
    Names::load(tx)
}

/// What people call these records: a name or a company, of those that the layer holds.
pub fn record_titles(
    tx: &mut TenantTx<'_>,
    object: Object,
    ids: &[&str],
) -> Result<HashMap<String, String>, RoutingError> {
    let records = layer::records_by_id(tx, object, ids)?;
    let titled = records
        .into_iter()
        .filter_map(|record| Some((record.record_id.clone(), record_title(&record)?)));
    Ok(titled.collect())
}

/// The first of name, last name and company that the layer holds.
pub fn record_title(record: &LayerRecord) -> Option<String> {
    ["Name", "LastName", "Company", "Email"]
        .iter()
        .filter_map(|field| record.fields.get(field).and_then(Json::as_str))
        .find(|text| !text.trim().is_empty())
        .map(str::to_owned)
}
