//! Where a record would go now, without writing anything: the same decision, on a state that is read and
//! thrown away.

use db::TenantTx;
use kernel::{RepId, RuleId};
use layer::Object;

use crate::{
    error::RoutingError,
    model::{
        decide::{Outcome, decide},
        failure,
        reasons::Reasons,
        rules::Target,
        words::moment,
    },
    service::{
        explain::{Input, Why, inputs_now, matched, why},
        log::record_title,
        said,
    },
    store::{
        Names, router_of,
        turns::state_seen,
        versions::{draft_of, published_of},
    },
};

/// What would be decided about a record.
#[derive(Debug)]
pub struct WhatIf {
    pub record_id: String,
    pub title: Option<String>,
    pub owner: Option<String>,
    /// The version that was asked; `None`: the draft.
    pub version: Option<i64>,
    /// The rule that would take it; `None`: the fallback, or nothing.
    pub rule: Option<(RuleId, String)>,
    pub target: Option<(Target, String)>,
    pub outcome: WouldBe,
    pub why: Why,
    pub inputs: Vec<Input>,
    /// All of it in words.
    pub said: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum WouldBe {
    Assigned {
        rep: Option<(RepId, String)>,
        new_owner: String,
        already_owner: bool,
    },
    Waiting {
        code: &'static str,
        until: chrono::DateTime<chrono::Utc>,
    },
    Failed {
        code: &'static str,
    },
}

/// Decides about one record of the layer as things stand, with the rules that decide or with the draft.
/// Nobody's turn is spent and nothing is written. While nothing was published the draft answers.
///
/// # Errors
/// Not found when there is no router, or the layer does not hold the record; `BrokenRule` when the
/// draft cannot run.
pub fn what_if(
    tx: &mut TenantTx<'_>,
    object: Object,
    record_id: &str,
    draft: bool,
) -> Result<WhatIf, RoutingError> {
    let router = router_of(tx, object)?.ok_or(db::DbError::NotFound)?;
    let record = layer::records_by_id(tx, object, &[record_id])?
        .pop()
        .ok_or(db::DbError::NotFound)?;
    let published = if draft {
        None
    } else {
        published_of(tx, &router)?
    };
    let version = published.as_ref().and(router.published);
    let book = match published {
        Some(book) => book,
        None => draft_of(tx, &router)?,
    };
    let fields = layer::field_types(tx, object)?;
    let rules = book
        .compile(&fields)
        .map_err(|broken| RoutingError::BrokenRule { rule: broken.rule })?;
    let mut state = state_seen(tx)?;
    let none = serde_json::Map::new();
    let read = rules.read(record.fields.as_object().unwrap_or(&none));
    let owner = record.owner_id.as_deref().unwrap_or_default();
    let decision = decide(&rules, &mut state, &read, owner);
    let names = Names::load(tx)?;
    let mut why = why(&Reasons::of(&decision, &rules), &book, &fields, &names);
    let rule = decision.rule.and_then(|at| book.rules.get(at));
    why.rules
        .extend(rule.map(|rule| matched(rule.id.uuid(), Some(rule.version), &book)));
    let target = match &decision.outcome {
        Outcome::Assigned { target, .. } | Outcome::Waiting { target, .. } => Some(*target),
        Outcome::Failed { target, .. } => *target,
    };
    let outcome = match decision.outcome {
        Outcome::Assigned {
            rep,
            new_owner,
            already_owner,
            ..
        } => WouldBe::Assigned {
            rep: rep.map(|rep| (rep, name(&names.reps, rep))),
            new_owner: new_owner.to_string(),
            already_owner,
        },
        Outcome::Waiting { code, until, .. } => WouldBe::Waiting {
            code: code.waiting_code(),
            until,
        },
        Outcome::Failed { code, .. } => WouldBe::Failed { code: code.code() },
    };
    let inputs = inputs_now(tx, object, record_id, &book)?;
    let target = target.map(|target| {
        let name = names.target(target.kind(), target.uuid());
        (target, name.unwrap_or_default().to_owned())
    });
    let mut whole = WhatIf {
        title: record_title(&record),
        record_id: record.record_id,
        owner: record.owner_id,
        version,
        rule: rule.map(|rule| (rule.id, rule.name.clone())),
        target,
        outcome,
        why,
        inputs,
        said: Vec::new(),
    };
    whole.said = said(&whole);
    Ok(whole)
}

fn name(names: &std::collections::HashMap<uuid::Uuid, String>, rep: RepId) -> String {
    names.get(&rep.uuid()).cloned().unwrap_or_default()
}

fn said(whole: &WhatIf) -> Vec<String> {
    let mut said = vec![match whole.version {
        Some(version) => format!("As things stand, by version {version} of the rules:"),
        None => String::from("As things stand, by the draft of the rules:"),
    }];
    said.extend(said::steps(&whole.why, &whole.inputs));
    if let Some((target, name)) = &whole.target {
        if whole.rule.is_none() {
            said.push(String::from("No rule matches, so the fallback applies."));
        }
        said.push(said::target_said(target.kind(), Some(name)));
    }
    said.extend(whole.why.candidates.iter().map(said::rep));
    said.push(match &whole.outcome {
        WouldBe::Assigned {
            already_owner: true,
            new_owner,
            ..
        } => format!("{new_owner} owns the record already: nothing would be written."),
        WouldBe::Assigned { rep, new_owner, .. } => match rep {
            Some((_, name)) => format!("{name} ({new_owner}) would become the owner."),
            None => format!("The queue ({new_owner}) would become the owner."),
        },
        WouldBe::Waiting { code, until } => format!(
            "The record would wait until {}: {}",
            moment(*until),
            failure::explain(code).reason
        ),
        WouldBe::Failed { code } => {
            format!("The record would fail: {}", failure::explain(code).reason)
        }
    });
    said
}
