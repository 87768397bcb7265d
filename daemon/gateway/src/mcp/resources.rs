//! What can be read by an address: the fields of the data layer, and one record.

use http::{Granted, Problem};
use layer::{
    LayerError, Object,
    machine::{self, MachineField},
};
use serde_json::{Value, json};

use super::{
    message::Fault,
    outside::{clean, mark_at},
    revision::Revision,
    serve::Refusal,
    tools::record_search::{self, shown},
};
use crate::Gateway;

const SCOPE: &str = record_search::SPEC.scope;
const FIELDS: &str = "revkeep://fields/";
const RECORDS: &str = "revkeep://records/";
const JSON: &str = "application/json";

pub(super) fn list(who: &Granted) -> Vec<Value> {
    if !who.has(SCOPE) {
        return Vec::new();
    }
    let fields = |object: Object| {
        json!({
            "uri": format!("{FIELDS}{}", object.name()),
            "name": format!("{}_fields", object.name().to_lowercase()),
            "title": format!("Fields of a {}", object.name()),
            "description": "The fields of the data layer that programs can read, with the reason for each.",
            "mimeType": JSON,
        })
    };
    Object::ALL.map(fields).to_vec()
}

pub(super) fn templates(who: &Granted) -> Vec<Value> {
    if !who.has(SCOPE) {
        return Vec::new();
    }
    vec![json!({
        "uriTemplate": format!("{RECORDS}{{object}}/{{id}}"),
        "name": "record",
        "title": "A record of the data layer",
        "description": "One lead or contact with the fields that programs can read.",
        "mimeType": JSON,
    })]
}

pub(super) async fn read(
    who: &Granted,
    gateway: &Gateway,
    spoken: Revision,
    uri: &str,
) -> Result<Value, Refusal> {
    let missing = || Refusal::from(Fault::resource_not_found(spoken, uri));
    let found = if let Some(object) = uri.strip_prefix(FIELDS) {
        let object = Object::from_name(object).ok_or_else(missing)?;
        needs_scope(who)?;
        fields(who, gateway, object).await?
    } else if let Some(place) = uri.strip_prefix(RECORDS) {
        let (object, id) = place.split_once('/').ok_or_else(missing)?;
        let object = Object::from_name(object).ok_or_else(missing)?;
        needs_scope(who)?;
        let found = record(who, gateway, object, id.to_owned()).await?;
        found.ok_or_else(missing)?
    } else {
        return Err(missing());
    };
    Ok(json!({ "contents": [{ "uri": uri, "mimeType": JSON, "text": clean(found).to_string() }] }))
}

fn needs_scope(who: &Granted) -> Result<(), Problem> {
    if who.has(SCOPE) {
        Ok(())
    } else {
        Err(who.lacks(SCOPE))
    }
}

async fn fields(who: &Granted, gateway: &Gateway, object: Object) -> Result<Value, Problem> {
    let policy = gateway
        .db
        .machine(who, move |tx| machine::fields(tx, object))
        .await?;
    let field = |field: MachineField| {
        let mut told = json!({
            "name": field.name,
            "label": field.label,
            "data_type": field.data_type,
            "data_class": field.data_class,
            "reason": field.reason,
            "searchable": field.searchable,
        });
        mark_at(&mut told, "/label");
        mark_at(&mut told, "/reason");
        told
    };
    let fields: Vec<Value> = policy.into_iter().map(field).collect();
    Ok(json!({ "object": object.name(), "fields": fields }))
}

async fn record(
    who: &Granted,
    gateway: &Gateway,
    object: Object,
    id: String,
) -> Result<Option<Value>, Problem> {
    let found = gateway
        .db
        .machine(who, move |tx| machine::record_get(tx, object, &id))
        .await
        .map_err(|error: LayerError| Problem::from(error))?;
    found.map(|record| shown(object, record)).transpose()
}
