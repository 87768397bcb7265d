//! Tests: conditions, turns and decisions alone; then the verbs against a real database.

mod absences;
mod account_match;
mod availability;
mod bed;
mod calendars;
mod claims;
mod conditions;
mod configuration;
mod cycle;
mod decisions;
mod fairness;
mod files;
mod reasons;
mod recompute;
mod recovery;
mod reference;
mod schedules;
mod sync;
mod territories;
mod territory_rules;
mod turns;
mod versions;
mod views;
mod waiting;
mod wired;

use std::sync::Arc;

use kernel::{PoolId, QueueId, RepId, RuleId};
use layer::FieldType;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::{Condition, Fields, Rep};

fn fields() -> Fields {
    [
        ("Company", FieldType::String),
        ("Country", FieldType::Picklist),
        ("Employees", FieldType::Number),
        ("OptIn", FieldType::Boolean),
        ("Signed", FieldType::Date),
        ("CreatedDate", FieldType::DateTime),
        ("CampaignId", FieldType::Id),
    ]
    .into_iter()
    .map(|(name, kind)| (name.to_owned(), kind))
    .collect()
}

fn condition(json: Json) -> Condition {
    Condition::from_json(&json).unwrap()
}

fn record(json: Json) -> Map<String, Json> {
    json.as_object().unwrap().clone()
}

fn rep_id(n: u128) -> RepId {
    RepId::from_uuid(Uuid::from_u128(n))
}
fn pool_id(n: u128) -> PoolId {
    PoolId::from_uuid(Uuid::from_u128(n))
}
fn queue_id(n: u128) -> QueueId {
    QueueId::from_uuid(Uuid::from_u128(n))
}
fn rule_id(n: u128) -> RuleId {
    RuleId::from_uuid(Uuid::from_u128(n))
}

fn rep(n: u128) -> Rep {
    let salesforce_user_id = Arc::from(format!("005xx0000000{n:03}AAA"));
    Rep {
        id: rep_id(n),
        salesforce_user_id,
        active: true,
        paused: false,
        limits: crate::Limits::default(),
    }
}

fn country_is(country: &str) -> Condition {
    condition(json!({"all": [{"field": "Country", "op": "eq", "value": country}]}))
}
