//! Why a record went where it went: each step that was taken with its reason, out of what was kept.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use db::{DbError, TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};
use kernel::{AssignmentId, RepId, RuleId};
use layer::Object;
use schema::{assignments, routers};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    error::RoutingError,
    model::{
        book::RuleBook,
        compile::{Compiled, Fields, Lost, Slots, TermInfo},
        condition::{Condition, Op},
        decide::Standing,
        reasons::{FoundTerritory, LostRep, LostRule, Reasons, tail},
    },
    service::{
        log::Assignment,
        recompute::{Kept, Recomputed, recomputed},
        said,
        story::{Step, story},
    },
    store::{
        Names, Router,
        inputs::{inputs_of, removed_when},
        versions::{RuleVersion, draft_of, version_of},
    },
    territory::Won,
};

/// One entry of the log, with everything that explains it.
#[derive(Debug)]
pub struct Explained {
    pub assignment: Assignment,
    /// The rules that decided; `None` for a decision that is older than versions are kept.
    pub version: Option<RuleVersion>,
    pub why: Why,
    pub inputs: Vec<Input>,
    pub story: Vec<Step>,
    /// What comes of deciding once more out of what was kept.
    pub again: Recomputed,
    /// All of it in words.
    pub said: Vec<String>,
}

/// How each rule and each rep fared.
#[derive(Debug, Default)]
pub struct Why {
    pub rules: Vec<RuleReason>,
    pub candidates: Vec<RepReason>,
    /// The territory that each rule which asked for it found the record in, in order.
    pub territories: Vec<TerritoryReason>,
    /// Of each rule that passed the record on: its name, where it is still known, and who was there.
    pub passed: Vec<(Option<String>, Vec<RepReason>)>,
}

/// How a rule fared.
#[derive(Debug)]
pub struct RuleReason {
    /// `None` when the rule is not known any more.
    pub rule: Option<(RuleId, String)>,
    /// `matched`, `not_matched`, `passed_on` (it matched, and nobody was available), `no_territory` (it
    /// matched, and the record lies in none) or `disabled`.
    pub outcome: &'static str,
    /// The terms that explain it. Empty where the rule has changed since and its version is not kept.
    pub failed_terms: Vec<FailedTerm>,
    /// The rule is no longer as it was when this was decided, and how it was is not kept.
    pub changed_since: bool,
}

#[derive(Debug)]
pub struct FailedTerm {
    pub path: String,
    pub field: String,
    pub op: Op,
    pub expected: Json,
    /// `empty`, or the type of the field: never the value itself.
    pub actual_kind: &'static str,
}

/// The territory that a rule found the record in.
#[derive(Debug)]
pub struct TerritoryReason {
    pub rule: Option<RuleId>,
    /// `None`: it lies in none, so the rule let it go on.
    pub located: Option<InTerritory>,
}

/// A territory that holds a record, and why it came before another one that does.
#[derive(Debug)]
pub struct InTerritory {
    pub territory: String,
    /// The conditions of the area that holds the record.
    pub area: String,
    /// The closest of the others that hold it too.
    pub beaten: Option<(String, Won)>,
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

/// A field that the rules read.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    pub field: String,
    /// Null when it was empty, and when it was erased.
    pub value: Json,
    /// It was erased: with its field, whose time is known, or with the record.
    pub erased: Option<Erased>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erased {
    /// The field left the layer then.
    Field(DateTime<Utc>),
    Record,
}

pub fn assignment_explain(
    tx: &mut TenantTx<'_>,
    id: AssignmentId,
) -> Result<Explained, RoutingError> {
    let assignment = assignment_get(tx, id)?;
    let object = assignment.object()?;
    let version = version_of(tx, assignment.router_id, assignment.rules_version)?;
    let names = Names::load(tx)?;
    let (book, fields, inputs) = match &version {
        Some(version) => {
            let book = version.book(tx)?;
            let inputs = inputs_kept(tx, &assignment, &book)?;
            let fields = book.field_types();
            (book, fields, inputs)
        }
        // As it is now: how it was is not kept.
        None => {
            let router = router_of_id(tx, assignment.router_id)?;
            let book = draft_of(tx, &router)?;
            let inputs = inputs_now(tx, object, &assignment.record_id, &book)?;
            (book, layer::field_types(tx, object)?, inputs)
        }
    };
    let reasons = assignment.reasons_kept()?;
    let mut why = why(&reasons, &book, &fields, &names);
    if let Some(rule) = assignment.rule_id {
        why.rules
            .push(matched(rule, assignment.rule_version, &book));
    }
    let kept = version.as_ref().map(|_| Kept::new(book)).transpose()?;
    let again = recomputed(tx, &assignment, kept.as_ref(), &inputs)?;
    let story = story(tx, object, &assignment.record_id)?.story;
    let said = said::of_assignment(&assignment, version.as_ref(), &why, &inputs, &names, &again);
    Ok(Explained {
        assignment,
        version,
        why,
        inputs,
        story,
        again,
        said,
    })
}

pub(crate) fn assignment_get(
    tx: &mut TenantTx<'_>,
    id: AssignmentId,
) -> Result<Assignment, RoutingError> {
    Ok(assignments::table
        .filter(assignments::tenant_id.eq(tx.tenant().uuid()))
        .filter(assignments::assignment_id.eq(id.uuid()))
        .select(Assignment::as_select())
        .first(tx.conn())?)
}

fn router_of_id(tx: &mut TenantTx<'_>, router: Uuid) -> Result<Router, RoutingError> {
    Ok(routers::table
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .filter(routers::router_id.eq(router))
        .select(Router::as_select())
        .first(tx.conn())?)
}

/// What the decision read, as it was then.
pub(crate) fn inputs_kept(
    tx: &mut TenantTx<'_>,
    assignment: &Assignment,
    book: &RuleBook,
) -> Result<Vec<Input>, RoutingError> {
    let mut held = inputs_of(tx, assignment.decided_at, &assignment.record_id)?;
    let read = book.fields_read();
    let fields: Vec<(&String, Uuid)> = book
        .fields
        .iter()
        .filter(|(name, _)| read.contains(*name))
        .map(|(name, field)| (name, field.id.uuid()))
        .collect();
    let ids: Vec<Uuid> = fields.iter().map(|(_, id)| *id).collect();
    let removed = removed_when(tx, &ids)?;
    let input = |(name, id): (&String, Uuid)| {
        let value = held.remove(&id);
        let gone = || {
            removed
                .get(&id)
                .map_or(Erased::Record, |at| Erased::Field(*at))
        };
        Input {
            field: name.clone(),
            erased: value.is_none().then(gone),
            value: value.unwrap_or_default(),
        }
    };
    Ok(fields.into_iter().map(input).collect())
}

/// What the rules read, as the layer holds it now.
pub(crate) fn inputs_now(
    tx: &mut TenantTx<'_>,
    object: Object,
    record: &str,
    book: &RuleBook,
) -> Result<Vec<Input>, RoutingError> {
    let Some(record) = layer::records_by_id(tx, object, &[record])?.pop() else {
        return Ok(Vec::new());
    };
    let value = |field: String| Input {
        value: record.fields.get(&field).cloned().unwrap_or_default(),
        erased: None,
        field,
    };
    Ok(book.fields_read().into_iter().map(value).collect())
}

/// Reads recorded reasons with the rule set that they are of.
pub(crate) fn why(reasons: &Reasons, book: &RuleBook, fields: &Fields, names: &Names) -> Why {
    let by_tail: HashMap<String, (Uuid, &String)> = names
        .reps
        .iter()
        .map(|(id, name)| (tail(*id), (*id, name)))
        .collect();
    let candidate = |lost: LostRep| RepReason {
        rep: by_tail
            .get(&lost.rep)
            .map(|(id, name)| (RepId::from_uuid(*id), (*name).clone())),
        standing: lost.standing,
        weight: lost.weight,
        credit: lost.credit,
    };
    let passed = |(rule, reps): (String, Vec<LostRep>)| {
        let known = book
            .rules
            .iter()
            .find(|known| tail(known.id.uuid()) == rule);
        let reps = reps.into_iter().map(candidate).collect();
        (known.map(|rule| rule.name.clone()), reps)
    };
    Why {
        rules: reasons
            .rules()
            .iter()
            .map(|lost| rule_reason(lost, book, fields))
            .collect(),
        candidates: reasons.reps().into_iter().map(candidate).collect(),
        passed: reasons.passed().into_iter().map(passed).collect(),
        territories: reasons
            .territories()
            .iter()
            .map(|found| territory_reason(found, book))
            .collect(),
    }
}

fn territory_reason(found: &FoundTerritory, book: &RuleBook) -> TerritoryReason {
    let territories = &book.territories.territories;
    let rules = &mut book.rules.iter();
    let rule = rules.find(|rule| tail(rule.id.uuid()) == found.rule);
    let located = found.located.and_then(|located| {
        let (at, place) = located.place;
        let territory = territories.get(at)?;
        let named = |(other, won): (usize, Won)| Some((territories.get(other)?.name.clone(), won));
        Some(InTerritory {
            territory: territory.name.clone(),
            area: territory.areas.get(place)?.to_string(),
            beaten: located.beaten.and_then(named),
        })
    });
    TerritoryReason {
        rule: rule.map(|rule| rule.id),
        located,
    }
}

pub(crate) fn matched(rule: Uuid, version: Option<i64>, book: &RuleBook) -> RuleReason {
    let known = book.rule(RuleId::from_uuid(rule));
    RuleReason {
        rule: known.map(|rule| (rule.id, rule.name.clone())),
        outcome: "matched",
        failed_terms: Vec::new(),
        changed_since: known.map(|rule| rule.version) != version,
    }
}

fn rule_reason(lost: &LostRule, book: &RuleBook, fields: &Fields) -> RuleReason {
    let rule = book
        .rules
        .iter()
        .find(|rule| tail(rule.id.uuid()) == lost.rule);
    let same = rule.filter(|rule| rule.version == lost.version);
    let compiled = same.and_then(|rule| {
        let condition = Condition::from_json(&rule.condition).ok()?;
        Compiled::new(&condition, fields, &mut Slots::default()).ok()
    });
    let terms = compiled.as_ref().map(Compiled::terms).unwrap_or_default();
    let failed = |lost: &Lost| {
        let info = terms.get(usize::from(lost.term))?;
        Some(failed_term(info, lost.empty))
    };
    RuleReason {
        rule: rule.map(|rule| (rule.id, rule.name.clone())),
        outcome: if lost.outside {
            "no_territory"
        } else if lost.passed {
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
        op: info.term.op,
        expected: serde_json::to_value(&info.term.value).unwrap_or_default(),
        actual_kind: if empty { "empty" } else { info.kind.name() },
    }
}

impl Assignment {
    pub(crate) fn object(&self) -> Result<Object, RoutingError> {
        Object::from_name(&self.object).ok_or(RoutingError::Stored { what: "object" })
    }
    pub(crate) fn reasons_kept(&self) -> Result<Reasons, RoutingError> {
        serde_json::from_value(self.reasons.clone())
            .map_err(|_| RoutingError::Stored { what: "reasons" })
    }
}

/// The latest decision about a record.
pub fn assignment_latest(
    tx: &mut TenantTx<'_>,
    object: Object,
    record: &str,
) -> Result<AssignmentId, RoutingError> {
    let found = story(tx, object, record)?.assignments;
    let latest = found.first().ok_or(DbError::NotFound)?;
    Ok(latest.id())
}
