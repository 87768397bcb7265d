//! What each type of field can hold, as tests and sample values. docs/soql.md has the table.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::{
    allow::{Domain, FieldType},
    calendar, identifier,
    resolve::Column,
    text,
};
use crate::{
    ast::{Comparison, Operator},
    number::Number,
    value::{LikePattern, Value},
};

/// A value that a field could hold. Dates are midnights; texts are in lower case, since SOQL
/// compares them without regard to case; the empty text is null.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sample {
    Null,
    Bool(bool),
    Number(Number),
    Moment(NaiveDateTime),
    Time(NaiveTime),
    Text(String),
    /// See `identifier`.
    Id(u128),
    Parts(BTreeSet<String>),
}

/// What samples are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To find a record that the condition leaves out. A record's own id counts as one of
    /// countless others: leaving out ids that the query lists does not restrict it.
    Exclude,
    /// To find a record that the condition matches.
    Match,
}

/// A question about one value.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// One of the points, or within one of the ranges (start included, end not).
    Member {
        points: BTreeSet<Sample>,
        ranges: Vec<(NaiveDateTime, NaiveDateTime)>,
    },
    /// Never true of null.
    Order(Operator, Sample),
    Like(LikePattern),
    /// All parts of at least one of the sets.
    Includes(Vec<BTreeSet<String>>),
    /// A semi-join.
    Holds,
}

impl Test {
    /// The cost of one answer.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Like(pattern) => 1 + text::length(pattern),
            Self::Member { ranges, .. } => 1 + ranges.len(),
            Self::Includes(sets) => sets.len(),
            Self::Order(..) | Self::Holds => 1,
        }
    }

    pub(super) fn holds(&self, sample: &Sample) -> bool {
        match self {
            Self::Member { points, ranges } => {
                let within = |moment: &NaiveDateTime| {
                    ranges
                        .iter()
                        .any(|(start, end)| start <= moment && moment < end)
                };
                points.contains(sample) || matches!(sample, Sample::Moment(at) if within(at))
            }
            Self::Order(..) if *sample == Sample::Null => false,
            Self::Order(operator, bound) => match operator {
                Operator::Less => sample < bound,
                Operator::LessOrEqual => sample <= bound,
                Operator::Greater => sample > bound,
                Operator::GreaterOrEqual => sample >= bound,
                Operator::Equal | Operator::NotEqual | Operator::Like => false,
            },
            Self::Like(pattern) => {
                matches!(sample, Sample::Text(text) if pattern.matches(text))
            }
            Self::Includes(sets) => match sample {
                Sample::Parts(parts) => sets.iter().any(|set| set.is_subset(parts)),
                _ => false,
            },
            Self::Holds => false,
        }
    }
}

/// The point that a literal stands for, or the range, when it is a date literal.
enum Meaning {
    Point(Sample),
    Range(NaiveDateTime, NaiveDateTime),
}

fn meaning(value: &Value, column: &Column, now: DateTime<Utc>) -> Meaning {
    let is_id = matches!(column.kind, FieldType::Id | FieldType::Reference);
    Meaning::Point(match value {
        Value::Null => Sample::Null,
        Value::Bool(truth) => Sample::Bool(*truth),
        Value::Text(text) if text.is_empty() => Sample::Null,
        Value::Text(text) if is_id => Sample::Id(identifier::number(text)),
        Value::Text(text) if column.kind == FieldType::MultiPicklist => Sample::Parts(parts(text)),
        Value::Text(text) => Sample::Text(text.to_lowercase()),
        // WHERE compares text with LIKE by `Test::Like`; nothing else holds a pattern.
        Value::Pattern(_) => Sample::Null,
        Value::Number(number) | Value::Currency(_, number) => Sample::Number(*number),
        Value::Date(date) => Sample::Moment(date.and_time(NaiveTime::MIN)),
        Value::DateTime(moment) => Sample::Moment(moment.naive_utc()),
        Value::Time(time) => Sample::Time(*time),
        Value::Relative(literal) => {
            let stamp = column.domain == Domain::Stamp;
            let (start, end) = calendar::range(*literal, now.date_naive(), stamp);
            return Meaning::Range(start, end);
        }
    })
}

fn parts(text: &str) -> BTreeSet<String> {
    text.split(';')
        .map(|part| part.trim().to_lowercase())
        .collect()
}

/// The test, and whether its answer is to be turned round.
pub(super) fn comparison(
    comparison: &Comparison,
    column: &Column,
    now: DateTime<Utc>,
) -> (Test, bool) {
    use Operator as Op;
    let Comparison {
        operator, value, ..
    } = comparison;
    if let (Op::Like, Value::Pattern(pattern)) = (operator, value) {
        return (Test::Like(pattern.clone()), false);
    }
    match (operator, meaning(value, column, now)) {
        (Op::Equal | Op::Like, _) => (any_of(std::slice::from_ref(value), column, now), false),
        (Op::NotEqual, _) => (any_of(std::slice::from_ref(value), column, now), true),
        (_, Meaning::Point(point)) => (Test::Order(*operator, point), false),
        (Op::Less, Meaning::Range(start, _)) => order(Op::Less, start),
        (Op::GreaterOrEqual, Meaning::Range(start, _)) => order(Op::GreaterOrEqual, start),
        (Op::LessOrEqual, Meaning::Range(_, end)) => order(Op::Less, end),
        (Op::Greater, Meaning::Range(_, end)) => order(Op::GreaterOrEqual, end),
    }
}

fn order(operator: Operator, bound: NaiveDateTime) -> (Test, bool) {
    (Test::Order(operator, Sample::Moment(bound)), false)
}

pub(super) fn any_of(values: &[Value], column: &Column, now: DateTime<Utc>) -> Test {
    let (mut points, mut ranges) = (BTreeSet::new(), Vec::new());
    for value in values {
        match meaning(value, column, now) {
            Meaning::Point(point) => {
                points.insert(point);
            }
            Meaning::Range(start, end) => ranges.push((start, end)),
        }
    }
    Test::Member { points, ranges }
}

pub(super) fn includes(values: &[Value]) -> Test {
    let set = |value: &Value| match value {
        Value::Text(text) => Some(parts(text)),
        _ => None,
    };
    Test::Includes(values.iter().filter_map(set).collect())
}

/// Values that stand for all values: for each stretch on which every test gives the same answer,
/// at least one value from it, if the field can hold one.
pub(super) fn samples(column: &Column, tests: &[Test], purpose: Purpose) -> Vec<Sample> {
    let mut found = match (&column.domain, column.kind) {
        (Domain::AlwaysFalse, _) => vec![Sample::Bool(false)],
        (Domain::OneOf(values), _) => values.iter().cloned().map(Sample::Text).collect(),
        (Domain::Unique(object), _) => identifier::own(*object, &bounds(tests), purpose),
        (_, FieldType::Id | FieldType::Reference) => identifier::foreign(&bounds(tests)),
        (_, FieldType::Boolean) => vec![Sample::Bool(false), Sample::Bool(true)],
        (_, FieldType::Text | FieldType::LongText | FieldType::Picklist) => text::samples(tests),
        (_, FieldType::MultiPicklist) => text::part_samples(tests),
        (domain, FieldType::Integer) => whole_numbers(domain, tests),
        (_, FieldType::Decimal | FieldType::Currency) => decimals(tests),
        (domain, FieldType::Date) => moments(domain, tests, Duration::days(1)),
        (domain, FieldType::DateTime) => moments(domain, tests, Duration::seconds(1)),
        (_, FieldType::Time) => times(tests),
    };
    if column.nullable {
        found.push(Sample::Null);
    }
    found
}

/// Every point that a test turns on.
pub(super) fn bounds(tests: &[Test]) -> BTreeSet<Sample> {
    let mut found = BTreeSet::new();
    for test in tests {
        match test {
            Test::Member { points, ranges } => {
                found.extend(points.iter().cloned());
                let ends = ranges.iter().flat_map(|(start, end)| [*start, *end]);
                found.extend(ends.map(Sample::Moment));
            }
            Test::Order(_, bound) => {
                found.insert(bound.clone());
            }
            Test::Like(_) | Test::Includes(_) | Test::Holds => {}
        }
    }
    found
}

fn numbers(tests: &[Test]) -> Vec<Number> {
    let number = |sample| match sample {
        Sample::Number(number) => Some(number),
        _ => None,
    };
    bounds(tests).into_iter().filter_map(number).collect()
}

fn whole_numbers(domain: &Domain, tests: &[Test]) -> Vec<Sample> {
    let (low, high) = match domain {
        Domain::Between(low, high) => (*low, *high),
        _ => (i64::from(i32::MIN), i64::from(i32::MAX)),
    };
    let (low, high) = (Number::from(low), Number::from(high));
    let near = |number: Number| [number.plus(-1), number, number.plus(1)];
    let inside = |number: &Number| (low..=high).contains(number);
    let near = numbers(tests).into_iter().flat_map(near).filter(inside);
    [low, high]
        .into_iter()
        .chain(near)
        .map(Sample::Number)
        .collect()
}

/// Salesforce numbers have at most 18 digits.
fn decimals(tests: &[Test]) -> Vec<Sample> {
    let high = Number::from(999_999_999_999_999_999);
    let low = high.negated();
    let inside = |number: &Number| (low..=high).contains(number);
    let mut points: Vec<_> = numbers(tests).into_iter().filter(inside).collect();
    points.extend([low, high]);
    points.sort_unstable();
    let between: Vec<_> = points
        .windows(2)
        .filter_map(|pair| pair.first().zip(pair.last()))
        .filter(|(left, right)| left < right)
        .map(|(left, right)| left.midpoint(*right))
        .collect();
    points
        .into_iter()
        .chain(between)
        .map(Sample::Number)
        .collect()
}

/// The years that Salesforce's date fields can hold, and those that its own stamps can.
const DATES: (i32, i32) = (1700, 4000);
const STAMPS: (i32, i32) = (1999, 2099);

fn moments(domain: &Domain, tests: &[Test], step: Duration) -> Vec<Sample> {
    let (first, last) = if *domain == Domain::Stamp {
        STAMPS
    } else {
        DATES
    };
    let low = NaiveDate::from_ymd_opt(first, 1, 1)
        .unwrap_or_default()
        .and_time(NaiveTime::MIN);
    let high = NaiveDate::from_ymd_opt(last, 12, 31)
        .unwrap_or_default()
        .and_time(NaiveTime::MIN);
    let near = |sample| match sample {
        Sample::Moment(at) => [
            at.checked_sub_signed(step),
            Some(at),
            at.checked_add_signed(step),
        ],
        _ => [None; 3],
    };
    let near = bounds(tests).into_iter().flat_map(near).flatten();
    let inside = near.filter(|at| (low..=high).contains(at));
    [low, high]
        .into_iter()
        .chain(inside)
        .map(Sample::Moment)
        .collect()
}

fn times(tests: &[Test]) -> Vec<Sample> {
    let last = NaiveTime::from_hms_milli_opt(23, 59, 59, 999).unwrap_or_default();
    let step = Duration::milliseconds(1);
    let near = |sample| match sample {
        Sample::Time(at) => vec![
            at.overflowing_sub_signed(step).0,
            at,
            at.overflowing_add_signed(step).0,
        ],
        _ => Vec::new(),
    };
    let near = bounds(tests)
        .into_iter()
        .flat_map(near)
        .filter(|at| *at <= last);
    [NaiveTime::MIN, last]
        .into_iter()
        .chain(near)
        .map(Sample::Time)
        .collect()
}
