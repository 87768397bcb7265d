//! What a tool is given, held to the schema that its callers are told (LM-49). The schemas here use a few words of JSON
//! Schema 2020-12, and this knows those words; a test finds a schema that uses another.

use chrono::{DateTime, NaiveDate};
use serde_json::Value;

/// What is wrong with a value, with its place; nothing of the value is repeated.
pub(super) fn fault(schema: &Value, value: &Value) -> Option<String> {
    at(schema, value, "input")
}

fn at(schema: &Value, value: &Value, place: &str) -> Option<String> {
    if !is_of(schema, value) {
        return Some(format!("{place} is not of the type {}", schema["type"]));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        return Some(format!("{place} is none of {}", schema["enum"]));
    }
    match value {
        Value::String(text) => of_text(schema, text, place),
        Value::Number(number) => of_number(schema, number.as_i64(), place),
        Value::Object(_) => of_members(schema, value, place),
        Value::Null | Value::Bool(_) | Value::Array(_) => None,
    }
}

fn is_of(schema: &Value, value: &Value) -> bool {
    match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => false,
    }
}

fn of_text(schema: &Value, text: &str, place: &str) -> Option<String> {
    let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    let bound = |name: &str| schema[name].as_u64();
    if bound("minLength").is_some_and(|least| length < least)
        || bound("maxLength").is_some_and(|most| length > most)
    {
        return Some(format!("{place} is too short or too long"));
    }
    if schema["format"] == "date-time" && DateTime::parse_from_rfc3339(text).is_err() {
        return Some(format!("{place} is no time of RFC 3339"));
    }
    if schema["format"] == "date" && text.parse::<NaiveDate>().is_err() {
        return Some(format!("{place} is no day, such as 2026-12-24"));
    }
    None
}

fn of_number(schema: &Value, number: Option<i64>, place: &str) -> Option<String> {
    let bound = |name: &str| schema[name].as_i64();
    let fits = number.is_some_and(|number| {
        bound("minimum").is_none_or(|least| number >= least)
            && bound("maximum").is_none_or(|most| number <= most)
    });
    (!fits).then(|| format!("{place} is too small or too large"))
}

fn of_members(schema: &Value, value: &Value, place: &str) -> Option<String> {
    let members = value.as_object()?;
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !members.contains_key(name) {
            return Some(format!("{place} lacks {name}"));
        }
    }
    members.iter().find_map(|(name, member)| {
        match schema["properties"].get(name) {
            Some(inner) => at(inner, member, name),
            // Its name is the caller's own, and is not repeated.
            None => Some(format!("{place} has a member that is not described")),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mcp::tools;

    #[test]
    fn what_is_not_as_described_is_refused() {
        let schema = json!({
            "type": "object",
            "properties": {
                "object": { "type": "string", "enum": ["Lead"] },
                "limit": { "type": "integer", "minimum": 1, "maximum": 50 },
                "since": { "type": "string", "format": "date-time" },
                "id": { "type": "string", "minLength": 15, "maxLength": 18 },
            },
            "required": ["object"],
            "additionalProperties": false,
        });
        let good = json!({ "object": "Lead", "limit": 50, "since": "2026-01-01T00:00:00Z", "id": "00Q000000000001" });
        assert_eq!(fault(&schema, &good), None);
        for bad in [
            json!(null),
            json!([]),
            json!("Lead"),
            json!({}),
            json!({ "object": "User" }),
            json!({ "object": ["Lead"] }),
            json!({ "object": { "$ne": "" } }),
            json!({ "object": "Lead", "limit": 0 }),
            json!({ "object": "Lead", "limit": 51 }),
            json!({ "object": "Lead", "limit": "1" }),
            json!({ "object": "Lead", "limit": 1.5 }),
            json!({ "object": "Lead", "limit": null }),
            json!({ "object": "Lead", "limit": u64::MAX }),
            json!({ "object": "Lead", "since": "yesterday" }),
            json!({ "object": "Lead", "id": "x" }),
            json!({ "object": "Lead", "id": { "$regex": ".*" } }),
            json!({ "object": "Lead", "$where": "1" }),
            json!({ "object": "Lead", "tenant_id": "x" }),
        ] {
            let told = fault(&schema, &bad);
            assert!(told.is_some(), "{bad}");
            assert!(!told.unwrap().contains("$"), "nothing is repeated");
        }
    }

    /// A word that this does not know would be promised and not kept.
    #[test]
    fn the_tools_schemas_use_the_words_that_are_kept() {
        const KNOWN: [&str; 8] = [
            "type",
            "enum",
            "minLength",
            "maxLength",
            "minimum",
            "maximum",
            "format",
            "description",
        ];
        for tool in tools::ALL {
            let input = (tool.spec().input)();
            assert_eq!(input["type"], "object");
            assert_eq!(input["additionalProperties"], false, "{}", tool.spec().name);
            for (name, member) in input["properties"].as_object().unwrap() {
                for word in member.as_object().unwrap().keys() {
                    assert!(KNOWN.contains(&word.as_str()), "{name}: {word}");
                }
                assert!(member["description"].is_string(), "{name}");
                let bounded = ["enum", "format", "maxLength", "maximum"];
                assert!(
                    bounded.iter().any(|word| member.get(word).is_some()),
                    "{name} has no bound"
                );
            }
        }
    }
}
