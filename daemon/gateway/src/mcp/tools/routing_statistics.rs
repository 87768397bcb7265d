//! The routing in numbers, of a span of time.

use chrono::{DateTime, Utc};
use http::{Granted, Problem};
use layer::machine;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Spec, all_of, input, list, maybe, time, time_word, value};
use crate::{
    Gateway,
    routes::routing::{span, views::StatisticsView},
};

pub(super) const SPEC: Spec = Spec {
    name: "routing_statistics",
    title: "See the routing in numbers",
    description: "Counts what was decided in a span of time (the last seven days unless told, at most 92 days) by what \
                  became of it and by rep, and what is not settled at this moment.",
    scope: "statistics:read",
    reads: true,
    input: schema,
    output,
};

fn schema() -> Value {
    let words = json!({
        "from": time_word("Where the span begins"),
        "to": time_word("Where it ends"),
    });
    input(words, &[])
}

fn output() -> Value {
    let counts = |names: [&str; 4]| {
        let counts = names.map(|name| (name.to_owned(), json!({ "type": "integer" })));
        all_of(counts.into_iter().collect())
    };
    all_of(json!({
        "from": time(),
        "to": time(),
        "decided": counts(["proposed", "assigned", "in_doubt", "failed"]),
        "by_rep": list(all_of(json!({ "rep_id": maybe("string"), "assigned": { "type": "integer" } }))),
        "unsettled": counts(["waiting", "failed", "given_up", "in_doubt"]),
    }))
}

#[derive(Deserialize)]
pub(super) struct Given {
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

pub(super) async fn run(who: &Granted, gateway: &Gateway, given: Given) -> Result<Value, Problem> {
    let (from, to) = span(given.from, given.to, gateway.db.clock().now())?;
    let counted = gateway
        .db
        .machine(who, move |tx| machine::statistics(tx, from, to))
        .await?;
    value(&StatisticsView::new(from, to, counted))
}
