//! What a probe says, and where a control stands.

use std::error::Error;

use serde::{Deserialize, Serialize};

/// What one probe found on the live appliance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It tried, and the control held. The text says what was tried.
    Holds(String),
    /// It tried, and got through. The text names what.
    Fails(String),
    /// It could not try.
    Unknown(String),
}

/// Why a probe could not try.
pub(crate) type Trouble = Box<dyn Error + Send + Sync>;

/// How many findings stand in one line of evidence; the rest are counted.
const SHOWN: usize = 8;

impl Verdict {
    /// Fails with the findings, or holds with `evidence` where there are none.
    pub(crate) fn of(findings: &[String], evidence: impl Into<String>) -> Self {
        if findings.is_empty() {
            return Self::Holds(evidence.into());
        }
        let shown: Vec<&str> = findings.iter().take(SHOWN).map(String::as_str).collect();
        let more = findings.len().saturating_sub(SHOWN);
        let rest = if more > 0 {
            format!("; and {more} more")
        } else {
            String::new()
        };
        Self::Fails(format!("{}{rest}", shown.join("; ")))
    }

    /// An error is no verdict on the control.
    pub(crate) fn settle(found: Result<Self, Trouble>) -> Self {
        found.unwrap_or_else(|error| {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            Self::Unknown(format!("could not be tried: {text}"))
        })
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Holds(text) | Self::Fails(text) | Self::Unknown(text) => text,
        }
    }

    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Holds(_) => "holds",
            Self::Fails(_) => "fails",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// Where a control stands, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// Tried on this appliance just now, and it held.
    Enforced,
    /// Not tried live; tests of this version attack it, or its signed build bears it out.
    BuildEvidence,
    /// People's obligation, vouched for by somebody until a day.
    Attested,
    /// The customer's own to keep; shown as such and never as kept by us.
    CustomerOwned,
    /// Not built.
    Absent,
    /// A probe could not try.
    Unknown,
    /// A probe got through, or nobody vouches any more.
    Failing,
}

impl Standing {
    pub(crate) const ALL: [Self; 7] = [
        Self::Enforced,
        Self::BuildEvidence,
        Self::Attested,
        Self::CustomerOwned,
        Self::Absent,
        Self::Unknown,
        Self::Failing,
    ];

    /// As tables and reports write it.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::BuildEvidence => "build evidence",
            Self::Attested => "attested",
            Self::CustomerOwned => "customer-owned",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
            Self::Failing => "FAILING",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_named_and_the_rest_are_counted() {
        let many: Vec<String> = (0..10).map(|n| format!("t{n}")).collect();
        let told = Verdict::of(&many, "all");
        assert_eq!(told.word(), "fails");
        assert!(told.text().ends_with("t7; and 2 more"), "{told:?}");
        assert_eq!(Verdict::of(&[], "all"), Verdict::Holds("all".to_owned()));
    }

    #[test]
    fn what_could_not_be_tried_is_unknown_with_its_cause() {
        let told = Verdict::settle(Err("no answer".into()));
        assert_eq!(
            told,
            Verdict::Unknown("could not be tried: no answer".to_owned())
        );
    }
}
