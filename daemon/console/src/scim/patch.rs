//! PATCH of SCIM (RFC 7644 section 3.5.2): operations on a resource as JSON. What comes out is read
//! like a whole resource, so a patch reaches nothing that a PUT would not.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    filter::{Filter, member, parse_place},
    wire::Refusal,
};

const MOST_OPERATIONS: usize = 1_000;
/// Ours alone (RFC 7643 section 3.1 and 4.1.2).
const READ_ONLY: [&str; 4] = ["id", "meta", "schemas", "groups"];

#[derive(Deserialize)]
pub(crate) struct Patch {
    #[serde(rename = "Operations", alias = "operations")]
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
struct Operation {
    op: String,
    path: Option<String>,
    #[serde(default)]
    value: Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

/// Applies the operations in their order. `required` attributes, in lower case, cannot be removed.
pub(crate) fn apply(resource: &mut Value, patch: Patch, required: &[&str]) -> Result<(), Refusal> {
    if patch.operations.is_empty() || patch.operations.len() > MOST_OPERATIONS {
        return Err(Refusal::bad(
            "invalidSyntax",
            "A patch has between 1 and 1,000 operations.",
        ));
    }
    for operation in patch.operations {
        let verb = verb(&operation.op)?;
        match operation.path.as_deref().filter(|path| !path.is_empty()) {
            Some(path) => at(resource, verb, (path, required), operation.value)?,
            None if verb == Verb::Remove => {
                return Err(Refusal::bad("noTarget", "A removal names its path."));
            }
            None => pathless(resource, verb, required, operation.value)?,
        }
    }
    Ok(())
}

/// Providers write the verbs in every case.
fn verb(op: &str) -> Result<Verb, Refusal> {
    match op.to_ascii_lowercase().as_str() {
        "add" => Ok(Verb::Add),
        "replace" => Ok(Verb::Replace),
        "remove" => Ok(Verb::Remove),
        _ => Err(Refusal::bad(
            "invalidSyntax",
            "An op is add, replace or remove.",
        )),
    }
}

/// The value is a part of the resource. What we do not keep may be sent along with what we do.
fn pathless(
    resource: &mut Value,
    verb: Verb,
    required: &[&str],
    value: Value,
) -> Result<(), Refusal> {
    let Value::Object(members) = value else {
        return Err(Refusal::bad(
            "invalidValue",
            "Without a path the value is an object.",
        ));
    };
    for (path, value) in members {
        let ours_alone = READ_ONLY
            .iter()
            .any(|name| name.eq_ignore_ascii_case(&path));
        if !ours_alone {
            at(resource, verb, (&path, required), value)?;
        }
    }
    Ok(())
}

fn at(
    resource: &mut Value,
    verb: Verb,
    (path, required): (&str, &[&str]),
    value: Value,
) -> Result<(), Refusal> {
    let place = parse_place(path).map_err(|flaw| {
        Refusal::bad(
            "invalidPath",
            &format!("The path does not parse: {}.", flaw.0),
        )
    })?;
    let whole_goes = verb == Verb::Remove && place.part.is_none() && place.filter.is_none();
    let fixed = READ_ONLY.contains(&place.attribute.as_str())
        || whole_goes && required.contains(&place.attribute.as_str());
    if fixed {
        return Err(Refusal::bad(
            "mutability",
            "This attribute is required or read-only.",
        ));
    }
    let root = object(resource)?;
    let key = key_of(root, &place.attribute);
    match (place.filter, place.part) {
        (None, None) => whole(root, key, verb, value),
        (None, Some(part)) => {
            if verb == Verb::Remove && !root.contains_key(&key) {
                return Ok(());
            }
            let inner = root.entry(key).or_insert_with(|| Value::Object(Map::new()));
            let inner = object(inner)?;
            let part = key_of(inner, &part);
            whole(inner, part, verb, value)
        }
        (Some(filter), part) => {
            let list = root.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            let Value::Array(items) = list else {
                return Err(Refusal::bad("invalidPath", "This attribute has one value."));
            };
            chosen(items, verb, (&filter, part), value)
        }
    }
}

fn whole(
    root: &mut Map<String, Value>,
    key: String,
    verb: Verb,
    value: Value,
) -> Result<(), Refusal> {
    match verb {
        // Some providers name in the value what is to be taken out of a list.
        Verb::Remove => match (root.get_mut(&key), value) {
            (Some(Value::Array(items)), Value::Array(gone)) if !gone.is_empty() => {
                let gone: HashSet<String> = gone.iter().map(identity).collect();
                items.retain(|item| !gone.contains(&identity(item)));
            }
            _ => {
                root.remove(&key);
            }
        },
        Verb::Replace => {
            root.insert(key, value);
        }
        Verb::Add => match (root.get_mut(&key), value) {
            (Some(Value::Array(items)), Value::Array(more)) => extend(items, more),
            (Some(Value::Array(items)), item) => extend(items, vec![item]),
            (Some(Value::Object(members)), Value::Object(more)) => members.extend(more),
            (_, value) => {
                root.insert(key, value);
            }
        },
    }
    Ok(())
}

/// The values of a list that match.
fn chosen(
    items: &mut Vec<Value>,
    verb: Verb,
    (filter, part): (&Filter, Option<String>),
    value: Value,
) -> Result<(), Refusal> {
    if verb == Verb::Remove && part.is_none() {
        items.retain(|item| !filter.matches(item));
        return Ok(());
    }
    let mut changed = None;
    for (place, item) in items.iter_mut().enumerate() {
        if !filter.matches(item) {
            continue;
        }
        changed = Some(place);
        let inner = object(item)?;
        match (&part, &value) {
            (Some(part), value) => {
                let part = key_of(inner, part);
                whole(inner, part, verb, value.clone())?;
            }
            (None, Value::Object(members)) => inner.extend(members.clone()),
            (None, _) => return Err(Refusal::bad("invalidValue", "The value is an object.")),
        }
    }
    match (changed, verb) {
        (Some(place), _) => one_primary(items, place),
        (None, Verb::Remove) => {}
        (None, Verb::Replace) => {
            return Err(Refusal::bad("noTarget", "Nothing matches the path."));
        }
        (None, Verb::Add) => extend(items, vec![described(filter, part, value)?]),
    }
    Ok(())
}

/// The value that an addition to `attribute[filter]` makes where nothing matches.
fn described(filter: &Filter, part: Option<String>, value: Value) -> Result<Value, Refusal> {
    let template = filter
        .template()
        .ok_or_else(|| Refusal::bad("noTarget", "Nothing matches the path."))?;
    let mut item: Map<String, Value> = template.into_iter().collect();
    match (part, value) {
        (Some(part), value) => {
            item.insert(part, value);
        }
        (None, Value::Object(members)) => item.extend(members),
        (None, _) => return Err(Refusal::bad("invalidValue", "The value is an object.")),
    }
    Ok(Value::Object(item))
}

/// Adds what is not there yet.
fn extend(items: &mut Vec<Value>, more: Vec<Value>) {
    let mut known: HashSet<String> = items.iter().map(identity).collect();
    for item in more {
        if known.insert(identity(&item)) {
            let place = items.len();
            items.push(item);
            one_primary(items, place);
        }
    }
}

/// A value that becomes the primary one is the only one (RFC 7643 section 2.4).
fn one_primary(items: &mut [Value], place: usize) {
    let is_primary = |item: &Value| member(item, "primary") == Some(&Value::Bool(true));
    if !items.get(place).is_some_and(is_primary) {
        return;
    }
    let others = items.iter_mut().enumerate().filter(|(at, _)| *at != place);
    for (_, item) in others.filter(|(_, item)| is_primary(item)) {
        if let Some(parts) = item.as_object_mut() {
            let key = key_of(parts, "primary");
            parts.insert(key, Value::Bool(false));
        }
    }
}

/// Two values of a list are the same when their parts `value` are, where they have one.
fn identity(item: &Value) -> String {
    member(item, "value").unwrap_or(item).to_string()
}

fn object(value: &mut Value) -> Result<&mut Map<String, Value>, Refusal> {
    value
        .as_object_mut()
        .ok_or_else(|| Refusal::bad("invalidPath", "The path leads through a simple value."))
}

/// The key as it is written already, whatever its case.
fn key_of(root: &Map<String, Value>, name: &str) -> String {
    root.keys()
        .find(|key| key.eq_ignore_ascii_case(name))
        .cloned()
        .unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(mut resource: Value, operations: Value) -> Result<Value, Refusal> {
        let patch = serde_json::from_value(json!({ "Operations": operations })).unwrap();
        apply(&mut resource, patch, &["username", "active"]).map(|()| resource)
    }

    fn refused(resource: Value, operations: Value) -> String {
        let answer = patched(resource, operations).unwrap_err();
        answer.scim_type().unwrap_or_default().to_owned()
    }

    fn ada() -> Value {
        json!({
            "id": "user_1", "userName": "ada", "active": true,
            "emails": [{ "value": "a@b.example", "type": "work", "primary": true }],
        })
    }

    #[test]
    fn the_dialects_of_the_large_providers_are_understood() {
        for operations in [
            json!([{ "op": "Replace", "path": "active", "value": false }]),
            json!([{ "op": "replace", "value": { "active": false } }]),
            json!([{ "op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": false }]),
            json!([{ "op": "add", "path": "ACTIVE", "value": false }]),
        ] {
            assert_eq!(patched(ada(), operations).unwrap()["active"], false);
        }
        let mail = json!([{ "op": "Add", "path": "emails[type eq \"home\"].value", "value": "x@b.example" }]);
        let found = patched(ada(), mail).unwrap();
        assert_eq!(
            found["emails"][1],
            json!({ "type": "home", "value": "x@b.example" })
        );
        let name = json!([{ "op": "add", "value": { "name.givenName": "Ada" } }]);
        assert_eq!(patched(ada(), name).unwrap()["name"]["givenname"], "Ada");
        let group = json!({ "members": [{ "value": "1" }, { "value": "2" }, { "value": "3" }] });
        for operations in [
            json!([{ "op": "remove", "path": "members", "value": [{ "value": "1" }, { "value": "2" }] }]),
            json!([
                { "op": "remove", "path": "members[value eq \"1\"]" },
                { "op": "remove", "path": "members[value eq \"2\"]" },
            ]),
        ] {
            let left = patched(group.clone(), operations).unwrap();
            assert_eq!(left["members"], json!([{ "value": "3" }]));
        }
    }

    #[test]
    fn what_is_there_is_not_added_twice_and_one_value_is_primary() {
        let more = json!([{ "op": "add", "path": "emails", "value": [
            { "value": "a@b.example" }, { "value": "c@b.example", "primary": true },
        ] }]);
        let found = patched(ada(), more).unwrap();
        assert_eq!(found["emails"].as_array().unwrap().len(), 2);
        assert_eq!(found["emails"][0]["primary"], false);
    }

    #[test]
    fn an_attribute_of_another_schema_is_never_one_of_ours() {
        let operations = json!([{ "op": "replace", "path": "urn:example:evil:2.0:User:active", "value": false }]);
        assert_eq!(patched(ada(), operations).unwrap()["active"], true);
        let operations =
            json!([{ "op": "replace", "value": { "urn:example:evil:active": false } }]);
        assert_eq!(patched(ada(), operations).unwrap()["active"], true);
    }

    #[test]
    fn refusals_have_the_standards_names() {
        for (operation, kind) in [
            (json!({ "op": "remove" }), "noTarget"),
            (json!({ "op": "remove", "path": "userName" }), "mutability"),
            (
                json!({ "op": "replace", "path": "id", "value": "user_2" }),
                "mutability",
            ),
            (
                json!({ "op": "add", "path": "groups", "value": [] }),
                "mutability",
            ),
            (
                json!({ "op": "replace", "path": "emails[type eq \"home\"].value", "value": "x" }),
                "noTarget",
            ),
            (
                json!({ "op": "replace", "path": "emails[", "value": "x" }),
                "invalidPath",
            ),
            (
                json!({ "op": "replace", "path": "active.x", "value": "x" }),
                "invalidPath",
            ),
            (json!({ "op": "replace", "value": 1 }), "invalidValue"),
            (
                json!({ "op": "move", "path": "active", "value": 1 }),
                "invalidSyntax",
            ),
        ] {
            assert_eq!(refused(ada(), json!([operation])), kind, "{operation}");
        }
        assert_eq!(refused(ada(), json!([])), "invalidSyntax");
    }

    #[test]
    fn what_only_we_say_may_be_sent_along() {
        let operations =
            json!([{ "op": "replace", "value": { "id": "user_2", "meta": {}, "active": false } }]);
        let found = patched(ada(), operations).unwrap();
        assert_eq!(
            (&found["id"], &found["active"]),
            (&json!("user_1"), &json!(false))
        );
    }
}
