//! The data layer: which fields machines see, which they could see, and the records.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use connections::AvailableField;
use http::{Allowed, Body, Page, PageQuery, Path, Problem, Query, Routes};
use identity::permit;
use kernel::{Action, FieldId, UserId};
use layer::{DataClass, Field, FieldType, NewField, Object, RecordCursor};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::rows;
use crate::{
    Console,
    fault::Fault,
    views::{All, Named, RuleUse, person, rule_uses},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/layer/objects", layer_show)
        .get("/layer/objects/{object}/available", field_available)
        .post("/layer/objects/{object}/fields", field_add)
        .delete("/layer/fields/{id}", field_remove)
        .get("/layer/objects/{object}/records", record_list)
}

#[derive(Serialize)]
struct ObjectView {
    object: &'static str,
    fields: Vec<FieldView>,
    records: i64,
    last_import_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct FieldView {
    id: FieldId,
    name: String,
    label: String,
    r#type: String,
    data_class: String,
    reason: String,
    /// Null for what routing itself put in.
    added_by: Option<Named<UserId>>,
    added_at: DateTime<Utc>,
    required: bool,
    used_by: Vec<RuleUse>,
}

#[derive(Serialize)]
struct AvailableView {
    name: String,
    label: String,
    r#type: &'static str,
    personal: bool,
    in_layer: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldInput {
    name: String,
    reason: String,
    data_class: DataClass,
}

#[derive(Serialize)]
struct RecordView {
    record_id: String,
    fields: Json,
    owner_id: Option<String>,
    imported_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Search {
    q: Option<String>,
}

fn view(field: Field, added_by: Option<Named<UserId>>, used_by: Vec<RuleUse>) -> FieldView {
    FieldView {
        id: field.id(),
        name: field.name,
        label: field.label,
        r#type: field.data_type,
        data_class: field.data_class,
        reason: field.reason,
        added_by,
        added_at: field.added_at,
        required: field.required,
        used_by,
    }
}

/// Leads, and any other object that has fields.
async fn layer_show(
    who: Allowed<permit::LayerRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<ObjectView>>, Problem> {
    let items = console
        .db
        .run(&who, |tx| {
            let used = routing::fields_used(tx)?;
            let mut objects = Vec::new();
            for object in Object::ALL {
                let fields = layer::field_list(tx, object)?;
                if fields.is_empty() && object != Object::Lead {
                    continue;
                }
                objects.push((object, fields, layer::census(tx, object)?));
            }
            let authors = objects.iter().flat_map(|(_, fields, _)| fields);
            let names = identity::people_names(tx, authors.filter_map(|field| field.added_by))?;
            let field_view = |field: Field| {
                let key = (field.object.clone(), field.name.clone());
                let used_by = used
                    .get(&key)
                    .map(|rules| rule_uses(rules))
                    .unwrap_or_default();
                let added_by = person(&names, field.added_by);
                view(field, added_by, used_by)
            };
            let object_view =
                |(object, fields, census): (Object, Vec<Field>, layer::Census)| ObjectView {
                    object: object.name(),
                    fields: fields.into_iter().map(field_view).collect(),
                    records: census.records,
                    last_import_at: census.last_import_at,
                };
            Ok::<_, Fault>(objects.into_iter().map(object_view).collect())
        })
        .await?;
    Ok(web::Json(All { items }))
}

/// What could be put into the layer: fields that the connected user sees and whose type the layer
/// takes.
async fn field_available(
    who: Allowed<permit::LayerEdit>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
) -> Result<web::Json<All<AvailableView>>, Problem> {
    console
        .identity
        .read_note(&who, Action::CrmRead, "crm_fields", None)
        .await?;
    let offered = console
        .source
        .available_fields(&who, object.name())
        .await
        .map_err(Fault::from)?;
    let present = console
        .db
        .run(&who, move |tx| {
            Ok::<_, Fault>(layer::field_list(tx, object)?)
        })
        .await?;
    let available = |field: AvailableField| AvailableView {
        r#type: field.kind,
        personal: field.personal,
        in_layer: present.iter().any(|known| known.name == field.name),
        name: field.name,
        label: field.label,
    };
    Ok(web::Json(All {
        items: offered.into_iter().map(available).collect(),
    }))
}

/// Label and type are Salesforce's own words, so they are asked for first.
async fn field_add(
    who: Allowed<permit::LayerEdit>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
    Body(input): Body<FieldInput>,
) -> Result<HttpResponse, Problem> {
    let offered = console
        .source
        .available_fields(&who, object.name())
        .await
        .map_err(Fault::from)?;
    let described = offered.into_iter().find(|field| field.name == input.name).ok_or_else(|| {
        Problem::invalid(
            "field_unknown",
            "name",
            "Salesforce does not show such a field, of a type that the layer takes, to the integration user. Check its name and the user's field permissions.",
        )
    })?;
    let kind = FieldType::from_name(described.kind).ok_or_else(Problem::internal)?;
    let new = NewField {
        object,
        name: described.name,
        label: described.label,
        kind,
        class: input.data_class,
        reason: input.reason,
        // Records are looked for by their texts; lists of values find too much.
        searchable: kind == FieldType::String,
    };
    let added = console
        .db
        .run(&who, move |tx| {
            let field = layer::field_add(tx, &new)?;
            let names = identity::people_names(tx, field.added_by)?;
            let added_by = person(&names, field.added_by);
            Ok::<_, Fault>(view(field, added_by, Vec::new()))
        })
        .await?;
    Ok(HttpResponse::Created().json(added))
}

async fn field_remove(
    who: Allowed<permit::LayerEdit>,
    console: web::Data<Console>,
    Path(id): Path<FieldId>,
) -> Result<HttpResponse, Problem> {
    console
        .db
        .run(&who, move |tx| {
            Ok::<_, Fault>(routing::field_remove(tx, id)?)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn record_list(
    who: Allowed<permit::LayerRead>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
    page: PageQuery<(DateTime<Utc>, String)>,
    Query(search): Query<Search>,
) -> Result<web::Json<Page<RecordView>>, Problem> {
    let found = console
        .db
        .run(&who, move |tx| {
            let after = page.after.map(|(imported_at, record_id)| RecordCursor {
                imported_at,
                record_id,
            });
            let limit = rows(page.limit);
            Ok::<_, Fault>(layer::record_list(
                tx,
                object,
                search.q.as_deref(),
                after.as_ref(),
                limit,
            )?)
        })
        .await?;
    let next = found.next.map(|next| (next.imported_at, next.record_id));
    let items = found.items.into_iter().map(|record| RecordView {
        record_id: record.record_id,
        fields: record.fields,
        owner_id: record.owner_id,
        imported_at: record.imported_at,
    });
    Ok(web::Json(Page::new(items.collect(), next.as_ref())))
}
