//! Creating, changing and deleting records as a client may: checked first, then applied and logged.

use serde_json::{Map, Value as Json};

use crate::{
    model::{
        id::Id,
        object::{Object, column},
        value::{Misfit, Value},
    },
    store::{
        Store,
        log::{Author, Written},
        refusal::Refusal,
        stamp,
        table::{Row, Table},
    },
};

/// A change that passed every check and can be applied.
pub(crate) struct Change {
    object: &'static str,
    slot: usize,
    values: Vec<(usize, Value)>,
}

/// The fields of a request body, without its `attributes` and id keys.
pub(crate) type Fields = Map<String, Json>;

impl Store {
    /// Checks a change to one record.
    ///
    /// # Errors
    /// The refusal that the real service would give for this record.
    pub(crate) fn check_update(
        &self,
        object: &str,
        id: Id,
        fields: &Fields,
    ) -> Result<Change, Refusal> {
        let table = self.table(object).ok_or_else(Refusal::not_found)?;
        if id.prefix() != table.object.prefix {
            let message = format!("Record ID: id value of incorrect type: {id}");
            return Err(Refusal::new(400, "MALFORMED_ID", message).on("Id"));
        }
        let slot = table.slot(id).ok_or_else(Refusal::not_found)?;
        let row = table.row(slot).ok_or_else(Refusal::not_found)?;
        if row.is_deleted() {
            return Err(Refusal::deleted());
        }
        if is_converted(table, row) {
            let message = "cannot reference converted lead";
            return Err(Refusal::new(400, "CANNOT_UPDATE_CONVERTED_LEAD", message));
        }
        let values = read_fields(&table.object, fields)?;
        self.check_values(table, &values, Some(row))?;
        Ok(Change {
            object: table.object.name,
            slot,
            values,
        })
    }

    fn check_values(
        &self,
        table: &Table,
        values: &[(usize, Value)],
        before: Option<&Row>,
    ) -> Result<(), Refusal> {
        for (column, value) in values {
            if let Value::Id(id) = value {
                self.check_reference(table, *column, *id)?;
            }
        }
        let after = |column: usize| {
            let changed = values.iter().rev().find(|(at, _)| *at == column);
            let kept = before.map(|row| row.get(column));
            changed
                .map(|(_, value)| value)
                .or(kept)
                .cloned()
                .unwrap_or(Value::Null)
        };
        let missing: Vec<String> = table
            .object
            .fields
            .iter()
            .enumerate()
            .filter(|(column, field)| field.required && after(*column).is_null())
            .map(|(_, field)| field.name.clone())
            .collect();
        if !missing.is_empty() {
            let message = format!("Required fields are missing: [{}]", missing.join(", "));
            let refusal = Refusal::new(400, "REQUIRED_FIELD_MISSING", message);
            return Err(Refusal {
                fields: missing,
                ..refusal
            });
        }
        self.check_rules(table, after)
    }

    pub(crate) fn apply(&mut self, now: i64, author: Author, mut change: Change) {
        let Some(table) = self
            .tables
            .iter_mut()
            .find(|table| table.object.name == change.object)
        else {
            return;
        };
        let Some(row) = table.row(change.slot) else {
            return;
        };
        for (column, new) in &change.values {
            let Some(field) = table.object.fields.get(*column) else {
                continue;
            };
            let written = Written {
                object: change.object,
                id: row.id,
                field: &field.name,
                old: row.get(*column).clone(),
                new: new.clone(),
            };
            self.log.add(now, author, "OK", written);
        }
        change.values.extend([
            (column::STAMP, Value::Time(stamp(now))),
            (column::MODIFIED_DATE, Value::Time(stamp(now))),
            (column::MODIFIED_BY, Value::Id(author.user)),
        ]);
        if let Some(name) = whole_name(&table.object, &change.values, Some(row)) {
            change.values.push(name);
        }
        table.set(change.slot, change.values);
    }

    /// Puts a refused write into the log, one entry for each field that it named.
    pub(crate) fn log_refused(
        &mut self,
        now: i64,
        author: Author,
        target: (&str, Id),
        fields: &Fields,
        code: &str,
    ) {
        let (object, id) = target;
        let Some(table) = self
            .tables
            .iter()
            .find(|t| t.object.name.eq_ignore_ascii_case(object))
        else {
            return;
        };
        for (name, new) in fields {
            let column = table.object.stored_column(name);
            let old = column.and_then(|column| Some(table.get(id)?.get(column).clone()));
            let written = Written {
                object: table.object.name,
                id,
                field: name,
                old: old.unwrap_or(Value::Null),
                new: new.as_str().map_or(Value::Null, Value::text),
            };
            self.log.add(now, author, code, written);
        }
    }

    /// Creates a record and answers its id.
    ///
    /// # Errors
    /// The refusal that the real service would give.
    pub(crate) fn create(
        &mut self,
        now: i64,
        author: Author,
        object: &str,
        fields: &Fields,
    ) -> Result<Id, Refusal> {
        let table = self.table(object).ok_or_else(Refusal::not_found)?;
        let values = read_fields(&table.object, fields)?;
        self.check_values(table, &values, None)?;
        let name = table.object.name;
        let id = self
            .insert_new(now, author.user, object, values)
            .ok_or_else(Refusal::not_found)?;
        for (field, new) in fields {
            let new = new.as_str().map_or(Value::Null, Value::text);
            let written = Written {
                object: name,
                id,
                field,
                old: Value::Null,
                new,
            };
            self.log.add(now, author, "OK", written);
        }
        Ok(id)
    }

    fn insert_new(
        &mut self,
        now: i64,
        user: Id,
        object: &str,
        values: Vec<(usize, Value)>,
    ) -> Option<Id> {
        let table = self.table_mut(object)?;
        let id = table.next_id();
        let row = new_row(&table.object, id, now, user, values);
        table.insert(row);
        Some(id)
    }

    /// Marks the record deleted, as the recycle bin does.
    ///
    /// # Errors
    /// The record is unknown or already deleted.
    pub(crate) fn delete(
        &mut self,
        now: i64,
        author: Author,
        object: &str,
        id: Id,
    ) -> Result<(), Refusal> {
        let table = self.table(object).ok_or_else(Refusal::not_found)?;
        let slot = table.slot(id).ok_or_else(Refusal::not_found)?;
        if table.row(slot).is_some_and(Row::is_deleted) {
            return Err(Refusal::deleted());
        }
        let values = vec![(column::IS_DELETED, Value::Bool(true))];
        self.apply(
            now,
            author,
            Change {
                object: table.object.name,
                slot,
                values,
            },
        );
        Ok(())
    }
}

/// A row with its system fields, its flags false unless given, and its name joined.
pub(super) fn new_row(
    object: &Object,
    id: Id,
    now: i64,
    user: Id,
    values: Vec<(usize, Value)>,
) -> Row {
    let mut cells: Vec<Value> = object
        .fields
        .iter()
        .map(|field| match field.kind {
            crate::model::object::Kind::Boolean => Value::Bool(false),
            _ => Value::Null,
        })
        .collect();
    let system = [
        (column::ID, Value::Id(id)),
        (column::CREATED_DATE, Value::Time(stamp(now))),
        (column::CREATED_BY, Value::Id(user)),
        (column::MODIFIED_DATE, Value::Time(stamp(now))),
        (column::MODIFIED_BY, Value::Id(user)),
        (column::STAMP, Value::Time(stamp(now))),
    ];
    let owner = object
        .stored_column("OwnerId")
        .map(|column| (column, Value::Id(user)));
    let name = whole_name(object, &values, None);
    for (column, value) in system.into_iter().chain(owner).chain(values).chain(name) {
        if let Some(place) = cells.get_mut(column) {
            *place = value;
        }
    }
    Row::new(id, cells)
}

/// Reads a body's fields into columns.
fn read_fields(object: &Object, fields: &Fields) -> Result<Vec<(usize, Value)>, Refusal> {
    let mut values = Vec::with_capacity(fields.len());
    for (name, json) in fields {
        let column = object
            .column(name)
            .ok_or_else(|| Refusal::unknown_field(name, object.name))?;
        let Some(field) = object.fields.get(column) else {
            continue;
        };
        if !field.writable {
            let message = format!(
                "Unable to create/update fields: {name}. Please check the security settings of \
                 this field and verify that it is read/write for your profile or permission set."
            );
            let refusal = Refusal::new(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message);
            return Err(refusal.on(name));
        }
        let value = Value::from_json(field.kind, field.length, json)
            .map_err(|misfit| misfit_refusal(&misfit, name, field.length, json))?;
        values.push((column, value));
    }
    Ok(values)
}

fn misfit_refusal(misfit: &Misfit, name: &str, length: u32, json: &Json) -> Refusal {
    match misfit {
        Misfit::TooLong => {
            let message = format!("{name}: data value too large (max length={length})");
            Refusal::new(400, "STRING_TOO_LONG", message).on(name)
        }
        Misfit::BadId => {
            let given = json.as_str().unwrap_or_default();
            let message = format!("{name}: id value of incorrect type: {given}");
            Refusal::new(400, "MALFORMED_ID", message).on(name)
        }
        Misfit::Type => Refusal::bad_json(format!("Cannot deserialize value of field {name}")),
    }
}

/// `Name` of an object that has first and last names, when a change touches either.
pub(super) fn whole_name(
    object: &Object,
    changes: &[(usize, Value)],
    before: Option<&Row>,
) -> Option<(usize, Value)> {
    let first = object.stored_column("FirstName")?;
    let last = object.stored_column("LastName")?;
    let name = object.stored_column("Name")?;
    if !changes
        .iter()
        .any(|(column, _)| *column == first || *column == last)
    {
        return None;
    }
    let part = |column: usize| {
        let changed = changes
            .iter()
            .rev()
            .find(|(at, _)| *at == column)
            .map(|(_, value)| value);
        changed
            .or(before.map(|row| row.get(column)))
            .and_then(Value::as_text)
            .unwrap_or_default()
    };
    Some((
        name,
        Value::text(format!("{} {}", part(first), part(last)).trim()),
    ))
}

fn is_converted(table: &Table, row: &Row) -> bool {
    let column = table.object.stored_column("IsConverted");
    column.is_some_and(|column| row.get(column) == &Value::Bool(true))
}
