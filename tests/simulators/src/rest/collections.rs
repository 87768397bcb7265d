//! Up to 200 records in one request. Each has its own result, in the order of the request, and
//! the request answers 200 even when every record failed.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Request, discovery, records};
use crate::{
    call::Answer,
    model::id::Id,
    query::page::Page,
    store::{
        refusal::Refusal,
        write::{Change, Fields},
    },
    world::World,
};

const MOST: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Collection {
    #[serde(default)]
    all_or_none: bool,
    records: Vec<Fields>,
}

/// One record of the request, taken apart.
struct Item {
    object: String,
    id: Option<Id>,
    fields: Fields,
}

fn collection(request: &Request<'_>) -> Result<(bool, Vec<Item>), Refusal> {
    let collection: Collection = request.call.json()?;
    if collection.records.len() > MOST {
        let message = format!("record count is greater than the limit of {MOST}");
        return Err(Refusal::new(400, "EXCEEDED_ID_LIMIT", message));
    }
    let items = collection
        .records
        .into_iter()
        .map(item)
        .collect::<Result<Vec<_>, _>>()?;
    Ok((collection.all_or_none, items))
}

fn item(mut fields: Fields) -> Result<Item, Refusal> {
    let object = fields
        .remove("attributes")
        .and_then(|attributes| Some(attributes.get("type")?.as_str()?.to_owned()))
        .ok_or_else(|| {
            let message = "Include an entity type in each record's attributes";
            Refusal::new(400, "INVALID_INPUT", message)
        })?;
    let given = fields.remove("id").or_else(|| fields.remove("Id"));
    let id = given.as_ref().and_then(Json::as_str).and_then(Id::parse);
    Ok(Item { object, id, fields })
}

fn success(id: Id) -> Json {
    json!({ "id": id, "success": true, "errors": [] })
}

/// Per-record errors say `statusCode` where the rest of the API says `errorCode`.
fn failure(id: Option<Id>, refusal: &Refusal) -> Json {
    let error = json!({
        "statusCode": refusal.code, "message": refusal.message, "fields": refusal.fields,
    });
    let mut result = json!({ "success": false, "errors": [error] });
    if let (Some(id), Some(map)) = (id, result.as_object_mut()) {
        map.insert("id".to_owned(), json!(id));
    }
    result
}

pub(super) fn update(world: &mut World, request: &Request<'_>) -> Result<Answer, Refusal> {
    let (all_or_none, items) = collection(request)?;
    if all_or_none {
        return Ok(update_together(world, request, &items));
    }
    let results: Vec<Json> = items
        .iter()
        .map(|item| {
            let checked = check(world, request, item);
            settle(world, request, item, checked)
        })
        .collect();
    Ok(Answer::json(200, &results))
}

fn update_together(world: &mut World, request: &Request<'_>, items: &[Item]) -> Answer {
    let checked: Vec<Result<Change, Refusal>> = items
        .iter()
        .map(|item| check(world, request, item))
        .collect();
    let fails = checked.iter().any(Result::is_err);
    let results: Vec<Json> = items
        .iter()
        .zip(checked)
        .map(|(item, checked)| {
            let outcome = match checked {
                Ok(_) if fails => Err(Refusal::rolled_back()),
                other => other,
            };
            settle(world, request, item, outcome)
        })
        .collect();
    Answer::json(200, &results)
}

fn check(world: &mut World, request: &Request<'_>, item: &Item) -> Result<Change, Refusal> {
    let id = item.id.ok_or_else(|| {
        Refusal::new(
            400,
            "MISSING_ARGUMENT",
            "Id not specified in an update call",
        )
        .on("Id")
    })?;
    match world.faults.on_row(request.call, id) {
        Some(refusal) => Err(refusal),
        None => world.store.check_update(&item.object, id, &item.fields),
    }
}

/// Applies or logs the refusal, and says which.
fn settle(
    world: &mut World,
    request: &Request<'_>,
    item: &Item,
    checked: Result<Change, Refusal>,
) -> Json {
    let author = request.author();
    match (checked, item.id) {
        (Ok(change), Some(id)) => {
            world.store.apply(request.now, author, change);
            success(id)
        }
        (Ok(_), None) => failure(None, &Refusal::not_found()),
        (Err(refusal), id) => {
            if let Some(id) = id {
                let target = (item.object.as_str(), id);
                world
                    .store
                    .log_refused(request.now, author, target, &item.fields, &refusal.code);
            }
            failure(id, &refusal)
        }
    }
}

pub(super) fn create(world: &mut World, request: &Request<'_>) -> Result<Answer, Refusal> {
    let (_, items) = collection(request)?;
    let results: Vec<Json> = items
        .iter()
        .map(|item| {
            let made =
                world
                    .store
                    .create(request.now, request.author(), &item.object, &item.fields);
            made.map_or_else(|refusal| failure(None, &refusal), success)
        })
        .collect();
    Ok(Answer::json(200, &results))
}

pub(super) fn delete(world: &mut World, request: &Request<'_>) -> Result<Answer, Refusal> {
    let ids = request.call.param("ids").unwrap_or_default();
    let results: Vec<Json> = ids
        .split(',')
        .map(|text| {
            let id = Id::parse(text);
            let found = id.and_then(|id| Some((id, world.store.table_of(id)?.object.name)));
            let Some((id, object)) = found else {
                return failure(id, &Refusal::not_found());
            };
            let deleted = world
                .store
                .delete(request.now, request.author(), object, id);
            deleted.map_or_else(|refusal| failure(Some(id), &refusal), |()| success(id))
        })
        .collect();
    Ok(Answer::json(200, &results))
}

#[derive(Deserialize)]
struct Retrieve {
    ids: Vec<String>,
    fields: Vec<String>,
}

/// The records in the order asked for; null for those that are not there.
pub(super) fn retrieve(
    world: &World,
    request: &Request<'_>,
    object: &str,
) -> Result<Answer, Refusal> {
    let wanted: Retrieve = request.call.json()?;
    let table = discovery::find(world, object)?;
    let names = wanted.fields.iter();
    let outputs = names
        .map(|name| records::column(table, name))
        .collect::<Result<Vec<_>, _>>()?;
    let page = Page {
        store: &world.store,
        version: request.version,
        include_deleted: false,
    };
    let mut out = b"[".to_vec();
    for (at, text) in wanted.ids.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let slot = Id::parse(text).and_then(|id| table.slot(id));
        let live = |slot: &usize| table.row(*slot).is_some_and(|row| !row.is_deleted());
        let mut record = Vec::new();
        page.write_rows(&mut record, table, &outputs, slot.filter(live).as_slice());
        match record
            .strip_prefix(b"[")
            .and_then(|record| record.strip_suffix(b"]"))
        {
            Some(record) if !record.is_empty() => out.extend_from_slice(record),
            _ => out.extend_from_slice(b"null"),
        }
    }
    out.push(b']');
    Ok(Answer::raw_json(out))
}
