//! Dotted paths resolved against the objects: where a value of a row, or of its parents, is found.

use soql::{Name, ast::Path};

use super::error;
use crate::{
    model::{
        object::{Field, Kind},
        value::Value,
    },
    store::{
        Store,
        refusal::Refusal,
        table::{Row, Table},
    },
};

/// Where a statement's names are looked up.
pub(super) struct Scope<'a> {
    pub(super) store: &'a Store,
    pub(super) table: &'a Table,
    pub(super) text: &'a str,
    pub(super) alias: Option<&'a Name>,
    pub(super) now: i64,
}

#[derive(Clone, Debug)]
pub(crate) enum Getter {
    Own(usize),
    Constant(Value),
    /// Through the reference in a column, to the object that its id names.
    Parent {
        reference: usize,
        targets: Vec<(&'static str, Getter)>,
    },
}

impl Getter {
    pub(crate) fn get<'a>(&'a self, store: &'a Store, row: &'a Row) -> &'a Value {
        match self {
            Self::Own(column) => row.get(*column),
            Self::Constant(value) => value,
            Self::Parent { reference, targets } => row
                .get(*reference)
                .as_id()
                .and_then(|id| {
                    let table = store.table_of(id)?;
                    let (_, next) = targets
                        .iter()
                        .find(|(name, _)| *name == table.object.name)?;
                    Some(next.get(store, table.get(id)?))
                })
                .unwrap_or(&Value::Null),
        }
    }
}

/// What a path leads to.
pub(super) struct Found {
    pub(super) getter: Getter,
    pub(super) field: Field,
}

impl<'a> Scope<'a> {
    /// The names of a path without the object's alias or its own name in front.
    pub(super) fn names<'p>(&self, path: &'p Path) -> &'p [Name] {
        match path.names.split_first() {
            Some((first, rest))
                if !rest.is_empty()
                    && (self.alias == Some(first)
                        || first.is(self.table.object.name)
                            && self.table.object.reference(first.as_str()).is_none()) =>
            {
                rest
            }
            _ => &path.names,
        }
    }

    /// # Errors
    /// INVALID_FIELD when a step of the path does not exist or is hidden.
    pub(super) fn resolve(&self, path: &Path) -> Result<Found, Refusal> {
        step(self.store, self.table, self.names(path)).ok_or_else(|| self.unknown(path))
    }

    pub(super) fn unknown(&self, path: &Path) -> Refusal {
        let names = self.names(path);
        let message = match names.split_first() {
            Some((first, rest))
                if !rest.is_empty() && self.table.object.reference(first.as_str()).is_none() =>
            {
                format!(
                    "Didn't understand relationship '{first}' in field path. If you are \
                     attempting to use a custom relationship, be sure to append the '__r' after \
                     the custom relationship name."
                )
            }
            _ => {
                let field = names.last().map(Name::as_str).unwrap_or_default();
                format!(
                    "No such column '{field}' on entity '{}'. If you are attempting to use a \
                     custom field, be sure to append the '__c' after the custom field name.",
                    self.table.object.name
                )
            }
        };
        error::at(self.text, path.origin, "INVALID_FIELD", &message)
    }

    pub(super) fn refuse(&self, path: &Path, code: &'static str, message: &str) -> Refusal {
        error::at(self.text, path.origin, code, message)
    }
}

fn step(store: &Store, table: &Table, names: &[Name]) -> Option<Found> {
    let (first, rest) = names.split_first()?;
    if rest.is_empty() {
        return own(table, first);
    }
    let (reference, field) = table.object.reference(first.as_str())?;
    let polymorphic = field.refers_to.len() > 1;
    let mut targets = Vec::new();
    let mut found = None;
    for name in field.refers_to {
        let target = store.table(name)?;
        let next = match rest {
            [last] if polymorphic && last.is("Type") && *name == "User" => Some(type_of_user()),
            _ => step(store, target, rest),
        };
        if let Some(next) = next {
            targets.push((target.object.name, next.getter));
            found = Some(next.field);
        }
    }
    Some(Found {
        getter: Getter::Parent { reference, targets },
        field: found?,
    })
}

fn own(table: &Table, name: &Name) -> Option<Found> {
    let column = table.object.column(name.as_str())?;
    let field = table.object.fields.get(column)?.clone();
    Some(Found {
        getter: Getter::Own(column),
        field,
    })
}

/// `Owner.Type` is 'User' or 'Queue'; a group has it as a field, a user does not.
fn type_of_user() -> Found {
    Found {
        getter: Getter::Constant(Value::text("User")),
        field: Field::new("Type", Kind::String, 40),
    }
}
