//! What there is: versions, resources, limits, objects and their describes.

use serde_json::{Value as Json, json};

use super::Request;
use crate::{
    call::Answer,
    model::describe,
    oauth::token::Place,
    store::{refusal::Refusal, table::Table},
    world::World,
};

const OLDEST: u32 = 31;
const NEWEST: u32 = 67;
const SEASONS: [&str; 3] = ["Spring", "Summer", "Winter"];

/// `v65.0` -> `65.0`, when the service has that version.
pub(super) fn known_version(segment: &str) -> Option<&str> {
    let version = segment.strip_prefix('v')?;
    let number: u32 = version.strip_suffix(".0")?.parse().ok()?;
    (OLDEST..=NEWEST).contains(&number).then_some(version)
}

/// Newest last. Needs no session.
pub(super) fn versions() -> Answer {
    let versions: Vec<Json> = (OLDEST..=NEWEST)
        .zip(SEASONS.iter().cycle().skip(1))
        .map(|(number, season)| {
            // Three releases a year; 65.0 is Winter '26.
            let year = number.saturating_add(13) / 3;
            json!({
                "label": format!("{season} '{year}"), "version": format!("{number}.0"),
                "url": format!("/services/data/v{number}.0"),
            })
        })
        .collect();
    Answer::json(200, &versions)
}

pub(super) fn resources(place: &Place<'_>, request: &Request<'_>) -> Answer {
    let base = format!("/services/data/v{}", request.version);
    let identity = format!(
        "{}/id/{}/{}",
        place.url, place.organisation, request.session.user
    );
    Answer::json(
        200,
        &json!({
            "query": format!("{base}/query"), "queryAll": format!("{base}/queryAll"),
            "sobjects": format!("{base}/sobjects"), "composite": format!("{base}/composite"),
            "limits": format!("{base}/limits"), "identity": identity,
        }),
    )
}

pub(super) fn limits(world: &World) -> Answer {
    let limit = world.settings.daily_limit;
    let left = limit.saturating_sub(world.api_used);
    Answer::json(
        200,
        &json!({ "DailyApiRequests": { "Max": limit, "Remaining": left } }),
    )
}

pub(super) fn objects(world: &World, request: &Request<'_>) -> Answer {
    let tables = world.store.tables().iter();
    let objects: Vec<Json> = tables
        .map(|table| describe::summary(&table.object, request.version))
        .collect();
    Answer::json(
        200,
        &json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects }),
    )
}

pub(super) fn object(world: &World, request: &Request<'_>, name: &str) -> Result<Answer, Refusal> {
    let table = find(world, name)?;
    let summary = describe::summary(&table.object, request.version);
    Ok(Answer::json(
        200,
        &json!({ "objectDescribe": summary, "recentItems": [] }),
    ))
}

pub(super) fn describe(
    world: &World,
    request: &Request<'_>,
    name: &str,
) -> Result<Answer, Refusal> {
    Ok(Answer::json(
        200,
        &describe::full(&find(world, name)?.object, request.version),
    ))
}

pub(super) fn find<'a>(world: &'a World, name: &str) -> Result<&'a Table, Refusal> {
    world.store.table(name).ok_or_else(Refusal::not_found)
}
