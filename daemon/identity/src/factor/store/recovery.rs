//! Recovery codes.

use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, delete, insert_into, update};
use kernel::UserId;
use schema::recovery_codes;

use super::Outcome;
use crate::factor::RecoveryState;

pub(in crate::factor) fn recovery_insert(
    tx: &mut AuthTx<'_>,
    user: UserId,
    hash: &[u8],
) -> Outcome<()> {
    let now = tx.now();
    insert_into(recovery_codes::table)
        .values((
            recovery_codes::user_id.eq(user.uuid()),
            recovery_codes::hash.eq(hash),
            recovery_codes::created_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

pub(in crate::factor) fn recovery_use(
    tx: &mut AuthTx<'_>,
    user: UserId,
    hash: &[u8],
) -> Outcome<bool> {
    let now = tx.now();
    let unused = recovery_codes::table
        .find((user.uuid(), hash))
        .filter(recovery_codes::used_at.is_null());
    Ok(update(unused)
        .set(recovery_codes::used_at.eq(now))
        .execute(tx.conn())?
        == 1)
}

pub(in crate::factor) fn recovery_forget(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<()> {
    delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user.uuid())))
        .execute(tx.conn())?;
    Ok(())
}

pub(in crate::factor) fn recovery_state(
    tx: &mut AuthTx<'_>,
    user: UserId,
) -> Outcome<Option<RecoveryState>> {
    let rows: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)> = recovery_codes::table
        .filter(recovery_codes::user_id.eq(user.uuid()))
        .select((recovery_codes::created_at, recovery_codes::used_at))
        .load(tx.conn())?;
    let remaining = rows.iter().filter(|(_, used)| used.is_none()).count();
    Ok(rows.first().map(|(created_at, _)| RecoveryState {
        remaining: i64::try_from(remaining).unwrap_or(i64::MAX),
        total: i64::try_from(rows.len()).unwrap_or(i64::MAX),
        created_at: *created_at,
    }))
}
