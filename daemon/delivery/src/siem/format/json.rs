//! An event as one object of JSON: its fields by their own names.

use serde_json::{Map, Value};

use super::VERSION;
use crate::siem::event::Event;

pub(super) fn json(event: &Event) -> Value {
    let mut object = Map::new();
    object.insert("product".to_owned(), Value::from("revkeep"));
    object.insert("version".to_owned(), Value::from(VERSION));
    for (name, value) in event.fields() {
        if name != "position" {
            object.insert(name.to_owned(), Value::from(value));
        }
    }
    if let Some((position, _)) = &event.leaf {
        object.insert("position".to_owned(), Value::from(*position));
    }
    if let Some(head) = &event.head {
        let head = serde_json::to_value(head).unwrap_or_default();
        object.insert("head".to_owned(), head);
    }
    Value::Object(object)
}
