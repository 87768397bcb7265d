//! Bringing records in: a page of rows, one statement for the records and at most two for their
//! searchable values, whatever the page's size. Only fields of the policy are kept (LR-02), and nothing else
//! is even sent to the database.
//!
//! The statements are written by hand because they take whole columns as arrays (`unnest`), which
//! the query builder cannot say. Every value is a bound parameter (LR-42).

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{
    ExpressionMethods, QueryDsl, QueryableByName, RunQueryDsl,
    sql_types::{Array, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use schema::erased_records;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::{
    error::LayerError,
    model::{FieldType, Object},
    store::field_list,
    value::Value,
};

/// A record as the CRM sent it. `fields` may hold more than the policy has; the rest is dropped.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// The CRM's id, 18 characters.
    pub record_id: String,
    pub owner_id: Option<String>,
    pub source_created_at: Option<DateTime<Utc>>,
    pub source_modified_at: DateTime<Utc>,
    pub fields: Map<String, Json>,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Records that are new, or other than what the layer had.
    pub records: usize,
    /// Values left out because they are not of their field's type.
    pub mistyped: usize,
}

/// A field of the policy, as the import needs it.
struct Kept {
    id: Uuid,
    kind: FieldType,
    searchable: bool,
}

type Policy = BTreeMap<String, Kept>;

/// Copies rows into the layer. When a record stands in `rows` twice, or in the layer with a newer
/// modification time, the newest one is kept. A record that has not changed is not written.
pub fn import(
    tx: &mut TenantTx<'_>,
    object: Object,
    rows: &[ImportRow],
) -> Result<Imported, LayerError> {
    let fields = field_list(tx, object)?;
    let policy: Policy = fields
        .into_iter()
        .filter_map(|field| {
            let (id, kind, searchable) = (field.field_id, field.kind()?, field.searchable);
            Some((
                field.name,
                Kept {
                    id,
                    kind,
                    searchable,
                },
            ))
        })
        .collect();
    let newest = newest(rows);
    let mut imported = Imported::default();
    let kept: Vec<String> = newest
        .iter()
        .map(|row| kept_fields(&row.fields, &policy, &mut imported.mistyped))
        .collect::<Result<_, _>>()?;
    let written = records_upsert(tx, object, &newest, &kept)?;
    imported.records = written.len();
    values_replace(tx, &policy, &newest, &written)?;
    if imported.records > 0 {
        db::hint(tx, "layer")?;
    }
    Ok(imported)
}

/// One row per record: a statement cannot write a row twice.
fn newest(rows: &[ImportRow]) -> Vec<&ImportRow> {
    let mut newest: HashMap<&str, &ImportRow> = HashMap::with_capacity(rows.len());
    for row in rows {
        let place = newest.entry(&row.record_id).or_insert(row);
        if row.source_modified_at > place.source_modified_at {
            *place = row;
        }
    }
    let mut newest: Vec<_> = newest.into_values().collect();
    // Two imports that lock the same rows do so in the same order.
    newest.sort_unstable_by(|a, b| a.record_id.cmp(&b.record_id));
    newest
}

/// A record's fields as JSON text, with the policy's fields and no others, and no value that is
/// not of its field's type.
fn kept_fields(
    fields: &Map<String, Json>,
    policy: &Policy,
    mistyped: &mut usize,
) -> Result<String, LayerError> {
    let mut kept = Vec::with_capacity(policy.len());
    for (name, field) in policy {
        let Some(json) = fields.get(name) else {
            continue;
        };
        if Value::read(field.kind, json).is_ok() {
            kept.push((name.as_str(), json));
        } else {
            *mistyped = mistyped.saturating_add(1);
        }
    }
    let text = serde_json::to_string(&Pairs(&kept));
    text.map_err(|error| diesel::result::Error::SerializationError(Box::new(error)).into())
}

struct Pairs<'a>(&'a [(&'a str, &'a Json)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, json) in self.0 {
            map.serialize_entry(name, json)?;
        }
        map.end()
    }
}

#[derive(QueryableByName)]
struct Written {
    #[diesel(sql_type = Text)]
    record_id: String,
    /// The layer did not have it.
    #[diesel(sql_type = Bool)]
    fresh: bool,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a page of rows in one statement, by unnest"
)]
fn records_upsert(
    tx: &mut TenantTx<'_>,
    object: Object,
    rows: &[&ImportRow],
    fields: &[String],
) -> Result<Vec<Written>, LayerError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let ids: Vec<&str> = rows.iter().map(|row| row.record_id.as_str()).collect();
    let owners: Vec<Option<&str>> = rows.iter().map(|row| row.owner_id.as_deref()).collect();
    let created: Vec<_> = rows.iter().map(|row| row.source_created_at).collect();
    let modified: Vec<_> = rows.iter().map(|row| row.source_modified_at).collect();
    // What has not changed is left out before it would be locked. A stamp is as fine as a second, so
    // that an equal one does not mean equal values; and a field may have come to the policy. A record
    // whose person was erased stays away, whatever the CRM still has (OB-35).
    Ok(diesel::sql_query(
        "INSERT INTO layer_records AS had (tenant_id, object, record_id, owner_id, fields, \
                source_created_at, source_modified_at, imported_at) \
         SELECT $1, $2, page.record_id, page.owner_id, page.fields::jsonb, created, modified, $8 \
         FROM unnest($3, $4, $5, $6, $7) AS page (record_id, owner_id, fields, created, modified) \
         LEFT JOIN LATERAL (SELECT r.owner_id, r.fields, r.source_modified_at FROM layer_records r \
             WHERE r.tenant_id = $1 AND r.object = $2 AND r.record_id = page.record_id LIMIT 1) AS old ON true \
         WHERE (old.source_modified_at IS NULL OR old.source_modified_at < modified \
            OR (old.source_modified_at = modified \
                AND (old.owner_id, old.fields) IS DISTINCT FROM (page.owner_id, page.fields::jsonb))) \
            AND NOT EXISTS (SELECT FROM erased_records e WHERE e.tenant_id = $1 AND e.object = $2 \
                AND e.record_id = page.record_id) \
         ON CONFLICT (tenant_id, object, record_id) DO UPDATE \
         SET owner_id = excluded.owner_id, fields = excluded.fields, \
             source_created_at = excluded.source_created_at, \
             source_modified_at = excluded.source_modified_at, imported_at = excluded.imported_at \
         WHERE excluded.source_modified_at >= had.source_modified_at \
         RETURNING record_id, xmax = '0'::xid AS fresh",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(object.name())
    .bind::<Array<Text>, _>(ids)
    .bind::<Array<Nullable<Text>>, _>(owners)
    .bind::<Array<Text>, _>(fields)
    .bind::<Array<Nullable<Timestamptz>>, _>(created)
    .bind::<Array<Timestamptz>, _>(modified)
    .bind::<Timestamptz, _>(now)
    .load(tx.conn())?)
}

/// Characters of a value by which it is found: whole texts do not fit into an index entry.
const SEARCHED: usize = 255;

/// Replaces the searchable values of the records that were written.
#[expect(
    clippy::disallowed_methods,
    reason = "a page of rows in one statement, by unnest"
)]
fn values_replace(
    tx: &mut TenantTx<'_>,
    policy: &Policy,
    rows: &[&ImportRow],
    written: &[Written],
) -> Result<(), LayerError> {
    let searchable: Vec<_> = policy
        .iter()
        .filter(|(_, field)| field.searchable)
        .collect();
    if searchable.is_empty() || written.is_empty() {
        return Ok(());
    }
    let stale: Vec<&str> = written
        .iter()
        .filter(|row| !row.fresh)
        .map(|row| row.record_id.as_str())
        .collect();
    let written: HashSet<&str> = written.iter().map(|row| row.record_id.as_str()).collect();
    let (mut ids, mut values, mut records) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows
        .iter()
        .filter(|row| written.contains(row.record_id.as_str()))
    {
        for (name, field) in &searchable {
            let json = row.fields.get(name.as_str()).unwrap_or(&Json::Null);
            let value = Value::read(field.kind, json)
                .ok()
                .and_then(|value| value.normalised());
            if let Some(value) = value {
                ids.push(field.id);
                values.push(value.chars().take(SEARCHED).collect::<String>());
                records.push(row.record_id.as_str());
            }
        }
    }
    let tenant = tx.tenant().uuid();
    if !stale.is_empty() {
        let old: Vec<Place> = diesel::sql_query(
            "SELECT old.place FROM unnest($2) AS page (record_id) CROSS JOIN LATERAL \
                 (SELECT v.ctid::text AS place FROM layer_values v \
                  WHERE v.tenant_id = $1 AND v.record_id = page.record_id OFFSET 0) AS old",
        )
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<Text>, _>(stale)
        .load(tx.conn())?;
        db::by_place(tx, |tx| {
            diesel::sql_query(
                "DELETE FROM layer_values v \
                 WHERE v.tenant_id = $1 AND v.ctid = ANY ($2::text[]::tid[])",
            )
            .bind::<SqlUuid, _>(tenant)
            .bind::<Array<Text>, _>(texts(&old))
            .execute(tx.conn())
            .map_err(LayerError::from)
        })?;
    }
    // The records' rows are locked and their old values gone, so that nothing is in the way.
    diesel::sql_query(
        "INSERT INTO layer_values (tenant_id, field_id, value, record_id) \
         SELECT $1, field_id, value, record_id \
         FROM unnest($2, $3, $4) AS page (field_id, value, record_id)",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(values)
    .bind::<Array<Text>, _>(records)
    .execute(tx.conn())?;
    Ok(())
}

/// Of these records of the CRM, those whose person was erased: what it says of them is not taken over.
pub fn erased(
    tx: &mut TenantTx<'_>,
    object: &str,
    ids: &[&str],
) -> Result<HashSet<String>, LayerError> {
    let found: Vec<String> = erased_records::table
        .filter(erased_records::tenant_id.eq(tx.tenant().uuid()))
        .filter(erased_records::object.eq(object))
        .filter(erased_records::record_id.eq_any(ids))
        .select(erased_records::record_id)
        .load(tx.conn())?;
    Ok(found.into_iter().collect())
}

/// Notes new owners that were written at the CRM, so that the layer does not wait for the next
/// import to know.
#[expect(
    clippy::disallowed_methods,
    reason = "a page of rows in one statement, by unnest"
)]
pub fn owner_set(
    tx: &mut TenantTx<'_>,
    object: Object,
    owners: &[(&str, &str)],
) -> Result<(), LayerError> {
    if owners.is_empty() {
        return Ok(());
    }
    let (ids, owners): (Vec<&str>, Vec<&str>) = owners.iter().copied().unzip();
    let tenant = tx.tenant().uuid();
    let found: Vec<Place> = diesel::sql_query(
        "SELECT found.place FROM unnest($3) AS page (record_id) CROSS JOIN LATERAL \
             (SELECT r.ctid::text AS place FROM layer_records r WHERE r.tenant_id = $1 \
                  AND r.object = $2 AND r.record_id = page.record_id LIMIT 1) AS found",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(object.name())
    .bind::<Array<Text>, _>(&ids)
    .load(tx.conn())?;
    db::by_place(tx, |tx| {
        diesel::sql_query(
            "UPDATE layer_records r SET owner_id = page.owner_id, \
                    fields = CASE WHEN r.fields ? 'OwnerId' \
                        THEN jsonb_set(r.fields, '{OwnerId}', to_jsonb(page.owner_id)) ELSE r.fields END \
             FROM unnest($3, $4) AS page (record_id, owner_id) \
             WHERE r.tenant_id = $1 AND r.object = $2 AND r.record_id = page.record_id \
               AND r.ctid = ANY ($5::text[]::tid[])",
        )
        .bind::<SqlUuid, _>(tenant)
        .bind::<Text, _>(object.name())
        .bind::<Array<Text>, _>(&ids)
        .bind::<Array<Text>, _>(owners)
        .bind::<Array<Text>, _>(texts(&found))
        .execute(tx.conn())?;
        Ok(())
    })
}

/// Where a row lies.
#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = Text)]
    place: String,
}

fn texts(places: &[Place]) -> Vec<&str> {
    places.iter().map(|place| place.place.as_str()).collect()
}

/// Erases a field's values from every record. Those in `layer_values` go with the field's row.
#[expect(
    clippy::disallowed_methods,
    reason = "jsonb subtraction is not in the query builder"
)]
pub(crate) fn values_erase(
    tx: &mut TenantTx<'_>,
    object: &str,
    field: &str,
) -> Result<usize, LayerError> {
    let tenant = tx.tenant().uuid();
    Ok(diesel::sql_query(
        "UPDATE layer_records SET fields = fields - $3 \
         WHERE tenant_id = $1 AND object = $2 AND fields ? $3",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(object)
    .bind::<Text, _>(field)
    .execute(tx.conn())?)
}
