//! Which records changed or went between two moments.

use serde_json::{Value as Json, json};

use super::{Request, discovery};
use crate::{
    call::Answer,
    model::value::{parse_time, time_text},
    store::{
        refusal::Refusal,
        table::{Row, Table},
    },
    world::World,
};

const MINUTE: i64 = 60 * 1_000;

pub(super) fn updated(
    world: &World,
    request: &Request<'_>,
    object: &str,
) -> Result<Answer, Refusal> {
    let table = discovery::find(world, object)?;
    let (from, to) = span(request)?;
    let ids: Vec<Json> = rows(table, from, to)
        .filter(|row| !row.is_deleted())
        .map(|row| json!(row.id))
        .collect();
    Ok(Answer::json(
        200,
        &json!({ "ids": ids, "latestDateCovered": time_text(to) }),
    ))
}

pub(super) fn deleted(
    world: &World,
    request: &Request<'_>,
    object: &str,
) -> Result<Answer, Refusal> {
    let table = discovery::find(world, object)?;
    let (from, to) = span(request)?;
    let records: Vec<Json> = rows(table, from, to)
        .filter(|row| row.is_deleted())
        .map(|row| json!({ "id": row.id, "deletedDate": time_text(row.stamp()) }))
        .collect();
    let earliest = time_text(request.now.saturating_sub(15 * 24 * 60 * MINUTE));
    Ok(Answer::json(
        200,
        &json!({
            "deletedRecords": records, "earliestDateAvailable": earliest,
            "latestDateCovered": time_text(to),
        }),
    ))
}

fn rows(table: &Table, from: i64, to: i64) -> impl Iterator<Item = &Row> {
    table
        .by_stamp(from, to.saturating_sub(1))
        .filter_map(|slot| table.row(slot))
}

/// `start` and `end` without their seconds, more than a minute apart.
fn span(request: &Request<'_>) -> Result<(i64, i64), Refusal> {
    let moment = |name: &str| {
        let text = request.call.param(name).unwrap_or_default();
        // A `+` that was not escaped arrives as a space.
        parse_time(&text.replace(' ', "+"))
            .map(|millis| millis.div_euclid(MINUTE).saturating_mul(MINUTE))
            .ok_or_else(|| Refusal::new(400, "INVALID_DATE_FORMAT", format!("Invalid {name} date")))
    };
    let (from, to) = (moment("start")?, moment("end")?);
    if to.saturating_sub(from) < MINUTE {
        let message = "endDate must be at least one minute greater than startDate";
        return Err(Refusal::new(400, "INVALID_REPLICATION_DATE", message));
    }
    Ok((from, to))
}
