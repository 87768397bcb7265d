//! Refusals of a query, with the echo of the statement and the caret that the real service prints.

use soql::{Origin, SoqlError};

use crate::store::refusal::Refusal;

/// Characters of the statement shown on each side of the fault.
const ECHO: usize = 40;

pub(super) fn malformed(text: &str, error: &SoqlError) -> Refusal {
    place(
        text,
        error.span.map(|span| span.start),
        "MALFORMED_QUERY",
        &error.message,
    )
}

pub(super) fn at(text: &str, origin: Origin, code: &'static str, message: &str) -> Refusal {
    place(text, origin.0.map(|span| span.start), code, message)
}

pub(super) fn unsupported(text: &str, origin: Origin, what: &str) -> Refusal {
    at(
        text,
        origin,
        "MALFORMED_QUERY",
        &format!("{what} is not evaluated by this simulator"),
    )
}

fn place(text: &str, start: Option<usize>, code: &'static str, message: &str) -> Refusal {
    let Some(before) = start.and_then(|start| text.get(..start)) else {
        return Refusal::new(400, code, message);
    };
    let row = before.matches('\n').count().saturating_add(1);
    let line: String = before.rsplit('\n').next().unwrap_or_default().to_owned();
    let column = line.chars().count().saturating_add(1);
    let after = text.get(before.len()..).unwrap_or_default();
    let head: String = line.chars().skip(column.saturating_sub(ECHO)).collect();
    let tail: String = after
        .chars()
        .take_while(|c| *c != '\n')
        .take(ECHO)
        .collect();
    let caret = " ".repeat(head.chars().count());
    let message =
        format!("\n{head}{tail}\n{caret}^\nERROR at Row:{row}:Column:{column}\n{message}");
    Refusal::new(400, code, message)
}
