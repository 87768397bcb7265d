//! Heads in the lines of an archive, whatever a stream, a receiver or an export made of them: JSON by itself
//! or inside of other JSON, JSON within a text, text within a string of JSON, and CEF with its escapes.

use serde_json::{Deserializer, Map, Value};

use crate::head::{Head, HeadLine};

/// How the statement of every head begins, in every form.
const BEGINNING: &str = "revkeep audit head ";
/// In what follows, a backslash stands before each `\` and `=`.
const CEF: &str = "CEF:0|";
/// Braces of one text that begin no JSON.
const TRIES: u32 = 1_000;
/// Texts within strings within texts.
const DEPTH: u32 = 6;

/// What a line of an archive holds of heads.
#[derive(Debug, Default)]
pub struct Archived {
    /// Each once, in order. Whether their signatures count is another question.
    pub heads: Vec<Head>,
    /// Something has a head's fields and is none.
    pub unreadable: bool,
}

impl Archived {
    /// Looks through a line. What is not UTF-8 is no part of a head.
    pub fn in_line(line: &[u8]) -> Self {
        let mut found = Self::default();
        found.text(&String::from_utf8_lossy(line), DEPTH);
        found
    }

    /// Reads every object of JSON that stands somewhere in the text.
    fn text(&mut self, text: &str, depth: u32) {
        let Some(deeper) = depth.checked_sub(1).filter(|_| text.contains(BEGINNING)) else {
            return;
        };
        let (mut rest, mut tries) = (text, TRIES);
        while let Some(brace) = rest.find('{') {
            let (before, from) = rest.split_at(brace);
            if before.contains(CEF) {
                for event in rest.split(CEF).skip(1) {
                    self.text(&unescaped(event), deeper);
                }
                return;
            }
            let mut values = Deserializer::from_str(from).into_iter::<Value>();
            let read = match values.next() {
                Some(Ok(value)) => {
                    self.value(&value, deeper);
                    values.byte_offset()
                }
                _ if tries == 0 => return,
                _ => {
                    tries = tries.saturating_sub(1);
                    1
                }
            };
            rest = from.get(read..).unwrap_or_default();
        }
    }

    fn value(&mut self, value: &Value, depth: u32) {
        match value {
            Value::Object(fields) if is_head(fields) => self.head(fields),
            Value::Object(fields) => {
                for inner in fields.values() {
                    self.value(inner, depth);
                }
            }
            Value::Array(items) => {
                for inner in items {
                    self.value(inner, depth);
                }
            }
            Value::String(text) => self.text(text, depth),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn head(&mut self, fields: &Map<String, Value>) {
        let line = serde_json::from_value::<HeadLine>(Value::Object(fields.clone()));
        match line.ok().and_then(|line| Head::from_line(&line)) {
            // A collector keeps what it got beside what it made of it.
            Some(head) if self.heads.contains(&head) => {}
            Some(head) => self.heads.push(head),
            None => self.unreadable = true,
        }
    }
}

fn is_head(fields: &Map<String, Value>) -> bool {
    let statement = fields.get("statement").and_then(Value::as_str);
    statement.is_some_and(|text| text.starts_with(BEGINNING)) && fields.contains_key("signature")
}

/// Without the backslashes of CEF.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next()),
            c => plain.push(c),
        }
    }
    plain
}
