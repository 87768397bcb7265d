//! The data layer: the limited, local copy of CRM fields that rules read and that machines may see
//! (LR-01, LR-02). A field is in the layer because a person put it there with a reason, or because
//! routing cannot work without it; a value whose field is not in the policy never lands in a table.
//!
//! `machine` is the other side: what machines read of it, through views and a transaction of their own.
//!
//! This crate knows neither the CRM nor the rules: `salesforce` brings rows in, `routing` and the
//! faces read them.

mod error;
mod import;
mod intents;
pub mod machine;
pub mod model;
mod requests;
mod service;
mod store;
pub mod value;

pub use error::LayerError;
pub use import::{ImportRow, Imported, erased, import, owner_set};
pub use intents::{
    Decision, Intent, Wish, intent_decide, intent_list, intent_propose, intents_expire,
    intents_waiting,
};
pub use model::{DataClass, FieldType, Object};
pub use requests::{Came, LoggedRequest, RequestFilter, request_list, requests_note};
pub use service::{NewField, field_add, field_remove, required_ensure};
pub use store::{
    Census, Field, LayerRecord, RecordCursor, RecordPage, census, field_get, field_list,
    field_lock, field_types, field_types_held, owners, record_list, records_by_id, records_last,
};
pub use value::Value;

#[cfg(test)]
mod tests;
