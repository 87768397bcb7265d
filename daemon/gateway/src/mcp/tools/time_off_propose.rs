//! A wish that a rep be away on some days, for a person to decide.

use chrono::NaiveDate;
use http::{Granted, Problem};
use kernel::RepId;
use layer::{Wish, machine};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Spec, input, propose, proposed, reason_word};
use crate::Gateway;

pub(in crate::mcp) const SPEC: Spec = Spec {
    name: "time_off_propose",
    title: "Propose time off for a rep",
    description: "Asks the organisation's people to give a rep no records on some days, the last one included. Nothing \
                  happens until one of them approves.",
    scope: "time_off:propose",
    reads: false,
    input: schema,
    output: proposed,
};

fn schema() -> Value {
    let day = |of: &str| json!({ "type": "string", "format": "date", "description": of });
    input(
        json!({
            "rep_id": { "type": "string", "minLength": 36, "maxLength": 36, "description": "As rep_load names it" },
            "first_day": day("The first day away, where the rep is"),
            "last_day": day("The last day away; the same for one day"),
            "reason": reason_word(),
        }),
        &["rep_id", "first_day", "last_day", "reason"],
    )
}

#[derive(Deserialize)]
pub(super) struct Given {
    rep_id: String,
    first_day: NaiveDate,
    last_day: NaiveDate,
    reason: String,
}

pub(super) async fn run(who: &Granted, gateway: &Gateway, given: Given) -> Result<Value, Problem> {
    let rep: RepId = given.rep_id.parse().map_err(|_| Problem::not_found())?;
    if given.last_day < given.first_day {
        return Err(Problem::invalid(
            "time_off_days_invalid",
            "last_day",
            "The last day is before the first.",
        ));
    }
    let known = gateway
        .db
        .machine(who, move |tx| machine::rep_known(tx, rep.uuid()))
        .await?;
    if !known {
        return Err(Problem::not_found());
    }
    let wish = Wish::TimeOff {
        rep,
        first_day: given.first_day,
        last_day: given.last_day,
    };
    propose(who, gateway, wish, &given.reason).await
}
