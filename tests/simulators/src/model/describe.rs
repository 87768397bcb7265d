//! Describe answers: what a client learns about an object before it reads or writes it.

use serde_json::{Value as Json, json};

use super::object::{Field, Kind, Object};

/// The short form, one per object of the organisation.
pub(crate) fn summary(object: &Object, version: &str) -> Json {
    let base = format!("/services/data/v{version}/sobjects/{}", object.name);
    json!({
        "name": object.name, "label": object.name, "labelPlural": object.plural,
        "keyPrefix": object.prefix, "custom": false, "customSetting": false,
        "createable": true, "updateable": true, "deletable": true, "queryable": true,
        "retrieveable": true, "searchable": true, "undeletable": true, "mergeable": false,
        "replicateable": true, "triggerable": true, "layoutable": true, "activateable": false,
        "feedEnabled": false, "deprecatedAndHidden": false, "hasSubtypes": false,
        "isSubtype": false, "mruEnabled": true,
        "urls": {
            "sobject": base, "describe": format!("{base}/describe"),
            "rowTemplate": format!("{base}/{{ID}}"),
        },
    })
}

/// The long form, with the fields that field-level security leaves visible.
pub(crate) fn full(object: &Object, version: &str) -> Json {
    let mut answer = summary(object, version);
    let fields: Vec<Json> = object
        .fields
        .iter()
        .filter(|field| !field.hidden)
        .map(describe_field)
        .collect();
    let children: Vec<Json> = object
        .children
        .iter()
        .map(|child| {
            json!({
                "childSObject": child.object, "field": child.field,
                "relationshipName": child.relationship, "cascadeDelete": false,
                "deprecatedAndHidden": false, "restrictedDelete": false,
                "junctionIdListNames": [], "junctionReferenceTo": [],
            })
        })
        .collect();
    if let Some(map) = answer.as_object_mut() {
        map.insert("fields".to_owned(), Json::Array(fields));
        map.insert("childRelationships".to_owned(), Json::Array(children));
        map.insert("recordTypeInfos".to_owned(), json!([]));
        map.insert("namedLayoutInfos".to_owned(), json!([]));
        map.insert("supportedScopes".to_owned(), json!([]));
    }
    answer
}

fn describe_field(field: &Field) -> Json {
    let picklist: Vec<Json> = field
        .picklist
        .iter()
        .map(|value| {
            json!({
                "active": true, "defaultValue": false, "label": value,
                "validFor": null, "value": value,
            })
        })
        .collect();
    let numeric = matches!(field.kind, Kind::Double | Kind::Currency | Kind::Percent);
    json!({
        "name": field.name, "label": field.name, "type": field.kind.name(),
        "soapType": field.kind.soap(), "length": field.length,
        "byteLength": field.length.saturating_mul(3),
        "precision": if numeric { 18 } else { 0 }, "scale": if numeric { 2 } else { 0 },
        "digits": if field.kind == Kind::Int { 8 } else { 0 },
        "nillable": !field.required, "createable": field.writable, "updateable": field.writable,
        "filterable": field.kind != Kind::Textarea, "sortable": field.kind != Kind::Textarea,
        "groupable": !matches!(field.kind, Kind::Textarea | Kind::DateTime) && !numeric,
        "aggregatable": field.kind != Kind::Boolean, "permissionable": !field.required,
        "calculated": false, "autoNumber": false, "caseSensitive": false, "unique": false,
        "custom": field.is_custom(), "externalId": false, "encrypted": false,
        "idLookup": field.kind == Kind::Id, "nameField": field.name == "Name",
        "namePointing": field.refers_to.len() > 1, "polymorphicForeignKey": field.refers_to.len() > 1,
        "referenceTo": field.refers_to, "relationshipName": field.relationship,
        "picklistValues": picklist, "restrictedPicklist": false, "dependentPicklist": false,
        "defaultedOnCreate": field.kind == Kind::Boolean, "defaultValue": null,
        "deprecatedAndHidden": false, "htmlFormatted": false, "inlineHelpText": null,
    })
}
