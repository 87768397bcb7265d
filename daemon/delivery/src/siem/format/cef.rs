//! ArcSight's Common Event Format, version 0. What has no key in its dictionary stands in custom strings
//! with labels.

use super::{Grade, PRODUCT, VENDOR, VERSION, plain};
use crate::siem::event::Event;

/// Our fields and the keys of CEF that hold them; a label where the key says nothing.
const KEYS: [(&str, &str, Option<&str>); 11] = [
    ("id", "externalId", None),
    ("action", "act", None),
    ("outcome", "outcome", None),
    ("code", "reason", None),
    ("actor_id", "suid", None),
    ("actor_kind", "cs1", Some("actorKind")),
    ("tenant", "cs2", Some("tenant")),
    ("resource_type", "cs3", Some("resourceType")),
    ("resource_id", "cs4", Some("resourceId")),
    ("request_id", "cs5", Some("requestId")),
    ("hash", "cs6", Some("leafHash")),
];

pub(super) fn cef(event: &Event) -> String {
    let mut line = format!(
        "CEF:0|{VENDOR}|{PRODUCT}|{VERSION}|{}|{}|{}|rt={}",
        header(&event.action),
        header(&event.action.replace('_', " ")),
        Grade::of(event).of_ten(),
        event.at.timestamp_millis(),
    );
    let fields = event.fields();
    for (name, key, label) in KEYS {
        let Some((_, value)) = fields.iter().find(|(field, _)| *field == name) else {
            continue;
        };
        line.push_str(&format!(" {key}={}", extension(value)));
        if let Some(label) = label {
            line.push_str(&format!(" {key}Label={label}"));
        }
    }
    if let Some((position, _)) = &event.leaf {
        line.push_str(&format!(" cn1={position} cn1Label=position"));
    }
    let message = event.head_json().unwrap_or_else(|| event.sentence());
    line.push_str(&format!(" msg={}", extension(&message)));
    line
}

/// A backslash before `\` and `|`.
fn header(text: &str) -> String {
    escaped(text, &['\\', '|'])
}

/// A backslash before `\` and `=`.
fn extension(text: &str) -> String {
    escaped(text, &['\\', '='])
}

fn escaped(text: &str, special: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain(text).chars() {
        if special.contains(&c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
