//! A single test of a single value: what the operators of each type mean, and how the values that
//! a person typed are read.

use std::{
    borrow::Cow,
    collections::HashMap,
    ops::{Bound, RangeBounds},
};

use layer::{
    FieldType, Value,
    value::{fold, id_key},
};

use super::condition::{Op, Operand, Scalar};

/// A value of a record, ready to be tested.
#[derive(Debug)]
pub(super) enum Cell {
    Empty,
    /// Folded text, or the 15 identifying characters of an id; and its number, when a condition
    /// compares the field with it.
    Text(Box<str>, Option<u32>),
    Number(f64),
    Boolean(bool),
    /// Days since 1 CE for a date, microseconds since 1970 for a time; a slot holds one kind only.
    Tick(i64),
}

impl Cell {
    /// `words`: those of the value's field.
    pub(super) fn from_value(value: Value<'_>, words: &Words) -> Self {
        let text = |text: Cow<'_, str>| {
            let word = words.find(&text);
            Self::Text(text.into(), word)
        };
        match value {
            Value::Empty => Self::Empty,
            Value::Text(raw) => text(fold(raw)),
            Value::Id(id) => text(id.into()),
            Value::Number(number) => Self::Number(number),
            Value::Boolean(flag) => Self::Boolean(flag),
            Value::Date(_) | Value::DateTime(_) => tick(value).map_or(Self::Empty, Self::Tick),
        }
    }
}

fn tick(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Date(day) => Some(i64::from(chrono::Datelike::num_days_from_ce(&day))),
        Value::DateTime(at) => Some(at.timestamp_micros()),
        _ => None,
    }
}

/// The texts that conditions compare a field with, by number: a value is looked up here once, however
/// many rules ask whether it is one of theirs.
#[derive(Debug, Default)]
pub(super) struct Words(HashMap<Box<str>, u32>);

impl Words {
    fn number(&mut self, text: Box<str>) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(text).or_insert(next)
    }

    fn find(&self, text: &str) -> Option<u32> {
        self.0.get(text).copied()
    }
}

/// What is asked of a value.
#[derive(Debug)]
pub(super) enum Test {
    Empty {
        wanted: bool,
    },
    True {
        wanted: bool,
    },
    Text {
        word: u32,
        negate: bool,
    },
    /// Sorted, for a binary search.
    TextIn {
        words: Vec<u32>,
        negate: bool,
    },
    Contains(Box<str>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Number {
        range: (Bound<f64>, Bound<f64>),
        negate: bool,
    },
    NumberIn {
        numbers: Vec<f64>,
        negate: bool,
    },
    Tick {
        range: (Bound<i64>, Bound<i64>),
        negate: bool,
    },
}

impl Test {
    pub(super) fn holds(&self, cell: &Cell) -> bool {
        match (self, cell) {
            (Self::Empty { wanted }, cell) => matches!(cell, Cell::Empty) == *wanted,
            (Self::True { wanted }, Cell::Boolean(flag)) => flag == wanted,
            (Self::True { wanted }, _) => !wanted,
            (Self::Text { word, negate }, Cell::Text(_, actual)) => {
                (*actual == Some(*word)) != *negate
            }
            (Self::TextIn { words, negate }, Cell::Text(_, actual)) => {
                actual.is_some_and(|actual| words.binary_search(&actual).is_ok()) != *negate
            }
            (Self::Contains(part), Cell::Text(actual, _)) => actual.contains(&**part),
            (Self::StartsWith(part), Cell::Text(actual, _)) => actual.starts_with(&**part),
            (Self::EndsWith(part), Cell::Text(actual, _)) => actual.ends_with(&**part),
            (Self::Number { range, negate }, Cell::Number(actual)) => {
                range.contains(actual) != *negate
            }
            (Self::NumberIn { numbers, negate }, Cell::Number(actual)) => {
                numbers.contains(actual) != *negate
            }
            (Self::Tick { range, negate }, Cell::Tick(actual)) => range.contains(actual) != *negate,
            (
                Self::Text { negate, .. }
                | Self::TextIn { negate, .. }
                | Self::Number { negate, .. }
                | Self::NumberIn { negate, .. }
                | Self::Tick { negate, .. },
                _,
            ) => *negate,
            (Self::Contains(_) | Self::StartsWith(_) | Self::EndsWith(_), _) => false,
        }
    }
}

/// The operators that a type has.
pub const fn operators(kind: FieldType) -> &'static [Op] {
    use Op::{
        Between, Contains, EndsWith, Eq, Gt, Gte, In, IsEmpty, IsFalse, IsNotEmpty, IsTrue, Lt,
        Lte, Ne, NotIn, StartsWith,
    };
    match kind {
        FieldType::String | FieldType::Picklist => &[
            Eq, Ne, In, NotIn, Contains, StartsWith, EndsWith, IsEmpty, IsNotEmpty,
        ],
        FieldType::Id => &[Eq, Ne, In, NotIn, IsEmpty, IsNotEmpty],
        FieldType::Number => &[
            Eq, Ne, In, NotIn, Gt, Gte, Lt, Lte, Between, IsEmpty, IsNotEmpty,
        ],
        FieldType::Date | FieldType::DateTime => {
            &[Eq, Ne, Gt, Gte, Lt, Lte, Between, IsEmpty, IsNotEmpty]
        }
        FieldType::Boolean => &[IsTrue, IsFalse],
    }
}

type Refusal = (&'static str, String);

/// `words` are those of the field, and learn what this test compares it with.
pub(super) fn build_test(
    op: Op,
    kind: FieldType,
    value: Option<&Operand>,
    words: &mut Words,
) -> Result<Test, Refusal> {
    let unary = match op {
        Op::IsEmpty => Some(Test::Empty { wanted: true }),
        Op::IsNotEmpty => Some(Test::Empty { wanted: false }),
        Op::IsTrue => Some(Test::True { wanted: true }),
        Op::IsFalse => Some(Test::True { wanted: false }),
        _ => None,
    };
    if let Some(test) = unary {
        return match value {
            None => Ok(test),
            Some(_) => Err(("value_unexpected", format!("{} takes no value.", op.name()))),
        };
    }
    let values = operands(op, value)?;
    match kind {
        FieldType::String | FieldType::Picklist | FieldType::Id => {
            text_test(op, kind, values, words)
        }
        FieldType::Number => number_test(op, values),
        FieldType::Date | FieldType::DateTime => tick_test(op, kind, values),
        FieldType::Boolean => Err((
            "op_not_for_type",
            String::from("A check box is true or false."),
        )),
    }
}

/// The values of a term: one, two for `between`, any number for a list.
fn operands(op: Op, value: Option<&Operand>) -> Result<&[Scalar], Refusal> {
    let values = match value {
        None => {
            return Err((
                "value_missing",
                String::from("Give a value to compare with."),
            ));
        }
        Some(Operand::One(value)) => std::slice::from_ref(value),
        Some(Operand::Many(values)) => values.as_slice(),
    };
    let list = matches!(value, Some(Operand::Many(_)));
    let refusal = match op {
        Op::Between if !list || values.len() != 2 => "Give a list of two values: from and to.",
        Op::In | Op::NotIn if !list => "Give a list of values.",
        Op::Between | Op::In | Op::NotIn => return Ok(values),
        _ if list => "Give one value, not a list.",
        _ => return Ok(values),
    };
    Err(("value_shape", String::from(refusal)))
}

fn text_test(
    op: Op,
    kind: FieldType,
    values: &[Scalar],
    words: &mut Words,
) -> Result<Test, Refusal> {
    let mut texts = values
        .iter()
        .map(|value| text_of(kind, value))
        .collect::<Result<Vec<_>, _>>()?;
    if matches!(op, Op::In | Op::NotIn) {
        let mut words: Vec<u32> = texts.into_iter().map(|text| words.number(text)).collect();
        words.sort_unstable();
        return Ok(Test::TextIn {
            words,
            negate: op == Op::NotIn,
        });
    }
    let text = texts.pop().unwrap_or_default();
    Ok(match op {
        Op::Contains => Test::Contains(text),
        Op::StartsWith => Test::StartsWith(text),
        Op::EndsWith => Test::EndsWith(text),
        _ => Test::Text {
            word: words.number(text),
            negate: op == Op::Ne,
        },
    })
}

fn text_of(kind: FieldType, value: &Scalar) -> Result<Box<str>, Refusal> {
    let Scalar::Text(text) = value else {
        return Err(("value_type", String::from("Give text.")));
    };
    if text.trim().is_empty() {
        return Err((
            "value_blank",
            String::from("Blank text equals nothing; use is_empty."),
        ));
    }
    Ok(if kind == FieldType::Id {
        id_key(text).into()
    } else {
        fold(text).into()
    })
}

fn number_test(op: Op, values: &[Scalar]) -> Result<Test, Refusal> {
    let numbers = values
        .iter()
        .map(|value| match value {
            Scalar::Number(number) => number.as_f64(),
            Scalar::Text(_) => None,
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| ("value_type", String::from("Give a number.")))?;
    if matches!(op, Op::In | Op::NotIn) {
        return Ok(Test::NumberIn {
            numbers,
            negate: op == Op::NotIn,
        });
    }
    let range = range(op, &numbers)?;
    Ok(Test::Number {
        range,
        negate: op == Op::Ne,
    })
}

fn tick_test(op: Op, kind: FieldType, values: &[Scalar]) -> Result<Test, Refusal> {
    let form = if kind == FieldType::Date {
        "Give a date as 2026-01-31."
    } else {
        "Give a time with its offset, as 2026-01-31T09:00:00Z."
    };
    let ticks = values
        .iter()
        .map(|value| match value {
            Scalar::Text(text) => Value::parse(kind, text).and_then(tick),
            Scalar::Number(_) => None,
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| ("value_type", String::from(form)))?;
    let range = range(op, &ticks)?;
    Ok(Test::Tick {
        range,
        negate: op == Op::Ne,
    })
}

/// The range that an ordering operator asks for; `eq` and `ne` ask for a single point.
fn range<T: PartialOrd + Copy>(op: Op, values: &[T]) -> Result<(Bound<T>, Bound<T>), Refusal> {
    let (first, last) = match values {
        [one] => (*one, *one),
        [from, to] if from <= to => (*from, *to),
        _ => {
            return Err((
                "range_reversed",
                String::from("The first value is above the second."),
            ));
        }
    };
    Ok(match op {
        Op::Gt => (Bound::Excluded(first), Bound::Unbounded),
        Op::Gte => (Bound::Included(first), Bound::Unbounded),
        Op::Lt => (Bound::Unbounded, Bound::Excluded(first)),
        Op::Lte => (Bound::Unbounded, Bound::Included(first)),
        _ => (Bound::Included(first), Bound::Included(last)),
    })
}
