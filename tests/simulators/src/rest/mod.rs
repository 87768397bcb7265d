//! `/services/data`: discovery, query, records and collections.

mod changes;
mod collections;
mod discovery;
#[cfg(test)]
mod fault_tests;
mod query;
mod records;
#[cfg(test)]
mod tests;

use crate::{
    call::{Answer, Call},
    oauth::access::Session,
    store::{log::Author, refusal::Refusal},
    world::{Sim, World},
};

pub(crate) struct Request<'a> {
    pub(crate) call: &'a Call,
    /// As in the address, without the `v`.
    pub(crate) version: &'a str,
    /// The path after the version.
    pub(crate) rest: &'a [&'a str],
    pub(crate) now: i64,
    pub(crate) session: Session,
}

impl Request<'_> {
    fn author(&self) -> Author {
        Author {
            user: self.session.user,
            grant: self.session.grant,
            generation: self.session.generation,
            request: self.call.number,
        }
    }
}

pub(crate) fn answer(sim: &Sim, call: &Call) -> Answer {
    let segments = call.segments();
    let Some(version) = segments.get(2) else {
        return discovery::versions();
    };
    let Some(version) = discovery::known_version(version) else {
        return Answer::refusal(&Refusal::not_found());
    };
    let world = &mut *sim.world();
    let now = sim.clock.now();
    let session = match world.oauth.session(call.bearer(), &world.settings, now) {
        Ok(session) => session,
        Err(refusal) => return Answer::refusal(&refusal),
    };
    if world.api_used >= world.settings.daily_limit {
        return Answer::refusal(&Refusal::over_limit()).with(LIMIT_INFO, usage(world));
    }
    world.api_used = world.api_used.saturating_add(1);
    let rest = segments.get(3..).unwrap_or_default();
    let request = Request {
        call,
        version,
        rest,
        now,
        session,
    };
    let answer = route(sim, world, &request).unwrap_or_else(|refusal| Answer::refusal(&refusal));
    answer.with(LIMIT_INFO, usage(world))
}

const LIMIT_INFO: &str = "Sforce-Limit-Info";

fn usage(world: &World) -> String {
    format!(
        "api-usage={}/{}",
        world.api_used, world.settings.daily_limit
    )
}

fn route(sim: &Sim, world: &mut World, request: &Request<'_>) -> Result<Answer, Refusal> {
    match (request.call.method.as_str(), request.rest) {
        ("GET", []) => Ok(discovery::resources(&sim.place(), request)),
        ("GET", ["limits"]) => Ok(discovery::limits(world)),
        ("GET", ["query"]) => query::first(world, request, false),
        ("GET", ["queryAll"]) => query::first(world, request, true),
        ("GET", ["query" | "queryAll", locator]) => query::next(world, request, locator),
        ("GET", ["sobjects"]) => Ok(discovery::objects(world, request)),
        ("GET", ["sobjects", object]) => discovery::object(world, request, object),
        ("POST", ["sobjects", object]) => records::create(world, request, object),
        ("GET", ["sobjects", object, "describe"]) => discovery::describe(world, request, object),
        ("GET", ["sobjects", object, "updated"]) => changes::updated(world, request, object),
        ("GET", ["sobjects", object, "deleted"]) => changes::deleted(world, request, object),
        ("GET", ["sobjects", object, id]) => records::read(world, request, (object, id)),
        ("PATCH", ["sobjects", object, id]) => records::update(world, request, (object, id)),
        ("DELETE", ["sobjects", object, id]) => records::delete(world, request, (object, id)),
        ("PATCH", ["composite", "sobjects"]) => collections::update(world, request),
        ("POST", ["composite", "sobjects"]) => collections::create(world, request),
        ("DELETE", ["composite", "sobjects"]) => collections::delete(world, request),
        ("POST", ["composite", "sobjects", object]) => {
            collections::retrieve(world, request, object)
        }
        (_, ["query" | "sobjects" | "composite" | "limits", ..]) => {
            let message = "HTTP Method not allowed";
            Err(Refusal::new(405, "METHOD_NOT_ALLOWED", message))
        }
        _ => Err(Refusal::not_found()),
    }
}
