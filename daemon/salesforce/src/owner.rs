//! The one thing that is written: who owns a lead or a contact.

use layer::Object;
use serde::Serialize;
use soql::SalesforceId;

/// Records of one composite request.
pub const MOST_OWNERS: usize = 200;

/// A new owner for one record. There is no other write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerPatch {
    object: Object,
    record: SalesforceId,
    owner: SalesforceId,
}

/// Ids that do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OwnerRefused(&'static str);

impl OwnerPatch {
    /// # Errors
    /// The record is not of the object, the owner is neither a user nor a queue, or a contact would
    /// be given to a queue.
    pub fn new(
        object: Object,
        record: SalesforceId,
        owner: SalesforceId,
    ) -> Result<Self, OwnerRefused> {
        let prefix = match object {
            Object::Lead => "00Q",
            Object::Contact => "003",
        };
        if record.key_prefix() != prefix {
            return Err(OwnerRefused("the record's id is not one of its object"));
        }
        match (owner.key_prefix(), object) {
            ("005", _) | ("00G", Object::Lead) => Ok(Self {
                object,
                record,
                owner,
            }),
            ("00G", Object::Contact) => Err(OwnerRefused("a queue cannot own a contact")),
            _ => Err(OwnerRefused("the owner is neither a user nor a queue")),
        }
    }

    pub const fn record(&self) -> SalesforceId {
        self.record
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Batch<'a> {
    all_or_none: bool,
    records: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    attributes: Attributes,
    id: &'a str,
    #[serde(rename = "OwnerId")]
    owner_id: &'a str,
}

#[derive(Serialize)]
struct Attributes {
    #[serde(rename = "type")]
    kind: &'static str,
}

/// The body of a composite update.
pub(crate) fn body(patches: &[OwnerPatch]) -> Result<Vec<u8>, serde_json::Error> {
    let rows = patches.iter().map(|patch| Row {
        attributes: Attributes {
            kind: patch.object.name(),
        },
        id: patch.record.as_str(),
        owner_id: patch.owner.as_str(),
    });
    serde_json::to_vec(&Batch {
        all_or_none: false,
        records: rows.collect(),
    })
}

/// What Salesforce said of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteResult {
    Written,
    /// Not written. `code` is Salesforce's own; what it means is in the table of `fault`.
    Refused {
        code: String,
    },
}
