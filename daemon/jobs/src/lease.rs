//! Leases: who alone may do a thing now, across threads and daemons. The fence of a lease grows with
//! each holder, and whatever is stored at the end checks it: a holder that was slow stores nothing.

use chrono::TimeDelta;
use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};
use schema::leases;

use crate::error::JobsError;

/// The number of the holder among all holders of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence(i64);

impl Fence {
    /// For a definer function that checks it in its own transaction.
    pub const fn number(self) -> i64 {
        self.0
    }
}

/// Takes the lease if nobody holds it. `life` is more than twice the time-out of the call that it
/// guards.
pub fn lease_acquire(
    tx: &mut TenantTx<'_>,
    name: &str,
    owner: &str,
    life: TimeDelta,
) -> Result<Option<Fence>, JobsError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    diesel::insert_into(leases::table)
        .values((
            leases::tenant_id.eq(tenant),
            leases::name.eq(name),
            leases::owner.eq(""),
            leases::fence.eq(0),
            leases::until.eq(chrono::DateTime::UNIX_EPOCH),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn())?;
    let fence: Option<i64> = diesel::update(
        leases::table
            .filter(leases::tenant_id.eq(tenant))
            .filter(leases::name.eq(name))
            .filter(leases::until.lt(now)),
    )
    .set((
        leases::owner.eq(owner),
        leases::fence.eq(leases::fence + 1),
        leases::until.eq(now + life),
    ))
    .returning(leases::fence)
    .get_result(tx.conn())
    .optional()?;
    Ok(fence.map(Fence))
}

/// Whether the lease is still this holder's. Locks it until the transaction ends.
pub fn lease_check(
    tx: &mut TenantTx<'_>,
    name: &str,
    owner: &str,
    fence: Fence,
) -> Result<bool, JobsError> {
    let found: Option<i64> = leases::table
        .filter(leases::tenant_id.eq(tx.tenant().uuid()))
        .filter(leases::name.eq(name))
        .filter(leases::owner.eq(owner))
        .filter(leases::fence.eq(fence.0))
        .select(leases::fence)
        .for_update()
        .first(tx.conn())
        .optional()?;
    Ok(found.is_some())
}

/// Keeps the lease for another `life`; false when it has passed on. For work that lasts and is stored in
/// steps: the step and the renewal are one transaction.
pub fn lease_renew(
    tx: &mut TenantTx<'_>,
    name: &str,
    owner: &str,
    fence: Fence,
    life: TimeDelta,
) -> Result<bool, JobsError> {
    let until = tx.now() + life;
    let renewed = diesel::update(
        leases::table
            .filter(leases::tenant_id.eq(tx.tenant().uuid()))
            .filter(leases::name.eq(name))
            .filter(leases::owner.eq(owner))
            .filter(leases::fence.eq(fence.0)),
    )
    .set(leases::until.eq(until))
    .execute(tx.conn())?;
    Ok(renewed == 1)
}

/// Gives the lease back early. Nothing happens when it has passed on.
pub fn lease_release(
    tx: &mut TenantTx<'_>,
    name: &str,
    owner: &str,
    fence: Fence,
) -> Result<(), JobsError> {
    diesel::update(
        leases::table
            .filter(leases::tenant_id.eq(tx.tenant().uuid()))
            .filter(leases::name.eq(name))
            .filter(leases::owner.eq(owner))
            .filter(leases::fence.eq(fence.0)),
    )
    .set(leases::until.eq(chrono::DateTime::UNIX_EPOCH))
    .execute(tx.conn())?;
    Ok(())
}

/// Ends the lease whoever holds it: what its holder brings later finds its fence gone. Nothing happens
/// when nobody ever held it.
pub fn lease_end(tx: &mut TenantTx<'_>, name: &str) -> Result<(), JobsError> {
    diesel::update(
        leases::table
            .filter(leases::tenant_id.eq(tx.tenant().uuid()))
            .filter(leases::name.eq(name)),
    )
    .set((
        leases::owner.eq(""),
        leases::fence.eq(leases::fence + 1),
        leases::until.eq(chrono::DateTime::UNIX_EPOCH),
    ))
    .execute(tx.conn())?;
    Ok(())
}
