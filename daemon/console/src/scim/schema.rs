//! What a provider asks of us before it begins (RFC 7643 sections 5 to 7). What is listed here is kept;
//! whatever else a provider sends is not.

use serde_json::{Value, json};

use super::wire::{GROUP, USER, list};

pub(crate) fn configuration(base: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": super::MOST_ITEMS },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A provisioning token, made in the organisation's settings.",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base}/ServiceProviderConfig"),
        },
    })
}

fn resource_type(base: &str, name: &str, schema: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": name,
        "name": name,
        "description": name,
        "endpoint": format!("/{name}s"),
        "schema": schema,
        "schemaExtensions": [],
        "meta": {
            "resourceType": "ResourceType",
            "location": format!("{base}/ResourceTypes/{name}"),
        },
    })
}

pub(crate) fn resource_types(base: &str) -> Vec<Value> {
    vec![
        resource_type(base, "User", USER),
        resource_type(base, "Group", GROUP),
    ]
}

/// One attribute as RFC 7643 section 7 describes it: optional, of one value, readable and writable. What
/// differs is said in `but`.
fn attribute(name: &str, kind: &str, description: &str, but: Value) -> Value {
    let mut attribute = json!({
        "name": name,
        "type": kind,
        "description": description,
        "multiValued": false,
        "required": false,
        "mutability": "readWrite",
        "returned": "default",
    });
    if let Some(members) = attribute.as_object_mut() {
        if matches!(kind, "string" | "reference") {
            members.insert(String::from("caseExact"), Value::Bool(kind == "reference"));
            members.insert(String::from("uniqueness"), Value::from("none"));
        }
        if let Value::Object(but) = but {
            members.extend(but);
        }
    }
    attribute
}

fn text(name: &str, description: &str) -> Value {
    attribute(name, "string", description, Value::Null)
}

fn user() -> Vec<Value> {
    let external = json!({ "caseExact": true });
    vec![
        attribute(
            "userName",
            "string",
            "What the person signs in with at the provider; an address where there is no other.",
            json!({ "required": true, "uniqueness": "server" }),
        ),
        attribute(
            "externalId",
            "string",
            "The provider's own id of the person.",
            external,
        ),
        text("displayName", "What colleagues read."),
        attribute(
            "name",
            "complex",
            "The parts of the name.",
            json!({ "subAttributes": [
            text("formatted", "The whole name."),
            text("familyName", "The family name."),
            text("givenName", "The given name."),
        ] }),
        ),
        attribute(
            "active",
            "boolean",
            "Whether the person may act in the organisation.",
            json!({ "required": true }),
        ),
        attribute(
            "emails",
            "complex",
            "Addresses; the primary one, or the first, is the account's.",
            json!({
                "multiValued": true,
                "subAttributes": [
                    text("value", "The address."),
                    attribute("type", "string", "What it is for.", json!({ "canonicalValues": ["work", "home", "other"] })),
                    attribute("primary", "boolean", "Whether it is the preferred one.", Value::Null),
                ],
            }),
        ),
        attribute(
            "groups",
            "complex",
            "The groups that the person is in.",
            json!({
                "multiValued": true,
                "mutability": "readOnly",
                "subAttributes": [
                    attribute("value", "string", "The group's id.", json!({ "mutability": "readOnly", "caseExact": true })),
                    attribute("$ref", "reference", "The group's address.", json!({ "mutability": "readOnly", "referenceTypes": ["Group"] })),
                    attribute("display", "string", "The group's name.", json!({ "mutability": "readOnly" })),
                ],
            }),
        ),
    ]
}

fn group() -> Vec<Value> {
    let external = json!({ "caseExact": true });
    vec![
        attribute(
            "displayName",
            "string",
            "The group's name.",
            json!({ "required": true }),
        ),
        attribute(
            "externalId",
            "string",
            "The provider's own id of the group.",
            external,
        ),
        attribute(
            "members",
            "complex",
            "Provisioned people; groups in groups are not supported.",
            json!({
                "multiValued": true,
                "subAttributes": [
                    attribute("value", "string", "The person's id.", json!({ "mutability": "immutable", "caseExact": true })),
                    attribute("$ref", "reference", "The person's address.", json!({ "mutability": "immutable", "referenceTypes": ["User"] })),
                    attribute("type", "string", "What the member is.", json!({ "mutability": "immutable", "canonicalValues": ["User"] })),
                ],
            }),
        ),
    ]
}

pub(crate) fn schemas(base: &str) -> Vec<Value> {
    [(USER, "User", user()), (GROUP, "Group", group())]
        .into_iter()
        .map(|(id, name, attributes)| {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
                "id": id,
                "name": name,
                "description": name,
                "attributes": attributes,
                "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{id}") },
            })
        })
        .collect()
}

pub(crate) fn all(items: Vec<Value>) -> Value {
    list(items.len(), 1, items)
}
