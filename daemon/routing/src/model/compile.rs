//! A condition made ready to run: field names become slots, values become typed and folded once,
//! so that testing a record costs no allocation and no look-up by name.
//!
//! What an empty value (missing, null, blank) means, as in Salesforce's own rules: it equals
//! nothing and is in no list, so `ne` and `not_in` hold; it contains, starts with and ends with
//! nothing; it is in no range; a check box that is empty counts as not ticked.

use std::collections::{BTreeMap, HashMap};

use layer::{FieldType, Value};
use serde_json::{Map, Value as Json};

use super::{
    condition::{Condition, Flaw, ROOT, Term},
    term::{Cell, Test, Words, build_test, operators},
};
use crate::territory::Facts;

/// The layer's fields of one object, by name.
pub type Fields = BTreeMap<String, FieldType>;

/// The fields that a set of conditions reads; a record holds one cell per slot.
#[derive(Debug, Default)]
pub struct Slots {
    slots: Vec<Slot>,
    by_name: HashMap<String, u16>,
}

#[derive(Debug)]
struct Slot {
    field: String,
    kind: FieldType,
    words: Words,
}

impl Slots {
    fn slot(&mut self, name: &str, kind: FieldType) -> Option<(u16, &mut Words)> {
        let at = match self.by_name.get(name) {
            Some(at) => *at,
            None => {
                let at = u16::try_from(self.slots.len()).ok()?;
                self.slots.push(Slot {
                    field: name.to_owned(),
                    kind,
                    words: Words::default(),
                });
                self.by_name.insert(name.to_owned(), at);
                at
            }
        };
        let slot = self.slots.get_mut(usize::from(at))?;
        Some((at, &mut slot.words))
    }

    /// Reads a record's fields into cells, after every condition was compiled. A value that is not of
    /// its field's type counts as empty: the layer refuses such values on import, so this is a second
    /// belt.
    pub fn read(&self, fields: &Map<String, Json>) -> Record {
        let cell = |slot: &Slot| {
            let json = fields.get(&slot.field)?;
            let value = Value::read(slot.kind, json).ok()?;
            Some(Cell::from_value(value, &slot.words))
        };
        let cells = self
            .slots
            .iter()
            .map(|slot| cell(slot).unwrap_or(Cell::Empty));
        Record {
            cells: cells.collect(),
            facts: Facts::default(),
        }
    }

    /// The fields read, in slot order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, FieldType)> {
        self.slots
            .iter()
            .map(|slot| (slot.field.as_str(), slot.kind))
    }
}

/// A record as compiled conditions see it, and as territories do, where they are asked.
#[derive(Debug)]
pub struct Record {
    cells: Vec<Cell>,
    pub(crate) facts: Facts,
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
        let (slot, words) = self.slots.slot(&term.field, kind)?;
        let test = match build_test(term.op, kind, term.value.as_ref(), words) {
            Ok(test) => test,
            Err((code, detail)) => {
                self.flaws
                    .push(Flaw::new(format!("{path}.value"), code, detail));
                return None;
            }
        };
        let index = u16::try_from(self.terms.len()).ok()?;
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
