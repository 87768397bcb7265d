//! What decisions read of their records, one row a field for each page of records that was decided
//! together: a field that leaves the layer takes its values along.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use kernel::{FieldId, uuid_at};
use schema::{decision_inputs, removed_fields};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::error::RoutingError;

/// A field, and what each record of the page had in it.
pub(crate) type Cells = (FieldId, Map<String, Json>);

pub(crate) fn inputs_insert(tx: &mut TenantTx<'_>, inputs: Vec<Cells>) -> Result<(), RoutingError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let page = uuid_at(tx.clock().as_ref());
    let rows: Vec<_> = inputs
        .into_iter()
        .map(|(field, cells)| {
            (
                decision_inputs::tenant_id.eq(tenant),
                decision_inputs::decided_at.eq(now),
                decision_inputs::page_id.eq(page),
                decision_inputs::field_id.eq(field.uuid()),
                decision_inputs::cells.eq(Json::Object(cells)),
            )
        })
        .collect();
    diesel::insert_into(decision_inputs::table)
        .values(rows)
        .execute(tx.conn())?;
    Ok(())
}

/// What a decision of that moment read of a record, by field. A field that is missing was erased.
pub(crate) fn inputs_of(
    tx: &mut TenantTx<'_>,
    decided_at: DateTime<Utc>,
    record: &str,
) -> Result<HashMap<Uuid, Json>, RoutingError> {
    let rows: Vec<(Uuid, Json)> = decision_inputs::table
        .filter(decision_inputs::tenant_id.eq(tx.tenant().uuid()))
        .filter(decision_inputs::decided_at.eq(decided_at))
        .order(decision_inputs::page_id)
        .select((decision_inputs::field_id, decision_inputs::cells))
        .load(tx.conn())?;
    let cell = |(field, mut cells): (Uuid, Json)| {
        let value = cells.as_object_mut()?.remove(record)?;
        Some((field, value))
    };
    Ok(rows.into_iter().filter_map(cell).collect())
}

/// Erases what decisions read of a field, and notes when.
pub(crate) fn inputs_erase(tx: &mut TenantTx<'_>, field: FieldId) -> Result<(), RoutingError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    diesel::delete(decision_inputs::table)
        .filter(decision_inputs::tenant_id.eq(tenant))
        .filter(decision_inputs::field_id.eq(field.uuid()))
        .execute(tx.conn())?;
    diesel::insert_into(removed_fields::table)
        .values((
            removed_fields::tenant_id.eq(tenant),
            removed_fields::field_id.eq(field.uuid()),
            removed_fields::removed_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// When these fields left the layer.
pub(crate) fn removed_when(
    tx: &mut TenantTx<'_>,
    fields: &[Uuid],
) -> Result<HashMap<Uuid, DateTime<Utc>>, RoutingError> {
    let rows: Vec<(Uuid, DateTime<Utc>)> = removed_fields::table
        .filter(removed_fields::tenant_id.eq(tx.tenant().uuid()))
        .filter(removed_fields::field_id.eq_any(fields))
        .select((removed_fields::field_id, removed_fields::removed_at))
        .load(tx.conn())?;
    Ok(rows.into_iter().collect())
}
