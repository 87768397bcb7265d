//! One field's value, typed, borrowed from the JSON that the CRM sent or that the layer stored.
//!
//! How text is compared. Salesforce compares text without regard to case, in SOQL and in its own
//! rules, and so does Revkeep: both sides are folded with Unicode's lower-case mapping
//! ([`fold`]), then compared code point by code point. Accents count (`é` is not `e`), and text is
//! not Unicode-normalised. Ids are the exception: their first 15 characters are compared exactly,
//! the last 3 are only a checksum over the case of the others.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value as Json;

use crate::model::FieldType;

/// A value as rules see it. Missing, null and blank text are all `Empty`, as in Salesforce, which
/// stores blank text as null.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Empty,
    Text(&'a str),
    Number(f64),
    Boolean(bool),
    Date(NaiveDate),
    DateTime(DateTime<Utc>),
    /// The 15 characters of an id that tell it from others.
    Id(&'a str),
}

/// A value is not of its field's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value is not of type {}", .expected.name())]
pub struct Mistyped {
    pub expected: FieldType,
}

impl<'a> Value<'a> {
    /// Reads what the CRM sends for a field of type `kind`.
    ///
    /// # Errors
    /// [`Mistyped`] when the JSON is of another type, or a date cannot be read.
    pub fn read(kind: FieldType, json: &'a Json) -> Result<Self, Mistyped> {
        let mistyped = Mistyped { expected: kind };
        match (kind, json) {
            (_, Json::Null) => Ok(Self::Empty),
            (FieldType::Boolean, Json::Bool(flag)) => Ok(Self::Boolean(*flag)),
            (FieldType::Number, Json::Number(number)) => {
                number.as_f64().map(Self::Number).ok_or(mistyped)
            }
            (FieldType::Boolean | FieldType::Number, _) => Err(mistyped),
            (_, Json::String(text)) => Self::parse(kind, text).ok_or(mistyped),
            _ => Err(mistyped),
        }
    }

    /// Reads the text form of a value: what a person types into a condition, or the layer's own.
    /// `None` when it cannot be read as `kind`.
    pub fn parse(kind: FieldType, text: &'a str) -> Option<Self> {
        if text.trim_start().is_empty() {
            return Some(Self::Empty);
        }
        match kind {
            FieldType::String | FieldType::Picklist => Some(Self::Text(text)),
            FieldType::Id => Some(Self::Id(id_key(text))),
            FieldType::Date => text.parse().ok().map(Self::Date),
            FieldType::DateTime => parse_instant(text).map(Self::DateTime),
            FieldType::Number => text
                .parse()
                .ok()
                .filter(|n: &f64| n.is_finite())
                .map(Self::Number),
            FieldType::Boolean => text.parse().ok().map(Self::Boolean),
        }
    }

    /// The form under which a value can be found by equality or by prefix; `None` when empty.
    pub fn normalised(&self) -> Option<String> {
        match self {
            Self::Empty => None,
            Self::Text(text) => Some(fold(text).into_owned()),
            Self::Number(number) => Some(number.to_string()),
            Self::Boolean(flag) => Some(flag.to_string()),
            Self::Date(day) => Some(day.to_string()),
            Self::DateTime(at) => Some(at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
            Self::Id(id) => Some((*id).to_owned()),
        }
    }
}

/// Text as it is compared: Unicode lower case.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        }
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

/// The part of a Salesforce id that identifies: an 18-character id is its 15-character form plus
/// a checksum.
pub fn id_key(id: &str) -> &str {
    if id.len() == 18 {
        id.get(..15).unwrap_or(id)
    } else {
        id
    }
}

/// RFC 3339, and Salesforce's own `2013-05-08T21:20:00.000+0000` whose offset has no colon.
pub fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .ok()
        .map(|at| at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn salesforce_times_without_a_colon_are_read() {
        let plain = parse_instant("2013-05-08T21:20:00.000+0000").unwrap();
        assert_eq!(plain, parse_instant("2013-05-08T23:20:00+02:00").unwrap());
        assert_eq!(parse_instant("2013-05-08"), None);
    }

    #[test]
    fn null_and_blank_are_empty_and_another_type_is_refused() {
        let blank = json!("  ");
        assert_eq!(
            Value::read(FieldType::String, &Json::Null),
            Ok(Value::Empty)
        );
        assert_eq!(Value::read(FieldType::String, &blank), Ok(Value::Empty));
        assert!(Value::read(FieldType::Number, &json!("12")).is_err());
        assert!(Value::read(FieldType::String, &json!(12)).is_err());
        assert!(Value::read(FieldType::Date, &json!("2024-02-30")).is_err());
    }

    #[test]
    fn case_does_not_count_in_text_and_counts_in_ids() {
        assert_eq!(fold("Straße ÉCOLE"), "straße école");
        assert_eq!(id_key("005xx000001SwiUAAS"), "005xx000001SwiU");
        let lower = Value::parse(FieldType::Id, "005xx000001swiu");
        assert_ne!(Value::parse(FieldType::Id, "005xx000001SwiU"), lower);
    }
}
