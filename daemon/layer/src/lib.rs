//! The data layer: the limited, local copy of CRM fields that rules read and that machines may see
//! (LR-01, LR-02). A field is in the layer because a person put it there with a reason; a value
//! whose field is not in the policy never lands in a table.
//!
//! This crate knows neither the CRM nor the rules: `salesforce` brings rows in, `routing` and the
//! faces read them.

pub mod model;
pub mod value;

pub use model::{DataClass, FieldType, Object};
pub use value::Value;
