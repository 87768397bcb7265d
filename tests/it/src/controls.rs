//! The control table: complete, honest about its probes, and the source of the control matrix. Below
//! it stand the attacks on controls that no other module attacks.

mod asvs;
mod connection;
mod dangers;
mod numbers;
mod promises;
mod rows;
mod sessions;
mod sources;
mod web;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
};

use serde::Deserialize;

use sources::{root, sources, tests};

const TABLE: &str = include_str!("../../../daemon/revkeep/src/controls/controls.toml");
const PENDING: &str = include_str!("../../../docs/security/pending.toml");
const MAPPINGS: &str = include_str!("../../../daemon/revkeep/src/controls/mappings.toml");
const IDS: &str = include_str!("../../golden/control-ids.txt");
const MATRIX: &str = "docs/security/control-matrix.md";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Control {
    title: String,
    enforced_by: String,
    kind: Kind,
    probes: Vec<String>,
    #[serde(default)]
    live: Vec<String>,
    #[serde(default)]
    build: Vec<String>,
    #[serde(default)]
    rests_on: Vec<String>,
    attestation: Option<toml::Table>,
}

/// What a control answers in the language of others.
#[derive(Clone, Debug, Deserialize)]
struct Mapping {
    area: String,
    soc2: Vec<String>,
    asvs: Vec<String>,
    owasp: Vec<String>,
    gdpr: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Enforced,
    Attested,
    Customer,
}

fn table() -> BTreeMap<String, Control> {
    toml::from_str(TABLE).unwrap()
}

/// Id and what is missing, section by section.
fn pending() -> Vec<(String, String)> {
    let sections: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(PENDING).unwrap();
    sections.into_values().flatten().collect()
}

/// All ids in their order.
fn ids() -> Vec<&'static str> {
    IDS.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// What is wrong between the list of all ids, the table and the list of pending ones.
fn gaps(ids: &[&str], built: &[&str], pending: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    for id in ids {
        let stands = built
            .iter()
            .chain(pending)
            .filter(|known| *known == id)
            .count();
        if stands != 1 {
            findings.push(format!("{id} stands {stands} times"));
        }
    }
    for id in built.iter().chain(pending).filter(|id| !ids.contains(*id)) {
        findings.push(format!("{id} is no control"));
    }
    findings
}

#[test]
fn every_control_is_built_or_pending_and_never_both() {
    let (table, pending, ids) = (table(), pending(), ids());
    assert_eq!(ids.len(), 231);
    let built: Vec<&str> = table.keys().map(String::as_str).collect();
    let waiting: Vec<&str> = pending.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(gaps(&ids, &built, &waiting), Vec::<String>::new());
    assert_eq!(
        gaps(
            &["LR-01", "LR-02", "LR-03"],
            &["LR-01", "LR-02"],
            &["LR-02", "LR-99"]
        ),
        [
            "LR-02 stands 2 times",
            "LR-03 stands 0 times",
            "LR-99 is no control"
        ]
    );
}

/// Probes that are neither a test nor an attack of the lint script.
fn unknown(
    table: &BTreeMap<String, Control>,
    known: &BTreeSet<String>,
    attacks: &str,
) -> Vec<String> {
    let mut findings = Vec::new();
    for (id, control) in table {
        if control.probes.is_empty() && control.kind != Kind::Customer {
            findings.push(format!("{id} has no probe"));
        }
        for probe in &control.probes {
            let exists = match probe.strip_prefix("lint-attacks::") {
                Some(attack) => attacks.lines().any(|line| {
                    line.starts_with("refused ") && line.ends_with(&format!("'{attack}'"))
                }),
                None => known.contains(probe),
            };
            if !exists {
                findings.push(format!("{id}: no test is called {probe}"));
            }
        }
    }
    findings
}

#[test]
fn every_probe_is_a_test_that_exists() {
    let known = tests(&sources());
    assert!(known.len() > 300, "{}", known.len());
    let attacks = fs::read_to_string(root().join("tests/lint-attacks.sh")).unwrap();
    let mut table = table();
    assert_eq!(unknown(&table, &known, &attacks), Vec::<String>::new());

    let control = table.get_mut("LR-02").unwrap();
    control.probes = vec![
        "layer::tests::nobody_wrote_this".to_owned(),
        "lint-attacks::a mistake".to_owned(),
    ];
    table.get_mut("LR-17").unwrap().probes.clear();
    assert_eq!(
        unknown(&table, &known, &attacks),
        [
            "LR-02: no test is called layer::tests::nobody_wrote_this",
            "LR-02: no test is called lint-attacks::a mistake",
            "LR-17 has no probe",
        ]
    );
}

/// The control matrix as it must stand in the documentation.
fn matrix() -> String {
    let (table, pending) = (table(), pending());
    let mappings: BTreeMap<String, Mapping> = toml::from_str(MAPPINGS).unwrap();
    let count = |kind| {
        table
            .values()
            .filter(|control| control.kind == kind)
            .count()
    };
    let (attested, customer) = (count(Kind::Attested), count(Kind::Customer));
    let live = table
        .values()
        .filter(|control| !control.live.is_empty())
        .count();
    let built = table
        .values()
        .filter(|control| !control.build.is_empty())
        .count();
    let mut text = format!(
        "# Control matrix\n\n\
         Generated from the control table (`daemon/revkeep/src/controls/controls.toml`) and from\n\
         [pending.toml](pending.toml); a test compares this page with them. `revkeep controls` prints the\n\
         same on the appliance.\n\n\
         {} controls: {} enforced ({live} of them tried on the running appliance by `revkeep verify`, {built}\n\
         of them borne out by the build's signed evidence), {attested} attested, {customer} the customer's,\n\
         {} pending.\n\n\
         **Enforced**: the daemon or the database refuses what breaks it, and each test has tried. A *live*\n\
         probe tries it again on the appliance ([verify.md](verify.md)); a *build* check is in the manifest that\n\
         a build signs, and `revkeep verify` reads it. **Attested**: an obligation of people,\n\
         with somebody's word until a day; the test checks only that it is written down. **The customer's**:\n\
         theirs to keep. **Pending**: not built, and nothing claims it.\n\n\
         The last column names what a control bears on: Trust Services Criteria (SOC 2), OWASP ASVS 5.0.0,\n\
         OWASP Top 10 (2021) and articles of the GDPR.\n",
        table.len() + pending.len(),
        table.len() - attested - customer,
        pending.len(),
    );
    let families = [
        ("LR", "Lead routing"),
        ("OB", "Deal inbox"),
        ("LM", "Platform and agents"),
        ("CX", "Where the others contradict each other"),
    ];
    for (family, title) in families {
        let of_family = |id: &str| id.split('-').next() == Some(family);
        write!(
            text,
            "\n## {family}: {title}\n\n| Id | Promise | Enforced by | Tests | Live | Bears on |\n|---|---|---|---|---|---|\n"
        )
        .unwrap();
        for id in ids().into_iter().filter(|id| of_family(id)) {
            let Some(control) = table.get(id) else {
                continue;
            };
            let note = match control.kind {
                Kind::Enforced => "",
                Kind::Attested => "**Attested.** ",
                Kind::Customer => "**The customer's.** ",
            };
            let quoted = |names: &[String]| {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                names.join("<br>")
            };
            let live = match control.rests_on.as_slice() {
                [] if !control.build.is_empty() => format!("build: {}", quoted(&control.build)),
                [] => quoted(&control.live),
                on => format!("the sum of {}", on.join(", ")),
            };
            let word = control
                .attestation
                .as_ref()
                .map(|word| {
                    format!(
                        " {} {}, until {}.",
                        word["text"], word["owner"], word["expires"]
                    )
                    .replace('"', "")
                })
                .unwrap_or_default();
            let (title, by) = (&control.title, &control.enforced_by);
            writeln!(
                text,
                "| {id} | {title} | {note}{by}{word} | {} | {live} | {} |",
                quoted(&control.probes),
                bears_on(&mappings[id])
            )
            .unwrap();
        }
        write!(text, "\nPending:\n\n| Id | What is missing |\n|---|---|\n").unwrap();
        for id in ids().into_iter().filter(|id| of_family(id)) {
            if let Some((_, missing)) = pending.iter().find(|(waiting, _)| waiting == id) {
                writeln!(text, "| {id} | {missing} |").unwrap();
            }
        }
    }
    text
}

fn bears_on(mapping: &Mapping) -> String {
    let named = [
        ("SOC 2", &mapping.soc2),
        ("ASVS", &mapping.asvs),
        ("OWASP", &mapping.owasp),
        ("GDPR", &mapping.gdpr),
    ];
    let parts: Vec<String> = named
        .into_iter()
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(standard, ids)| format!("{standard} {}", ids.join(" ")))
        .collect();
    format!("{}: {}", mapping.area, parts.join("; "))
}

#[test]
fn the_control_matrix_is_generated_from_the_table() {
    let (page, expected) = (root().join(MATRIX), matrix());
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    if std::env::var("REVKEEP_BLESS").is_ok() {
        fs::write(&page, &expected).unwrap();
        return;
    }
    let found = fs::read_to_string(&page).unwrap_or_default();
    let differs = found.lines().zip(expected.lines()).find(|(a, b)| a != b);
    assert!(
        found == expected,
        "{MATRIX} is not what the table says; write it anew with REVKEEP_BLESS=1. First difference: {differs:?}"
    );
}
