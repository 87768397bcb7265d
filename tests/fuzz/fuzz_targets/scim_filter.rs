//! Any text: it is a filter, a path, both or neither; whatever it is, a resource is matched against it,
//! and a filter and its negation never agree.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

// The parser is pure, so it is compiled by itself and not with the whole console.
#[expect(dead_code, reason = "the console uses all of it")]
#[path = "../../../daemon/console/src/scim/filter.rs"]
mod filter;

static PERSON: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "id": "user_1", "externalId": "X1", "userName": "ada@acme.example", "active": true,
        "name": { "familyName": "Lovelace" },
        "emails": [{ "value": "ada@acme.example", "type": "work", "primary": true }, { "value": "é" }],
        "meta": { "lastModified": "2026-05-13T04:42:34.5Z" },
    })
});

fuzz_target!(|text: &str| {
    if let Ok(found) = filter::parse(text) {
        let is = found.matches(&PERSON);
        found.key("username");
        found.mentions("members");
        if let Some(parts) = found.template() {
            assert!(!parts.is_empty());
        }
        assert_eq!(filter::Filter::Not(found.into()).matches(&PERSON), !is);
    }
    if let Ok(place) = filter::parse_place(text) {
        assert!(!place.attribute.is_empty());
    }
});
