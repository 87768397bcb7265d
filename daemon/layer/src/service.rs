//! The policy's verbs: a field comes in with a reason, and goes with everything it brought.

use audit::Entry;
use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use kernel::{Action, FieldId};
use schema::layer_fields;
use serde_json::json;

use crate::{
    error::LayerError,
    import::values_erase,
    model::{DataClass, FieldType, Object},
    store::{Field, field_get, field_lock},
};

/// A field that a person wants in the layer. `kind` and `label` come from the CRM's own describe.
#[derive(Clone, Debug)]
pub struct NewField {
    pub object: Object,
    pub name: String,
    pub label: String,
    pub kind: FieldType,
    pub class: DataClass,
    pub reason: String,
    /// Whether records can be found by its value.
    pub searchable: bool,
}

/// Puts a field into the layer. Values come with the next import.
///
/// # Errors
/// `FieldExists`, `FieldName`, `Reason`.
pub fn field_add(tx: &mut TenantTx<'_>, new: &NewField) -> Result<Field, LayerError> {
    if !is_field_name(&new.name) {
        return Err(LayerError::FieldName);
    }
    if !(1..=500).contains(&new.reason.trim().chars().count()) {
        return Err(LayerError::Reason);
    }
    let id = FieldId::generate(tx.clock().as_ref());
    let added = diesel::insert_into(layer_fields::table)
        .values((
            layer_fields::tenant_id.eq(tx.tenant().uuid()),
            layer_fields::field_id.eq(id.uuid()),
            layer_fields::object.eq(new.object.name()),
            layer_fields::name.eq(&new.name),
            layer_fields::label.eq(&new.label),
            layer_fields::data_type.eq(new.kind.name()),
            layer_fields::data_class.eq(new.class.name()),
            layer_fields::reason.eq(new.reason.trim()),
            layer_fields::searchable.eq(new.searchable),
            layer_fields::required.eq(false),
            layer_fields::added_by.eq(tx.principal().user().map(kernel::UserId::uuid)),
            layer_fields::added_at.eq(tx.now()),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn())?;
    if added == 0 {
        return Err(LayerError::FieldExists);
    }
    Entry::new(Action::FieldAdd, "layer_field", id)
        .after(json!({
            "object": new.object.name(), "name": new.name, "type": new.kind.name(),
            "data_class": new.class.name(), "reason": new.reason.trim(),
        }))
        .write(tx)?;
    db::hint(tx, "layer")?;
    field_get(tx, id)
}

/// Takes a field out and erases its values, in this transaction. The caller has made sure that no
/// rule reads it, under the lock of [`field_lock`].
///
/// # Errors
/// `FieldRequired` for a field that routing itself needs.
pub fn field_remove(tx: &mut TenantTx<'_>, id: FieldId) -> Result<(), LayerError> {
    let field = field_lock(tx, id)?;
    if field.required {
        return Err(LayerError::FieldRequired);
    }
    let erased = values_erase(tx, &field.object, &field.name)?;
    diesel::delete(
        layer_fields::table
            .filter(layer_fields::tenant_id.eq(tx.tenant().uuid()))
            .filter(layer_fields::field_id.eq(id.uuid())),
    )
    .execute(tx.conn())?;
    Entry::new(Action::FieldRemove, "layer_field", id)
        .before(json!({
            "object": field.object, "name": field.name, "type": field.data_type,
            "data_class": field.data_class, "reason": field.reason,
        }))
        .after(json!({ "values_erased": erased }))
        .write(tx)?;
    db::hint(tx, "layer")?;
    Ok(())
}

/// What every routed object needs: which record, whose it is, since when. Shown like any other
/// field, so that the page which says what machines can see leaves nothing out.
const REQUIRED: [(&str, &str, FieldType, DataClass, &str); 4] = [
    (
        "Id",
        "Record ID",
        FieldType::Id,
        DataClass::CrmId,
        "Names the record that is routed.",
    ),
    (
        "OwnerId",
        "Owner ID",
        FieldType::Id,
        DataClass::CrmId,
        "Says who has the record now.",
    ),
    (
        "CreatedDate",
        "Created Date",
        FieldType::DateTime,
        DataClass::CrmBusiness,
        "Measures the time from a record's creation to its owner.",
    ),
    (
        "SystemModstamp",
        "System Modstamp",
        FieldType::DateTime,
        DataClass::CrmBusiness,
        "Tells which records changed since the last cycle.",
    ),
];

/// Puts the fields that routing needs into the layer, once.
pub fn required_ensure(tx: &mut TenantTx<'_>, object: Object) -> Result<(), LayerError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let rows: Vec<_> = REQUIRED
        .iter()
        .map(|(name, label, kind, class, reason)| {
            (
                layer_fields::tenant_id.eq(tenant),
                layer_fields::field_id.eq(FieldId::generate(tx.clock().as_ref()).uuid()),
                layer_fields::object.eq(object.name()),
                layer_fields::name.eq(*name),
                layer_fields::label.eq(*label),
                layer_fields::data_type.eq(kind.name()),
                layer_fields::data_class.eq(class.name()),
                layer_fields::reason.eq(*reason),
                layer_fields::required.eq(true),
                layer_fields::added_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(layer_fields::table)
        .values(&rows)
        .on_conflict((
            layer_fields::tenant_id,
            layer_fields::object,
            layer_fields::name,
        ))
        .do_update()
        .set(layer_fields::required.eq(true))
        .execute(tx.conn())?;
    Ok(())
}

/// One field of the object itself: no path, no expression.
fn is_field_name(name: &str) -> bool {
    let mut characters = name.bytes();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && name.len() <= 80
        && characters.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::is_field_name;

    #[test]
    fn a_path_an_expression_and_a_quote_are_no_field_names() {
        for name in ["Country", "Region__c", "X1"] {
            assert!(is_field_name(name), "{name}");
        }
        let long = "a".repeat(81);
        for name in [
            "",
            "Owner.Email",
            "COUNT()",
            "a'b",
            "1a",
            "_a",
            "a b",
            "É",
            &long,
        ] {
            assert!(!is_field_name(name), "{name}");
        }
    }
}
