//! Queries and their further pages.

use super::Request;
use crate::{
    call::Answer,
    query::{compile, cursor::Ask},
    store::refusal::Refusal,
    world::World,
};

/// What a client may ask for as a page; the service may give less.
const BATCH: std::ops::RangeInclusive<usize> = 200..=2_000;

pub(super) fn first(
    world: &mut World,
    request: &Request<'_>,
    include_deleted: bool,
) -> Result<Answer, Refusal> {
    let text = request.call.param("q").ok_or_else(|| {
        Refusal::new(
            400,
            "MALFORMED_QUERY",
            "SOQL statements cannot be empty or null",
        )
    })?;
    let plan = compile(&world.store, text, request.now)?;
    let ask = ask(world, request, include_deleted);
    Ok(Answer::raw_json(world.cursors.first_page(
        &world.store,
        plan,
        &ask,
    )))
}

pub(super) fn next(world: &World, request: &Request<'_>, locator: &str) -> Result<Answer, Refusal> {
    let ask = ask(world, request, false);
    world
        .cursors
        .next_page(&world.store, locator, &ask)
        .map(Answer::raw_json)
}

fn ask<'a>(world: &World, request: &Request<'a>, include_deleted: bool) -> Ask<'a> {
    let wished = request
        .call
        .header("Sforce-Query-Options")
        .and_then(|options| options.split_once("batchSize="))
        .and_then(|(_, size)| size.trim().parse::<usize>().ok())
        .unwrap_or(*BATCH.end());
    let wished = wished.clamp(*BATCH.start(), *BATCH.end());
    Ask {
        version: request.version,
        page_size: wished.min(world.settings.page_size).max(1),
        include_deleted,
    }
}
