//! What machines read: the views of migration 50, as the role `revkeep_gateway`. Every function takes a
//! [`MachineTx`], so that none of them can be given the rows of a person's transaction, nor the other way.

mod routing;

use chrono::{DateTime, Utc};
use db::{MachineTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper, dsl::count_star,
};
use schema::{machine_fields, machine_records, machine_values};
use serde_json::Value as Json;

use crate::{error::LayerError, model::Object, store::RecordCursor, value::fold};

pub use routing::{
    FailureQuery, LogCursor, LogQuery, MachineFailure, MachineLog, MachineMember, MachinePool,
    MachineRep, RepCount, StateCount, Statistics, failure_get, failure_page, log_page, pools,
    rep_counts, rep_known, reps, statistics,
};

/// A record with the fields of the policy, and no other.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = machine_records)]
pub struct MachineRecord {
    pub record_id: String,
    pub owner_id: Option<String>,
    pub fields: Json,
    pub source_created_at: Option<DateTime<Utc>>,
    pub source_modified_at: DateTime<Utc>,
    pub imported_at: DateTime<Utc>,
}

/// Which records are asked for.
#[derive(Clone, Debug, Default)]
pub struct RecordQuery {
    pub imported_since: Option<DateTime<Utc>>,
    /// A searchable field and its whole value, without regard to case.
    pub equals: Option<(String, String)>,
    pub after: Option<RecordCursor>,
}

/// One field of the policy, as a machine is told of it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = machine_fields)]
pub struct MachineField {
    pub name: String,
    pub label: String,
    pub data_type: String,
    pub data_class: String,
    pub reason: String,
    pub searchable: bool,
    pub required: bool,
    pub added_at: DateTime<Utc>,
}

/// The policy of one object, by name.
pub fn fields(tx: &mut MachineTx<'_>, object: Object) -> Result<Vec<MachineField>, LayerError> {
    Ok(machine_fields::table
        .filter(machine_fields::object.eq(object.name()))
        .order(machine_fields::name)
        .select(MachineField::as_select())
        .load(tx.conn())?)
}

/// How many records of an object machines can read.
pub fn record_count(tx: &mut MachineTx<'_>, object: Object) -> Result<i64, LayerError> {
    Ok(machine_records::table
        .filter(machine_records::object.eq(object.name()))
        .select(count_star())
        .first(tx.conn())?)
}

/// Most records that a value leads to.
const MOST_FOUND: i64 = 1_000;

/// Records, newest import first: one more than `limit`, where there are more.
pub fn record_page(
    tx: &mut MachineTx<'_>,
    object: Object,
    wanted: &RecordQuery,
    limit: i64,
) -> Result<Vec<MachineRecord>, LayerError> {
    let mut query = machine_records::table
        .filter(machine_records::object.eq(object.name()))
        .into_boxed();
    if let Some((field, value)) = &wanted.equals {
        let found: Vec<String> = machine_values::table
            .filter(machine_values::object.eq(object.name()))
            .filter(machine_values::name.eq(field))
            .filter(machine_values::value.eq(fold(value).into_owned()))
            .select(machine_values::record_id)
            .limit(MOST_FOUND)
            .load(tx.conn())?;
        query = query.filter(machine_records::record_id.eq_any(found));
    }
    if let Some(since) = wanted.imported_since {
        query = query.filter(machine_records::imported_at.ge(since));
    }
    if let Some(after) = &wanted.after {
        query = query.filter(
            machine_records::imported_at
                .lt(after.imported_at)
                .or(machine_records::imported_at
                    .eq(after.imported_at)
                    .and(machine_records::record_id.lt(&after.record_id))),
        );
    }
    Ok(query
        .order((
            machine_records::imported_at.desc(),
            machine_records::record_id.desc(),
        ))
        .limit(limit.saturating_add(1))
        .select(MachineRecord::as_select())
        .load(tx.conn())?)
}

pub fn record_get(
    tx: &mut MachineTx<'_>,
    object: Object,
    id: &str,
) -> Result<Option<MachineRecord>, LayerError> {
    Ok(machine_records::table
        .filter(machine_records::object.eq(object.name()))
        .filter(machine_records::record_id.eq(id))
        .select(MachineRecord::as_select())
        .first(tx.conn())
        .optional()?)
}
