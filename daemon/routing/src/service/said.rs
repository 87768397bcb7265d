//! Explanations as sentences.

use chrono::{DateTime, Utc};

use crate::{
    model::{
        book::{Change, TerritoryChanges},
        rules::{GiveTo, Target},
        words::{moment, value},
    },
    service::{
        explain::{Erased, FailedTerm, InTerritory, Input, RepReason, RuleReason, Why},
        log::Assignment,
        recompute::Recomputed,
    },
    store::{Names, versions::RuleVersion},
    territory::Won,
};

const GONE: &str = "no longer there";

/// Everything about an entry of the log.
pub(crate) fn of_assignment(
    assignment: &Assignment,
    version: Option<&RuleVersion>,
    why: &Why,
    inputs: &[Input],
    names: &Names,
    again: &Recomputed,
) -> Vec<String> {
    let mut said = vec![decided(assignment.decided_at, version)];
    said.extend(steps(why, inputs));
    if assignment.rule_id.is_none() {
        said.push(String::from("No rule matched, so the fallback applied."));
    }
    let target = names.target(&assignment.target_kind, assignment.target_id);
    said.push(target_said(&assignment.target_kind, target));
    said.extend(why.candidates.iter().map(rep));
    said.push(match &assignment.previous_owner {
        Some(owner) if assignment.outcome_code.as_deref() == Some("already_owner") => {
            format!("{owner} owned the record already, so nothing had to be written.")
        }
        Some(owner) => format!(
            "The owner was {owner} and was to become {}.",
            assignment.new_owner
        ),
        None => format!("The owner was to become {}.", assignment.new_owner),
    });
    said.push(again.words());
    said
}

fn decided(at: DateTime<Utc>, version: Option<&RuleVersion>) -> String {
    match version {
        Some(version) => format!(
            "Decided on {} by version {} of the rules, published on {}.",
            moment(at),
            version.version,
            moment(version.published_at)
        ),
        None => format!(
            "Decided on {}, before versions of the rules were kept; rules are shown as they are now.",
            moment(at)
        ),
    }
}

/// What the rules said, in the order in which they were tried.
pub(crate) fn steps(why: &Why, inputs: &[Input]) -> Vec<String> {
    let mut passed = why.passed.iter();
    let mut said = Vec::new();
    for reason in &why.rules {
        said.push(rule(reason, inputs));
        let id = reason.rule.as_ref().map(|(id, _)| *id);
        let found = why.territories.iter().find(|found| found.rule == id);
        said.extend(
            found
                .and_then(|found| found.located.as_ref())
                .map(territory),
        );
        if reason.outcome == "passed_on"
            && let Some((_, reps)) = passed.next()
        {
            said.extend(reps.iter().map(rep));
        }
    }
    said
}

/// The territory of a record, and what it came before.
fn territory(found: &InTerritory) -> String {
    let InTerritory {
        territory, area, ..
    } = found;
    let holds = format!("The record lies in the territory “{territory}” ({area})");
    match &found.beaten {
        None => format!("{holds}."),
        Some((other, Won::Narrower)) => format!(
            "{holds}. “{other}” holds it too, with fewer conditions; the narrower area counts."
        ),
        Some((other, Won::Earlier)) => format!(
            "{holds}. “{other}” holds it too, with as many conditions; the one further up counts."
        ),
    }
}

fn rule(reason: &RuleReason, inputs: &[Input]) -> String {
    let name = reason.rule.as_ref().map_or(GONE, |(_, name)| name);
    match reason.outcome {
        "matched" => format!("Rule “{name}” matched."),
        "no_territory" => format!(
            "Rule “{name}” matched, but it gives to the owner of the record's territory, and it lies in none, so it went on:"
        ),
        "disabled" => format!("Rule “{name}” was switched off."),
        "passed_on" => format!(
            "Rule “{name}” matched, but nobody of its target was available, so it passed the record on:"
        ),
        _ if reason.failed_terms.is_empty() => {
            format!("Rule “{name}” did not match; what it said then is not kept.")
        }
        _ => {
            let terms: Vec<_> = reason
                .failed_terms
                .iter()
                .map(|term| failed(term, inputs))
                .collect();
            format!("Rule “{name}” did not match: {}.", terms.join("; "))
        }
    }
}

fn failed(term: &FailedTerm, inputs: &[Input]) -> String {
    let asked = format!(
        "{} {} {}",
        term.field,
        term.op.words(),
        value(&term.expected)
    );
    let asked = asked.trim_end();
    let input = inputs.iter().find(|input| input.field == term.field);
    match input {
        _ if term.actual_kind == "empty" => format!("it asks that {asked}, and it was empty"),
        Some(Input {
            erased: None,
            value: was,
            ..
        }) if !was.is_null() => {
            format!("it asks that {asked}, and it was {}", value(was))
        }
        Some(Input {
            erased: Some(Erased::Field(at)),
            ..
        }) => format!(
            "it asks that {asked}; what it was left with the field on {}",
            moment(*at)
        ),
        Some(Input {
            erased: Some(Erased::Record),
            ..
        }) => {
            format!("it asks that {asked}; what it was is erased with the record")
        }
        _ => format!("it asks that {asked}, which did not hold"),
    }
}

pub(crate) fn target_said(kind: &str, name: Option<&str>) -> String {
    let kind = if kind == "user" { "rep" } else { kind };
    format!("The target is the {kind} “{}”.", name.unwrap_or(GONE))
}

pub(crate) fn rep(reason: &RepReason) -> String {
    let name = reason.rep.as_ref().map_or(GONE, |(_, name)| name);
    let until = reason
        .standing
        .until()
        .map_or(String::new(), |until| format!(" Until {}.", moment(until)));
    format!(
        "{name} (weight {}, credit {}): {}{until}",
        reason.weight,
        reason.credit,
        reason.standing.words()
    )
}

/// What differs between two rule sets.
pub(crate) fn changes(changes: &[Change], names: &Names) -> Vec<String> {
    changes.iter().map(|found| change(found, names)).collect()
}

fn change(change: &Change, names: &Names) -> String {
    match change {
        Change::Added { rule, position } => format!(
            "+ Rule “{}” at position {position}, to {}.",
            rule.name,
            given(rule.target, names)
        ),
        Change::Removed { rule, position } => {
            format!("- Rule “{}” from position {position}.", rule.name)
        }
        Change::Changed { after, parts, .. } => {
            format!("~ Rule “{}”: {}.", after.name, parts.join(", "))
        }
        Change::Moved { name, from, to, .. } => {
            format!("~ Rule “{name}” from position {from} to {to}.")
        }
        Change::Fallback { before, after } => format!(
            "~ The fallback: {} instead of {}.",
            called(*after, names),
            called(*before, names)
        ),
        Change::Territories(found) => territories(found),
    }
}

fn territories(found: &TerritoryChanges) -> String {
    if found.moved {
        return String::from(
            "~ Territories: another order, or other fields that they are read from.",
        );
    }
    let told = found.names.iter().map(|name| format!("“{name}”"));
    let told = told.collect::<Vec<_>>().join(", ");
    let all = found
        .added
        .saturating_add(found.removed)
        .saturating_add(found.changed);
    let more = all.saturating_sub(found.names.len());
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    format!(
        "~ Territories: {} added, {} changed, {} removed: {told}{more}.",
        found.added, found.changed, found.removed
    )
}

fn given(to: GiveTo, names: &Names) -> String {
    match to.target() {
        Some(target) => called(Some(target), names),
        None => String::from("the owner of the territory"),
    }
}

fn called(target: Option<Target>, names: &Names) -> String {
    target.map_or(String::from("nobody"), |target| {
        let kind = if target.kind() == "user" {
            "rep"
        } else {
            target.kind()
        };
        let name = names.target(target.kind(), target.uuid()).unwrap_or(GONE);
        format!("the {kind} “{name}”")
    })
}
