//! One field's value, how it is read from JSON, and how it is written on the wire.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};

use super::{id::Id, object::Kind};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Box<str>),
    Id(Id),
    Date(NaiveDate),
    /// Milliseconds since 1970-01-01 UTC.
    Time(i64),
}

/// The JSON given does not fit the field's type.
#[derive(Debug, PartialEq)]
pub(crate) enum Misfit {
    Type,
    TooLong,
    BadId,
}

impl Value {
    pub(crate) fn text(text: &str) -> Self {
        if text.is_empty() {
            Self::Null
        } else {
            Self::Text(text.into())
        }
    }

    /// An empty string is stored as null, as the real service does.
    pub(crate) fn from_json(
        kind: Kind,
        length: u32,
        json: &serde_json::Value,
    ) -> Result<Self, Misfit> {
        use serde_json::Value as Json;
        match (kind, json) {
            (_, Json::Null) => Ok(Self::Null),
            (Kind::Boolean, Json::Bool(flag)) => Ok(Self::Bool(*flag)),
            (Kind::Int, Json::Number(number)) => number.as_i64().map(Self::Int).ok_or(Misfit::Type),
            (Kind::Double | Kind::Currency | Kind::Percent, Json::Number(number)) => {
                number.as_f64().map(Self::Double).ok_or(Misfit::Type)
            }
            (Kind::Id | Kind::Reference, Json::String(text)) if text.is_empty() => Ok(Self::Null),
            (Kind::Id | Kind::Reference, Json::String(text)) => {
                Id::parse(text).map(Self::Id).ok_or(Misfit::BadId)
            }
            (Kind::Date, Json::String(text)) => {
                text.parse().map(Self::Date).map_err(|_| Misfit::Type)
            }
            (Kind::DateTime, Json::String(text)) => {
                parse_time(text).map(Self::Time).ok_or(Misfit::Type)
            }
            (kind, Json::String(text)) if kind.is_text() => {
                let fits = u32::try_from(text.chars().count()).is_ok_and(|n| n <= length);
                if fits {
                    Ok(Self::text(text))
                } else {
                    Err(Misfit::TooLong)
                }
            }
            _ => Err(Misfit::Type),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn as_id(&self) -> Option<Id> {
        match self {
            Self::Id(id) => Some(*id),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Id(id) => Some(id.as_str()),
            _ => None,
        }
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        let mut out = Vec::new();
        self.write(&mut out);
        serde_json::from_slice(&out).unwrap_or_default()
    }

    /// Appends the value as JSON. This is the inner loop of every page, so nothing is allocated.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Int(number) => write_json(out, number),
            Self::Double(number) => write_json(out, number),
            Self::Text(text) => write_json(out, text),
            Self::Id(id) => {
                out.push(b'"');
                out.extend_from_slice(id.as_str().as_bytes());
                out.push(b'"');
            }
            Self::Date(date) => {
                out.push(b'"');
                write_date(out, *date);
                out.push(b'"');
            }
            Self::Time(millis) => write_time(out, *millis),
        }
    }
}

pub(crate) fn write_json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    // Writing a plain scalar into memory has no way to fail.
    drop(serde_json::to_writer(out, value));
}

fn write_date(out: &mut Vec<u8>, date: NaiveDate) {
    let year = u32::try_from(date.year()).unwrap_or_default();
    two_digits(out, year / 100);
    two_digits(out, year % 100);
    out.push(b'-');
    two_digits(out, date.month());
    out.push(b'-');
    two_digits(out, date.day());
}

/// `2013-05-08T21:20:00.000+0000`: the offset has no colon, which many RFC 3339 parsers refuse.
fn write_time(out: &mut Vec<u8>, millis: i64) {
    let time = at(millis);
    out.push(b'"');
    write_date(out, time.date_naive());
    out.push(b'T');
    two_digits(out, time.hour());
    out.push(b':');
    two_digits(out, time.minute());
    out.push(b':');
    two_digits(out, time.second());
    out.push(b'.');
    let fraction = time.timestamp_subsec_millis();
    out.push(digit(fraction / 100));
    two_digits(out, fraction % 100);
    out.extend_from_slice(b"+0000\"");
}

fn two_digits(out: &mut Vec<u8>, number: u32) {
    out.push(digit(number / 10));
    out.push(digit(number % 10));
}

fn digit(number: u32) -> u8 {
    b'0'.saturating_add(u8::try_from(number % 10).unwrap_or_default())
}

pub(crate) fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

/// The wire form of a moment, for headers and bodies that are not records.
pub(crate) fn time_text(millis: i64) -> String {
    at(millis).format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}

/// Accepts the wire form (`+0000`) and RFC 3339 (`Z`, `+00:00`).
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .ok()
        .map(|time| time.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_without_a_colon_in_the_offset_and_read_both_ways() {
        let value = Value::Time(1_368_048_000_007);
        assert_eq!(value.to_json(), "2013-05-08T21:20:00.007+0000");
        for text in ["2013-05-08T21:20:00.007+0000", "2013-05-08T21:20:00.007Z"] {
            assert_eq!(parse_time(text), Some(1_368_048_000_007));
        }
        assert_eq!(parse_time("2013-05-08 21:20:00"), None);
    }

    #[test]
    fn a_value_must_fit_its_field() {
        let long = serde_json::json!("x".repeat(41));
        assert_eq!(
            Value::from_json(Kind::String, 40, &long),
            Err(Misfit::TooLong)
        );
        let word = serde_json::json!("many");
        assert_eq!(Value::from_json(Kind::Int, 0, &word), Err(Misfit::Type));
        assert_eq!(
            Value::from_json(Kind::Reference, 18, &word),
            Err(Misfit::BadId)
        );
        assert_eq!(
            Value::from_json(Kind::String, 40, &serde_json::json!("")),
            Ok(Value::Null)
        );
    }
}
