//! Changing rows by their place.
//!
//! PostgreSQL chooses a plan by estimates. Those of a young table, which has no statistics yet, or of
//! values that came since the last ones, are so far off that a change of a page of rows reads the
//! tenant's rows through, or compares each row with each. Rows that were found one by one, by a look
//! into an index for each (`LATERAL`), can be changed without any choice: by their `ctid`, which holds
//! until somebody else changes the row, so that the change has to check what it relies on.

use diesel::connection::SimpleConnection;

use crate::{error::DbError, unit::Unit};

const OFF: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off; \
     SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off; \
     SET LOCAL enable_nestloop = off";
const ON: &str = "SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = on; \
     SET LOCAL enable_indexonlyscan = on; SET LOCAL enable_bitmapscan = on; \
     SET LOCAL enable_nestloop = on";

/// Runs `work`, whose statements name rows by `ctid = ANY ($1::text[]::tid[])`, with a planner that
/// reaches them so and in no other way, and joins them by hash.
pub fn by_place<U: Unit, T, E: From<DbError>>(
    unit: &mut U,
    work: impl FnOnce(&mut U) -> Result<T, E>,
) -> Result<T, E> {
    plan(unit, OFF)?;
    let done = work(unit)?;
    plan(unit, ON)?;
    Ok(done)
}

#[expect(clippy::disallowed_methods, reason = "settings of the transaction")]
fn plan<U: Unit>(unit: &mut U, settings: &str) -> Result<(), DbError> {
    Ok(unit.conn().batch_execute(settings)?)
}
