//! The administrator's requests, by method and path. All need the administrator's token.

use std::sync::Arc;

use serde_json::json;

use super::{generate, trickle};
use crate::{
    authenticator::{Authenticator, empty_page},
    call::{Answer, Call},
    model::{
        object::{Field, Kind},
        value::{time_text, write_json},
    },
    store::{Store, table::Table},
    wire::{AuthenticatorAccount, ClockReport, FieldChange, Loaded, OwnerRow, Stats},
    world::{Sim, World},
};

pub(crate) fn answer(sim: &Arc<Sim>, call: &Call) -> Answer {
    // A person opens it in a browser, which sends no token.
    if (call.method.as_str(), call.path.as_str()) == ("GET", "/_sim/authenticator") {
        return authenticator_page(sim);
    }
    if call.bearer() != Some(&sim.config.admin_token) {
        return wrong(401, "the administrator's token is needed");
    }
    route(sim, call).unwrap_or_else(|message| wrong(400, &message))
}

fn wrong(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": message }))
}

fn done() -> Answer {
    Answer::json(200, &json!({}))
}

fn route(sim: &Arc<Sim>, call: &Call) -> Result<Answer, String> {
    let segments = call.segments();
    let path = segments.get(1..).unwrap_or_default();
    match (call.method.as_str(), path) {
        ("POST", ["load", object]) => load(sim, call, object),
        ("POST", ["generate"]) => {
            let world = &mut *sim.world();
            let made = generate::generate(&mut world.store, &read(call)?, sim.clock.now())?;
            Ok(Answer::json(200, &made))
        }
        ("POST", ["trickle"]) => {
            trickle::start(sim, read(call)?);
            Ok(done())
        }
        ("DELETE", ["trickle"]) => {
            trickle::stop(sim);
            Ok(done())
        }
        ("POST", ["clock"]) => {
            sim.clock.command(read(call)?);
            Ok(clock(sim))
        }
        ("GET", ["clock"]) => Ok(clock(sim)),
        ("POST", ["reset"]) => {
            sim.reset();
            Ok(done())
        }
        ("POST", ["grant"]) => grant(sim, call),
        ("GET", path) => look(&sim.world(), call, path),
        (method, path) => change(&mut sim.world(), call, method, path),
    }
}

/// What is only read.
fn look(world: &World, call: &Call, path: &[&str]) -> Result<Answer, String> {
    let after = call.param("after").map_or(Ok(0), str::parse::<u64>);
    let after = after.map_err(|_| "after: not a number".to_owned())?;
    match path {
        ["writes"] => Ok(Answer::lines(world.store.log.lines_after(after))),
        ["requests"] => Ok(Answer::lines(world.journal.lines_after(after))),
        ["tokens"] => Ok(Answer::json(200, &world.oauth.report())),
        ["faults"] => Ok(Answer::json(200, &world.faults.report())),
        ["settings"] => Ok(Answer::json(200, &world.settings)),
        ["stats"] => Ok(Answer::json(200, &stats(world))),
        ["owners"] => owners(&world.store, call.param("sobject").unwrap_or("Lead")),
        _ => Ok(wrong(404, "no such resource")),
    }
}

/// What changes the world alone.
fn change(world: &mut World, call: &Call, method: &str, path: &[&str]) -> Result<Answer, String> {
    match (method, path) {
        ("POST", ["faults"]) => world.faults.add(read(call)?)?,
        ("DELETE", ["faults"]) => world.faults.clear(),
        ("PUT", ["settings"]) => world.settings = read(call)?,
        ("PUT", ["authenticator"]) => {
            let account: AuthenticatorAccount = read(call)?;
            let app = Authenticator::new(&account.secret).map_err(|error| error.to_string())?;
            world.authenticator = Some((account.name, app));
        }
        ("POST", ["rules"]) => world.store.rules.push(read(call)?),
        ("DELETE", ["rules"]) => world.store.rules.clear(),
        ("POST", ["fields"]) => change_field(&mut world.store, &read(call)?)?,
        ("POST", ["clients"]) => {
            let client: crate::wire::Client = read(call)?;
            world.oauth.clients.retain(|known| known.id != client.id);
            world.oauth.clients.push(client);
        }
        ("POST", ["expire-sessions"]) => world.oauth.expire_all(),
        ("POST", ["revoke-grants"]) => world.oauth.revoke_all(),
        ("POST", ["unfreeze"]) => world.oauth.unfreeze(),
        _ => return Ok(wrong(404, "no such resource")),
    }
    Ok(done())
}

fn read<T: serde::de::DeserializeOwned>(call: &Call) -> Result<T, String> {
    serde_json::from_slice(&call.body).map_err(|error| error.to_string())
}

fn load(sim: &Sim, call: &Call, object: &str) -> Result<Answer, String> {
    let now = sim.clock.now();
    let ids = sim.world().store.load_lines(now, object, &call.body)?;
    Ok(Answer::json(200, &Loaded { ids }))
}

/// The current code, for whoever tries the demo without a phone.
fn authenticator_page(sim: &Sim) -> Answer {
    let seconds = sim.clock.now() / 1_000;
    let page = match &sim.world().authenticator {
        Some((name, app)) => app.page(name, seconds),
        None => empty_page(),
    };
    Answer::text(200, &page).with("Cache-Control", "no-store")
}

fn clock(sim: &Sim) -> Answer {
    let millis = sim.clock.now();
    Answer::json(
        200,
        &ClockReport {
            millis,
            time: time_text(millis),
        },
    )
}

fn grant(sim: &Sim, call: &Call) -> Result<Answer, String> {
    let command: crate::wire::GrantCommand = read(call)?;
    let granted = sim.world().oauth.grant_directly(
        &sim.place(),
        &command.username,
        &command.client_id,
        &command.scope,
        sim.clock.now(),
    );
    let granted = granted.ok_or("no such person or application")?;
    Ok(Answer::json(200, &granted))
}

fn change_field(store: &mut Store, change: &FieldChange) -> Result<(), String> {
    let table = store.table_mut(&change.sobject).ok_or("no such object")?;
    let known = table.object.stored_column(&change.name);
    let known = known
        .and_then(|column| table.object.fields.get(column))
        .cloned();
    let mut field = match (known, change.kind.as_deref().map(Kind::parse)) {
        (Some(field), _) => field,
        (None, Some(Some(kind))) => Field::new(&change.name, kind, 255),
        (None, _) => return Err("a new field needs a kind, as a describe names it".to_owned()),
    };
    field.hidden = change.hidden;
    table.object.add(field);
    Ok(())
}

fn owners(store: &Store, object: &str) -> Result<Answer, String> {
    let table = store.table(object).ok_or("no such object")?;
    let owner = table
        .object
        .stored_column("OwnerId")
        .ok_or("the object has no owner")?;
    let mut out = Vec::new();
    for row in table.rows().iter().filter(|row| !row.is_deleted()) {
        let created = row
            .get(crate::model::object::column::CREATED_DATE)
            .to_json();
        let created = created.as_str().unwrap_or_default().to_owned();
        let line = OwnerRow {
            id: row.id,
            owner: row.get(owner).as_id(),
            created,
        };
        write_json(&mut out, &line);
        out.push(b'\n');
    }
    Ok(Answer::lines(out))
}

fn stats(world: &World) -> Stats {
    let tokens = world.oauth.report();
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let count = |table: &Table| table.rows().iter().filter(|row| !row.is_deleted()).count();
    let tables = world.store.tables().iter();
    Stats {
        records: tables
            .map(|t| (t.object.name.to_owned(), number(count(t))))
            .collect(),
        requests: world.journal.count(),
        writes: number(world.store.log.len()),
        api_used: world.api_used,
        refreshes: tokens.grants.iter().map(|grant| grant.refreshes).sum(),
        reuses: tokens.grants.iter().map(|grant| grant.reuses).sum(),
        collisions: tokens.grants.iter().map(|grant| grant.collisions).sum(),
        frozen_users: number(tokens.frozen_users.len()),
        trickled: world.trickled,
    }
}
