//! What Salesforce's REST API answers, as far as it is read.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// One page of a query. `records` keep the fields that were asked for, and `attributes`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueryAnswer {
    pub(crate) total_size: u64,
    pub(crate) done: bool,
    pub(crate) next_records_url: Option<String>,
    #[serde(default)]
    pub(crate) records: Vec<Map<String, Json>>,
}

/// One record's result of a composite update.
#[derive(Debug, Deserialize)]
pub(crate) struct SaveResult {
    /// Absent in some failures.
    pub(crate) id: Option<String>,
    pub(crate) success: bool,
    #[serde(default)]
    pub(crate) errors: Vec<SaveError>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SaveError {
    pub(crate) status_code: String,
}

/// One element of the array that every other error answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RestError {
    pub(crate) error_code: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Describe {
    pub(crate) fields: Vec<DescribedField>,
}

/// A field that the integration user may read.
#[derive(Clone, Debug, Deserialize)]
pub struct DescribedField {
    pub name: String,
    pub label: String,
    /// Salesforce's own type name, such as `picklist`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub nillable: bool,
    #[serde(default)]
    pub filterable: bool,
    #[serde(default)]
    pub sortable: bool,
}
