//! RFC 5424: the header, one element of structured data with the event's fields, and a message: a
//! sentence, a head as JSON, or the event in another format.

use super::{Grade, plain};
use crate::siem::event::{Event, time};

/// `log audit` (RFC 5424 section 6.2.1).
const FACILITY: u8 = 13;
/// 32473 is the enterprise number that is reserved for examples (RFC 5612); a name without one is for
/// what is registered alone.
const ELEMENT: &str = "revkeep@32473";
const BOM: char = '\u{feff}';

/// The event as a syslog message from `host`, with `message` in place of the sentence.
pub(crate) fn syslog(event: &Event, host: &str, message: Option<&str>) -> String {
    let mut line = format!(
        "<{}>1 {} {} revkeep - {} ",
        FACILITY * 8 + severity(event),
        time(event.at),
        header(host, 255),
        header(&event.id, 32),
    );
    let own;
    let message = match message {
        // Another format says it all.
        Some(message) => {
            line.push('-');
            message
        }
        None => {
            line.push_str(&element(event));
            own = event.head_json().unwrap_or_else(|| event.sentence());
            &own
        }
    };
    line.push(' ');
    let message = plain(message);
    // Section 6.4: what is UTF-8 says so. ASCII is any encoding, and a BOM would be in its readers' way.
    if !message.is_ascii() {
        line.push(BOM);
    }
    line.push_str(&message);
    line
}

fn element(event: &Event) -> String {
    let mut element = format!("[{ELEMENT}");
    for (name, value) in event.fields() {
        element.push_str(&format!(" {name}=\"{}\"", value_escaped(&value)));
    }
    element.push(']');
    element
}

/// Informational, error or warning (section 6.2.1).
fn severity(event: &Event) -> u8 {
    match Grade::of(event) {
        Grade::Done => 6,
        Grade::Refused => 4,
        Grade::Failed => 3,
    }
}

/// A field of the header: printable ASCII without a space, never empty.
fn header(text: &str, most: usize) -> String {
    let field: String = text
        .chars()
        .filter(char::is_ascii_graphic)
        .take(most)
        .collect();
    if field.is_empty() {
        return "-".to_owned();
    }
    field
}

/// Section 6.3.3: a backslash before `"`, `\` and `]`.
fn value_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain(text).chars() {
        if matches!(c, '"' | '\\' | ']') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
