//! The control matrix, the security questionnaire and the annex to a data processing agreement as somebody takes
//! them away: CSV or Markdown, from the table and the last run (OB-34 to OB-36).

use std::fmt::Write;

use super::report::{ControlResult, Report};
use crate::controls::Control;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paper {
    /// Every control with its evidence and what it answers in four standards.
    Matrix,
    /// The questions that evaluators ask, answered by the controls of each area.
    Questionnaire,
    /// The technical and organisational measures of a data processing agreement (GDPR, articles 28(3) and 32), by
    /// the article that each bears on.
    Annex,
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
            "annex" => Some(Self::Annex),
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

/// The articles of the GDPR (Regulation (EU) 2016/679) that controls bear on, and what each is about.
const ARTICLES: [(&str, &str); 14] = [
    (
        "5",
        "Principles: minimisation, accuracy, storage limitation",
    ),
    ("7", "Conditions for consent"),
    ("15", "Access by the data subject"),
    ("17", "Erasure"),
    ("20", "Portability"),
    ("22", "Automated decisions"),
    ("24", "Responsibility of the controller"),
    ("25", "Protection by design and by default"),
    ("28", "Processor: instructions, sub-processors, audits"),
    ("30", "Records of processing"),
    ("32", "Security of processing"),
    ("33", "Notification of a breach to the authority"),
    ("34", "Communication of a breach to the person"),
    ("44", "Transfers to third countries"),
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
                    text.push_str(&answer(found));
                }
                text.push('\n');
            }
            text
        }
        (Paper::Annex, Format::Csv) => {
            let columns = [
                "Article", "Subject", "Control", "Measure", "Status", "Evidence",
            ];
            let mut text = csv(&columns.map(str::to_owned));
            for (article, subject) in ARTICLES {
                for (found, _) in bearing_on(&rows, article) {
                    text.push_str(&csv(&[
                        article.to_owned(),
                        subject.to_owned(),
                        found.id.clone(),
                        found.title.clone(),
                        found.status.words().to_owned(),
                        found.evidence.clone(),
                    ]));
                }
            }
            text
        }
        (Paper::Annex, Format::Markdown) => {
            let mut text = heading(
                "Annex to a data processing agreement: technical and organisational measures",
                report,
            );
            text.push_str(
                "Revkeep runs on the customer's own machines: its maker receives no personal data from it. Parties that the \
                 customer connects (Salesforce, mail, an identity provider, a log archive) are the customer's own.\n\n",
            );
            for (article, subject) in ARTICLES {
                let mut measures = bearing_on(&rows, article).peekable();
                if measures.peek().is_some() {
                    // Writing to a String cannot fail.
                    let _ = write!(text, "## Article {article}: {subject}\n\n");
                    measures.for_each(|(found, _)| text.push_str(&answer(found)));
                    text.push('\n');
                }
            }
            text
        }
    }
}

fn bearing_on<'a>(
    rows: &'a [(&'a ControlResult, &'a Control)],
    article: &'a str,
) -> impl Iterator<Item = &'a (&'a ControlResult, &'a Control)> {
    rows.iter()
        .filter(move |(_, control)| control.mapping.gdpr.iter().any(|own| own == article))
}

/// A control as a line of a list.
fn answer(found: &ControlResult) -> String {
    format!(
        "- **{}** ({}): {}. {}\n",
        found.id,
        found.status.words(),
        found.title,
        line(&found.evidence)
    )
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
    use crate::{
        controls,
        verify::{build_evidence::BuildEvidence, report::Verdicts},
    };

    fn report() -> (Report, Vec<Control>) {
        let at = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let table = controls::all().unwrap();
        let build = BuildEvidence::Missing(String::new());
        let report = Report::new(&table, &Verdicts::new(), &build, true, at);
        (report, table)
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
    fn the_annex_has_every_control_under_every_article_that_it_bears_on() {
        let (report, table) = report();
        let named: BTreeSet<&str> = ARTICLES.iter().map(|(article, _)| *article).collect();
        let text = paper(&report, &table, Paper::Annex, Format::Csv);
        let list = paper(&report, &table, Paper::Annex, Format::Markdown);
        for control in &table {
            for article in &control.mapping.gdpr {
                assert!(named.contains(article.as_str()), "article {article}");
                let begin = format!("\"{article}\",");
                let id = format!("\"{}\"", control.id);
                assert!(
                    text.lines()
                        .any(|line| line.starts_with(&begin) && line.contains(&id)),
                    "{} under {article}",
                    control.id
                );
            }
            let lines = list.matches(&format!("**{}**", control.id)).count();
            assert_eq!(lines, control.mapping.gdpr.len(), "{}", control.id);
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
