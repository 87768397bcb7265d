//! Shapes that more than one route answers with.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use kernel::{RuleId, UserId};
use routing::{Step, Target};
use serde::Serialize;
use uuid::Uuid;

/// Anything that has an id and a name.
#[derive(Serialize)]
pub(crate) struct Named<I> {
    pub(crate) id: I,
    pub(crate) name: String,
}

/// A rule that uses something.
#[derive(Serialize)]
pub(crate) struct RuleUse {
    rule_id: RuleId,
    name: String,
}

pub(crate) fn rule_uses(rules: &[(RuleId, String)]) -> Vec<RuleUse> {
    rules
        .iter()
        .map(|(rule_id, name)| RuleUse {
            rule_id: *rule_id,
            name: name.clone(),
        })
        .collect()
}

/// A list that fits on one page.
#[derive(Serialize)]
pub(crate) struct All<T> {
    pub(crate) items: Vec<T>,
}

/// A person, as colleagues see them. Who left has no name here any more.
pub(crate) fn person(names: &HashMap<Uuid, String>, id: Option<Uuid>) -> Option<Named<UserId>> {
    let id = id?;
    let name = names
        .get(&id)
        .cloned()
        .unwrap_or_else(|| String::from("former member"));
    Some(Named {
        id: UserId::from_uuid(id),
        name,
    })
}

/// The id of a target in its wire form, whatever its kind.
pub(crate) fn target_id(kind: &str, id: Uuid) -> String {
    Target::from_parts(kind, id).map_or_else(String::new, |target| match target {
        Target::User { rep_id } => rep_id.to_string(),
        Target::Pool { pool_id } => pool_id.to_string(),
        Target::Queue { queue_id } => queue_id.to_string(),
    })
}

#[derive(Serialize)]
pub(crate) struct StepView {
    at: DateTime<Utc>,
    step: &'static str,
    title: String,
    detail: String,
}

impl From<Step> for StepView {
    fn from(step: Step) -> Self {
        Self {
            at: step.at,
            step: step.step,
            title: step.title,
            detail: step.detail,
        }
    }
}
