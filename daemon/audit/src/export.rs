//! The log as a file, oldest entry first (OB-26). A page is read, written out and forgotten before the next
//! one is read, so an export of any length takes the memory of one page.

use chrono::{DateTime, SecondsFormat, Utc};
use db::{LogOrder, LogPlace, LogQuery, LogRow};
use kernel::{Action, Principal, RequestId};
use serde_json::{Value, json};

use crate::{
    filter::Filter,
    reader::Reader,
    reading::{Content, Line, ReadError, Scope, line},
};

/// Entries of one page.
const PAGE: i64 = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Csv,
    Jsonl,
}

const COLUMNS: [&str; 17] = [
    "tenant",
    "at",
    "id",
    "actor_kind",
    "actor_id",
    "action",
    "outcome",
    "code",
    "resource_type",
    "resource_id",
    "request_id",
    "position",
    "address",
    "user_agent",
    "before",
    "after",
    "closed",
];

/// An export that was put on record and is under way.
pub struct Export {
    reader: Reader,
    who: Principal,
    scope: Scope,
    format: Format,
    query: Option<LogQuery>,
    after: Option<LogPlace>,
    headed: bool,
}

impl Reader {
    /// Puts the export on record, and begins it. What is written while it runs is not part of it.
    pub async fn export(
        &self,
        who: &Principal,
        scope: Scope,
        filter: &Filter,
        format: Format,
    ) -> Result<Export, ReadError> {
        let told = json!({ "format": format, "filter": filter });
        self.record(who, scope, Action::AuditExport, told).await?;
        let begun = self.clock_now();
        let query = filter.query(begun).map(|query| LogQuery {
            to: query.to.min(begun),
            ..query
        });
        Ok(Export {
            reader: self.clone(),
            who: who.clone(),
            scope,
            format,
            query,
            after: None,
            headed: false,
        })
    }
}

impl Export {
    /// The next piece of the file; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        let mut piece = String::new();
        if !self.headed && self.format == Format::Csv {
            csv_line(&mut piece, COLUMNS.into_iter().map(str::to_owned));
        }
        let first = !std::mem::replace(&mut self.headed, true);
        let rows = match &self.query {
            None => Vec::new(),
            Some(query) => {
                self.reader
                    .page(
                        &self.who,
                        self.scope,
                        query,
                        self.after,
                        LogOrder::OldestFirst,
                        PAGE,
                    )
                    .await?
            }
        };
        match rows.last() {
            Some(last) => {
                self.after = Some(LogPlace {
                    at: last.at,
                    audit_id: last.audit_id,
                });
            }
            None => self.query = None,
        }
        for row in &rows {
            self.write(&mut piece, row).await;
        }
        let over = rows.is_empty() && !first;
        Ok((!over && !piece.is_empty()).then(|| piece.into_bytes()))
    }

    async fn write(&self, piece: &mut String, row: &LogRow) {
        let (line, content) = (line(row), self.reader.content(self.scope, row).await);
        match self.format {
            Format::Csv => csv_line(piece, cells(&line, &content)),
            Format::Jsonl => {
                piece.push_str(&object(&line, &content).to_string());
                piece.push('\n');
            }
        }
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn request(line: &Line) -> Option<String> {
    line.request.map(|id| RequestId::from_uuid(id).to_string())
}

fn object(line: &Line, content: &Content) -> Value {
    json!({
        "tenant": line.tenant,
        "at": time(line.at),
        "id": line.id,
        "actor_kind": line.actor_kind,
        "actor_id": line.actor_id,
        "action": line.action,
        "outcome": line.outcome,
        "code": line.code,
        "resource_type": line.resource_type,
        "resource_id": line.resource_id,
        "request_id": request(line),
        "position": line.position,
        "address": content.address,
        "user_agent": content.user_agent,
        "before": content.before,
        "after": content.after,
        "closed": content.closed,
    })
}

fn cells(line: &Line, content: &Content) -> [String; COLUMNS.len()] {
    let json = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
    [
        line.tenant.to_string(),
        time(line.at),
        line.id.to_string(),
        line.actor_kind.clone(),
        line.actor_id.clone(),
        line.action.clone(),
        line.outcome.clone(),
        line.code.clone().unwrap_or_default(),
        line.resource_type.clone(),
        line.resource_id.clone(),
        request(line).unwrap_or_default(),
        line.position.map(|at| at.to_string()).unwrap_or_default(),
        content.address.clone().unwrap_or_default(),
        content.user_agent.clone().unwrap_or_default(),
        json(&content.before),
        json(&content.after),
        content.closed.to_string(),
    ]
}

/// One line (RFC 4180).
fn csv_line(to: &mut String, cells: impl IntoIterator<Item = String>) {
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            to.push(',');
        }
        csv_cell(to, &cell);
    }
    to.push_str("\r\n");
}

/// A cell that a spreadsheet shows and does not run: one that begins as a formula does gets an apostrophe
/// before it (OWASP, CSV Injection), also when white space or an invisible character stands first.
fn csv_cell(to: &mut String, cell: &str) {
    let unseen =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{200b}');
    let first = cell.trim_start_matches(unseen).chars().next();
    let formula = matches!(
        first,
        Some('=' | '+' | '-' | '@' | '|' | '%' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
    ) || cell.starts_with(['\t', '\r', '\n']);
    to.push('"');
    if formula {
        to.push('\'');
    }
    to.push_str(&cell.replace('"', "\"\""));
    to.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> String {
        let mut to = String::new();
        csv_cell(&mut to, text);
        to
    }

    #[test]
    fn a_cell_is_shown_and_never_run() {
        for formula in [
            "=HYPERLINK(\"http://evil\")",
            "+1+1",
            "-2+3",
            "@SUM(A1)",
            "|cmd",
            "%0A",
            "\t=1",
            "\r=1",
            "  =1",
            "\u{feff}=1",
            "\u{200b}=1",
            "\u{ff1d}1",
        ] {
            assert!(cell(formula).starts_with("\"'"), "{formula:?}");
        }
        for plain in ["rule_update", "{\"a\":-1}", "2026-11-22", "", "10.0.0.1"] {
            assert!(!cell(plain).contains('\''), "{plain:?}");
        }
    }

    #[test]
    fn quotes_commas_and_lines_stay_in_their_cell() {
        assert_eq!(cell("a\"b"), "\"a\"\"b\"");
        let mut line = String::new();
        csv_line(&mut line, ["a,b".to_owned(), "c\r\nd".to_owned()]);
        assert_eq!(line, "\"a,b\",\"c\r\nd\"\r\n");
    }
}
