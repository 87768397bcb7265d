//! What a person asks of the log, and what the database is asked for it.

use chrono::{DateTime, TimeDelta, Utc};
use db::LogQuery;
use kernel::{Action, Personal};
use serde::Serialize;

/// Longest text of a filter, in bytes. Ids are shorter.
const LONGEST: usize = 100;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Refused,
    Failed,
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// Which entries; what is absent filters nothing. As an audit entry tells it, the words are left out: they
/// may be somebody's name.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Filter {
    /// Words of actions, each the beginning of one: `rule del` finds `rule_delete`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Personal<String>>,
    /// An actor's id as the log has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The id of what it was done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<DateTime<Utc>>,
}

impl Filter {
    /// `None` when no entry can match.
    pub(crate) fn query(&self, now: DateTime<Utc>) -> Option<LogQuery> {
        let text = |text: &Option<String>| match text {
            None => Some(None),
            Some(text) => plain(text).map(|text| Some(text.to_owned())),
        };
        let action = text(&self.action)?;
        let words = self
            .words
            .as_ref()
            .filter(|words| !words.reveal().trim().is_empty());
        let actions = match words {
            None => action.map(|action| vec![action]),
            Some(words) => {
                let mut found = actions_by_words(words.reveal());
                if let Some(action) = action {
                    found.retain(|name| *name == action);
                }
                if found.is_empty() {
                    return None;
                }
                Some(found.into_iter().map(str::to_owned).collect())
            }
        };
        Some(LogQuery {
            actor: text(&self.actor)?,
            actions,
            object: text(&self.object)?,
            outcome: self.outcome.map(Outcome::name),
            entry: None,
            from: self.from.unwrap_or(DateTime::UNIX_EPOCH),
            // Clocks of other daemons may be a little ahead.
            to: self.to.unwrap_or(now + TimeDelta::days(1)),
        })
    }
}

/// A text that an id or a verb can have. PostgreSQL's text holds no NUL.
fn plain(text: &str) -> Option<&str> {
    let text = text.trim();
    (text.len() <= LONGEST && !text.chars().any(char::is_control)).then_some(text)
}

/// The catalogue's actions that have, for each word, one that begins with it. None when there is no word.
fn actions_by_words(text: &str) -> Vec<&'static str> {
    let text = text.to_lowercase();
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() {
        return Vec::new();
    }
    let names = Action::ALL.iter().map(|action| action.name());
    names
        .filter(|name| {
            words
                .iter()
                .all(|word| name.split('_').any(|part| part.starts_with(word)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &str) -> Vec<&'static str> {
        actions_by_words(words)
    }

    #[test]
    fn words_find_the_actions_that_have_them_in_any_order_and_case() {
        assert_eq!(found("rule del"), ["rule_delete"]);
        assert_eq!(found("Delete RULE"), ["rule_delete"]);
        assert_eq!(found("rule_delete"), ["rule_delete"]);
        assert!(found("sign").contains(&"sign_in_refuse"));
        assert!(found("sign").contains(&"signing_key_rotate"));
        assert!(found("nonsense").is_empty());
        assert!(found("'; --").is_empty());
    }

    #[test]
    fn what_looks_like_sql_is_words_like_any_other() {
        assert!(found("' OR 1=1 --").is_empty());
        let filter = Filter {
            actor: Some("x'; DROP TABLE audit_log; --".to_owned()),
            ..Filter::default()
        };
        let query = filter.query(DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(query.actor.as_deref(), Some("x'; DROP TABLE audit_log; --"));
        let filter = Filter {
            object: Some("rule\0".to_owned()),
            ..Filter::default()
        };
        assert!(filter.query(DateTime::UNIX_EPOCH).is_none());
    }

    #[test]
    fn the_log_of_readings_does_not_tell_what_was_typed() {
        let filter = Filter {
            words: Some(Personal::new("canary-ada".to_owned())),
            outcome: Some(Outcome::Refused),
            ..Filter::default()
        };
        let told = serde_json::to_string(&filter).unwrap();
        assert_eq!(told, r#"{"words":"[personal]","outcome":"refused"}"#);
    }
}
