//! Events as text, one format a file: pure functions of an event. None of their texts has a control
//! character in it, whatever an event holds, so a line is one event everywhere.

mod cef;
mod json;
mod leef;
mod ocsf;
mod rfc5424;

#[cfg(test)]
mod archived;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::{event::Event, target::Format};

pub(crate) use rfc5424::syslog;

const VENDOR: &str = "Revkeep";
const PRODUCT: &str = "Revkeep";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An event in its format, without what a transport puts around it.
pub(crate) enum Payload {
    Text(String),
    Json(Value),
}

/// `None` where the format is syslog's own: [`syslog`] writes it.
pub(crate) fn payload(format: Format, event: &Event) -> Option<Payload> {
    match format {
        Format::Rfc5424 => None,
        Format::Cef => Some(Payload::Text(cef::cef(event))),
        Format::Leef => Some(Payload::Text(leef::leef(event))),
        Format::Ocsf => Some(Payload::Json(ocsf::ocsf(event))),
        Format::Json => Some(Payload::Json(json::json(event))),
    }
}

impl Payload {
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Json(value) => one_line(&value.to_string()),
        }
    }
}

/// How grave an outcome is.
#[derive(Clone, Copy)]
enum Grade {
    Done,
    Failed,
    Refused,
}

impl Grade {
    fn of(event: &Event) -> Self {
        match event.outcome.as_str() {
            "refused" => Self::Refused,
            "failed" => Self::Failed,
            _ => Self::Done,
        }
    }

    /// Of ten, for CEF and LEEF.
    const fn of_ten(self) -> u8 {
        match self {
            Self::Done => 2,
            Self::Failed => 4,
            Self::Refused => 6,
        }
    }
}

/// JSON with an escape for what serde leaves as it is: DEL, and the C1 controls, one of which ends a line for
/// some readers. They stand in strings alone there.
fn one_line(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_control() {
            line.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            line.push(c);
        }
    }
    line
}

/// The same text with a space for each control character.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
