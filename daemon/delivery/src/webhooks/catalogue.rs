//! The events that webhooks tell of, each with the schema of its data. Events about people's own accounts
//! are told to the people alone.

use chrono::{DateTime, SecondsFormat, Utc};
use kernel::Event;
use serde_json::{Value, json};

/// One event of the catalogue.
pub struct EventType {
    pub name: &'static str,
    pub title: &'static str,
    /// JSON Schema 2020-12 of `data`.
    pub schema: Value,
}

/// The event of the test button; nobody chooses it.
pub(crate) const TEST: &str = "test";

/// Names with a sentence and the fields of the data: a field's type is `id`, `code`, `count`, `counts`
/// or `time`.
type Line = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const CATALOGUE: &[Line] = &[
    (
        "records_failed",
        "Records could not be routed; counts by the code of the reason.",
        &[("count", "count"), ("reasons", "counts")],
    ),
    (
        "connection_broken",
        "A connection works no more until a person reconnects it.",
        &[("connection", "id"), ("reason", "code")],
    ),
    (
        "roles_changed",
        "A member has other roles.",
        &[("user", "id")],
    ),
    (
        "member_deactivated",
        "A member was shut out.",
        &[("user", "id")],
    ),
    (
        "member_reactivated",
        "A member was let in again.",
        &[("user", "id")],
    ),
    (
        "factors_reset",
        "An administrator took a member's second factors away.",
        &[("user", "id")],
    ),
    (
        "owner_changed",
        "The organisation has another owner.",
        &[("from", "id"), ("to", "id")],
    ),
    (
        "support_visit",
        "The operator of the appliance entered the organisation.",
        &[("visit", "id")],
    ),
    ("trial_ending", "The trial ends soon.", &[]),
    (
        "trial_ended",
        "The trial is over: nothing can be changed, and routing rests.",
        &[],
    ),
    (
        "tenant_deletion",
        "The organisation will be erased, unless somebody takes it back.",
        &[("due_at", "time")],
    ),
    ("tenant_kept", "The deletion was taken back.", &[]),
];

/// Every event that a webhook can be told of.
pub fn event_types() -> Vec<EventType> {
    CATALOGUE
        .iter()
        .map(|(name, title, fields)| EventType {
            name,
            title,
            schema: schema(fields),
        })
        .collect()
}

pub(crate) fn is_told(name: &str) -> bool {
    CATALOGUE.iter().any(|(told, ..)| *told == name)
}

fn schema(fields: &[(&str, &str)]) -> Value {
    let properties: serde_json::Map<String, Value> = fields
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), of_kind(kind)))
        .collect();
    let required: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn of_kind(kind: &str) -> Value {
    match kind {
        "id" => json!({ "type": "string", "pattern": "^[a-z]+_[0-9a-f]{32}$" }),
        "code" => json!({ "type": "string", "pattern": "^[a-z0-9_]+$" }),
        "count" => json!({ "type": "integer", "minimum": 0 }),
        "counts" => {
            json!({ "type": "object", "additionalProperties": { "type": "integer", "minimum": 0 } })
        }
        _ => json!({ "type": "string", "format": "date-time" }),
    }
}

/// What is posted, byte by byte the same in every attempt. `None`: webhooks do not tell of it.
pub(crate) fn body(event: &Event, at: DateTime<Utc>) -> Option<String> {
    if !is_told(event.name()) {
        return None;
    }
    let mut data = serde_json::to_value(event).ok()?;
    data.as_object_mut()?.remove("event");
    Some(envelope(event.name(), at, &data))
}

pub(crate) fn envelope(name: &str, at: DateTime<Utc>, data: &Value) -> String {
    let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({ "type": name, "timestamp": at, "data": data }).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kernel::{ConnectionId, SystemClock, UserId, VisitId};

    use super::*;

    fn samples() -> Vec<Event> {
        let user = UserId::generate(&SystemClock);
        vec![
            Event::RecordsFailed {
                count: 3,
                reasons: BTreeMap::from([("no_rule".to_owned(), 3)]),
            },
            Event::ConnectionBroken {
                connection: ConnectionId::generate(&SystemClock),
                reason: "revoked".to_owned(),
            },
            Event::RolesChanged { user },
            Event::MemberDeactivated { user },
            Event::MemberReactivated { user },
            Event::FactorsReset { user },
            Event::OwnerChanged {
                from: user,
                to: user,
            },
            Event::SupportVisit {
                visit: VisitId::generate(&SystemClock),
            },
            Event::TrialEnding,
            Event::TrialEnded,
            Event::TenantDeletion {
                due_at: DateTime::UNIX_EPOCH,
            },
            Event::TenantKept,
        ]
    }

    #[test]
    fn each_event_has_the_fields_of_its_schema_and_no_other() {
        let types = event_types();
        let samples = samples();
        assert_eq!(samples.len(), types.len());
        for (event, kind) in samples.iter().zip(&types) {
            assert_eq!(event.name(), kind.name);
            let body: Value =
                serde_json::from_str(&body(event, DateTime::UNIX_EPOCH).unwrap()).unwrap();
            assert_eq!(body["type"], kind.name);
            assert_eq!(body["timestamp"], "1970-01-01T00:00:00.000Z");
            let told: Vec<_> = body["data"].as_object().unwrap().keys().collect();
            let named: Vec<_> = kind.schema["properties"]
                .as_object()
                .unwrap()
                .keys()
                .collect();
            assert_eq!(told, named, "{}", kind.name);
        }
    }

    /// The chapter's table of events is made from the catalogue; `REVKEEP_BLESS=1` writes it anew.
    #[test]
    fn the_chapter_lists_the_catalogue() {
        const BEGIN: &str = "## Events\n\n";
        const END: &str = "An id is a word,";
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/webhooks.md");
        let page = std::fs::read_to_string(file).unwrap();
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let mut made =
            format!("{before}{BEGIN}| Event | What has happened | `data` |\n|---|---|---|\n");
        for (name, title, fields) in CATALOGUE {
            let fields: Vec<String> = fields
                .iter()
                .map(|(field, kind)| match *kind {
                    "counts" => format!("`{field}`: counts by code"),
                    "count" => format!("`{field}`: a number"),
                    kind => format!("`{field}`: {kind}"),
                })
                .collect();
            made.push_str(&format!("| `{name}` | {title} | {} |\n", fields.join(", ")));
        }
        made.push_str(&format!("\n{END}{after}"));
        let bless = std::env::var_os("REVKEEP_BLESS");
        if bless.is_some() {
            std::fs::write(file, made).unwrap();
        } else {
            assert_eq!(page, made, "docs/webhooks.md is out of date");
        }
    }

    #[test]
    fn what_concerns_a_persons_account_is_told_to_no_machine() {
        let user = UserId::generate(&SystemClock);
        for event in [
            Event::SessionTheft { user },
            Event::PasswordChanged { user },
            Event::AccountLocked {
                account: String::new(),
            },
        ] {
            assert!(body(&event, DateTime::UNIX_EPOCH).is_none());
        }
    }
}
