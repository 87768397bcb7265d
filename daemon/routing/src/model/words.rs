//! A decision in words, for whoever asks why: the console, the command and machines say the same.

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::{
    caps::CapReached,
    condition::Op,
    decide::Standing,
    schedule::{Absence, Off},
};

impl Standing {
    /// How a rep fared.
    pub fn words(self) -> String {
        match self {
            Self::Chosen => String::from("It was this rep's turn."),
            Self::NotTheirTurn => String::from("Another rep's turn came first."),
            Self::Inactive => String::from("Inactive in Salesforce."),
            Self::Paused => String::from("Switched to away."),
            Self::Unknown => String::from("No longer among the reps that Salesforce names."),
            Self::Off(Off { why, .. }) => String::from(match why {
                Absence::Hours => "Outside working hours.",
                Absence::Holiday => "A holiday.",
                Absence::TimeOff => "Time off.",
            }),
            Self::RepCap(CapReached { cap, .. }) => {
                format!("The rep's cap of this {} is used up.", cap.name())
            }
            Self::PoolCap(CapReached { cap, .. }) => {
                format!("The pool's cap of this {} is used up.", cap.name())
            }
        }
    }

    /// Until when it lasts, as it was known at the decision.
    pub const fn until(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Off(off) => off.until,
            Self::RepCap(reached) | Self::PoolCap(reached) => Some(reached.resets_at),
            Self::Chosen | Self::NotTheirTurn | Self::Inactive | Self::Paused | Self::Unknown => {
                None
            }
        }
    }
}

impl Op {
    /// As it stands between a field's name and a value.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Eq => "is",
            Self::Ne => "is not",
            Self::In => "is one of",
            Self::NotIn => "is none of",
            Self::Contains => "contains",
            Self::StartsWith => "starts with",
            Self::EndsWith => "ends with",
            Self::IsEmpty => "is empty",
            Self::IsNotEmpty => "is not empty",
            Self::Gt => "is more than",
            Self::Gte => "is at least",
            Self::Lt => "is less than",
            Self::Lte => "is at most",
            Self::Between => "lies between",
            Self::IsTrue => "is ticked",
            Self::IsFalse => "is not ticked",
        }
    }
}

/// A moment, to the minute.
pub(crate) fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// A value as people write it: text in quotes, lists with commas, nothing for nothing.
pub(crate) fn value(json: &Json) -> String {
    match json {
        Json::Null => String::new(),
        Json::String(text) => format!("“{text}”"),
        Json::Array(items) => items.iter().map(value).collect::<Vec<_>>().join(", "),
        Json::Bool(_) | Json::Number(_) | Json::Object(_) => json.to_string(),
    }
}
