//! Records of the data layer, with the fields of the policy and no other (LR-01).

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use db::MachineTx;
use http::{Keyed, Page, Path, Problem, Query, Routes};
use layer::{
    LayerError, Object, RecordCursor,
    machine::{self, MachineField, MachineRecord, RecordQuery},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RecordsRead;
use crate::{
    Gateway,
    answer::{page, tagged, unknown_field},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/fields/{object}", field_list)
        .get("/records/{object}", record_list)
        .get("/records/{object}/{id}", record_show)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    cursor: Option<String>,
    limit: Option<i64>,
    fields: Option<String>,
    imported_since: Option<DateTime<Utc>>,
    field: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedOne {
    fields: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Serialize)]
pub(crate) struct RecordView {
    id: String,
    object: &'static str,
    owner_id: Option<String>,
    fields: Value,
    source_created_at: Option<DateTime<Utc>>,
    source_modified_at: DateTime<Utc>,
    imported_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct FieldView {
    name: String,
    label: String,
    data_type: String,
    data_class: String,
    reason: String,
    searchable: bool,
    required: bool,
    added_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct Fields {
    items: Vec<FieldView>,
}

/// What a read came to: rows, or why what was asked for cannot be read.
pub(crate) type Found<T> = Result<T, Problem>;

/// The names in `fields=`, apart.
fn names(wanted: Option<&str>) -> Option<BTreeSet<String>> {
    let name = |name: &str| name.trim().to_owned();
    wanted.map(|list| list.split(',').map(name).collect())
}

/// Whether the policy has every field that is named, and lets the one be searched that is searched for. Where
/// none is named it need not be asked.
pub(crate) fn check(
    tx: &mut MachineTx<'_>,
    object: Object,
    named: Option<&BTreeSet<String>>,
    searched: Option<&str>,
) -> Result<Found<()>, LayerError> {
    if named.is_none() && searched.is_none() {
        return Ok(Ok(()));
    }
    let policy = machine::fields(tx, object)?;
    let known = |name: &String| policy.iter().any(|field| field.name == *name);
    if named.is_some_and(|named| !named.iter().all(known)) {
        return Ok(Err(unknown_field()));
    }
    let can = |name: &str| {
        policy
            .iter()
            .any(|field| field.name == name && field.searchable)
    };
    Ok(match searched {
        Some(name) if !can(name) => Err(Problem::invalid(
            "field_not_searchable",
            "field",
            "Records are not searched by that field. An administrator makes a field searchable on the page Data layer.",
        )),
        _ => Ok(()),
    })
}

pub(crate) fn view(
    object: Object,
    record: MachineRecord,
    named: Option<&BTreeSet<String>>,
) -> RecordView {
    let mut fields = record.fields;
    if let (Some(named), Value::Object(members)) = (named, &mut fields) {
        members.retain(|name, _| named.contains(name));
    }
    RecordView {
        id: record.record_id,
        object: object.name(),
        owner_id: record.owner_id,
        fields,
        source_created_at: record.source_created_at,
        source_modified_at: record.source_modified_at,
        imported_at: record.imported_at,
    }
}

/// A field and its value go together.
pub(crate) fn searched(
    field: Option<String>,
    value: Option<String>,
) -> Found<Option<(String, String)>> {
    match (field, value) {
        (Some(field), Some(value)) => Ok(Some((field, value))),
        (None, None) => Ok(None),
        _ => Err(Problem::invalid(
            "query_invalid",
            "field",
            "Give field and value together: the name of a searchable field, and the whole value.",
        )),
    }
}

async fn record_list(
    who: Keyed<RecordsRead>,
    gateway: web::Data<Gateway>,
    Path(object): Path<Object>,
    Query(wanted): Query<Wanted>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let list = format!("records/{}", object.name());
    let (after, limit) = page::<(DateTime<Utc>, String)>(&list, wanted.cursor, wanted.limit)?;
    let query = RecordQuery {
        imported_since: wanted.imported_since,
        equals: searched(wanted.field, wanted.value)?,
        after: after.map(|(imported_at, record_id)| RecordCursor {
            imported_at,
            record_id,
        }),
    };
    let named = names(wanted.fields.as_deref());
    let chosen = named.clone();
    let found = gateway
        .db
        .machine(&who, move |tx| {
            let field = query.equals.as_ref().map(|(field, _)| field.as_str());
            if let Err(problem) = check(tx, object, named.as_ref(), field)? {
                return Ok::<_, LayerError>(Err(problem));
            }
            machine::record_page(tx, object, &query, limit).map(Ok)
        })
        .await??;
    let key = |record: &MachineRecord| {
        let place = (record.imported_at, record.record_id.clone());
        (list.clone(), place)
    };
    let found = Page::from_surplus(found, limit, key);
    let found = found.map(|record| view(object, record, chosen.as_ref()));
    tagged(&request, &found)
}

async fn record_show(
    who: Keyed<RecordsRead>,
    gateway: web::Data<Gateway>,
    Path((object, id)): Path<(Object, String)>,
    Query(wanted): Query<WantedOne>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let named = names(wanted.fields.as_deref());
    let chosen = named.clone();
    let found = gateway
        .db
        .machine(&who, move |tx| {
            if let Err(problem) = check(tx, object, named.as_ref(), None)? {
                return Ok::<_, LayerError>(Err(problem));
            }
            machine::record_get(tx, object, &id).map(Ok)
        })
        .await??;
    let record = found.ok_or_else(Problem::not_found)?;
    tagged(&request, &view(object, record, chosen.as_ref()))
}

async fn field_list(
    who: Keyed<RecordsRead>,
    gateway: web::Data<Gateway>,
    Path(object): Path<Object>,
    Query(Nothing {}): Query<Nothing>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let policy = gateway
        .db
        .machine(&who, move |tx| machine::fields(tx, object))
        .await?;
    let field = |field: MachineField| FieldView {
        name: field.name,
        label: field.label,
        data_type: field.data_type,
        data_class: field.data_class,
        reason: field.reason,
        searchable: field.searchable,
        required: field.required,
        added_at: field.added_at,
    };
    let items = policy.into_iter().map(field).collect();
    tagged(&request, &Fields { items })
}
