//! The table `oauth_states`: logins that people have begun.

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};
use schema::oauth_states;
use uuid::Uuid;

use crate::error::ConnectionError;

/// A login that a person has begun.
#[derive(Queryable, Selectable)]
#[diesel(table_name = oauth_states)]
pub(crate) struct Begun {
    pub(crate) connection_id: Uuid,
    pub(crate) session_id: Uuid,
    pub(crate) verifier_sealed: Vec<u8>,
    pub(crate) new_organisation: bool,
    pub(crate) expires_at: DateTime<Utc>,
}

pub(crate) fn begun_insert(
    tx: &mut TenantTx<'_>,
    state_hash: &[u8],
    begun: Begun,
) -> Result<(), ConnectionError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    diesel::delete(
        oauth_states::table
            .filter(oauth_states::tenant_id.eq(tenant))
            .filter(oauth_states::expires_at.lt(now)),
    )
    .execute(tx.conn())?;
    diesel::insert_into(oauth_states::table)
        .values((
            oauth_states::tenant_id.eq(tenant),
            oauth_states::state_hash.eq(state_hash),
            oauth_states::connection_id.eq(begun.connection_id),
            oauth_states::session_id.eq(begun.session_id),
            oauth_states::verifier_sealed.eq(begun.verifier_sealed),
            oauth_states::new_organisation.eq(begun.new_organisation),
            oauth_states::created_at.eq(now),
            oauth_states::expires_at.eq(begun.expires_at),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// Takes a begun login away, whatever becomes of it: a state is good for one return.
pub(crate) fn begun_take(
    tx: &mut TenantTx<'_>,
    state_hash: &[u8],
) -> Result<Option<Begun>, ConnectionError> {
    Ok(diesel::delete(
        oauth_states::table
            .filter(oauth_states::tenant_id.eq(tx.tenant().uuid()))
            .filter(oauth_states::state_hash.eq(state_hash)),
    )
    .returning(Begun::as_returning())
    .get_result(tx.conn())
    .optional()?)
}
