//! The table of the OWASP ASVS 5.0.0: every requirement of level 2 stands in it once, with what shows it
//! or with a reason, and the page of it is generated.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
};

use serde::Deserialize;

use super::sources::{root, sources, tests};

const TABLE: &str = include_str!("../../../../docs/security/asvs.toml");
const IDS: &str = include_str!("../../../golden/asvs-ids.txt");
const PAGE: &str = "docs/security/asvs.md";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    level: u8,
    /// What it is about, in our own words.
    topic: String,
    status: Status,
    #[serde(default)]
    shown_by: Vec<String>,
    #[serde(default)]
    reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Met,
    Partly,
    NotMet,
    Planned,
    NotApplicable,
}

const STATUSES: [(Status, &str); 5] = [
    (Status::Met, "met"),
    (Status::Partly, "partly"),
    (Status::NotMet, "**not met**"),
    (Status::Planned, "planned"),
    (Status::NotApplicable, "not applicable"),
];

const CHAPTERS: [&str; 17] = [
    "Encoding and sanitization",
    "Validation and business logic",
    "Web front end",
    "API and web service",
    "Files",
    "Authentication",
    "Sessions",
    "Authorization",
    "Self-contained tokens",
    "OAuth and OpenID Connect",
    "Cryptography",
    "Secure communication",
    "Configuration",
    "Data protection",
    "Secure coding and architecture",
    "Logs and errors",
    "WebRTC",
];

type Table = BTreeMap<String, Requirement>;

fn table() -> Table {
    toml::from_str(TABLE).unwrap()
}

/// All ids of the standard with their levels, in its order.
fn ids() -> Vec<(&'static str, u8)> {
    IDS.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap())
        .map(|(id, level)| (id, level.parse().unwrap()))
        .collect()
}

/// What is wrong between the list of all ids and the table.
fn gaps(ids: &[(&str, u8)], table: &Table) -> Vec<String> {
    let mut findings = Vec::new();
    for (id, level) in ids {
        match table.get(*id) {
            None if *level <= 2 => findings.push(format!("{id} is missing")),
            Some(row) if row.level != *level => findings.push(format!("{id} is of level {level}")),
            _ => {}
        }
    }
    for id in table
        .keys()
        .filter(|id| !ids.iter().any(|(known, _)| known == id))
    {
        findings.push(format!("{id} is no requirement"));
    }
    findings
}

#[test]
fn every_requirement_of_level_two_stands_in_the_table_once() {
    let ids = ids();
    let of_level = |wanted: u8| ids.iter().filter(|(_, level)| *level == wanted).count();
    assert_eq!((of_level(1), of_level(2), of_level(3)), (70, 183, 92));
    // A row that stands twice is no TOML.
    assert_eq!(gaps(&ids, &table()), Vec::<String>::new());

    let mut table = table();
    table.remove("v5.0.0-1.1.1");
    table.get_mut("v5.0.0-1.1.2").unwrap().level = 1;
    let row = table["v5.0.0-1.2.1"].clone();
    table.insert("v5.0.0-1.2.99".to_owned(), row);
    assert_eq!(
        gaps(&ids, &table),
        [
            "v5.0.0-1.1.1 is missing",
            "v5.0.0-1.1.2 is of level 2",
            "v5.0.0-1.2.99 is no requirement"
        ]
    );
}

/// What exists and can be named.
struct Known {
    tests: BTreeSet<String>,
    attacks: String,
    steps: String,
}

impl Known {
    fn read() -> Self {
        let text = |path: &str| fs::read_to_string(root().join(path)).unwrap();
        Self {
            tests: tests(&sources()),
            attacks: text("tests/lint-attacks.sh"),
            steps: text(".ci/steps.sh"),
        }
    }

    fn has(&self, name: &str) -> bool {
        if let Some(attack) = name.strip_prefix("lint-attacks::") {
            let ending = format!("'{attack}'");
            let mut lines = self.attacks.lines();
            return lines.any(|line| line.starts_with("refused ") && line.ends_with(&ending));
        }
        if let Some(step) = name.strip_prefix("step::") {
            return self.steps.contains(&format!("\n    \"{step}|"));
        }
        if self.tests.contains(name) {
            return true;
        }
        let (path, text) = name.split_once("::").unwrap_or((name, ""));
        is_path(path)
            && fs::read_to_string(root().join(path)).is_ok_and(|found| found.contains(text))
    }
}

/// A path of the repository has a slash or a suffix; a test's has neither.
fn is_path(name: &str) -> bool {
    (name.contains('/') || name.contains('.')) && Path::new(name).is_relative()
}

/// Rows that say nothing, or name what does not exist.
fn empty(table: &Table, known: &Known) -> Vec<String> {
    let mut findings = Vec::new();
    for (id, row) in table {
        if row.topic.trim().is_empty() {
            findings.push(format!("{id} has no topic"));
        }
        if row.status == Status::Met && row.shown_by.is_empty() {
            findings.push(format!("{id} is met, and nothing shows it"));
        }
        if row.status != Status::Met && row.reason.trim().is_empty() {
            findings.push(format!("{id} is not met, and no reason is given"));
        }
        for name in row.shown_by.iter().filter(|name| !known.has(name)) {
            findings.push(format!("{id}: there is no {name}"));
        }
    }
    findings
}

#[test]
fn no_row_is_empty_and_what_shows_it_exists() {
    let known = Known::read();
    assert_eq!(empty(&table(), &known), Vec::<String>::new());

    let mut table = table();
    let mut row = |id: &str, change: &dyn Fn(&mut Requirement)| {
        change(table.get_mut(id).unwrap());
    };
    row("v5.0.0-1.1.1", &|row| row.shown_by.clear());
    row("v5.0.0-1.2.7", &|row| row.reason.clear());
    row("v5.0.0-1.2.8", &|row| row.topic.clear());
    row("v5.0.0-3.4.1", &|row| {
        row.shown_by = [
            "it::http::nobody_wrote_this",
            "lint-attacks::a mistake",
            "step::nothing",
            "docs/nowhere.md",
            "docs/soql.md::what it does not say",
        ]
        .map(str::to_owned)
        .to_vec();
    });
    assert_eq!(
        empty(&table, &known),
        [
            "v5.0.0-1.1.1 is met, and nothing shows it",
            "v5.0.0-1.2.7 is not met, and no reason is given",
            "v5.0.0-1.2.8 has no topic",
            "v5.0.0-3.4.1: there is no it::http::nobody_wrote_this",
            "v5.0.0-3.4.1: there is no lint-attacks::a mistake",
            "v5.0.0-3.4.1: there is no step::nothing",
            "v5.0.0-3.4.1: there is no docs/nowhere.md",
            "v5.0.0-3.4.1: there is no docs/soql.md::what it does not say",
        ]
    );
}

fn counted(table: &Table, levels: &[u8], wanted: Status) -> usize {
    let rows = table.values();
    rows.filter(|row| levels.contains(&row.level) && row.status == wanted)
        .count()
}

/// The page as it must stand in the documentation.
fn page() -> String {
    let (table, ids) = (table(), ids());
    let mut text = String::from(
        "# OWASP ASVS 5.0\n\n\
         Generated from [asvs.toml](asvs.toml); a test compares this page with it and looks for every test and\n\
         file that it names. The topics are our own words: what each requirement says stands in the OWASP\n\
         Application Security Verification Standard 5.0.0 under its id.\n\n\
         The measure is level 2, whole: the requirements of levels 1 and 2. Of level 3 those stand here that hold.\n\n\
         | Status | Level 1 | Level 2 | Both | Level 3 |\n|---|---|---|---|---|\n",
    );
    for (status, name) in STATUSES {
        let count = |levels: &[u8]| counted(&table, levels, status);
        let (one, two, both, three) = (count(&[1]), count(&[2]), count(&[1, 2]), count(&[3]));
        writeln!(text, "| {name} | {one} | {two} | {both} | {three} |").unwrap();
    }
    let of_level = |wanted: &[u8]| {
        ids.iter()
            .filter(|(_, level)| wanted.contains(level))
            .count()
    };
    let (one, two, both, three) = (
        of_level(&[1]),
        of_level(&[2]),
        of_level(&[1, 2]),
        of_level(&[3]),
    );
    writeln!(
        text,
        "| all of the standard | {one} | {two} | {both} | {three} |"
    )
    .unwrap();
    for (number, title) in (1..).zip(CHAPTERS) {
        write!(
            text,
            "\n## V{number} {title}\n\n| Id | Level | Topic | Status | Shown by, or why not |\n|---|---|---|---|---|\n"
        )
        .unwrap();
        let prefix = format!("v5.0.0-{number}.");
        for (id, level) in ids.iter().filter(|(id, _)| id.starts_with(&prefix)) {
            if let Some(row) = table.get(*id) {
                writeln!(text, "{}", line(id, *level, row)).unwrap();
            }
        }
    }
    text
}

fn line(id: &str, level: u8, row: &Requirement) -> String {
    let status = STATUSES.iter().find(|(status, _)| *status == row.status);
    let status = status.map_or("", |(_, name)| name);
    let shown = row.shown_by.iter().map(|name| format!("`{name}`"));
    let reason = (!row.reason.is_empty()).then(|| row.reason.clone());
    let cell: Vec<String> = reason.into_iter().chain(shown).collect();
    format!(
        "| {id} | {level} | {} | {status} | {} |",
        row.topic,
        cell.join("<br>")
    )
}

#[test]
fn the_asvs_page_is_generated_from_the_table() {
    let (path, expected) = (root().join(PAGE), page());
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    if std::env::var("REVKEEP_BLESS").is_ok() {
        fs::write(&path, &expected).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(expected.lines()).find(|(a, b)| a != b);
    assert!(
        found == expected,
        "{PAGE} is not what the table says; write it anew with REVKEEP_BLESS=1. First difference: {differs:?}"
    );
}
