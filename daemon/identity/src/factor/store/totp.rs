//! The secrets of authenticator apps.

use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, PgArrayExpressionMethods,
    QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper, delete,
    dsl::{array_prepend, not, trim_array},
    insert_into, update,
};
use kernel::UserId;
use schema::totp_factors;

use super::Outcome;

#[derive(Queryable, Selectable)]
#[diesel(table_name = totp_factors)]
pub(in crate::factor) struct TotpRow {
    pub(in crate::factor) secret_sealed: Vec<u8>,
    pub(in crate::factor) created_at: DateTime<Utc>,
    pub(in crate::factor) confirmed_at: Option<DateTime<Utc>>,
}

pub(in crate::factor) fn totp(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Option<TotpRow>> {
    Ok(totp_factors::table
        .find(user.uuid())
        .select(TotpRow::as_select())
        .first(tx.conn())
        .optional()?)
}

/// A secret that waits for its first code; one that waited before is void.
pub(in crate::factor) fn totp_begin(
    tx: &mut AuthTx<'_>,
    user: UserId,
    sealed: Vec<u8>,
) -> Outcome<()> {
    let now = tx.now();
    totp_forget(tx, user)?;
    insert_into(totp_factors::table)
        .values((
            totp_factors::user_id.eq(user.uuid()),
            totp_factors::secret_sealed.eq(sealed),
            totp_factors::created_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// `false` when the secret is not the one that was read any more.
pub(in crate::factor) fn totp_confirm(
    tx: &mut AuthTx<'_>,
    user: UserId,
    sealed: &[u8],
    step: i64,
) -> Outcome<bool> {
    let now = tx.now();
    let waiting = totp_factors::table
        .find(user.uuid())
        .filter(totp_factors::confirmed_at.is_null())
        .filter(totp_factors::secret_sealed.eq(sealed));
    Ok(update(waiting)
        .set((
            totp_factors::confirmed_at.eq(now),
            totp_factors::last_step.eq(step),
            totp_factors::used_steps
                .eq(trim_array(array_prepend(step, totp_factors::used_steps), 1)),
        ))
        .execute(tx.conn())?
        == 1)
}

/// Uses a step up. Of two who present the same code at once, one succeeds. `newest` is the newest step that
/// is accepted now: where a later one was used, the clock has gone back since, and only the steps that were used
/// themselves are refused.
pub(in crate::factor) fn totp_use(
    tx: &mut AuthTx<'_>,
    user: UserId,
    step: i64,
    newest: i64,
) -> Outcome<bool> {
    let unused = totp_factors::table
        .find(user.uuid())
        .filter(totp_factors::confirmed_at.is_not_null())
        .filter(not(totp_factors::used_steps.contains(vec![step])))
        .filter(
            totp_factors::last_step
                .is_null()
                .or(totp_factors::last_step.lt(step))
                .or(totp_factors::last_step.gt(newest)),
        );
    Ok(update(unused)
        .set((
            totp_factors::last_step.eq(step),
            totp_factors::used_steps
                .eq(trim_array(array_prepend(step, totp_factors::used_steps), 1)),
        ))
        .execute(tx.conn())?
        == 1)
}

pub(in crate::factor) fn totp_forget(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<usize> {
    Ok(delete(totp_factors::table.find(user.uuid())).execute(tx.conn())?)
}
