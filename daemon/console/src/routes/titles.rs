//! What a page of log entries is called: the names of rules, reps, pools and queues, and of the
//! records that the layer holds. Read for a whole page at once.

use std::collections::HashMap;

use db::TenantTx;
use layer::Object;
use routing::Names;

use crate::fault::Fault;

pub(super) struct Titles {
    pub(super) names: Names,
    records: HashMap<(Object, String), String>,
}

impl Titles {
    /// For records given as (object, id).
    pub(super) fn load<'a>(
        tx: &mut TenantTx<'_>,
        records: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Fault> {
        let mut wanted: HashMap<Object, Vec<&str>> = HashMap::new();
        for (object, record) in records {
            if let Some(object) = Object::from_name(object) {
                wanted.entry(object).or_default().push(record);
            }
        }
        let mut titles = HashMap::new();
        // At most once for each of the two objects.
        for (object, ids) in wanted {
            let found = routing::record_titles(tx, object, &ids)?;
            titles.extend(found.into_iter().map(|(id, title)| ((object, id), title)));
        }
        Ok(Self {
            names: routing::names(tx)?,
            records: titles,
        })
    }

    pub(super) fn of(&self, object: &str, record: &str) -> Option<String> {
        self.records
            .get(&(Object::from_name(object)?, record.to_owned()))
            .cloned()
    }
}
