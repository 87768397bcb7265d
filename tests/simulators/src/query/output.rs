//! The select list, compiled to what is written for each row.

use std::collections::HashMap;

use soql::Name;

use super::plan::Plan;
use crate::{
    model::{
        id::Id,
        value::{Value, write_json},
    },
    store::{
        Store,
        table::{Row, Table},
    },
};

pub(crate) enum Output {
    /// The key with its quotes and colon, and the column.
    Column(Vec<u8>, usize),
    Constant(Vec<u8>, Value),
    Parent {
        key: Vec<u8>,
        reference: usize,
        named: bool,
        targets: Vec<(&'static str, Vec<Output>)>,
    },
    Children {
        key: Vec<u8>,
        foreign: usize,
        plan: Box<Plan>,
    },
}

/// What the rows of a page have in common.
pub(crate) struct Page<'a> {
    pub(crate) store: &'a Store,
    pub(crate) version: &'a str,
    pub(crate) include_deleted: bool,
}

pub(crate) fn quoted(name: &str) -> Vec<u8> {
    format!("\"{name}\":").into_bytes()
}

/// Paths that were checked already, in the order of the select list; a parent's fields are
/// gathered where it is first named.
pub(super) fn columns(store: &Store, table: &Table, paths: &[&[Name]]) -> Vec<Output> {
    let mut outputs = Vec::new();
    let mut parents: Vec<&Name> = Vec::new();
    for path in paths {
        let Some((first, rest)) = path.split_first() else {
            continue;
        };
        if rest.is_empty() {
            outputs.push(column(table, first));
        } else if !parents.contains(&first) {
            parents.push(first);
            let of_parent = |other: &&&[Name]| other.len() > 1 && other.first() == Some(first);
            let tails: Vec<&[Name]> = paths
                .iter()
                .filter(of_parent)
                .filter_map(|other| other.get(1..))
                .collect();
            outputs.extend(parent(store, table, first, &tails));
        }
    }
    outputs
}

fn column(table: &Table, name: &Name) -> Output {
    let found = table.object.column(name.as_str());
    match found.and_then(|at| Some((at, table.object.fields.get(at)?))) {
        Some((at, field)) => Output::Column(quoted(&field.name), at),
        None if name.is("Type") => Output::Constant(quoted("Type"), Value::text(table.object.name)),
        None => Output::Constant(quoted(name.as_str()), Value::Null),
    }
}

fn parent(store: &Store, table: &Table, name: &Name, tails: &[&[Name]]) -> Option<Output> {
    let (reference, field) = table.object.reference(name.as_str())?;
    let targets = field
        .refers_to
        .iter()
        .filter_map(|target| store.table(target))
        .map(|target| (target.object.name, columns(store, target, tails)))
        .collect();
    let key = quoted(field.relationship.unwrap_or_default());
    Some(Output::Parent {
        key,
        reference,
        named: field.refers_to.len() > 1,
        targets,
    })
}

impl Page<'_> {
    /// Appends the records of `slots` as a JSON array.
    pub(crate) fn write_rows(
        &self,
        out: &mut Vec<u8>,
        table: &Table,
        outputs: &[Output],
        slots: &[usize],
    ) {
        let children = self.children_of(outputs);
        out.push(b'[');
        for (at, row) in slots.iter().filter_map(|slot| table.row(*slot)).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.write_row(
                out,
                (table.object.name, table.object.name),
                row,
                outputs,
                &children,
            );
        }
        out.push(b']');
    }

    /// For each child list, the children's slots by their parent's id.
    fn children_of(&self, outputs: &[Output]) -> Vec<HashMap<Id, Vec<usize>>> {
        let lists = outputs.iter().filter_map(|output| match output {
            Output::Children { foreign, plan, .. } => Some((*foreign, plan)),
            _ => None,
        });
        lists
            .map(|(foreign, plan)| {
                let mut by_parent: HashMap<Id, Vec<usize>> = HashMap::new();
                let Some(table) = self.store.table(plan.object) else {
                    return by_parent;
                };
                for slot in plan.matching(self.store, self.include_deleted) {
                    let id = table.row(slot).and_then(|row| row.get(foreign).as_id());
                    if let Some(id) = id {
                        by_parent.entry(id).or_default().push(slot);
                    }
                }
                by_parent
            })
            .collect()
    }

    /// `names`: the type that `attributes` shows, and the object in the record's address.
    fn write_row(
        &self,
        out: &mut Vec<u8>,
        names: (&str, &str),
        row: &Row,
        outputs: &[Output],
        children: &[HashMap<Id, Vec<usize>>],
    ) {
        let pieces: [&[u8]; 9] = [
            b"{\"attributes\":{\"type\":\"",
            names.0.as_bytes(),
            b"\",\"url\":\"/services/data/v",
            self.version.as_bytes(),
            b"/sobjects/",
            names.1.as_bytes(),
            b"/",
            row.id.as_str().as_bytes(),
            b"\"}",
        ];
        for piece in pieces {
            out.extend_from_slice(piece);
        }
        let mut lists = children.iter();
        for output in outputs {
            out.push(b',');
            match output {
                Output::Column(key, column) => {
                    out.extend_from_slice(key);
                    row.get(*column).write(out);
                }
                Output::Constant(key, value) => {
                    out.extend_from_slice(key);
                    value.write(out);
                }
                Output::Parent {
                    key,
                    reference,
                    named,
                    targets,
                } => {
                    out.extend_from_slice(key);
                    self.write_parent(out, row.get(*reference), *named, targets);
                }
                Output::Children { key, plan, .. } => {
                    out.extend_from_slice(key);
                    let slots = lists.next().and_then(|list| list.get(&row.id));
                    self.write_children(out, plan, slots.map(Vec::as_slice));
                }
            }
        }
        out.push(b'}');
    }

    fn write_parent(
        &self,
        out: &mut Vec<u8>,
        reference: &Value,
        named: bool,
        targets: &[(&'static str, Vec<Output>)],
    ) {
        let found = reference.as_id().and_then(|id| {
            let table = self.store.table_of(id)?;
            let (_, outputs) = targets
                .iter()
                .find(|(name, _)| *name == table.object.name)?;
            Some((table, table.get(id)?, outputs))
        });
        match found {
            Some((table, row, outputs)) => {
                let shown = if named { "Name" } else { table.object.name };
                self.write_row(out, (shown, table.object.name), row, outputs, &[]);
            }
            None => out.extend_from_slice(b"null"),
        }
    }

    /// Null when there are none, as on the wire of the real service.
    fn write_children(&self, out: &mut Vec<u8>, plan: &Plan, slots: Option<&[usize]>) {
        let (Some(slots), Some(table)) = (slots, self.store.table(plan.object)) else {
            out.extend_from_slice(b"null");
            return;
        };
        let slots = plan.cut(slots);
        out.extend_from_slice(b"{\"totalSize\":");
        write_json(out, &slots.len());
        out.extend_from_slice(b",\"done\":true,\"records\":");
        self.write_rows(out, table, plan.outputs(), slots);
        out.push(b'}');
    }
}
