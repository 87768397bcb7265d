//! A condition made ready to run: field names become slots, values become typed and folded once,
//! so that testing a record costs no allocation and no look-up by name.
//!
//! What an empty value (missing, null, blank) means, as in Salesforce's own rules: it equals
//! nothing and is in no list, so `ne` and `not_in` hold; it contains, starts with and ends with
//! nothing; it is in no range; a check box that is empty counts as not ticked.

use std::{
    collections::{BTreeMap, HashMap},
    ops::{Bound, RangeBounds},
};

use layer::{
    FieldType, Value,
    value::{fold, id_key},
};
use serde_json::{Map, Value as Json};

use super::condition::{Condition, Flaw, Op, Operand, ROOT, Scalar, Term};

/// The layer's fields of one object, by name.
pub type Fields = BTreeMap<String, FieldType>;

/// The fields that a set of conditions reads; a record holds one cell per slot.
#[derive(Debug, Default)]
pub struct Slots {
    fields: Vec<(String, FieldType)>,
    by_name: HashMap<String, u16>,
}

impl Slots {
    fn slot(&mut self, name: &str, kind: FieldType) -> Option<u16> {
        if let Some(slot) = self.by_name.get(name) {
            return Some(*slot);
        }
        let slot = u16::try_from(self.fields.len()).ok()?;
        self.fields.push((name.to_owned(), kind));
        self.by_name.insert(name.to_owned(), slot);
        Some(slot)
    }

    /// Reads a record's fields into cells. A value that is not of its field's type counts as
    /// empty: the layer refuses such values on import, so this is a second belt.
    pub fn read(&self, fields: &Map<String, Json>) -> Record {
        let cell = |(name, kind): &(String, FieldType)| {
            fields.get(name).map_or(Cell::Empty, |json| {
                Value::read(*kind, json).map_or(Cell::Empty, Cell::from_value)
            })
        };
        Record {
            cells: self.fields.iter().map(cell).collect(),
        }
    }

    /// The fields read, in slot order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, FieldType)> {
        self.fields
            .iter()
            .map(|(name, kind)| (name.as_str(), *kind))
    }
}

/// A record as compiled conditions see it.
#[derive(Debug)]
pub struct Record {
    cells: Vec<Cell>,
}

#[derive(Debug)]
enum Cell {
    Empty,
    /// Folded text, or the 15 identifying characters of an id.
    Text(Box<str>),
    Number(f64),
    Boolean(bool),
    /// Days since 1 CE for a date, microseconds since 1970 for a time; a slot holds one kind only.
    Tick(i64),
}

impl Cell {
    fn from_value(value: Value<'_>) -> Self {
        match value {
            Value::Empty => Self::Empty,
            Value::Text(text) => Self::Text(fold(text).into()),
            Value::Id(id) => Self::Text(id.into()),
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

/// A condition ready to run.
#[derive(Debug)]
pub struct Compiled {
    root: Node,
    terms: Vec<TermInfo>,
}

/// What a term says, for whoever asks why a rule did not match.
#[derive(Debug)]
pub struct TermInfo {
    /// JSON path of the term, from `condition`.
    pub path: String,
    pub term: Term,
    pub kind: FieldType,
}

#[derive(Debug)]
enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Term { slot: u16, term: u16, test: Test },
}

#[derive(Debug)]
enum Test {
    Empty {
        wanted: bool,
    },
    True {
        wanted: bool,
    },
    Text {
        text: Box<str>,
        negate: bool,
    },
    /// Sorted, for a binary search.
    TextIn {
        texts: Vec<Box<str>>,
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

impl Compiled {
    /// Checks a condition against the layer's fields and compiles it.
    ///
    /// # Errors
    /// Every flaw found: unknown fields, operators that a field's type does not have, values that
    /// cannot be read as that type.
    pub fn new(
        condition: &Condition,
        fields: &Fields,
        slots: &mut Slots,
    ) -> Result<Self, Vec<Flaw>> {
        let mut builder = Builder {
            fields,
            slots,
            terms: Vec::new(),
            flaws: Vec::new(),
        };
        let root = builder.node(condition, ROOT);
        match root {
            Some(root) if builder.flaws.is_empty() => Ok(Self {
                root,
                terms: builder.terms,
            }),
            _ => Err(builder.flaws),
        }
    }

    /// Whether the record matches. When it does not, `lost` is told the terms that explain it:
    /// the first failing part of an `all`, and one failing part of each arm of an `any`.
    pub fn matches(&self, record: &Record, lost: &mut Vec<Lost>) -> bool {
        run(&self.root, record, lost)
    }

    /// The condition's terms in document order; a [`Lost::term`] is an index into them.
    pub fn terms(&self) -> &[TermInfo] {
        &self.terms
    }
}

/// A term that failed: its index, and whether the record's value was empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    pub term: u16,
    pub empty: bool,
}

fn run(node: &Node, record: &Record, lost: &mut Vec<Lost>) -> bool {
    match node {
        Node::All(nodes) => nodes.iter().all(|node| run(node, record, lost)),
        Node::Any(nodes) => {
            let before = lost.len();
            let matched = nodes.iter().any(|node| run(node, record, lost));
            if matched {
                lost.truncate(before);
            }
            matched
        }
        Node::Term { slot, term, test } => {
            let cell = record.cells.get(usize::from(*slot)).unwrap_or(&Cell::Empty);
            let holds = test.holds(cell);
            if !holds {
                lost.push(Lost {
                    term: *term,
                    empty: matches!(cell, Cell::Empty),
                });
            }
            holds
        }
    }
}

impl Test {
    fn holds(&self, cell: &Cell) -> bool {
        match (self, cell) {
            (Self::Empty { wanted }, cell) => matches!(cell, Cell::Empty) == *wanted,
            (Self::True { wanted }, Cell::Boolean(flag)) => flag == wanted,
            (Self::True { wanted }, _) => !wanted,
            (Self::Text { text, negate }, Cell::Text(actual)) => (text == actual) != *negate,
            (Self::TextIn { texts, negate }, Cell::Text(actual)) => {
                texts.binary_search(actual).is_ok() != *negate
            }
            (Self::Contains(part), Cell::Text(actual)) => actual.contains(&**part),
            (Self::StartsWith(part), Cell::Text(actual)) => actual.starts_with(&**part),
            (Self::EndsWith(part), Cell::Text(actual)) => actual.ends_with(&**part),
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

struct Builder<'a> {
    fields: &'a Fields,
    slots: &'a mut Slots,
    terms: Vec<TermInfo>,
    flaws: Vec<Flaw>,
}

impl Builder<'_> {
    fn node(&mut self, condition: &Condition, path: &str) -> Option<Node> {
        match condition {
            Condition::All(children) => self.children(children, path, "all").map(Node::All),
            Condition::Any(children) => self.children(children, path, "any").map(Node::Any),
            Condition::Term(term) => self.term(term, path),
        }
    }

    /// Goes on after a flaw, so that a person sees all of them at once.
    fn children(&mut self, children: &[Condition], path: &str, key: &str) -> Option<Vec<Node>> {
        let built = children
            .iter()
            .enumerate()
            .map(|(at, child)| self.node(child, &format!("{path}.{key}[{at}]")))
            .collect::<Vec<_>>();
        built.into_iter().collect()
    }

    fn term(&mut self, term: &Term, path: &str) -> Option<Node> {
        let Some(kind) = self.fields.get(&term.field).copied() else {
            let detail = format!(
                "The field {} is not in the data layer. Add it there first.",
                term.field
            );
            self.flaws
                .push(Flaw::new(format!("{path}.field"), "field_unknown", detail));
            return None;
        };
        if !operators(kind).contains(&term.op) {
            let detail = format!(
                "A {} field has no operator {}.",
                kind.name(),
                term.op.name()
            );
            self.flaws
                .push(Flaw::new(format!("{path}.op"), "op_not_for_type", detail));
            return None;
        }
        let test = match build_test(term.op, kind, term.value.as_ref()) {
            Ok(test) => test,
            Err((code, detail)) => {
                self.flaws
                    .push(Flaw::new(format!("{path}.value"), code, detail));
                return None;
            }
        };
        let index = u16::try_from(self.terms.len()).ok()?;
        let slot = self.slots.slot(&term.field, kind)?;
        self.terms.push(TermInfo {
            path: path.to_owned(),
            term: term.clone(),
            kind,
        });
        Some(Node::Term {
            slot,
            term: index,
            test,
        })
    }
}

type Refusal = (&'static str, String);

fn build_test(op: Op, kind: FieldType, value: Option<&Operand>) -> Result<Test, Refusal> {
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
        FieldType::String | FieldType::Picklist | FieldType::Id => text_test(op, kind, values),
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

fn text_test(op: Op, kind: FieldType, values: &[Scalar]) -> Result<Test, Refusal> {
    let mut texts = values
        .iter()
        .map(|value| text_of(kind, value))
        .collect::<Result<Vec<_>, _>>()?;
    if matches!(op, Op::In | Op::NotIn) {
        texts.sort_unstable();
        texts.dedup();
        return Ok(Test::TextIn {
            texts,
            negate: op == Op::NotIn,
        });
    }
    let text = texts.pop().unwrap_or_default();
    Ok(match op {
        Op::Contains => Test::Contains(text),
        Op::StartsWith => Test::StartsWith(text),
        Op::EndsWith => Test::EndsWith(text),
        _ => Test::Text {
            text,
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
