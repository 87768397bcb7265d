//! The control table: which promises about security are built, what enforces each, and which tests try
//! to break it. What is not built yet is listed beside it, so that nothing claims it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

const TABLE: &str = include_str!("controls.toml");
const MAPPINGS: &str = include_str!("mappings.toml");
const PENDING: &str = include_str!("../../../../docs/security/pending.toml");

/// How a control holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// The daemon or the database refuses what breaks it.
    Enforced,
    /// An obligation of people; nothing here can refuse its breach.
    Attested,
    /// The customer's own to keep; we say what it is and never that it is kept.
    Customer,
    /// Not built.
    Pending,
}

impl Status {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Attested => "attested",
            Self::Customer => "customer",
            Self::Pending => "pending",
        }
    }
}

/// Somebody's word for a control that no machine can try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attestation {
    pub(crate) text: String,
    pub(crate) owner: String,
    pub(crate) date: NaiveDate,
    /// The last day on which the word counts.
    pub(crate) expires: NaiveDate,
}

/// What a control answers in the language of others. Ids only; their texts are theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mapping {
    pub(crate) area: String,
    /// Trust Services Criteria (2017, revised 2022).
    pub(crate) soc2: Vec<String>,
    /// Requirements of OWASP ASVS 5.0.0, without their leading v.
    pub(crate) asvs: Vec<String>,
    /// OWASP Top 10 (2021).
    pub(crate) owasp: Vec<String>,
    /// Articles of the GDPR.
    pub(crate) gdpr: Vec<String>,
}

/// One control, under its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Control {
    pub(crate) id: String,
    pub(crate) status: Status,
    /// What is promised; of a pending one, what is missing.
    pub(crate) title: String,
    /// Crate, type or database object. `None` while it is pending.
    pub(crate) enforced_by: Option<String>,
    /// Tests that try to break it.
    pub(crate) probes: Vec<String>,
    /// Live probes (`verify::registry`) that try it on the running appliance.
    pub(crate) live: Vec<String>,
    /// Checks of the build that it rests on, by their names in the build's signed manifest.
    pub(crate) build: Vec<String>,
    /// Controls whose sum it is.
    pub(crate) rests_on: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attestation: Option<Attestation>,
    pub(crate) mapping: Mapping,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    title: String,
    enforced_by: String,
    kind: Status,
    probes: Vec<String>,
    #[serde(default)]
    live: Vec<String>,
    #[serde(default)]
    build: Vec<String>,
    #[serde(default)]
    rests_on: Vec<String>,
    attestation: Option<Attestation>,
}

/// Every control, built ones and pending ones, by family and number.
pub(crate) fn all() -> Result<Vec<Control>, toml::de::Error> {
    let built: BTreeMap<String, Entry> = toml::from_str(TABLE)?;
    let pending: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(PENDING)?;
    let mut mappings: BTreeMap<String, Mapping> = toml::from_str(MAPPINGS)?;
    let mut controls: Vec<Control> = built
        .into_iter()
        .map(|(id, entry)| Control {
            id,
            status: entry.kind,
            title: entry.title,
            enforced_by: Some(entry.enforced_by),
            probes: entry.probes,
            live: entry.live,
            build: entry.build,
            rests_on: entry.rests_on,
            attestation: entry.attestation,
            mapping: Mapping::default(),
        })
        .collect();
    controls.extend(
        pending
            .into_values()
            .flatten()
            .map(|(id, missing)| Control {
                id,
                status: Status::Pending,
                title: missing,
                enforced_by: None,
                probes: Vec::new(),
                live: Vec::new(),
                build: Vec::new(),
                rests_on: Vec::new(),
                attestation: None,
                mapping: Mapping::default(),
            }),
    );
    for control in &mut controls {
        control.mapping = mappings.remove(&control.id).unwrap_or_default();
    }
    controls.sort_by_key(|control| order(&control.id));
    Ok(controls)
}

/// `LR-9` comes before `LR-10`, and lead routing first.
fn order(id: &str) -> (usize, u32) {
    let (family, number) = id.split_once('-').unwrap_or((id, ""));
    let place = ["LR", "OB", "LM", "CX"]
        .iter()
        .position(|known| *known == family)
        .unwrap_or(usize::MAX);
    (place, number.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_readable_and_each_control_stands_once_in_order() {
        let controls = all().unwrap();
        let ids: Vec<_> = controls.iter().map(|control| order(&control.id)).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        for control in &controls {
            let id = &control.id;
            // Of the customer's own something may be seen from here.
            let (probes, live) = (!control.probes.is_empty(), !control.live.is_empty());
            match control.status {
                Status::Enforced => assert!(probes, "{id}"),
                Status::Attested => assert!(probes && !live, "{id}"),
                Status::Customer => assert_eq!(probes, live, "{id}"),
                Status::Pending => assert!(!probes && !live, "{id}"),
            }
            assert_eq!(
                control.status == Status::Attested,
                control.attestation.is_some(),
                "{id}"
            );
        }
    }

    #[test]
    fn what_rests_on_the_build_names_checks_that_builds_make() {
        let made = include_str!("../../../../.ci/evidence.py");
        let controls = all().unwrap();
        for control in controls.iter().filter(|each| !each.build.is_empty()) {
            let id = &control.id;
            assert_eq!(control.status, Status::Enforced, "{id}");
            assert!(
                control.live.is_empty() && control.rests_on.is_empty(),
                "{id}"
            );
            for check in &control.build {
                assert!(
                    made.contains(&format!("\n    \"{check}\": \"")),
                    "{id}: {check}"
                );
            }
        }
    }

    #[test]
    fn what_a_control_rests_on_is_built_and_rests_on_nothing_itself() {
        let controls = all().unwrap();
        for control in &controls {
            for base in &control.rests_on {
                let found = controls.iter().find(|known| known.id == *base);
                assert!(
                    found.is_some_and(
                        |found| found.status == Status::Enforced && found.rests_on.is_empty()
                    ),
                    "{} rests on {base}",
                    control.id
                );
            }
        }
    }

    #[test]
    fn every_control_is_mapped_and_every_mapping_is_of_a_control_and_real() {
        let controls = all().unwrap();
        let mapped: BTreeMap<String, Mapping> = toml::from_str(MAPPINGS).unwrap();
        let ids: Vec<&String> = controls.iter().map(|control| &control.id).collect();
        assert!(mapped.keys().all(|id| ids.contains(&id)));
        let asvs = include_str!("../../../../tests/golden/asvs-ids.txt");
        for control in &controls {
            let (id, mapping) = (&control.id, &control.mapping);
            assert!(!mapping.area.is_empty(), "{id} has no area");
            assert!(!mapping.soc2.is_empty(), "{id} answers nothing in SOC 2");
            for requirement in &mapping.asvs {
                let known = asvs.lines().any(|line| {
                    line.split_whitespace().next() == Some(&format!("v5.0.0-{requirement}"))
                });
                assert!(known, "{id}: no requirement {requirement}");
            }
            for category in &mapping.owasp {
                let number = category
                    .strip_prefix('A')
                    .and_then(|n| n.parse::<u8>().ok());
                assert!(
                    number.is_some_and(|n| (1..=10).contains(&n)),
                    "{id}: {category}"
                );
            }
            for article in &mapping.gdpr {
                assert!(
                    article.parse::<u8>().is_ok_and(|n| n < 100),
                    "{id}: {article}"
                );
            }
        }
    }
}
