//! The routing log, and why an entry is as it is.

use actix_web::web;
use chrono::{DateTime, Utc};
use http::{Allowed, Page, PageQuery, Path, Problem, Query, Routes};
use identity::permit;
use kernel::{AssignmentId, RepId, RuleId};
use routing::{
    Assignment, AssignmentCursor, AssignmentFilter, Erased, Explained, FailedTerm, Input,
    RepReason, RuleReason, Standing,
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    rows,
    titles::{Sought, Titles},
};
use crate::{
    Console,
    fault::Fault,
    views::{Named, StepView, target_id},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/assignments", assignment_list)
        .get("/assignments/{id}", assignment_show)
}

#[derive(Serialize)]
pub(super) struct AssignmentView {
    id: AssignmentId,
    decided_at: DateTime<Utc>,
    written_at: Option<DateTime<Utc>>,
    object: String,
    record_id: String,
    record_title: Option<String>,
    /// Null: the fallback.
    rule: Option<RuleRef>,
    target: TargetView,
    rep: Option<Named<RepId>>,
    new_owner_id: String,
    previous_owner_id: Option<String>,
    state: String,
    seconds_to_owner: Option<i64>,
}

#[derive(Serialize)]
struct RuleRef {
    id: RuleId,
    name: String,
    version: i64,
}

#[derive(Serialize)]
struct TargetView {
    kind: String,
    id: String,
    name: String,
}

#[derive(Serialize)]
struct DetailView {
    #[serde(flatten)]
    assignment: AssignmentView,
    story: Vec<StepView>,
    reasons: Vec<ReasonView>,
    candidates: Vec<CandidateView>,
    inputs: Vec<InputView>,
    /// The version of the rules that decided; null for what is older than versions are kept.
    version: Option<VersionRef>,
    /// The whole decision in words.
    said: Vec<String>,
    again: AgainView,
}

#[derive(Serialize)]
struct VersionRef {
    version: i64,
    published_at: DateTime<Utc>,
}

/// What comes of deciding once more out of what was kept.
#[derive(Serialize)]
struct AgainView {
    /// `same`, `differs` or `not_recomputable`.
    outcome: &'static str,
    detail: String,
}

#[derive(Serialize)]
struct ReasonView {
    rule: Named<Option<RuleId>>,
    outcome: &'static str,
    failed_terms: Vec<TermView>,
    /// The rule is no longer as it was then, so its failed terms are not known any more.
    changed_since: bool,
}

#[derive(Serialize)]
struct TermView {
    path: String,
    field: String,
    op: &'static str,
    expected: Json,
    actual_kind: &'static str,
}

#[derive(Serialize)]
struct CandidateView {
    rep: Named<Option<RepId>>,
    outcome: &'static str,
    reason: String,
    /// Until when, as it was known then.
    until: Option<DateTime<Utc>>,
    /// The name of the rule that passed the record on because nobody of its target was available.
    passed_by: Option<String>,
    weight: u32,
    current_weight: i64,
}

#[derive(Serialize)]
pub(super) struct InputView {
    field: String,
    value: Json,
    /// `field` or `record`, where the value is erased with it.
    erased: Option<&'static str>,
    erased_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Proposed,
    Assigned,
    InDoubt,
    Failed,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Assigned => "assigned",
            Self::InDoubt => "in_doubt",
            Self::Failed => "failed",
        }
    }
}

#[derive(Deserialize)]
struct Filter {
    q: Option<String>,
    rule: Option<RuleId>,
    rep: Option<RepId>,
    state: Option<State>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

const DELETED: &str = "no longer there";

pub(super) fn view(row: &Assignment, titles: &Titles) -> AssignmentView {
    let names = &titles.names;
    let known = |name: Option<&String>| name.cloned().unwrap_or_else(|| DELETED.to_owned());
    AssignmentView {
        id: row.id(),
        decided_at: row.decided_at,
        written_at: row.written_at,
        object: row.object.clone(),
        record_id: row.record_id.clone(),
        record_title: titles.of(&row.object, &row.record_id),
        rule: row.rule_id.map(|id| RuleRef {
            id: RuleId::from_uuid(id),
            name: known(names.rules.get(&id)),
            version: row.rule_version.unwrap_or_default(),
        }),
        target: TargetView {
            kind: row.target_kind.clone(),
            id: target_id(&row.target_kind, row.target_id),
            name: names
                .target(&row.target_kind, row.target_id)
                .unwrap_or(DELETED)
                .to_owned(),
        },
        rep: row.rep_id.map(|id| Named {
            id: RepId::from_uuid(id),
            name: known(names.reps.get(&id)),
        }),
        new_owner_id: row.new_owner.clone(),
        previous_owner_id: row.previous_owner.clone(),
        state: row.state.clone(),
        seconds_to_owner: row.seconds_to_owner(),
    }
}

async fn assignment_list(
    who: Allowed<permit::LogRead>,
    console: web::Data<Console>,
    page: PageQuery<(DateTime<Utc>, Uuid)>,
    Query(filter): Query<Filter>,
) -> Result<web::Json<Page<AssignmentView>>, Problem> {
    let after = page
        .after
        .map(|(decided_at, assignment_id)| AssignmentCursor {
            decided_at,
            assignment_id,
        });
    let listed = console
        .db
        .run(&who, move |tx| {
            let sought = Sought::find(tx, filter.q.as_deref())?;
            let filter = AssignmentFilter {
                record: sought.id,
                records: sought.records,
                rule: filter.rule,
                rep: filter.rep,
                state: filter.state.map(|state| state.name().to_owned()),
                from: filter.from,
                to: filter.to,
            };
            let found = routing::assignment_list(tx, &filter, after, rows(page.limit))?;
            let shown = found
                .items
                .iter()
                .map(|row| (row.object.as_str(), row.record_id.as_str()));
            let titles = Titles::load(tx, shown)?;
            let items = found.items.iter().map(|row| view(row, &titles)).collect();
            let next = found.next.map(|next| (next.decided_at, next.assignment_id));
            Ok::<_, Fault>(Page::new(items, next.as_ref()))
        })
        .await?;
    Ok(web::Json(listed))
}

async fn assignment_show(
    who: Allowed<permit::LogRead>,
    console: web::Data<Console>,
    Path(id): Path<AssignmentId>,
) -> Result<web::Json<DetailView>, Problem> {
    let shown = console
        .db
        .run(&who, move |tx| {
            let found = routing::assignment_explain(tx, id)?;
            let record = (
                found.assignment.object.as_str(),
                found.assignment.record_id.as_str(),
            );
            let titles = Titles::load(tx, [record])?;
            Ok::<_, Fault>(detail(found, &titles))
        })
        .await?;
    Ok(web::Json(shown))
}

fn detail(found: Explained, titles: &Titles) -> DetailView {
    let mut candidates = Vec::new();
    for (rule, reps) in found.why.passed {
        let rule = rule.unwrap_or_else(|| DELETED.to_owned());
        let passed = reps.into_iter().map(|rep| candidate(rep, Some(&rule)));
        candidates.extend(passed);
    }
    let used = found.why.candidates.into_iter();
    candidates.extend(used.map(|rep| candidate(rep, None)));
    DetailView {
        assignment: view(&found.assignment, titles),
        story: found.story.into_iter().map(StepView::from).collect(),
        reasons: found.why.rules.into_iter().map(reason).collect(),
        candidates,
        inputs: found.inputs.into_iter().map(input).collect(),
        version: found.version.map(|row| VersionRef {
            version: row.version,
            published_at: row.published_at,
        }),
        said: found.said,
        again: AgainView {
            outcome: found.again.outcome(),
            detail: found.again.words(),
        },
    }
}

pub(super) fn input(input: Input) -> InputView {
    let (erased, erased_at) = match input.erased {
        None => (None, None),
        Some(Erased::Field(at)) => (Some("field"), Some(at)),
        Some(Erased::Record) => (Some("record"), None),
    };
    InputView {
        field: input.field,
        value: input.value,
        erased,
        erased_at,
    }
}

/// What is gone has no id, and is said to be gone.
fn named<I>(found: Option<(I, String)>) -> Named<Option<I>> {
    match found {
        Some((id, name)) => Named { id: Some(id), name },
        None => Named {
            id: None,
            name: DELETED.to_owned(),
        },
    }
}

fn reason(reason: RuleReason) -> ReasonView {
    ReasonView {
        rule: named(reason.rule),
        outcome: reason.outcome,
        failed_terms: reason.failed_terms.into_iter().map(term).collect(),
        changed_since: reason.changed_since,
    }
}

fn term(term: FailedTerm) -> TermView {
    TermView {
        path: term.path,
        field: term.field,
        op: term.op.name(),
        expected: term.expected,
        actual_kind: term.actual_kind,
    }
}

/// `passed_by`: the rule that passed the record on, and had nobody.
fn candidate(rep: RepReason, passed_by: Option<&str>) -> CandidateView {
    CandidateView {
        rep: named(rep.rep),
        outcome: if rep.standing == Standing::Chosen {
            "chosen"
        } else {
            "skipped"
        },
        reason: rep.standing.words(),
        until: rep.standing.until(),
        passed_by: passed_by.map(str::to_owned),
        weight: rep.weight,
        current_weight: rep.credit,
    }
}
