//! What can go wrong in routing.

use std::collections::BTreeSet;

use audit::AuditError;
use db::DbError;
use jobs::JobsError;
use kernel::{Classified, ErrorKind, RuleId};
use layer::LayerError;

use crate::{
    availability::Unreadable,
    model::{condition::Flaw, hours::HoursFlaw},
};

#[derive(Debug, thiserror::Error)]
pub enum RoutingError {
    #[error("routing could not be read or written")]
    Db(#[from] DbError),
    #[error("the audit entry could not be written")]
    Audit(#[from] AuditError),
    #[error("the event could not be published")]
    Jobs(#[from] JobsError),
    #[error("the data layer refused")]
    Layer(#[from] LayerError),
    #[error("somebody else changed it meanwhile")]
    VersionConflict,
    #[error("the router is {state}")]
    RouterState { state: String },
    #[error("the router's settings were changed while a cycle ran")]
    EpochOver,
    #[error("the cycle time is out of range")]
    CycleSeconds,
    #[error("the condition has flaws")]
    Condition(Vec<Flaw>),
    #[error("rule {rule} no longer fits the data layer")]
    BrokenRule { rule: RuleId },
    #[error("no rules were published yet")]
    Unpublished,
    #[error("the draft is what decides already")]
    NothingToPublish,
    #[error("the note is too long")]
    Note,
    #[error("the rules file has flaws")]
    RulesFile(Vec<Flaw>),
    #[error("a stored {what} cannot be read")]
    Stored { what: &'static str },
    #[error("the target is not known")]
    TargetUnknown,
    #[error("the name is missing or too long")]
    Name,
    #[error("the name is taken")]
    NameTaken,
    #[error("the router has its most rules")]
    TooManyRules,
    #[error("the order does not name each rule once")]
    Order,
    #[error("the members are not reps, each once, with a weight of 1 to 1000")]
    Members,
    #[error("the pool is in use")]
    PoolInUse { rules: Vec<(RuleId, String)> },
    #[error("the pool owns territories")]
    PoolOwns { territories: BTreeSet<String> },
    #[error("the territory is not there")]
    TerritoryUnknown,
    #[error("the territory has no areas, or one that takes in every record")]
    Areas,
    #[error("there are more areas than a router has")]
    TooManyAreas,
    #[error("the file has rows that are wrong")]
    TerritoryRows { wrong: usize },
    #[error("the field is in use")]
    FieldInUse { rules: Vec<(RuleId, String)> },
    #[error("the record is not one that failed")]
    NotRetryable,
    #[error("the time zone is not known")]
    TimeZone,
    #[error("the working hours have a flaw")]
    Hours(HoursFlaw),
    #[error("a cap is not 1 to 100,000")]
    Caps,
    #[error("the holiday calendar is not known")]
    CalendarUnknown,
    #[error("the holiday calendar is in use")]
    CalendarInUse { users: Vec<String> },
    #[error("the tenant has its most calendars")]
    TooManyCalendars,
    #[error("the holidays are not days, each once, each with a name")]
    Holidays,
    #[error("the time off does not end after it begins, or is too long")]
    TimeOffDays,
    #[error("the reason of a time off is missing or too long")]
    TimeOffReason,
    #[error("the rep has its most time off")]
    TooMuchTimeOff,
    #[error("the calendar file cannot be used: {0:?}")]
    CalendarFile(Unreadable),
}

impl From<diesel::result::Error> for RoutingError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl RoutingError {
    /// The flaws of a condition, for an answer that names each with its path.
    pub fn flaws(&self) -> &[Flaw] {
        match self {
            Self::Condition(flaws) | Self::RulesFile(flaws) => flaws,
            _ => &[],
        }
    }
}

impl Classified for RoutingError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Db(error) => error.kind(),
            Self::Audit(error) => error.kind(),
            Self::Jobs(error) => error.kind(),
            Self::Layer(error) => error.kind(),
            Self::VersionConflict
            | Self::RouterState { .. }
            | Self::EpochOver
            | Self::BrokenRule { .. }
            | Self::Unpublished
            | Self::NothingToPublish
            | Self::NameTaken
            | Self::PoolInUse { .. }
            | Self::PoolOwns { .. }
            | Self::TerritoryUnknown
            | Self::FieldInUse { .. }
            | Self::CalendarInUse { .. }
            | Self::NotRetryable => ErrorKind::Conflict,
            Self::CycleSeconds
            | Self::Note
            | Self::RulesFile(_)
            | Self::Condition(_)
            | Self::TargetUnknown
            | Self::Name
            | Self::TooManyRules
            | Self::Areas
            | Self::TooManyAreas
            | Self::TerritoryRows { .. }
            | Self::Order
            | Self::Members
            | Self::TimeZone
            | Self::Hours(_)
            | Self::Caps
            | Self::CalendarUnknown
            | Self::TooManyCalendars
            | Self::Holidays
            | Self::TimeOffDays
            | Self::TimeOffReason
            | Self::TooMuchTimeOff
            | Self::CalendarFile(_) => ErrorKind::Invalid,
            Self::Stored { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Audit(error) => error.code(),
            Self::Jobs(error) => error.code(),
            Self::Layer(error) => error.code(),
            Self::VersionConflict => "version_conflict",
            Self::RouterState { .. } => "router_state",
            Self::EpochOver => "router_changed",
            Self::CycleSeconds => "cycle_seconds_invalid",
            Self::Condition(_) => "condition_invalid",
            Self::BrokenRule { .. } => "rule_broken",
            Self::Unpublished => "rules_unpublished",
            Self::NothingToPublish => "nothing_to_publish",
            Self::Note => "note_invalid",
            Self::RulesFile(_) => "rules_file_invalid",
            Self::Stored { .. } => "internal",
            Self::TargetUnknown => "target_unknown",
            Self::Name => "name_invalid",
            Self::NameTaken => "name_taken",
            Self::TooManyRules => "too_many_rules",
            Self::Order => "order_invalid",
            Self::Members => "members_invalid",
            Self::PoolInUse { .. } => "pool_in_use",
            Self::PoolOwns { .. } => "pool_owns_territories",
            Self::TerritoryUnknown => "territory_unknown",
            Self::Areas => "areas_invalid",
            Self::TooManyAreas => "too_many_areas",
            Self::TerritoryRows { .. } => "territory_rows_wrong",
            Self::FieldInUse { .. } => "field_in_use",
            Self::NotRetryable => "not_retryable",
            Self::TimeZone => "time_zone_unknown",
            Self::Hours(flaw) => flaw.code(),
            Self::Caps => "cap_invalid",
            Self::CalendarUnknown => "calendar_unknown",
            Self::CalendarInUse { .. } => "calendar_in_use",
            Self::TooManyCalendars => "too_many_calendars",
            Self::Holidays => "holidays_invalid",
            Self::TimeOffDays => "time_off_days_invalid",
            Self::TimeOffReason => "time_off_reason_invalid",
            Self::TooMuchTimeOff => "too_much_time_off",
            Self::CalendarFile(flaw) => flaw.code(),
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Db(error) => error.message(),
            Self::Audit(error) => error.message(),
            Self::Jobs(error) => error.message(),
            Self::Layer(error) => error.message(),
            Self::RouterState { state } => format!(
                "This cannot be done while the router is {state}. Reload to see where it stands."
            ),
            Self::Condition(flaws) => format!(
                "The condition has {} flaw(s): {}",
                flaws.len(),
                flaws
                    .iter()
                    .map(|flaw| flaw.detail.as_str())
                    .collect::<Vec<_>>()
                    .join(" ")
            ),
            Self::RulesFile(flaws) => format!(
                "The file has {} flaw(s): {}",
                flaws.len(),
                flaws
                    .iter()
                    .map(|flaw| format!("{}: {}", flaw.path, flaw.detail))
                    .collect::<Vec<_>>()
                    .join(" ")
            ),
            Self::BrokenRule { rule } => format!(
                "Rule {rule} reads a field that the data layer no longer has as it was. Mend the rule; routing goes on by itself."
            ),
            Self::PoolInUse { rules } => format!(
                "The pool is the target of {}. Give these another target first.",
                names(rules)
            ),
            Self::PoolOwns { territories } => format!(
                "The pool owns {}. Give these territories another owner first, and publish that.",
                quoted(territories)
            ),
            Self::TerritoryRows { wrong } => format!(
                "{wrong} row(s) of the file are wrong, so nothing was taken over. Mend them, or import the others without them."
            ),
            Self::FieldInUse { rules } => {
                format!(
                    "The field is read by {}. Change these rules first.",
                    names(rules)
                )
            }
            Self::CalendarInUse { users } => format!(
                "The calendar is the one of {}. Give these another one first.",
                users.join(", ")
            ),
            other => other.plain().to_owned(),
        }
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Layer(error) => error.field(),
            Self::CycleSeconds => Some(String::from("cycle_seconds")),
            Self::Note => Some(String::from("note")),
            Self::Condition(flaws) => flaws.first().map(|flaw| flaw.path.clone()),
            Self::TargetUnknown => Some(String::from("target")),
            Self::Name | Self::NameTaken => Some(String::from("name")),
            Self::Areas | Self::TooManyAreas => Some(String::from("areas")),
            Self::TerritoryRows { .. } => Some(String::from("text")),
            Self::Order => Some(String::from("ids")),
            Self::Members => Some(String::from("members")),
            Self::TimeZone => Some(String::from("tz")),
            Self::Hours(_) => Some(String::from("hours")),
            Self::Caps => Some(String::from("caps")),
            Self::CalendarUnknown => Some(String::from("calendar_id")),
            Self::Holidays => Some(String::from("days")),
            Self::TimeOffDays => Some(String::from("last_day")),
            Self::TimeOffReason => Some(String::from("reason")),
            Self::CalendarFile(_) => Some(String::from("text")),
            _ => None,
        }
    }
}

impl RoutingError {
    /// The messages that need no detail.
    const fn plain(&self) -> &'static str {
        match self {
            Self::VersionConflict => {
                "Somebody else changed this since you loaded it. Look at the current state, then decide again."
            }
            Self::EpochOver => {
                "The router's settings changed while this cycle ran, so the cycle stopped. The next one uses the new settings."
            }
            Self::CycleSeconds => "The time between cycles is 1 to 3600 seconds.",
            Self::Unpublished => {
                "No rules were published yet, so none decide. Publish the draft first."
            }
            Self::NothingToPublish => {
                "The draft says what the published rules say. Change something first."
            }
            Self::Note => "A note has at most 500 characters.",
            Self::TargetUnknown => "Choose a rep, a pool or a queue that is known here.",
            Self::Name => "Give a name of 1 to 100 characters.",
            Self::NameTaken => "This name is taken.",
            Self::TooManyRules => "A router has at most 200 rules.",
            Self::TerritoryUnknown => {
                "There is no territory of this name any more. Reload to see those that there are."
            }
            Self::Areas => {
                "A territory has areas, each with a condition on a field of the data layer; postal codes need a country, which is a code of two letters where the layer has codes."
            }
            Self::TooManyAreas => "A router has at most 50,000 areas in its territories.",
            Self::Order => "The order must name each of the router's rules once.",
            Self::Members => {
                "A pool's members are known reps, each once, each with a weight of 1 to 1000."
            }
            Self::NotRetryable => {
                "Only a record that failed or was given up can be retried; this one moved on. Reload the list."
            }
            Self::TimeZone => "Give the name of a time zone, such as Europe/Berlin.",
            Self::Hours(flaw) => flaw.message(),
            Self::Caps => "A cap is 1 to 100,000 records, or none.",
            Self::CalendarUnknown => "Choose a holiday calendar that is known here.",
            Self::TooManyCalendars => "There are at most 200 holiday calendars.",
            Self::Holidays => {
                "A calendar has at most 500 days, each once, each with a name of 1 to 100 characters."
            }
            Self::TimeOffDays => {
                "Time off ends on the day it begins or later, and within two years."
            }
            Self::TimeOffReason => "Give a reason of 1 to 200 characters.",
            Self::CalendarFile(flaw) => flaw.message(),
            Self::TooMuchTimeOff => "A rep has at most 100 absences ahead. Remove some first.",
            _ => "Something failed on our side; the log has the cause.",
        }
    }
}

/// At most ten of them; a pool can own thousands.
fn quoted(names: &BTreeSet<String>) -> String {
    let told: Vec<_> = names
        .iter()
        .take(10)
        .map(|name| format!("“{name}”"))
        .collect();
    let more = names.len().saturating_sub(told.len());
    if more == 0 {
        told.join(", ")
    } else {
        format!("{} and {more} more", told.join(", "))
    }
}

fn names(rules: &[(RuleId, String)]) -> String {
    let names: Vec<_> = rules.iter().map(|(_, name)| format!("“{name}”")).collect();
    if names.is_empty() {
        String::from("the router's fallback")
    } else {
        names.join(", ")
    }
}
