//! One object's rows, found by id, and ordered by (SystemModstamp, Id).

use std::collections::{BTreeMap, HashMap};

use crate::model::{
    id::Id,
    object::{Object, column},
    value::Value,
};

pub(crate) struct Row {
    pub(crate) id: Id,
    /// Parallel to the object's fields; a field added later is absent here and reads as null.
    values: Vec<Value>,
}

impl Row {
    pub(crate) fn new(id: Id, values: Vec<Value>) -> Self {
        Self { id, values }
    }

    pub(crate) fn get(&self, column: usize) -> &Value {
        self.values.get(column).unwrap_or(&Value::Null)
    }

    fn set(&mut self, column: usize, value: Value) {
        if column >= self.values.len() {
            self.values.resize(column.saturating_add(1), Value::Null);
        }
        if let Some(place) = self.values.get_mut(column) {
            *place = value;
        }
    }

    pub(crate) fn is_deleted(&self) -> bool {
        matches!(self.get(column::IS_DELETED), Value::Bool(true))
    }

    pub(crate) fn stamp(&self) -> i64 {
        match self.get(column::STAMP) {
            Value::Time(millis) => *millis,
            _ => 0,
        }
    }
}

pub(crate) struct Table {
    pub(crate) object: Object,
    rows: Vec<Row>,
    by_id: HashMap<Id, usize>,
    by_stamp: BTreeMap<(i64, Id), usize>,
    made: u64,
}

impl Table {
    pub(crate) fn new(object: Object) -> Self {
        Self {
            object,
            rows: Vec::new(),
            by_id: HashMap::new(),
            by_stamp: BTreeMap::new(),
            made: 0,
        }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn row(&self, slot: usize) -> Option<&Row> {
        self.rows.get(slot)
    }

    pub(crate) fn slot(&self, id: Id) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn get(&self, id: Id) -> Option<&Row> {
        self.row(self.slot(id)?)
    }

    /// Slots whose stamp lies in `from..=to`, in the order (SystemModstamp, Id).
    pub(crate) fn by_stamp(
        &self,
        from: i64,
        to: i64,
    ) -> impl DoubleEndedIterator<Item = usize> + '_ {
        // The smallest and the largest text that an id can be.
        let low = (from, Id::make("000", 0));
        let high = (to.saturating_add(1), low.1);
        let range = (from <= to).then(|| self.by_stamp.range(low..high));
        range.into_iter().flatten().map(|(_, slot)| *slot)
    }

    /// An id that no row has.
    pub(crate) fn next_id(&mut self) -> Id {
        loop {
            self.made = self.made.saturating_add(1);
            let id = Id::make(self.object.prefix, self.made);
            if !self.by_id.contains_key(&id) {
                return id;
            }
        }
    }

    pub(crate) fn insert(&mut self, row: Row) {
        let slot = self.rows.len();
        self.by_id.insert(row.id, slot);
        self.by_stamp.insert((row.stamp(), row.id), slot);
        self.rows.push(row);
    }

    /// Sets the columns and keeps the index on SystemModstamp true.
    pub(crate) fn set(&mut self, slot: usize, changes: Vec<(usize, Value)>) {
        let Some(row) = self.rows.get_mut(slot) else {
            return;
        };
        let before = (row.stamp(), row.id);
        for (column, value) in changes {
            row.set(column, value);
        }
        let after = (row.stamp(), row.id);
        if before != after {
            self.by_stamp.remove(&before);
            self.by_stamp.insert(after, slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::standard;

    fn leads() -> Table {
        Table::new(
            standard::objects()
                .into_iter()
                .find(|object| object.name == "Lead")
                .unwrap(),
        )
    }

    fn lead(table: &mut Table, stamp: i64) -> Id {
        let id = table.next_id();
        let mut row = Row::new(id, vec![Value::Id(id)]);
        row.set(column::STAMP, Value::Time(stamp));
        table.insert(row);
        id
    }

    #[test]
    fn the_stamp_index_follows_every_change_and_breaks_ties_by_id() {
        let mut table = leads();
        let ids: Vec<Id> = [3_000, 1_000, 1_000, 2_000]
            .map(|at| lead(&mut table, at))
            .to_vec();
        let order = |table: &Table, from, to| -> Vec<Id> {
            table
                .by_stamp(from, to)
                .map(|slot| table.row(slot).unwrap().id)
                .collect()
        };
        assert_eq!(
            order(&table, i64::MIN, i64::MAX - 1),
            [ids[1], ids[2], ids[3], ids[0]]
        );
        assert_eq!(order(&table, 1_001, 2_000), [ids[3]]);
        let slot = table.slot(ids[1]).unwrap();
        table.set(slot, vec![(column::STAMP, Value::Time(9_000))]);
        assert_eq!(
            order(&table, 1_000, 9_000),
            [ids[2], ids[3], ids[0], ids[1]]
        );
        assert!(order(&table, 5_000, 1_000).is_empty());
    }
}
