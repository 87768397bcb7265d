//! WHERE, compiled: names are columns, values have the field's type, sets are hashed.
//!
//! Text compares without regard to case. `!=` and NOT IN also give rows whose field is null;
//! `<`, `>` and LIKE never do.

use std::collections::HashSet;

use chrono::NaiveDate;
use soql::{
    LikePattern, Value as Literal,
    ast::{Comparison, Condition, Membership, MultiMatch, Operand, Operator, Path, Set},
};

use super::{
    compare::{Key, compare, key, midnight, millis},
    dates, error,
    path::{Found, Getter, Scope},
    plan,
};
use crate::{
    model::{
        id::Id,
        object::{Field, Kind},
        value::{Value, at},
    },
    store::{Store, refusal::Refusal, table::Row},
};

pub(crate) enum Test {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Compare {
        getter: Getter,
        operator: Operator,
        value: Value,
    },
    /// A date literal: the days from the first to before the second.
    Within {
        getter: Getter,
        operator: Operator,
        from: NaiveDate,
        to: NaiveDate,
    },
    In {
        getter: Getter,
        negated: bool,
        keys: HashSet<Key>,
        ids: Vec<Id>,
    },
    Like {
        getter: Getter,
        pattern: LikePattern,
    },
    Includes {
        getter: Getter,
        negated: bool,
        values: Vec<String>,
    },
}

impl Test {
    pub(crate) fn holds(&self, store: &Store, row: &Row) -> bool {
        match self {
            Self::And(tests) => tests.iter().all(|test| test.holds(store, row)),
            Self::Or(tests) => tests.iter().any(|test| test.holds(store, row)),
            Self::Not(test) => !test.holds(store, row),
            Self::Compare {
                getter,
                operator,
                value,
            } => compares(getter.get(store, row), *operator, value),
            Self::Within {
                getter,
                operator,
                from,
                to,
            } => lies(
                getter.get(store, row),
                *operator,
                midnight(*from),
                midnight(*to),
            ),
            Self::In {
                getter,
                negated,
                keys,
                ..
            } => keys.contains(&key(getter.get(store, row))) != *negated,
            Self::Like { getter, pattern } => getter
                .get(store, row)
                .as_text()
                .is_some_and(|text| like(&text.to_lowercase(), &pattern.0)),
            Self::Includes {
                getter,
                negated,
                values,
            } => {
                let text = getter
                    .get(store, row)
                    .as_text()
                    .unwrap_or_default()
                    .to_lowercase();
                let parts: HashSet<&str> = text.split(';').collect();
                let has = |value: &String| value.split(';').all(|part| parts.contains(part));
                values.iter().any(has) != *negated
            }
        }
    }
}

fn compares(left: &Value, operator: Operator, right: &Value) -> bool {
    if left.is_null() || right.is_null() {
        let same = left.is_null() && right.is_null();
        return match operator {
            Operator::Equal => same,
            Operator::NotEqual => !same,
            _ => false,
        };
    }
    let Some(order) = compare(left, right) else {
        return false;
    };
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Like => false,
    }
}

fn lies(value: &Value, operator: Operator, from: i64, to: i64) -> bool {
    if value.is_null() {
        return operator == Operator::NotEqual;
    }
    let time = millis(value);
    match operator {
        Operator::Equal => from <= time && time < to,
        Operator::NotEqual => time < from || to <= time,
        Operator::Less => time < from,
        Operator::LessOrEqual => time < to,
        Operator::Greater => time >= to,
        Operator::GreaterOrEqual => time >= from,
        Operator::Like => false,
    }
}

/// `text` in lower case; the pattern's letters were lowered when it was compiled.
fn like(text: &str, pattern: &[soql::PatternPiece]) -> bool {
    use soql::PatternPiece as Piece;
    let Some((piece, rest)) = pattern.split_first() else {
        return text.is_empty();
    };
    match piece {
        Piece::Literal(literal) => text
            .strip_prefix(literal.as_str())
            .is_some_and(|after| like(after, rest)),
        Piece::AnyOne => {
            let mut chars = text.chars();
            chars.next().is_some() && like(chars.as_str(), rest)
        }
        Piece::AnyRun if rest.is_empty() => true,
        Piece::AnyRun => text
            .char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .any(|at| text.get(at..).is_some_and(|after| like(after, rest))),
    }
}

/// # Errors
/// INVALID_FIELD for unknown names and values of the wrong type.
pub(super) fn compile(scope: &Scope<'_>, condition: &Condition) -> Result<Test, Refusal> {
    let all = |parts: &[Condition]| -> Result<Vec<Test>, Refusal> {
        parts.iter().map(|part| compile(scope, part)).collect()
    };
    match condition {
        Condition::And(parts) => Ok(Test::And(all(parts)?)),
        Condition::Or(parts) => Ok(Test::Or(all(parts)?)),
        Condition::Not(part) => Ok(Test::Not(Box::new(compile(scope, part)?))),
        Condition::Compare(comparison) => compile_compare(scope, comparison),
        Condition::In(membership) => compile_in(scope, membership),
        Condition::Multi(multi) => compile_includes(scope, multi),
    }
}

fn filterable<'p>(scope: &Scope<'_>, operand: &'p Operand) -> Result<(&'p Path, Found), Refusal> {
    let path = match operand {
        Operand::Field(path) => path,
        Operand::Call(call) => {
            return Err(error::unsupported(
                scope.text,
                call.origin,
                call.function.as_str(),
            ));
        }
    };
    let found = scope.resolve(path)?;
    if found.field.kind == Kind::Textarea && found.field.length > 255 {
        let message = format!(
            "field '{}' can not be filtered in a query call",
            found.field.name
        );
        return Err(scope.refuse(path, "INVALID_FIELD", &message));
    }
    Ok((path, found))
}

fn compile_compare(scope: &Scope<'_>, comparison: &Comparison) -> Result<Test, Refusal> {
    let (path, Found { getter, field }) = filterable(scope, &comparison.left)?;
    let operator = comparison.operator;
    match &comparison.value {
        Literal::Pattern(pattern) if field.kind.is_text() => Ok(Test::Like {
            getter,
            pattern: lowered(pattern),
        }),
        Literal::Pattern(_) => {
            let message = format!("invalid operator on {} field", field.kind.name());
            Err(scope.refuse(path, "INVALID_QUERY_FILTER_OPERATOR", &message))
        }
        Literal::Relative(literal) if matches!(field.kind, Kind::Date | Kind::DateTime) => {
            let today = at(scope.now).date_naive();
            let (from, to) = dates::range(*literal, today).ok_or_else(|| {
                scope.refuse(path, "INVALID_FIELD", "the date literal is out of range")
            })?;
            Ok(Test::Within {
                getter,
                operator,
                from,
                to,
            })
        }
        literal => {
            let value = typed(scope, path, &field, literal)?;
            Ok(Test::Compare {
                getter,
                operator,
                value,
            })
        }
    }
}

fn lowered(pattern: &LikePattern) -> LikePattern {
    use soql::PatternPiece as Piece;
    let lower = |piece: &Piece| match piece {
        Piece::Literal(text) => Piece::Literal(text.to_lowercase()),
        other => other.clone(),
    };
    LikePattern(pattern.0.iter().map(lower).collect())
}

fn compile_in(scope: &Scope<'_>, membership: &Membership) -> Result<Test, Refusal> {
    let (path, Found { getter, field }) = filterable(scope, &membership.left)?;
    let values = match &membership.set {
        Set::Values(literals) => literals
            .iter()
            .map(|literal| typed(scope, path, &field, literal))
            .collect::<Result<Vec<_>, _>>()?,
        Set::Query(query) => plan::column_of(scope, query)?,
    };
    Ok(Test::In {
        getter,
        negated: membership.negated,
        keys: values.iter().map(key).collect(),
        ids: values.iter().filter_map(Value::as_id).collect(),
    })
}

fn compile_includes(scope: &Scope<'_>, multi: &MultiMatch) -> Result<Test, Refusal> {
    let (_, Found { getter, .. }) = filterable(scope, &multi.left)?;
    let text = |value: &Literal| match value {
        Literal::Text(text) => text.to_lowercase(),
        _ => String::new(),
    };
    Ok(Test::Includes {
        getter,
        negated: multi.negated,
        values: multi.values.iter().map(text).collect(),
    })
}

/// The literal as a value of the field's type.
fn typed(
    scope: &Scope<'_>,
    path: &Path,
    field: &Field,
    literal: &Literal,
) -> Result<Value, Refusal> {
    let value = match (field.kind, literal) {
        (_, Literal::Null) => Some(Value::Null),
        (Kind::Id | Kind::Reference, Literal::Text(text)) => {
            let id = Id::parse(text).ok_or_else(|| {
                let message = format!("invalid ID field: {text}");
                scope.refuse(path, "INVALID_QUERY_FILTER_OPERATOR", &message)
            })?;
            Some(Value::Id(id))
        }
        (Kind::Boolean, Literal::Bool(flag)) => Some(Value::Bool(*flag)),
        (Kind::Int | Kind::Double | Kind::Currency | Kind::Percent, Literal::Number(number)) => {
            Some(Value::Double(number.to_f64()))
        }
        (Kind::Currency, Literal::Currency(_, number)) => Some(Value::Double(number.to_f64())),
        (Kind::Date, Literal::Date(day)) => Some(Value::Date(*day)),
        (Kind::DateTime, Literal::DateTime(time)) => Some(Value::Time(time.timestamp_millis())),
        (kind, Literal::Text(text)) if kind.is_text() => Some(Value::Text(text.as_str().into())),
        _ => None,
    };
    value.ok_or_else(|| {
        let quotes = if field.kind.is_text() {
            "should"
        } else {
            "should not"
        };
        let message = format!(
            "value of filter criterion for field '{}' must be of type {} and {quotes} be \
             enclosed in quotes",
            field.name,
            field.kind.name()
        );
        scope.refuse(path, "INVALID_FIELD", &message)
    })
}
