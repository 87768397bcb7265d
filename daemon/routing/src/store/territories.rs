//! Sets of territories, each written whole and never changed: the draft names one, and so does each version
//! that was published with it.

use std::sync::Arc;

use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, dsl::max};
use kernel::UserId;
use schema::{routers, rule_versions, territory_sets};
use serde_json::Value as Json;
use uuid::Uuid;

use super::Router;
use crate::{error::RoutingError, territory::TerritorySet};

const UNREADABLE: RoutingError = RoutingError::Stored {
    what: "set of territories",
};

/// A set by its number; the empty one where there is none.
pub(crate) fn set_of(
    tx: &mut TenantTx<'_>,
    router: Uuid,
    number: Option<i64>,
) -> Result<Arc<TerritorySet>, RoutingError> {
    let Some(number) = number else {
        return Ok(Arc::default());
    };
    let content: Json = territory_sets::table
        .filter(territory_sets::tenant_id.eq(tx.tenant().uuid()))
        .filter(territory_sets::router_id.eq(router))
        .filter(territory_sets::number.eq(number))
        .select(territory_sets::content)
        .first(tx.conn())?;
    let set = serde_json::from_value(content).map_err(|_| UNREADABLE)?;
    Ok(Arc::new(set))
}

/// Gives the draft of a router that is locked another set. The one before goes, unless a version has it.
pub(crate) fn set_put(
    tx: &mut TenantTx<'_>,
    router: &Router,
    set: &TerritorySet,
) -> Result<(), RoutingError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let of_router = || {
        territory_sets::table
            .filter(territory_sets::tenant_id.eq(tenant))
            .filter(territory_sets::router_id.eq(router.router_id))
    };
    let last: Option<i64> = of_router()
        .select(max(territory_sets::number))
        .first(tx.conn())?;
    let number = (!set.is_empty()).then(|| last.unwrap_or(0).saturating_add(1));
    if let Some(number) = number {
        let areas = i32::try_from(set.areas()).map_err(|_| RoutingError::TooManyAreas)?;
        diesel::insert_into(territory_sets::table)
            .values((
                territory_sets::tenant_id.eq(tenant),
                territory_sets::router_id.eq(router.router_id),
                territory_sets::number.eq(number),
                territory_sets::content.eq(serde_json::to_value(set).map_err(|_| UNREADABLE)?),
                territory_sets::areas.eq(areas),
                territory_sets::created_at.eq(now),
                territory_sets::created_by.eq(tx.principal().user().map(UserId::uuid)),
            ))
            .execute(tx.conn())?;
    }
    diesel::update(routers::table)
        .filter(routers::tenant_id.eq(tenant))
        .filter(routers::router_id.eq(router.router_id))
        .set(routers::territories.eq(number))
        .execute(tx.conn())?;
    let Some(before) = router.territories else {
        return Ok(());
    };
    let versions: i64 = rule_versions::table
        .filter(rule_versions::tenant_id.eq(tenant))
        .filter(rule_versions::router_id.eq(router.router_id))
        .filter(rule_versions::territories.eq(before))
        .count()
        .get_result(tx.conn())?;
    if versions == 0 {
        diesel::delete(territory_sets::table)
            .filter(territory_sets::tenant_id.eq(tenant))
            .filter(territory_sets::router_id.eq(router.router_id))
            .filter(territory_sets::number.eq(before))
            .execute(tx.conn())?;
    }
    Ok(())
}
