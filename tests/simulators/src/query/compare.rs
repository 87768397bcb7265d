//! How values compare, and how they are told apart in sets. Text does not regard case.

use std::cmp::Ordering;

use chrono::NaiveDate;

use crate::model::{id::Id, value::Value};

/// A value as it is told apart in sets and groups.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Null,
    Bool(bool),
    Text(String),
    Id(Id),
    Number(u64),
    Time(i64),
}

pub(crate) fn key(value: &Value) -> Key {
    match value {
        Value::Null => Key::Null,
        Value::Bool(flag) => Key::Bool(*flag),
        Value::Text(text) => Key::Text(text.to_lowercase()),
        Value::Id(id) => Key::Id(*id),
        Value::Int(_) | Value::Double(_) => Key::Number(number(value).to_bits()),
        Value::Date(_) | Value::Time(_) => Key::Time(millis(value)),
    }
}

#[expect(
    clippy::as_conversions,
    reason = "the nearest double is what the service computes in"
)]
pub(super) fn number(value: &Value) -> f64 {
    match value {
        Value::Int(number) => *number as f64,
        Value::Double(number) => *number,
        _ => f64::NAN,
    }
}

pub(super) fn millis(value: &Value) -> i64 {
    match value {
        Value::Time(millis) => *millis,
        Value::Date(day) => midnight(*day),
        _ => 0,
    }
}

pub(super) fn midnight(day: NaiveDate) -> i64 {
    day.and_time(chrono::NaiveTime::MIN)
        .and_utc()
        .timestamp_millis()
}

/// None when either is null or the kinds differ.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(compare_text(a, b)),
        (Value::Id(a), Value::Id(b)) => Some(a.cmp(b)),
        (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => {
            number(left).partial_cmp(&number(right))
        }
        (Value::Date(_) | Value::Time(_), Value::Date(_) | Value::Time(_)) => {
            Some(millis(left).cmp(&millis(right)))
        }
        _ => None,
    }
}

fn compare_text(a: &str, b: &str) -> Ordering {
    let (a, b) = (
        a.chars().flat_map(char::to_lowercase),
        b.chars().flat_map(char::to_lowercase),
    );
    a.cmp(b)
}
