//! The control table: which promises about security are built, what enforces each, and which tests try
//! to break it. What is not built yet is listed beside it, so that nothing claims it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

const TABLE: &str = include_str!("controls.toml");
const PENDING: &str = include_str!("../../../../docs/security/pending.toml");

/// How a control holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// The daemon or the database refuses what breaks it.
    Enforced,
    /// An obligation of people; nothing here can refuse its breach.
    Attested,
    /// Not built.
    Pending,
}

impl Status {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Attested => "attested",
            Self::Pending => "pending",
        }
    }
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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    title: String,
    enforced_by: String,
    kind: Status,
    probes: Vec<String>,
}

/// Every control, built ones and pending ones, by family and number.
pub(crate) fn all() -> Result<Vec<Control>, toml::de::Error> {
    let built: BTreeMap<String, Entry> = toml::from_str(TABLE)?;
    let pending: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(PENDING)?;
    let mut controls: Vec<Control> = built
        .into_iter()
        .map(|(id, entry)| Control {
            id,
            status: entry.kind,
            title: entry.title,
            enforced_by: Some(entry.enforced_by),
            probes: entry.probes,
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
            }),
    );
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
            let built = control.status != Status::Pending;
            assert_eq!(built, !control.probes.is_empty(), "{}", control.id);
        }
    }
}
