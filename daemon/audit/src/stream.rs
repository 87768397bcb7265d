//! The sealed entries of one tenant, in the order of their positions: what leaves for that tenant's archive.

use db::{SealedEntry, TenantTx, Unit};
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, QueryDsl, RunQueryDsl};
use schema::{audit_leaves, audit_log};

use crate::entry::AuditError;

/// Up to `most` entries of the context's tenant, from position `low` on. Positions count the appliance's
/// entries, so a tenant's have gaps.
pub fn entries_from(
    tx: &mut TenantTx<'_>,
    low: i64,
    most: i64,
) -> Result<Vec<SealedEntry>, AuditError> {
    let tenant = tx.tenant().uuid();
    let same = audit_log::tenant_id
        .eq(audit_leaves::tenant_id)
        .and(audit_log::at.eq(audit_leaves::at))
        .and(audit_log::audit_id.eq(audit_leaves::audit_id));
    Ok(audit_leaves::table
        .inner_join(audit_log::table.on(same))
        .filter(audit_leaves::tenant_id.eq(tenant))
        .filter(audit_leaves::position.ge(low))
        .order(audit_leaves::position)
        .limit(most)
        .select((
            audit_leaves::position,
            audit_leaves::tenant_id,
            audit_leaves::at,
            audit_leaves::audit_id,
            audit_leaves::hash,
            audit_log::actor_kind,
            audit_log::actor_id,
            audit_log::action,
            audit_log::outcome,
            audit_log::resource_type,
            audit_log::resource_id,
            audit_log::request_id,
            audit_log::code,
        ))
        .load(tx.conn())?)
}

/// How many entries of the context's tenant stand from position `low` on; no more than `most` are counted.
pub fn entries_waiting(tx: &mut TenantTx<'_>, low: i64, most: i64) -> Result<i64, AuditError> {
    let tenant = tx.tenant().uuid();
    let found: Vec<i64> = audit_leaves::table
        .filter(audit_leaves::tenant_id.eq(tenant))
        .filter(audit_leaves::position.ge(low))
        .order(audit_leaves::position)
        .limit(most)
        .select(audit_leaves::position)
        .load(tx.conn())?;
    Ok(i64::try_from(found.len()).unwrap_or(most))
}
