//! The organisation's records: tables, the checks a write must pass, and the log of every write.

pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod refusal;
pub(crate) mod rules;
pub(crate) mod table;
pub(crate) mod write;

use crate::{
    model::{id::Id, standard},
    wire::ValidationRule,
};
use log::WriteLog;
use table::Table;

pub(crate) struct Store {
    tables: Vec<Table>,
    pub(crate) log: WriteLog,
    pub(crate) rules: Vec<ValidationRule>,
    /// Owns what is loaded or created without an owner, and stands as its author.
    pub(crate) default_owner: Id,
}

impl Store {
    pub(crate) fn new(default_owner: Id) -> Self {
        Self {
            tables: standard::objects().into_iter().map(Table::new).collect(),
            log: WriteLog::default(),
            rules: Vec::new(),
            default_owner,
        }
    }

    /// Object names ignore case.
    pub(crate) fn table(&self, object: &str) -> Option<&Table> {
        self.tables
            .iter()
            .find(|table| table.object.name.eq_ignore_ascii_case(object))
    }

    pub(crate) fn table_mut(&mut self, object: &str) -> Option<&mut Table> {
        self.tables
            .iter_mut()
            .find(|table| table.object.name.eq_ignore_ascii_case(object))
    }

    pub(crate) fn table_of(&self, id: Id) -> Option<&Table> {
        self.tables
            .iter()
            .find(|table| table.object.prefix == id.prefix())
    }

    pub(crate) fn tables(&self) -> &[Table] {
        &self.tables
    }
}

/// Stamps have the real service's precision: whole seconds, so ties are common.
pub(crate) fn stamp(now_millis: i64) -> i64 {
    now_millis.div_euclid(1_000).saturating_mul(1_000)
}
