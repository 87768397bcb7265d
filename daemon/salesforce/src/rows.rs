//! From what Salesforce answers to what the layer takes, and which fields are asked for.

use layer::{Field, FieldType, ImportRow, value::parse_instant};
use serde_json::{Map, Value as Json};
use soql::{
    SalesforceId,
    guard::{self, AllowList},
};

/// What every routed record must say of itself.
pub(crate) const NEEDED: [&str; 4] = ["Id", "OwnerId", "CreatedDate", "SystemModstamp"];

/// The guard's name for the layer's object.
pub(crate) const fn guarded(object: layer::Object) -> guard::Object {
    match object {
        layer::Object::Lead => guard::Object::Lead,
        layer::Object::Contact => guard::Object::Contact,
    }
}

/// The hard-coded table, extended by the fields that the tenant's policy names.
pub(crate) fn allow_list(object: layer::Object, policy: &[Field]) -> AllowList {
    policy
        .iter()
        .filter_map(|field| {
            let kind = match field.kind()? {
                FieldType::String => guard::FieldType::Text,
                FieldType::Number => guard::FieldType::Decimal,
                FieldType::Boolean => guard::FieldType::Boolean,
                FieldType::Date => guard::FieldType::Date,
                FieldType::DateTime => guard::FieldType::DateTime,
                FieldType::Picklist => guard::FieldType::Picklist,
                FieldType::Id => guard::FieldType::Reference,
            };
            guard::Field::new(&field.name, kind)
        })
        .fold(AllowList::standard(), |allow, field| {
            allow.allow(guarded(object), field)
        })
}

/// The select list: what routing needs, and what the policy names.
pub(crate) fn select_list(policy: &[Field]) -> Vec<&str> {
    let needed = |name: &str| {
        NEEDED
            .iter()
            .any(|needed| needed.eq_ignore_ascii_case(name))
    };
    let named = policy
        .iter()
        .map(|field| field.name.as_str())
        .filter(|name| !needed(name));
    NEEDED.into_iter().chain(named).collect()
}

/// One record; `None` when it lacks what every record has.
pub(crate) fn import_row(mut fields: Map<String, Json>) -> Option<ImportRow> {
    fields.remove("attributes");
    let text = |name: &str| fields.get(name).and_then(Json::as_str);
    let record: SalesforceId = text("Id")?.parse().ok()?;
    let owner: Option<SalesforceId> = text("OwnerId").and_then(|owner| owner.parse().ok());
    Some(ImportRow {
        record_id: record.to_string(),
        owner_id: owner.map(|owner| owner.to_string()),
        source_created_at: text("CreatedDate").and_then(parse_instant),
        source_modified_at: text("SystemModstamp").and_then(parse_instant)?,
        fields,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_is_read_and_one_without_a_stamp_is_not_passed_over() {
        let record = json!({
            "attributes": { "type": "Lead" }, "Id": "00Q000000000ABC", "OwnerId": "005xx000001SwiU",
            "CreatedDate": "2013-05-08T21:20:00.000+0000", "SystemModstamp": "2013-05-08T21:20:01.000+0000",
            "Country": "DE",
        });
        let Json::Object(record) = record else {
            panic!()
        };
        let row = import_row(record.clone()).unwrap();
        assert_eq!(row.record_id, "00Q000000000ABCEA2");
        assert_eq!(row.owner_id.as_deref(), Some("005xx000001SwiUAAS"));
        assert!(row.fields.contains_key("Country") && !row.fields.contains_key("attributes"));
        for missing in ["Id", "SystemModstamp"] {
            let mut record = record.clone();
            record.remove(missing);
            assert!(import_row(record).is_none(), "{missing}");
        }
    }
}
