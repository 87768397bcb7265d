//! A second evaluator, written from the manual's sentences and in the plainest way: it walks the
//! JSON of the record at every term and knows no slots, no folding ahead, no sorted lists.

use std::cmp::Ordering;

use layer::FieldType;
use serde_json::{Map, Value as Json};

use crate::{Condition, Fields, Op, Operand, Scalar, Term};

pub(super) fn matches(condition: &Condition, fields: &Fields, record: &Map<String, Json>) -> bool {
    match condition {
        Condition::All(nodes) => nodes.iter().filter(|n| !matches(n, fields, record)).count() == 0,
        Condition::Any(nodes) => nodes.iter().filter(|n| matches(n, fields, record)).count() > 0,
        Condition::Term(term) => term_holds(term, fields[&term.field], record.get(&term.field)),
    }
}

fn term_holds(term: &Term, kind: FieldType, actual: Option<&Json>) -> bool {
    let actual = actual.filter(|json| !json.is_null());
    let actual = actual.filter(|json| json.as_str().is_none_or(|text| !text.trim().is_empty()));
    let wanted = match &term.value {
        None => vec![],
        Some(Operand::One(one)) => vec![one.clone()],
        Some(Operand::Many(many)) => many.clone(),
    };
    match term.op {
        Op::IsEmpty => actual.is_none(),
        Op::IsNotEmpty => actual.is_some(),
        Op::IsTrue => actual == Some(&Json::Bool(true)),
        Op::IsFalse => actual != Some(&Json::Bool(true)),
        Op::Ne | Op::NotIn => !wanted
            .iter()
            .any(|want| order(kind, actual, want) == Some(0)),
        Op::Eq | Op::In => wanted
            .iter()
            .any(|want| order(kind, actual, want) == Some(0)),
        Op::Contains => text(actual).is_some_and(|has| has.contains(&lower(&wanted[0]))),
        Op::StartsWith => text(actual).is_some_and(|has| has.starts_with(&lower(&wanted[0]))),
        Op::EndsWith => text(actual).is_some_and(|has| has.ends_with(&lower(&wanted[0]))),
        Op::Gt => order(kind, actual, &wanted[0]) == Some(1),
        Op::Gte => order(kind, actual, &wanted[0]).is_some_and(|sign| sign >= 0),
        Op::Lt => order(kind, actual, &wanted[0]) == Some(-1),
        Op::Lte => order(kind, actual, &wanted[0]).is_some_and(|sign| sign <= 0),
        Op::Between => {
            order(kind, actual, &wanted[0]).is_some_and(|sign| sign >= 0)
                && order(kind, actual, &wanted[1]).is_some_and(|sign| sign <= 0)
        }
    }
}

fn text(actual: Option<&Json>) -> Option<String> {
    actual.and_then(Json::as_str).map(str::to_lowercase)
}

fn lower(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Text(text) => text.to_lowercase(),
        Scalar::Number(number) => number.to_string(),
    }
}

/// -1, 0 or 1 as the record's value is below, equal to or above the wanted one; `None` when there
/// is no value.
fn order(kind: FieldType, actual: Option<&Json>, wanted: &Scalar) -> Option<i8> {
    let sign = |ordering: Ordering| match ordering {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    };
    let actual = actual?;
    match (kind, wanted) {
        (FieldType::Number, Scalar::Number(wanted)) => {
            actual.as_f64()?.partial_cmp(&wanted.as_f64()?).map(sign)
        }
        (FieldType::Date, Scalar::Text(wanted)) => {
            let day = |text: &str| chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
            Some(sign(day(actual.as_str()?)?.cmp(&day(wanted)?)))
        }
        (FieldType::DateTime, Scalar::Text(wanted)) => {
            let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
            Some(sign(at(actual.as_str()?)?.cmp(&at(wanted)?)))
        }
        (FieldType::Id, Scalar::Text(wanted)) => {
            let key = |id: &str| id.chars().take(15).collect::<String>();
            Some(sign(key(actual.as_str()?).cmp(&key(wanted))))
        }
        (_, Scalar::Text(wanted)) => Some(sign(
            actual.as_str()?.to_lowercase().cmp(&wanted.to_lowercase()),
        )),
        _ => None,
    }
}
