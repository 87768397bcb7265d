//! Finding records by what people call them, and what a page of log entries is called: the names of rules, reps, pools and queues, and of the
//! records that the layer holds. Read for a whole page at once.

use std::collections::HashMap;

use db::TenantTx;
use layer::Object;
use routing::Names;

use crate::fault::Fault;

/// Most records that a search by name looks at.
const FOUND: u16 = 200;

/// What a person typed to find records, as the filters of routing's lists: the beginning of an id,
/// or the records of the layer that have a value which begins so.
#[derive(Default)]
pub(super) struct Sought {
    pub(super) id: Option<String>,
    pub(super) records: Option<Vec<String>>,
}

impl Sought {
    pub(super) fn find(tx: &mut TenantTx<'_>, text: Option<&str>) -> Result<Self, Fault> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(Self::default());
        };
        // Ids of leads and contacts begin alike, and no name does.
        let begins = ["00Q", "003"].iter().any(|prefix| text.starts_with(prefix));
        if begins && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(Self {
                id: Some(text.to_owned()),
                records: None,
            });
        }
        let mut found = Vec::new();
        for object in Object::ALL {
            let page = layer::record_list(tx, object, Some(text), None, FOUND)?;
            found.extend(page.items.into_iter().map(|record| record.record_id));
        }
        Ok(Self {
            id: None,
            records: Some(found),
        })
    }
}

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
