//! Rows of programs that ask a person for a session.

use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, delete, insert_into, update,
};
use kernel::{ProviderId, TenantId, UserId};
use schema::device_grants;
use uuid::Uuid;

use super::Outcome;

#[derive(Insertable)]
#[diesel(table_name = device_grants)]
pub(crate) struct NewDeviceGrant {
    pub(crate) hash: Vec<u8>,
    pub(crate) user_code_hash: Vec<u8>,
    pub(crate) origin_sealed: Vec<u8>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) poll_seconds: i32,
}

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = device_grants)]
pub(crate) struct DeviceGrantRow {
    pub(crate) hash: Vec<u8>,
    pub(crate) origin_sealed: Vec<u8>,
    pub(crate) state: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) polled_at: Option<DateTime<Utc>>,
    pub(crate) poll_seconds: i32,
    pub(crate) user_id: Option<Uuid>,
    pub(crate) tenant_id: Option<Uuid>,
}

/// Stores a request, and forgets those that ran out.
pub(crate) fn device_grant_insert(tx: &mut AuthTx<'_>, grant: &NewDeviceGrant) -> Outcome<()> {
    let now = tx.now();
    delete(device_grants::table.filter(device_grants::expires_at.lt(now))).execute(tx.conn())?;
    insert_into(device_grants::table)
        .values(grant)
        .execute(tx.conn())?;
    Ok(())
}

/// Notes which provider, of whom, opened the session that approves.
pub(crate) fn device_grant_bind(
    tx: &mut AuthTx<'_>,
    hash: &[u8],
    opener: Option<(TenantId, ProviderId)>,
) -> Outcome<()> {
    let (owner, provider) = opener.unzip();
    update(device_grants::table.find(hash))
        .set((
            device_grants::sso_tenant_id.eq(owner.map(TenantId::uuid)),
            device_grants::sso_provider_id.eq(provider.map(ProviderId::uuid)),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// The provider whose session approved, with the tenant that it belongs to.
pub(crate) fn device_grant_bound(
    tx: &mut AuthTx<'_>,
    hash: &[u8],
) -> Outcome<Option<(TenantId, ProviderId)>> {
    let found = device_grants::table
        .find(hash)
        .select((device_grants::sso_tenant_id, device_grants::sso_provider_id))
        .first::<(Option<Uuid>, Option<Uuid>)>(tx.conn())
        .optional()?;
    Ok(found.and_then(|(owner, provider)| {
        Some((
            TenantId::from_uuid(owner?),
            ProviderId::from_uuid(provider?),
        ))
    }))
}

/// The request that a program polls for, locked.
pub(crate) fn device_grant(tx: &mut AuthTx<'_>, hash: &[u8]) -> Outcome<Option<DeviceGrantRow>> {
    Ok(device_grants::table
        .find(hash)
        .select(DeviceGrantRow::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

/// The request that waits under what a person typed, locked.
pub(crate) fn device_grant_waiting(
    tx: &mut AuthTx<'_>,
    user_code_hash: &[u8],
) -> Outcome<Option<DeviceGrantRow>> {
    let now = tx.now();
    Ok(device_grants::table
        .filter(device_grants::user_code_hash.eq(user_code_hash))
        .filter(device_grants::state.eq("pending"))
        .filter(device_grants::expires_at.gt(now))
        .select(DeviceGrantRow::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

pub(crate) fn device_grant_polled(
    tx: &mut AuthTx<'_>,
    hash: &[u8],
    poll_seconds: i32,
) -> Outcome<()> {
    let now = tx.now();
    update(device_grants::table.find(hash))
        .set((
            device_grants::polled_at.eq(now),
            device_grants::poll_seconds.eq(poll_seconds),
        ))
        .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn device_grant_approve(
    tx: &mut AuthTx<'_>,
    hash: &[u8],
    (user, tenant): (UserId, TenantId),
) -> Outcome<()> {
    update(device_grants::table.find(hash))
        .set((
            device_grants::state.eq("approved"),
            device_grants::user_id.eq(user.uuid()),
            device_grants::tenant_id.eq(tenant.uuid()),
        ))
        .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn device_grant_deny(tx: &mut AuthTx<'_>, hash: &[u8]) -> Outcome<()> {
    update(device_grants::table.find(hash))
        .set(device_grants::state.eq("denied"))
        .execute(tx.conn())?;
    Ok(())
}

/// Uses an approval up. Of two who try at once, one gets it.
pub(crate) fn device_grant_use(tx: &mut AuthTx<'_>, hash: &[u8]) -> Outcome<bool> {
    let now = tx.now();
    let approved = device_grants::table
        .find(hash)
        .filter(device_grants::state.eq("approved"))
        .filter(device_grants::expires_at.gt(now));
    Ok(update(approved)
        .set(device_grants::state.eq("used"))
        .execute(tx.conn())?
        == 1)
}
