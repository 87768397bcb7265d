//! The control matrix and the security questionnaire as somebody takes them away: CSV or Markdown, from
//! the table and the last run (OB-34, OB-36).

use std::fmt::Write;

use super::report::{ControlResult, Report};
use crate::controls::Control;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paper {
    /// Every control with its evidence and what it answers in four standards.
    Matrix,
    /// The questions that evaluators ask, answered by the controls of each area.
    Questionnaire,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Markdown,
}

impl Paper {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "matrix" => Some(Self::Matrix),
            "questionnaire" => Some(Self::Questionnaire),
            _ => None,
        }
    }
}

impl Format {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "csv" => Some(Self::Csv),
            "markdown" => Some(Self::Markdown),
            _ => None,
        }
    }
}

/// One question of an evaluator, and the area whose controls answer it.
const QUESTIONS: [(&str, &str); 15] = [
    (
        "isolation",
        "How is one tenant's data kept from another's, and how is that tested?",
    ),
    (
        "access",
        "Who may do what, and how are roles given and taken away?",
    ),
    ("sign-in", "How do people sign in, and what stops guessing?"),
    (
        "sessions",
        "How long do sessions and tokens live, and how are they ended?",
    ),
    (
        "secrets",
        "How are credentials and keys protected at rest, and who holds the keys?",
    ),
    (
        "network",
        "How is data protected in transit, and what is exposed to the network?",
    ),
    (
        "application",
        "What protects the application against injection and misuse of its interfaces?",
    ),
    (
        "audit",
        "What is logged, for how long, and how is tampering found?",
    ),
    (
        "salesforce",
        "What does the product read and write in Salesforce, and with which rights?",
    ),
    (
        "routing",
        "How is each automatic decision explained, and what happens when one fails?",
    ),
    ("machines", "What may programs and models see and do?"),
    (
        "deals",
        "What is done with mail, recordings and CRM content?",
    ),
    (
        "privacy",
        "Which personal data is stored, and how is it exported and erased?",
    ),
    (
        "supply-chain",
        "How are dependencies, builds and weaknesses managed?",
    ),
    (
        "operations",
        "What is the customer's part, and what is watched for them?",
    ),
];

const COLUMNS: [&str; 10] = [
    "Id",
    "Area",
    "Promise",
    "Status",
    "Evidence",
    "Looked at",
    "SOC 2",
    "ASVS 5.0",
    "OWASP Top 10",
    "GDPR",
];

pub(crate) fn paper(report: &Report, table: &[Control], paper: Paper, format: Format) -> String {
    let rows: Vec<(&ControlResult, &Control)> = report
        .controls
        .iter()
        .filter_map(|found| Some((found, table.iter().find(|known| known.id == found.id)?)))
        .collect();
    match (paper, format) {
        (Paper::Matrix, Format::Csv) => {
            let mut text = csv(&COLUMNS.map(str::to_owned));
            for (found, control) in rows {
                text.push_str(&csv(&cells(found, control)));
            }
            text
        }
        (Paper::Matrix, Format::Markdown) => {
            let mut text = heading("Control matrix", report);
            text.push_str(&markdown(&COLUMNS.map(str::to_owned)));
            text.push_str(&markdown(&COLUMNS.map(|_| "---".to_owned())));
            for (found, control) in rows {
                text.push_str(&markdown(&cells(found, control)));
            }
            text
        }
        (Paper::Questionnaire, Format::Csv) => {
            let mut text =
                csv(&["Question", "Control", "Answer", "Status", "Evidence"].map(str::to_owned));
            for (area, question) in QUESTIONS {
                for (found, _) in rows.iter().filter(|(found, _)| found.area == area) {
                    text.push_str(&csv(&[
                        question.to_owned(),
                        found.id.clone(),
                        found.title.clone(),
                        found.status.words().to_owned(),
                        found.evidence.clone(),
                    ]));
                }
            }
            text
        }
        (Paper::Questionnaire, Format::Markdown) => {
            let mut text = heading("Security questionnaire", report);
            for (area, question) in QUESTIONS {
                // Writing to a String cannot fail.
                let _ = write!(text, "## {question}\n\n");
                for (found, _) in rows.iter().filter(|(found, _)| found.area == area) {
                    let _ = writeln!(
                        text,
                        "- **{}** ({}): {}. {}",
                        found.id,
                        found.status.words(),
                        found.title,
                        line(&found.evidence)
                    );
                }
                text.push('\n');
            }
            text
        }
    }
}

fn heading(title: &str, report: &Report) -> String {
    format!(
        "# {title}\n\nRevkeep {}, as verified on the running appliance at {} UTC: {}.\n\n",
        report.version,
        report.finished_at.format("%Y-%m-%d %H:%M"),
        report.summary()
    )
}

fn cells(found: &ControlResult, control: &Control) -> [String; 10] {
    let mapping = &control.mapping;
    [
        found.id.clone(),
        found.area.clone(),
        found.title.clone(),
        found.status.words().to_owned(),
        found.evidence.clone(),
        found.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        mapping.soc2.join(" "),
        mapping.asvs.join(" "),
        mapping.owasp.join(" "),
        mapping.gdpr.join(" "),
    ]
}

/// RFC 4180. What a spreadsheet would take for a formula is quoted away.
fn csv<const N: usize>(cells: &[String; N]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| {
            let mark = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
                "'"
            } else {
                ""
            };
            format!("\"{mark}{}\"", cell.replace('"', "\"\""))
        })
        .collect();
    format!("{}\r\n", cells.join(","))
}

fn markdown<const N: usize>(cells: &[String; N]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| line(cell)).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn line(text: &str) -> String {
    text.replace('|', "\\|").replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{controls, verify::report::Verdicts};

    fn report() -> (Report, Vec<Control>) {
        let at = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let table = controls::all().unwrap();
        (Report::new(&table, &Verdicts::new(), true, at), table)
    }

    #[test]
    fn every_control_stands_once_in_each_paper() {
        let (report, table) = report();
        for form in [Format::Csv, Format::Markdown] {
            for kind in [Paper::Matrix, Paper::Questionnaire] {
                let text = paper(&report, &table, kind, form);
                for control in &table {
                    let id = &control.id;
                    let marks = [
                        format!("\"{id}\","),
                        format!("| {id} |"),
                        format!("**{id}**"),
                    ];
                    let count: usize = marks
                        .iter()
                        .map(|mark| text.matches(mark.as_str()).count())
                        .sum();
                    assert_eq!(count, 1, "{id} in {kind:?} {form:?}");
                }
            }
        }
    }

    #[test]
    fn each_area_has_its_question() {
        let (_, table) = report();
        let areas: BTreeSet<&str> = table
            .iter()
            .map(|control| control.mapping.area.as_str())
            .collect();
        let asked: BTreeSet<&str> = QUESTIONS.iter().map(|(area, _)| *area).collect();
        assert_eq!(areas, asked);
    }

    #[test]
    fn no_cell_breaks_out() {
        assert_eq!(
            csv(&["=1+1".to_owned(), "a \"b\"\nc".to_owned()]),
            "\"'=1+1\",\"a \"\"b\"\"\nc\"\r\n"
        );
        assert_eq!(markdown(&["a|b\nc".to_owned()]), "| a\\|b c |\n");
    }
}
