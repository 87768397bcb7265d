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

use crate::{
    error::RoutingError,
    model::{
        compile::{Compiled, Slots, TermInfo},
        decide::Standing,
        reasons::{LostRule, Reasons, tail},
    },
    service::{
        rulebook::condition_of,
        story::{Step, story},
    },
    store::{Names, Rule, rules_all},
};

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

/// One entry, with everything that explains it.
#[derive(Debug)]
pub struct Explained {
    pub assignment: Assignment,
    pub rules: Vec<RuleReason>,
    pub candidates: Vec<RepReason>,
    /// Of each rule that passed the record on: its name, where it is still known, and who was there.
    pub passed: Vec<(Option<String>, Vec<RepReason>)>,
    /// What the rules read of the record, as the layer holds it now.
    pub inputs: Vec<(String, Json)>,
    pub story: Vec<Step>,
}

/// How a rule fared.
#[derive(Debug)]
pub struct RuleReason {
    /// `None` when the rule has been deleted.
    pub rule: Option<(RuleId, String)>,
    /// `matched`, `not_matched`, `passed_on` (it matched, and nobody was available) or `disabled`.
    pub outcome: &'static str,
    /// The terms that explain it. Empty for a rule that was changed since: what its terms said
    /// then is not kept.
    pub failed_terms: Vec<FailedTerm>,
    /// The rule is no longer as it was when this was decided.
    pub changed_since: bool,
}

#[derive(Debug)]
pub struct FailedTerm {
    pub path: String,
    pub field: String,
    pub op: &'static str,
    pub expected: Json,
    /// `empty`, or the type of the field: never the value itself.
    pub actual_kind: &'static str,
}

/// How a rep fared.
#[derive(Debug)]
pub struct RepReason {
    /// `None` when the rep is no longer known.
    pub rep: Option<(RepId, String)>,
    pub standing: Standing,
    pub weight: u32,
    /// Credit before the turn.
    pub credit: i64,
}

pub fn assignment_explain(
    tx: &mut TenantTx<'_>,
    id: AssignmentId,
) -> Result<Explained, RoutingError> {
    let assignment = assignments::table
        .filter(assignments::tenant_id.eq(tx.tenant().uuid()))
        .filter(assignments::assignment_id.eq(id.uuid()))
        .select(Assignment::as_select())
        .first(tx.conn())?;
    let object =
        Object::from_name(&assignment.object).ok_or(RoutingError::Stored { what: "object" })?;
    let reasons: Reasons = serde_json::from_value(assignment.reasons.clone())
        .map_err(|_| RoutingError::Stored { what: "reasons" })?;
    let all = rules_all(tx)?;
    let fields = layer::field_types(tx, object)?;
    let mut rules: Vec<RuleReason> = reasons
        .rules()
        .iter()
        .map(|lost| explain_rule(lost, &all, &fields))
        .collect();
    rules.extend(matched(&assignment, &all));
    let names = Names::load(tx)?;
    let by_tail: HashMap<String, (&Uuid, &String)> = names
        .reps
        .iter()
        .map(|(id, name)| (tail(*id), (id, name)))
        .collect();
    let candidate = |lost: crate::model::reasons::LostRep| RepReason {
        rep: by_tail
            .get(&lost.rep)
            .map(|(id, name)| (RepId::from_uuid(**id), (*name).clone())),
        standing: lost.standing,
        weight: lost.weight,
        credit: lost.credit,
    };
    let candidates = reasons.reps().into_iter().map(candidate).collect();
    let passed = reasons
        .passed()
        .into_iter()
        .map(|(rule, reps)| {
            let rule = all.iter().find(|known| tail(known.rule_id) == rule);
            let name = rule.map(|rule| rule.name.clone());
            (name, reps.into_iter().map(candidate).collect())
        })
        .collect();
    let record = layer::records_by_id(tx, object, &[&assignment.record_id])?
        .into_iter()
        .next();
    let inputs = record
        .as_ref()
        .map(|record| inputs(record, &all))
        .unwrap_or_default();
    let story = story(tx, object, &assignment.record_id.clone())?.story;
    Ok(Explained {
        assignment,
        rules,
        candidates,
        passed,
        inputs,
        story,
    })
}

fn matched(assignment: &Assignment, rules: &[Rule]) -> Option<RuleReason> {
    let id = assignment.rule_id?;
    let rule = rules.iter().find(|rule| rule.rule_id == id);
    Some(RuleReason {
        rule: rule.map(|rule| (rule.id(), rule.name.clone())),
        outcome: "matched",
        failed_terms: Vec::new(),
        changed_since: rule.map(|rule| rule.version) != assignment.rule_version,
    })
}

fn explain_rule(lost: &LostRule, rules: &[Rule], fields: &crate::Fields) -> RuleReason {
    let rule = rules.iter().find(|rule| tail(rule.rule_id) == lost.rule);
    let same = rule.filter(|rule| rule.version == lost.version);
    let compiled = same.and_then(|rule| {
        let condition = condition_of(rule).ok()?;
        Compiled::new(&condition, fields, &mut Slots::default()).ok()
    });
    let terms = compiled.as_ref().map(Compiled::terms).unwrap_or_default();
    let failed = |lost: &crate::Lost| {
        let info = terms.get(usize::from(lost.term))?;
        Some(failed_term(info, lost.empty))
    };
    RuleReason {
        rule: rule.map(|rule| (rule.id(), rule.name.clone())),
        outcome: if lost.passed {
            "passed_on"
        } else if lost.terms.is_empty() {
            "disabled"
        } else {
            "not_matched"
        },
        failed_terms: lost.terms.iter().filter_map(failed).collect(),
        changed_since: same.is_none(),
    }
}

fn failed_term(info: &TermInfo, empty: bool) -> FailedTerm {
    FailedTerm {
        path: info.path.clone(),
        field: info.term.field.clone(),
        op: info.term.op.name(),
        expected: serde_json::to_value(&info.term.value).unwrap_or_default(),
        actual_kind: if empty { "empty" } else { info.kind.name() },
    }
}

/// The fields that any rule reads, and the record's values of them.
fn inputs(record: &LayerRecord, rules: &[Rule]) -> Vec<(String, Json)> {
    let conditions: Vec<_> = rules
        .iter()
        .filter_map(|rule| condition_of(rule).ok())
        .collect();
    let mut names: Vec<&str> = conditions
        .iter()
        .flat_map(crate::Condition::fields)
        .collect();
    names.sort_unstable();
    names.dedup();
    let value = |name: &str| record.fields.get(name).cloned().unwrap_or_default();
    names
        .into_iter()
        .map(|name| (name.to_owned(), value(name)))
        .collect()
}
