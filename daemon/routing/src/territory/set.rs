//! The territories of a rule set, and which fields of the layer they are read from.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::area::{Facts, Territory};
use crate::model::{compile::Fields, rules::Target};

/// All territories of a router, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TerritorySet {
    pub reads: Reads,
    pub territories: Vec<Territory<Target>>,
}

/// The layer's fields that say where a record is and of what kind, as they were when the territories
/// were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reads {
    pub country: Option<String>,
    pub state: Option<String>,
    pub postal: Option<String>,
    pub industry: Option<String>,
    pub employees: Option<String>,
}

impl Reads {
    /// Of the fields that Salesforce has for each, the first that the layer has: codes before names.
    pub fn of(fields: &Fields) -> Self {
        let first = |known: &[&str]| {
            let found = known.iter().find(|name| fields.contains_key(**name));
            found.map(|name| (*name).to_owned())
        };
        Self {
            country: first(&[
                "CountryCode",
                "MailingCountryCode",
                "Country",
                "MailingCountry",
            ]),
            state: first(&["StateCode", "MailingStateCode", "State", "MailingState"]),
            postal: first(&["PostalCode", "MailingPostalCode"]),
            industry: first(&["Industry"]),
            employees: first(&["NumberOfEmployees"]),
        }
    }

    /// Whether countries are codes of two letters, not names.
    pub fn country_codes(&self) -> bool {
        let country = self.country.as_deref();
        country.is_some_and(|field| field.ends_with("CountryCode"))
    }

    /// The field of a column of the file.
    pub fn column(&self, column: &str) -> Option<&str> {
        let field = match column {
            "country" => &self.country,
            "state" => &self.state,
            "postal_from" | "postal_until" => &self.postal,
            "industry" => &self.industry,
            "employees_from" | "employees_until" => &self.employees,
            _ => &None,
        };
        field.as_deref()
    }
}

impl TerritorySet {
    pub fn is_empty(&self) -> bool {
        self.territories.is_empty()
    }

    pub fn areas(&self) -> usize {
        self.territories
            .iter()
            .map(|territory| territory.areas.len())
            .sum()
    }

    /// The names of the layer's fields that its conditions ask.
    pub fn fields(&self) -> BTreeSet<&str> {
        let mut read = BTreeSet::new();
        let reads = &self.reads;
        for area in self.territories.iter().flat_map(|one| &one.areas) {
            let asked = [
                (area.country.is_some(), &reads.country),
                (area.state.is_some(), &reads.state),
                (area.postal.is_some(), &reads.postal),
                (area.industry.is_some(), &reads.industry),
                (area.size.is_some(), &reads.employees),
            ];
            let asked = asked.into_iter().filter(|(asks, _)| *asks);
            read.extend(asked.filter_map(|(_, field)| field.as_deref()));
            read.extend(area.fields.keys().map(String::as_str));
        }
        read
    }

    /// What a record says about itself. `named` are the fields beyond those that have a column.
    pub fn facts(reads: &Reads, named: &BTreeSet<String>, record: &Map<String, Json>) -> Facts {
        let json = |name: &Option<String>| name.as_ref().and_then(|name| record.get(name));
        let known = |name: &Option<String>| json(name).map(text).unwrap_or_default();
        Facts {
            country: known(&reads.country),
            state: known(&reads.state),
            postal_code: known(&reads.postal),
            industry: known(&reads.industry),
            employees: json(&reads.employees).and_then(count),
            fields: named
                .iter()
                .filter_map(|name| Some((name.clone(), text(record.get(name)?))))
                .collect(),
        }
    }
}

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Number(_) | Json::Bool(_) => value.to_string(),
        Json::Null | Json::Array(_) | Json::Object(_) => String::new(),
    }
}

fn count(value: &Json) -> Option<u64> {
    match value {
        Json::Number(number) => number.to_string().split('.').next()?.parse().ok(),
        Json::String(text) => text.parse().ok(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}
