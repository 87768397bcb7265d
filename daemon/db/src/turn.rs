//! Work of a tenant that is done by one at a time.

use diesel::{
    RunQueryDsl,
    sql_types::{BigInt, Text},
};

use crate::{error::DbError, unit::Unit};

diesel::define_sql_function!(fn pg_advisory_xact_lock(key: BigInt) -> Nullable<Text>);
diesel::define_sql_function!(fn hashtextextended(text: Text, seed: BigInt) -> BigInt);

/// Waits until no other unit of the tenant is at this `work`, and keeps the others waiting until this one
/// ends. For work on many rows that others insert and remove meanwhile, where no order of row locks is one
/// that all of them see.
pub fn take_turn<U: Unit + ?Sized>(unit: &mut U, work: &str) -> Result<(), DbError> {
    let key = hashtextextended(format!("{work}|{}", unit.tenant()), 0);
    diesel::select(pg_advisory_xact_lock(key)).execute(unit.conn())?;
    Ok(())
}
