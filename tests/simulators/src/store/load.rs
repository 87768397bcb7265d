//! Records put in by the administrator: any field, no rules, and no entry in the write log.

use serde_json::Value as Json;

use crate::{
    model::{
        id::Id,
        object::{Object, column},
        value::Value,
    },
    store::{
        Store, stamp,
        write::{Fields, new_row, whole_name},
    },
};

impl Store {
    /// Inserts the record, or changes the one that has its id. What it does not say gets the
    /// present time, the default owner, and null.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(crate) fn load(
        &mut self,
        now: i64,
        object: &str,
        mut fields: Fields,
    ) -> Result<Id, String> {
        let owner = self.default_owner;
        let table = self
            .table_mut(object)
            .ok_or_else(|| format!("no object {object}"))?;
        fields.remove("attributes");
        let given = fields
            .remove("Id")
            .map(|json| read_id(&table.object, &json))
            .transpose()?;
        let mut values = read_any(&table.object, &fields)?;
        let slot = given.and_then(|id| table.slot(id));
        if let (Some(slot), Some(id)) = (slot, given) {
            values.extend(whole_name(&table.object, &values, table.row(slot)));
            if !values.iter().any(|(at, _)| *at == column::STAMP) {
                values.push((column::STAMP, Value::Time(stamp(now))));
            }
            table.set(slot, values);
            return Ok(id);
        }
        let id = given.unwrap_or_else(|| table.next_id());
        let row = new_row(&table.object, id, now, owner, values);
        table.insert(row);
        Ok(id)
    }

    /// Loads one record a line and answers the ids in order.
    ///
    /// # Errors
    /// The number of the first line that cannot be loaded, and why; the lines before it stay.
    pub(crate) fn load_lines(
        &mut self,
        now: i64,
        object: &str,
        text: &[u8],
    ) -> Result<Vec<Id>, String> {
        let mut ids = Vec::new();
        for (line, number) in text.split(|byte| *byte == b'\n').zip(1_usize..) {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let id = serde_json::from_slice(line)
                .map_err(|error| error.to_string())
                .and_then(|fields| self.load(now, object, fields))
                .map_err(|error| format!("line {number}: {error}"))?;
            ids.push(id);
        }
        Ok(ids)
    }
}

fn read_id(object: &Object, json: &Json) -> Result<Id, String> {
    json.as_str()
        .and_then(Id::parse)
        .filter(|id| id.prefix() == object.prefix)
        .ok_or_else(|| format!("{json} is no id of {}", object.name))
}

fn read_any(object: &Object, fields: &Fields) -> Result<Vec<(usize, Value)>, String> {
    let mut values = Vec::with_capacity(fields.len());
    for (name, json) in fields {
        let column = object
            .stored_column(name)
            .ok_or_else(|| format!("{} has no field {name}", object.name))?;
        let Some(field) = object.fields.get(column) else {
            continue;
        };
        let value = Value::from_json(field.kind, field.length, json)
            .map_err(|misfit| format!("{name}: {misfit:?} of {json}"))?;
        values.push((column, value));
    }
    Ok(values)
}
