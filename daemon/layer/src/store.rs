//! Queries over the layer's tables.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable,
    QueryableByName, RunQueryDsl, Selectable, SelectableHelper,
    dsl::{count_star, max},
    sql_types::{Array, Text, Uuid as SqlUuid},
};
use kernel::FieldId;
use schema::{layer_fields, layer_records, layer_values};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    error::LayerError,
    model::{FieldType, Object},
    value::{fold, id_key},
};

/// A field of the policy. `data_type` and `data_class` are names of [`FieldType`] and
/// [`crate::DataClass`]; `added_by` is a user's id, empty for what routing itself needs.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = layer_fields)]
pub struct Field {
    pub field_id: Uuid,
    pub object: String,
    pub name: String,
    pub label: String,
    pub data_type: String,
    pub data_class: String,
    pub reason: String,
    pub searchable: bool,
    pub required: bool,
    pub added_by: Option<Uuid>,
    pub added_at: DateTime<Utc>,
}

impl Field {
    pub const fn id(&self) -> FieldId {
        FieldId::from_uuid(self.field_id)
    }
    /// The layer's own types only stand in the table.
    pub fn kind(&self) -> Option<FieldType> {
        FieldType::from_name(&self.data_type)
    }
}

/// A record as the layer holds it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = layer_records)]
pub struct LayerRecord {
    pub record_id: String,
    pub owner_id: Option<String>,
    pub fields: Json,
    pub source_created_at: Option<DateTime<Utc>>,
    pub source_modified_at: DateTime<Utc>,
    pub imported_at: DateTime<Utc>,
}

/// The policy of one object, by name.
pub fn field_list(tx: &mut TenantTx<'_>, object: Object) -> Result<Vec<Field>, LayerError> {
    Ok(layer_fields::table
        .filter(layer_fields::tenant_id.eq(tx.tenant().uuid()))
        .filter(layer_fields::object.eq(object.name()))
        .order(layer_fields::name)
        .select(Field::as_select())
        .load(tx.conn())?)
}

pub fn field_get(tx: &mut TenantTx<'_>, id: FieldId) -> Result<Field, LayerError> {
    Ok(layer_fields::table
        .filter(layer_fields::tenant_id.eq(tx.tenant().uuid()))
        .filter(layer_fields::field_id.eq(id.uuid()))
        .select(Field::as_select())
        .first(tx.conn())?)
}

/// As [`field_get`], and nobody else can rely on the field until this transaction ends: whoever
/// checks that a field is unused does so after taking this lock (see [`field_types_held`]).
pub fn field_lock(tx: &mut TenantTx<'_>, id: FieldId) -> Result<Field, LayerError> {
    Ok(layer_fields::table
        .filter(layer_fields::tenant_id.eq(tx.tenant().uuid()))
        .filter(layer_fields::field_id.eq(id.uuid()))
        .select(Field::as_select())
        .for_update()
        .first(tx.conn())?)
}

/// The types that conditions are compiled against.
pub fn field_types(
    tx: &mut TenantTx<'_>,
    object: Object,
) -> Result<BTreeMap<String, FieldType>, LayerError> {
    let rows: Vec<(String, String)> = layer_fields::table
        .filter(layer_fields::tenant_id.eq(tx.tenant().uuid()))
        .filter(layer_fields::object.eq(object.name()))
        .select((layer_fields::name, layer_fields::data_type))
        .load(tx.conn())?;
    Ok(typed(rows))
}

/// As [`field_types`], and no field leaves the layer until this transaction ends: for whoever
/// stores something that names fields.
pub fn field_types_held(
    tx: &mut TenantTx<'_>,
    object: Object,
) -> Result<BTreeMap<String, FieldType>, LayerError> {
    let rows: Vec<(String, String)> = layer_fields::table
        .filter(layer_fields::tenant_id.eq(tx.tenant().uuid()))
        .filter(layer_fields::object.eq(object.name()))
        .select((layer_fields::name, layer_fields::data_type))
        .for_share()
        .load(tx.conn())?;
    Ok(typed(rows))
}

fn typed(rows: Vec<(String, String)>) -> BTreeMap<String, FieldType> {
    let kind = |(name, kind): (String, String)| Some((name, FieldType::from_name(&kind)?));
    rows.into_iter().filter_map(kind).collect()
}

/// How many records of an object the layer holds, and when the newest came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    pub records: i64,
    pub last_import_at: Option<DateTime<Utc>>,
}

pub fn census(tx: &mut TenantTx<'_>, object: Object) -> Result<Census, LayerError> {
    let (records, last_import_at) = layer_records::table
        .filter(layer_records::tenant_id.eq(tx.tenant().uuid()))
        .filter(layer_records::object.eq(object.name()))
        .select((count_star(), max(layer_records::imported_at)))
        .first(tx.conn())?;
    Ok(Census {
        records,
        last_import_at,
    })
}

/// Where a page of records ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordCursor {
    pub imported_at: DateTime<Utc>,
    pub record_id: String,
}

#[derive(Debug)]
pub struct RecordPage {
    pub items: Vec<LayerRecord>,
    pub next: Option<RecordCursor>,
}

/// Records, newest import first. `search` finds a record by its id, or by the beginning of a value
/// of a searchable field, without regard to case.
pub fn record_list(
    tx: &mut TenantTx<'_>,
    object: Object,
    search: Option<&str>,
    after: Option<&RecordCursor>,
    limit: u16,
) -> Result<RecordPage, LayerError> {
    let mut query = layer_records::table
        .filter(layer_records::tenant_id.eq(tx.tenant().uuid()))
        .filter(layer_records::object.eq(object.name()))
        .into_boxed();
    if let Some(search) = search.map(str::trim).filter(|text| !text.is_empty()) {
        let found = search_ids(tx, object, search)?;
        query = query.filter(layer_records::record_id.eq_any(found));
    }
    if let Some(RecordCursor {
        imported_at,
        record_id,
    }) = after
    {
        query = query.filter(
            layer_records::imported_at
                .lt(imported_at)
                .or(layer_records::imported_at
                    .eq(imported_at)
                    .and(layer_records::record_id.lt(record_id))),
        );
    }
    let mut items: Vec<LayerRecord> = query
        .order((
            layer_records::imported_at.desc(),
            layer_records::record_id.desc(),
        ))
        .limit(i64::from(limit).saturating_add(1))
        .select(LayerRecord::as_select())
        .load(tx.conn())?;
    let more = items.len() > usize::from(limit);
    items.truncate(usize::from(limit));
    let next = items.last().filter(|_| more).map(|last| RecordCursor {
        imported_at: last.imported_at,
        record_id: last.record_id.clone(),
    });
    Ok(RecordPage { items, next })
}

/// Most records that a search by value looks at.
const SEARCH_LIMIT: i64 = 1_000;

/// Ranges on `value`, never LIKE: under row security only such operators reach the index.
fn search_ids(
    tx: &mut TenantTx<'_>,
    object: Object,
    search: &str,
) -> Result<Vec<String>, LayerError> {
    let searchable: Vec<Uuid> = layer_fields::table
        .filter(layer_fields::tenant_id.eq(tx.tenant().uuid()))
        .filter(layer_fields::object.eq(object.name()))
        .filter(layer_fields::searchable)
        .select(layer_fields::field_id)
        .load(tx.conn())?;
    let from = fold(search).into_owned();
    let to = format!("{from}\u{10ffff}");
    let mut found: Vec<String> = layer_values::table
        .filter(layer_values::tenant_id.eq(tx.tenant().uuid()))
        .filter(layer_values::field_id.eq_any(searchable))
        .filter(layer_values::value.ge(from))
        .filter(layer_values::value.lt(to))
        .select(layer_values::record_id)
        .limit(SEARCH_LIMIT)
        .load(tx.conn())?;
    let id = id_key(search);
    let exact: Option<String> = layer_records::table
        .filter(layer_records::tenant_id.eq(tx.tenant().uuid()))
        .filter(layer_records::object.eq(object.name()))
        .filter(layer_records::record_id.ge(id))
        .filter(layer_records::record_id.lt(format!("{id}~")))
        .select(layer_records::record_id)
        .first(tx.conn())
        .optional()?;
    // A whole id only: the beginning of one is no search for a record.
    found.extend(exact.filter(|exact| id.len() == 15 && id_key(exact) == id));
    Ok(found)
}

/// The records that came last, newest first.
pub fn records_last(
    tx: &mut TenantTx<'_>,
    object: Object,
    count: u16,
) -> Result<Vec<LayerRecord>, LayerError> {
    Ok(record_list(tx, object, None, None, count)?.items)
}

/// The records of these ids that the layer holds, in no order.
pub fn records_by_id(
    tx: &mut TenantTx<'_>,
    object: Object,
    ids: &[&str],
) -> Result<Vec<LayerRecord>, LayerError> {
    Ok(layer_records::table
        .filter(layer_records::tenant_id.eq(tx.tenant().uuid()))
        .filter(layer_records::object.eq(object.name()))
        .filter(layer_records::record_id.eq_any(ids))
        .select(LayerRecord::as_select())
        .load(tx.conn())?)
}

#[derive(QueryableByName)]
struct Owned {
    #[diesel(sql_type = Text)]
    record_id: String,
    #[diesel(sql_type = Text)]
    owner_id: String,
}

/// Whose these records are, as far as the layer knows.
#[expect(
    clippy::disallowed_methods,
    reason = "one look into the key for each id, by unnest"
)]
pub fn owners(
    tx: &mut TenantTx<'_>,
    object: Object,
    ids: &[&str],
) -> Result<HashMap<String, String>, LayerError> {
    let tenant = tx.tenant().uuid();
    let rows: Vec<Owned> = diesel::sql_query(
        "SELECT r.record_id, r.owner_id FROM unnest($3) AS page (record_id) \
         CROSS JOIN LATERAL (SELECT r.record_id, r.owner_id FROM layer_records r \
             WHERE r.tenant_id = $1 AND r.object = $2 AND r.record_id = page.record_id LIMIT 1) AS r \
         WHERE r.owner_id IS NOT NULL",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(object.name())
    .bind::<Array<Text>, _>(ids)
    .load(tx.conn())?;
    let pair = |row: Owned| (row.record_id, row.owner_id);
    Ok(rows.into_iter().map(pair).collect())
}
