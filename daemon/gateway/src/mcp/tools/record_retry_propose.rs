//! A wish that a record be tried again, for a person to decide.

use actix_web::http::StatusCode;
use http::{Granted, Problem};
use layer::{Object, Wish, machine};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Spec, input, object_word, propose, proposed, reason_word, record_word};
use crate::Gateway;

pub(in crate::mcp) const SPEC: Spec = Spec {
    name: "record_retry_propose",
    title: "Propose to try a record again",
    description: "Asks the organisation's people to have one record routed again that failed or was given up. Nothing \
                  happens until one of them approves.",
    scope: "retries:propose",
    reads: false,
    input: schema,
    output: proposed,
};

fn schema() -> Value {
    input(
        json!({ "object": object_word(), "record_id": record_word(), "reason": reason_word() }),
        &["object", "record_id", "reason"],
    )
}

#[derive(Deserialize)]
pub(super) struct Given {
    object: Object,
    record_id: String,
    reason: String,
}

const RETRYABLE: [&str; 2] = ["failed", "given_up"];

pub(super) async fn run(who: &Granted, gateway: &Gateway, given: Given) -> Result<Value, Problem> {
    let (object, record_id) = (given.object, given.record_id.clone());
    let found = gateway
        .db
        .machine(who, move |tx| machine::failure_get(tx, object, &record_id))
        .await?;
    if !found.is_some_and(|mark| RETRYABLE.contains(&mark.state.as_str())) {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "not_retryable",
            "This record neither failed nor was given up.",
        ));
    }
    let wish = Wish::RecordRetry {
        object,
        record_id: given.record_id,
    };
    propose(who, gateway, wish, &given.reason).await
}
