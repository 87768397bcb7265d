//! One record: create, read, change, delete.

use serde_json::json;

use super::{Request, discovery};
use crate::{
    call::Answer,
    model::id::Id,
    query::page::{Output, Page, quoted},
    store::{refusal::Refusal, write::Fields},
    world::World,
};

pub(super) fn create(
    world: &mut World,
    request: &Request<'_>,
    object: &str,
) -> Result<Answer, Refusal> {
    let mut fields: Fields = request.call.json()?;
    fields.remove("attributes");
    let id = world
        .store
        .create(request.now, request.author(), object, &fields)?;
    Ok(Answer::json(
        201,
        &json!({ "id": id, "success": true, "errors": [] }),
    ))
}

pub(super) fn read(
    world: &World,
    request: &Request<'_>,
    (object, id): (&str, &str),
) -> Result<Answer, Refusal> {
    let table = discovery::find(world, object)?;
    let slot = Id::parse(id)
        .and_then(|id| table.slot(id))
        .ok_or_else(Refusal::not_found)?;
    let row = table.row(slot).filter(|row| !row.is_deleted());
    row.ok_or_else(Refusal::not_found)?;
    let outputs = match request.call.param("fields") {
        None => visible(table),
        Some(names) => names
            .split(',')
            .map(|name| column(table, name.trim()))
            .collect::<Result<Vec<_>, _>>()?,
    };
    let page = Page {
        store: &world.store,
        version: request.version,
        include_deleted: false,
    };
    let mut out = Vec::new();
    page.write_rows(&mut out, table, &outputs, &[slot]);
    // One record, not a list of one.
    let record = out
        .strip_prefix(b"[")
        .and_then(|out| out.strip_suffix(b"]"));
    Ok(Answer::raw_json(record.unwrap_or_default().to_vec()))
}

fn visible(table: &crate::store::table::Table) -> Vec<Output> {
    let fields = table
        .object
        .fields
        .iter()
        .enumerate()
        .filter(|(_, field)| !field.hidden);
    fields
        .map(|(column, field)| Output::Column(quoted(&field.name), column))
        .collect()
}

pub(super) fn column(table: &crate::store::table::Table, name: &str) -> Result<Output, Refusal> {
    let unknown = || Refusal::unknown_field(name, table.object.name);
    let column = table.object.column(name).ok_or_else(unknown)?;
    let field = table.object.fields.get(column).ok_or_else(unknown)?;
    Ok(Output::Column(quoted(&field.name), column))
}

pub(super) fn update(
    world: &mut World,
    request: &Request<'_>,
    (object, id): (&str, &str),
) -> Result<Answer, Refusal> {
    let mut fields: Fields = request.call.json()?;
    fields.remove("attributes");
    let id = Id::parse(id).ok_or_else(Refusal::not_found)?;
    let author = request.author();
    let checked = match world.faults.on_row(request.call, id) {
        Some(refusal) => Err(refusal),
        None => world.store.check_update(object, id, &fields),
    };
    match checked {
        Ok(change) => {
            world.store.apply(request.now, author, change);
            Ok(Answer::empty(204))
        }
        Err(refusal) => {
            let code = refusal.code.clone();
            world
                .store
                .log_refused(request.now, author, (object, id), &fields, &code);
            Err(refusal)
        }
    }
}

pub(super) fn delete(
    world: &mut World,
    request: &Request<'_>,
    (object, id): (&str, &str),
) -> Result<Answer, Refusal> {
    let id = Id::parse(id).ok_or_else(Refusal::not_found)?;
    world
        .store
        .delete(request.now, request.author(), object, id)?;
    Ok(Answer::empty(204))
}
