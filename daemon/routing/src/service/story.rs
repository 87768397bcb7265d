//! A record's story: one line from its first sight to its owner, or to the reason why it has none.

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};
use layer::Object;
use schema::assignments;

use crate::{
    error::RoutingError,
    model::failure::explain,
    service::{
        failures::{RecordMark, record_mark},
        log::Assignment,
    },
    store::Names,
};

/// One step of a record's story.
#[derive(Debug)]
pub struct Step {
    pub at: DateTime<Utc>,
    /// A stable name: `fetched`, `decided`, `sent`, `written`, `failed`, ...
    pub step: &'static str,
    pub title: String,
    pub detail: String,
}

/// A record from its first sight to now.
#[derive(Debug)]
pub struct Story {
    pub mark: Option<RecordMark>,
    /// Latest first.
    pub assignments: Vec<Assignment>,
    pub story: Vec<Step>,
}

/// Everything that happened to a record: "where did it go?" is always answerable (LR-49).
pub fn story(
    tx: &mut TenantTx<'_>,
    object: Object,
    record_id: &str,
) -> Result<Story, RoutingError> {
    let mark = record_mark(tx, object, record_id)?;
    let assignments: Vec<Assignment> = assignments::table
        .filter(assignments::tenant_id.eq(tx.tenant().uuid()))
        .filter(assignments::object.eq(object.name()))
        .filter(assignments::record_id.eq(record_id))
        .order((
            assignments::decided_at.desc(),
            assignments::assignment_id.desc(),
        ))
        .select(Assignment::as_select())
        .load(tx.conn())?;
    let names = Names::load(tx)?;
    let mut story = Vec::new();
    if let Some(mark) = &mark {
        story.push(first_step(mark));
    }
    for assignment in assignments.iter().rev() {
        story.extend(steps(assignment, &names));
    }
    if let Some(mark) = &mark {
        story.extend(last_step(mark));
    }
    Ok(Story {
        mark,
        assignments,
        story,
    })
}

fn first_step(mark: &RecordMark) -> Step {
    let (step, title, detail) = if mark.state == "baseline" {
        (
            "baseline",
            "Handled before routing began",
            "It matched the criteria already when the router was switched on, so it is never routed.",
        )
    } else {
        (
            "fetched",
            "Came to match the criteria",
            "Fetched from Salesforce into the data layer.",
        )
    };
    Step {
        at: mark.first_seen_at,
        step,
        title: title.to_owned(),
        detail: detail.to_owned(),
    }
}

fn steps(assignment: &Assignment, names: &Names) -> Vec<Step> {
    let target = names
        .target(&assignment.target_kind, assignment.target_id)
        .unwrap_or("(deleted)");
    let rule = match assignment.rule_id {
        None => String::from("No rule matched: the fallback applies."),
        Some(id) => {
            let name = names.rules.get(&id).map_or("(deleted)", String::as_str);
            format!("Rule “{name}” matched.")
        }
    };
    let rep = assignment.rep_id.and_then(|id| names.reps.get(&id));
    let owner = rep.map_or(target, String::as_str);
    let mut steps = vec![Step {
        at: assignment.decided_at,
        step: "decided",
        title: format!("Decided: {owner}"),
        detail: format!("{rule} Target: {} {target}.", assignment.target_kind),
    }];
    if let Some(at) = assignment.sent_at {
        let title = String::from("Sent to Salesforce");
        steps.push(Step {
            at,
            step: "sent",
            title,
            detail: String::new(),
        });
    }
    if let Some(at) = assignment.written_at {
        let (title, detail) = match assignment.outcome_code.as_deref() {
            Some("already_owner") => ("Owner was right already", "Nothing had to be written."),
            Some("reconciled") => (
                "Owner confirmed",
                "The answer was lost; the owner was read back from Salesforce.",
            ),
            _ => ("Owner written", "Salesforce confirmed the new owner."),
        };
        let (title, detail) = (title.to_owned(), detail.to_owned());
        steps.push(Step {
            at,
            step: "written",
            title,
            detail,
        });
    }
    steps
}

fn last_step(mark: &RecordMark) -> Option<Step> {
    let code = mark.reason_code.as_deref()?;
    let step = match mark.state.as_str() {
        "failed" => "failed",
        "given_up" => "given_up",
        "in_doubt" => "in_doubt",
        _ => "waiting",
    };
    let why = explain(code);
    let detail = match (mark.state.as_str(), mark.next_attempt_at) {
        ("postponed", Some(at)) => {
            let at = at.format("%Y-%m-%d %H:%M UTC");
            format!("{} Somebody is at {at}. {}", why.reason, why.next_step)
        }
        _ => format!(
            "{} {} (attempt {} of {})",
            why.reason,
            why.next_step,
            mark.attempts,
            mark.max_attempts()
        ),
    };
    Some(Step {
        at: mark.updated_at,
        step,
        title: why.title.to_owned(),
        detail,
    })
}
