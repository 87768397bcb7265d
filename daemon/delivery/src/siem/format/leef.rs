//! IBM's Log Event Extended Format, version 2.0, with a tab between attributes. It has no escape, so what
//! would end a field is written as a space.

use super::{Grade, PRODUCT, VENDOR, VERSION, plain};
use crate::siem::event::Event;

pub(super) fn leef(event: &Event) -> String {
    let mut line = format!(
        "LEEF:2.0|{VENDOR}|{PRODUCT}|{VERSION}|{}|x09|",
        plain(&event.action).replace('|', " "),
    );
    let mut attributes = vec![
        (
            "devTime".to_owned(),
            event.at.timestamp_millis().to_string(),
        ),
        ("sev".to_owned(), Grade::of(event).of_ten().to_string()),
        ("usrName".to_owned(), plain(&event.actor_id)),
    ];
    attributes.extend(
        event
            .fields()
            .into_iter()
            .filter(|(name, _)| !matches!(*name, "at" | "action" | "actor_id"))
            .map(|(name, value)| (name.to_owned(), plain(&value))),
    );
    if let Some(head) = event.head_json() {
        attributes.push(("head".to_owned(), plain(&head)));
    }
    let attributes: Vec<String> = attributes
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    line.push_str(&attributes.join("\t"));
    line
}
