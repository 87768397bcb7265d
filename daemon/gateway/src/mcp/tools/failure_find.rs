//! Records that could not be routed, with the reason of each.

use chrono::{DateTime, Utc};
use http::{Granted, Page, Problem};
use layer::{
    Object,
    machine::{self, FailureQuery, MachineFailure},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ROWS, Spec, all_of, cursor_word, input, limit_word, list, maybe, maybe_time, object_word, text,
    time, value,
};
use crate::{
    Gateway,
    answer::page,
    routes::routing::{FailureState, states, views::FailureView},
};

pub(in crate::mcp) const SPEC: Spec = Spec {
    name: "failure_find",
    title: "Find failures",
    description: "Lists records that could not be routed, changed last first, with the code of the reason. Without a \
                  state: what failed and what was given up. The state waiting is decided about again by itself.",
    scope: "failures:read",
    reads: true,
    input: schema,
    output,
};

fn schema() -> Value {
    input(
        json!({
            "object": object_word(),
            "state": {
                "type": "string",
                "enum": ["waiting", "failed", "given_up", "in_doubt"],
                "description": "Which of those that are not settled",
            },
            "reason": { "type": "string", "maxLength": 100, "description": "A code of a reason" },
            "cursor": cursor_word(),
            "limit": limit_word(),
        }),
        &[],
    )
}

fn output() -> Value {
    all_of(json!({ "failures": list(failure_schema()), "next_cursor": maybe("string") }))
}

pub(super) fn failure_schema() -> Value {
    all_of(json!({
        "object": text(),
        "record_id": text(),
        "state": { "type": "string", "enum": ["waiting", "failed", "given_up", "in_doubt"] },
        "reason_code": maybe("string"),
        "attempts": { "type": "integer" },
        "next_attempt_at": maybe_time(),
        "first_seen_at": time(),
        "updated_at": time(),
    }))
}

#[derive(Deserialize)]
pub(super) struct Given {
    object: Option<Object>,
    state: Option<FailureState>,
    reason: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

pub(super) async fn run(who: &Granted, gateway: &Gateway, given: Given) -> Result<Value, Problem> {
    const LIST: &str = "mcp/failures";
    let limit = given.limit.unwrap_or(ROWS);
    let (after, limit) = page::<(DateTime<Utc>, String)>(LIST, given.cursor, Some(limit))?;
    let query = FailureQuery {
        states: states(given.state),
        object: given.object,
        reason: given.reason,
        after,
    };
    let found = gateway
        .db
        .machine(who, move |tx| machine::failure_page(tx, &query, limit))
        .await?;
    let key = |row: &MachineFailure| (LIST, (row.updated_at, row.record_id.clone()));
    let found = Page::from_surplus(found, limit, key).map(FailureView::from);
    Ok(json!({ "failures": value(&found.items)?, "next_cursor": found.next_cursor }))
}
