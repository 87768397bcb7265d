//! Where one record went: what was decided about it, by which rule, for whom, and what became of it.

use http::{Granted, Problem};
use layer::{
    Object,
    machine::{self, LogQuery, MachineLog},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Spec, all_of, failure_find, input, list, maybe, maybe_time, object_word, or_null, outside,
    record_word, text, time, value,
};
use crate::{
    Gateway,
    mcp::outside::mark_at,
    routes::routing::views::{FailureView, LogView},
};

pub(in crate::mcp) const SPEC: Spec = Spec {
    name: "record_explain",
    title: "Explain where a record went",
    description: "Tells what was decided about one lead or contact, newest first: the rule, the rep, pool or queue, the \
                  new owner, and whether it was written; and what is still open about it.",
    scope: "routing:explain",
    reads: true,
    input: schema,
    output,
};

/// Decisions about one record; more is a record that somebody keeps giving back.
const MOST_DECISIONS: i64 = 20;

fn schema() -> Value {
    input(
        json!({ "object": object_word(), "record_id": record_word() }),
        &["object", "record_id"],
    )
}

fn output() -> Value {
    all_of(json!({
        "decisions": list(decision_schema()),
        "more_decisions": { "type": "boolean" },
        "open": or_null(failure_find::failure_schema()),
    }))
}

fn decision_schema() -> Value {
    all_of(json!({
        "id": text(),
        "decided_at": time(),
        "object": text(),
        "record_id": text(),
        "rule": or_null(all_of(json!({ "id": text(), "name": outside(), "version": maybe("integer") }))),
        "target_kind": text(),
        "target_id": text(),
        "rep": or_null(all_of(json!({ "id": text(), "name": outside() }))),
        "new_owner_id": text(),
        "previous_owner_id": maybe("string"),
        "state": text(),
        "outcome_code": maybe("string"),
        "sent_at": maybe_time(),
        "written_at": maybe_time(),
    }))
}

#[derive(Deserialize)]
pub(super) struct Given {
    object: Object,
    record_id: String,
}

pub(super) async fn run(who: &Granted, gateway: &Gateway, given: Given) -> Result<Value, Problem> {
    let (object, record) = (given.object, given.record_id);
    let query = LogQuery {
        object: Some(object),
        record: Some(record.clone()),
        ..LogQuery::default()
    };
    let (mut log, open) = gateway
        .db
        .machine(who, move |tx| {
            let log = machine::log_page(tx, &query, MOST_DECISIONS)?;
            Ok::<_, layer::LayerError>((log, machine::failure_get(tx, object, &record)?))
        })
        .await?;
    let most = usize::try_from(MOST_DECISIONS).unwrap_or(usize::MAX);
    let more = log.len() > most;
    log.truncate(most);
    let decisions: Result<Vec<Value>, Problem> = log.into_iter().map(decision).collect();
    let open = open.map(|row| value(&FailureView::from(row))).transpose()?;
    Ok(json!({ "decisions": decisions?, "more_decisions": more, "open": open }))
}

fn decision(row: MachineLog) -> Result<Value, Problem> {
    let mut told = value(&LogView::from(row))?;
    mark_at(&mut told, "/rule/name");
    mark_at(&mut told, "/rep/name");
    Ok(told)
}
