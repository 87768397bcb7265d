//! Who takes part, and how much each was given lately.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use http::{Granted, Page, Problem};
use layer::{
    LayerError,
    machine::{self, MachineRep, RepCount},
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    ROWS, Spec, all_of, cursor_word, input, limit_word, list, maybe, maybe_time, outside, text,
    time, value,
};
use crate::{Gateway, answer::page, mcp::outside::mark_at, routes::routing::views::RepView};

pub(super) const SPEC: Spec = Spec {
    name: "rep_load",
    title: "See how loaded the reps are",
    description: "Lists reps with their caps, whether they are active or paused, and how many records each was given in \
                  the last hour, day and week.",
    scope: "reps:read",
    reads: true,
    input: schema,
    output,
};

fn schema() -> Value {
    input(
        json!({ "cursor": cursor_word(), "limit": limit_word() }),
        &[],
    )
}

fn output() -> Value {
    all_of(json!({
        "reps": list(all_of(json!({
            "id": text(),
            "salesforce_id": text(),
            "name": outside(),
            "active": { "type": "boolean" },
            "paused": { "type": "boolean" },
            "time_zone": maybe("string"),
            "caps": all_of(json!({ "hour": maybe("integer"), "day": maybe("integer"), "week": maybe("integer") })),
            "last_assigned_at": maybe_time(),
            "synced_at": time(),
            "assigned": all_of(json!({
                "last_hour": { "type": "integer" },
                "last_day": { "type": "integer" },
                "last_week": { "type": "integer" },
            })),
        }))),
        "next_cursor": maybe("string"),
    }))
}

#[derive(Deserialize)]
pub(super) struct Given {
    cursor: Option<String>,
    limit: Option<i64>,
}

/// How many records each rep was given in one span.
type Counts = BTreeMap<Uuid, i64>;

pub(super) async fn run(who: &Granted, gateway: &Gateway, given: Given) -> Result<Value, Problem> {
    const LIST: &str = "mcp/reps";
    let limit = given.limit.unwrap_or(ROWS);
    let (after, limit) = page::<Uuid>(LIST, given.cursor, Some(limit))?;
    let now = gateway.db.clock().now();
    let (found, spans) = gateway
        .db
        .machine(who, move |tx| {
            let found = machine::reps(tx, after, limit)?;
            let mut since = |span: TimeDelta| {
                let counted = machine::rep_counts(tx, before(now, span))?;
                Ok::<_, LayerError>(by_rep(counted))
            };
            let spans = [
                since(TimeDelta::hours(1))?,
                since(TimeDelta::days(1))?,
                since(TimeDelta::weeks(1))?,
            ];
            Ok::<_, LayerError>((found, spans))
        })
        .await?;
    let found = Page::from_surplus(found, limit, |row| (LIST, row.rep_id));
    let reps: Result<Vec<Value>, Problem> = found
        .items
        .into_iter()
        .map(|row| rep(row, &spans))
        .collect();
    Ok(json!({ "reps": reps?, "next_cursor": found.next_cursor }))
}

fn before(now: DateTime<Utc>, span: TimeDelta) -> DateTime<Utc> {
    now.checked_sub_signed(span).unwrap_or(now)
}

fn by_rep(counted: Vec<RepCount>) -> Counts {
    let counted = counted.into_iter();
    counted
        .filter_map(|row| Some((row.rep_id?, row.count)))
        .collect()
}

fn rep(row: MachineRep, [hour, day, week]: &[Counts; 3]) -> Result<Value, Problem> {
    let of = |counts: &Counts| counts.get(&row.rep_id).copied().unwrap_or_default();
    let assigned = json!({ "last_hour": of(hour), "last_day": of(day), "last_week": of(week) });
    let mut told = value(&RepView::from(row))?;
    mark_at(&mut told, "/name");
    if let Value::Object(members) = &mut told {
        members.insert(String::from("assigned"), assigned);
    }
    Ok(told)
}
