//! The table `grants_ending`: tokens that are out of use and that the provider is still to be told of.

use chrono::{DateTime, TimeDelta, Utc};
use db::{TenantTx, Unit};
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};
use kernel::{ConnectionId, id::uuid_at};
use schema::grants_ending;
use uuid::Uuid;

use super::Row;
use crate::error::ConnectionError;

/// How long the provider is told again and again. Then the place is emptied all the same.
const GIVES_UP_AFTER: TimeDelta = TimeDelta::days(3);

/// A grant that is at an end here.
#[derive(Clone, Insertable, Queryable, Selectable)]
#[diesel(table_name = grants_ending)]
pub(crate) struct Ending {
    tenant_id: Uuid,
    pub(crate) ending_id: Uuid,
    connection_id: Uuid,
    pub(crate) provider: String,
    pub(crate) login_host: String,
    pub(crate) consumer_key: String,
    pub(crate) token_sealed: Vec<u8>,
    created_at: DateTime<Utc>,
    pub(crate) gives_up_at: DateTime<Utc>,
}

impl Ending {
    pub(crate) const fn connection(&self) -> ConnectionId {
        ConnectionId::from_uuid(self.connection_id)
    }
}

/// Keeps `token_sealed`, which opens as the refresh token of the connection `row`.
pub(crate) fn ending_insert(
    tx: &mut TenantTx<'_>,
    row: &Row,
    token_sealed: Vec<u8>,
) -> Result<Ending, ConnectionError> {
    let now = tx.now();
    let ending = Ending {
        tenant_id: tx.tenant().uuid(),
        ending_id: uuid_at(tx.clock().as_ref()),
        connection_id: row.id().uuid(),
        provider: row.provider.clone(),
        login_host: row.login_host.clone(),
        consumer_key: row.consumer_key.clone(),
        token_sealed,
        created_at: now,
        gives_up_at: now + GIVES_UP_AFTER,
    };
    diesel::insert_into(grants_ending::table)
        .values(&ending)
        .execute(tx.conn())?;
    Ok(ending)
}

pub(crate) fn ending_find(
    tx: &mut TenantTx<'_>,
    id: Uuid,
) -> Result<Option<Ending>, ConnectionError> {
    Ok(grants_ending::table
        .filter(grants_ending::tenant_id.eq(tx.tenant().uuid()))
        .filter(grants_ending::ending_id.eq(id))
        .select(Ending::as_select())
        .first(tx.conn())
        .optional()?)
}

/// `false` when somebody else has deleted it.
pub(crate) fn ending_delete(tx: &mut TenantTx<'_>, id: Uuid) -> Result<bool, ConnectionError> {
    let gone = diesel::delete(
        grants_ending::table
            .filter(grants_ending::tenant_id.eq(tx.tenant().uuid()))
            .filter(grants_ending::ending_id.eq(id)),
    )
    .execute(tx.conn())?;
    Ok(gone == 1)
}

/// By id, after `last`.
pub(crate) fn endings_after(
    tx: &mut TenantTx<'_>,
    last: Option<Uuid>,
    most: i64,
) -> Result<Vec<Ending>, ConnectionError> {
    Ok(grants_ending::table
        .filter(grants_ending::tenant_id.eq(tx.tenant().uuid()))
        .filter(grants_ending::ending_id.gt(last.unwrap_or_default()))
        .order(grants_ending::ending_id)
        .limit(most)
        .select(Ending::as_select())
        .load(tx.conn())?)
}

/// Replaces the sealed token by its rewrapped form. `false` when it is gone.
pub(crate) fn ending_rewrapped(
    tx: &mut TenantTx<'_>,
    read: &Ending,
    fresh: Vec<u8>,
) -> Result<bool, ConnectionError> {
    let changed = diesel::update(
        grants_ending::table
            .filter(grants_ending::tenant_id.eq(tx.tenant().uuid()))
            .filter(grants_ending::ending_id.eq(read.ending_id)),
    )
    .set(grants_ending::token_sealed.eq(fresh))
    .execute(tx.conn())?;
    Ok(changed == 1)
}
