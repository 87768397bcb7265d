//! The router of an object: its criteria, whether it runs, and the baseline.
//!
//! `off` -> (activate) -> `baselining` -> (baseline done) -> `active` <-> `paused`. Every way into
//! `active` goes through `baselining`: first activation, changed criteria, resumption (LR-30).
//! Each of these raises the epoch; a cycle or baseline that began under an older one stops.

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};
use kernel::{Action, RouterId, UserId};
use layer::Object;
use schema::routers;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    error::RoutingError,
    model::rules::Target,
    service::versions,
    store::{Router, marks, router_locked, router_of, target_json, target_known},
};

/// A router's settings. `canonical` is printed from the guarded syntax tree of `enrollment`.
#[derive(Clone, Debug)]
pub struct RouterInput {
    pub object: Object,
    pub enrollment: String,
    pub canonical: String,
    pub fallback: Option<Target>,
    pub cycle_seconds: i32,
    /// The version that was edited; `None` to make the router.
    pub version: Option<i64>,
}

/// What the last cycle did; stored as JSON and shown as it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CycleReport {
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    pub fetched: u64,
    pub proposed: u64,
    pub assigned: u64,
    pub failed: u64,
    pub error: Option<CycleError>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CycleError {
    pub code: String,
    pub message: String,
}

pub fn router_list(tx: &mut TenantTx<'_>) -> Result<Vec<Router>, RoutingError> {
    Ok(routers::table
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .order(routers::object)
        .select(Router::as_select())
        .load(tx.conn())?)
}

/// The router of an object, when it has been configured.
pub fn router_get(tx: &mut TenantTx<'_>, object: Object) -> Result<Option<Router>, RoutingError> {
    router_of(tx, object)
}

/// Makes or changes a router. Changed criteria of a router that runs or is paused start a new
/// baseline, so records that match the new criteria already are never routed (LR-30).
pub fn router_configure(
    tx: &mut TenantTx<'_>,
    input: &RouterInput,
) -> Result<Router, RoutingError> {
    if !(1..=3600).contains(&input.cycle_seconds) {
        return Err(RoutingError::CycleSeconds);
    }
    if let Some(target) = &input.fallback
        && !target_known(tx, target)?
    {
        return Err(RoutingError::TargetUnknown);
    }
    layer::required_ensure(tx, input.object)?;
    match (router_of(tx, input.object)?, input.version) {
        (None, None) => insert(tx, input),
        (Some(router), Some(version)) => update(tx, router.id(), version, input),
        _ => Err(RoutingError::VersionConflict),
    }
}

fn insert(tx: &mut TenantTx<'_>, input: &RouterInput) -> Result<Router, RoutingError> {
    let (id, now) = (RouterId::generate(tx.clock().as_ref()), tx.now());
    let fallback = input.fallback.as_ref().map(target_json).transpose()?;
    let added = diesel::insert_into(routers::table)
        .values((
            routers::tenant_id.eq(tx.tenant().uuid()),
            routers::router_id.eq(id.uuid()),
            routers::object.eq(input.object.name()),
            routers::enrollment.eq(&input.enrollment),
            routers::canonical.eq(&input.canonical),
            routers::fallback.eq(fallback),
            routers::cycle_seconds.eq(input.cycle_seconds),
            routers::created_at.eq(now),
            routers::updated_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn())?;
    if added == 0 {
        return Err(RoutingError::VersionConflict);
    }
    record(tx, Action::RouterConfigure, id, settings(input))?;
    router_locked(tx, id)
}

fn update(
    tx: &mut TenantTx<'_>,
    id: RouterId,
    version: i64,
    input: &RouterInput,
) -> Result<Router, RoutingError> {
    let before = router_locked(tx, id)?;
    if before.version != version {
        return Err(RoutingError::VersionConflict);
    }
    let fallback = input.fallback.as_ref().map(target_json).transpose()?;
    // A baseline under way marks what the old criteria match: it begins anew (LR-30).
    let changed = before.canonical != input.canonical
        && matches!(before.state.as_str(), "active" | "baselining");
    let state = if changed {
        "baselining"
    } else {
        before.state.as_str()
    };
    let now = tx.now();
    diesel::update(routers::table)
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .filter(routers::router_id.eq(id.uuid()))
        .set((
            routers::enrollment.eq(&input.enrollment),
            routers::canonical.eq(&input.canonical),
            routers::rules_version.eq(before
                .rules_version
                .saturating_add(i64::from(fallback != before.fallback))),
            routers::fallback.eq(fallback),
            routers::cycle_seconds.eq(input.cycle_seconds),
            routers::state.eq(state),
            routers::epoch.eq(before.epoch.saturating_add(i32::from(changed))),
            routers::version.eq(before.version.saturating_add(1)),
            routers::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    if state != "off" && input.cycle_seconds != before.cycle_seconds {
        cycles_schedule(tx, &before.object, input.cycle_seconds)?;
    }
    record(tx, Action::RouterConfigure, id, settings(input))?;
    router_locked(tx, id)
}

/// Has the connector run cycles from now on. They go on while the router is paused or off, because
/// what is in doubt must be found out; such a cycle does nothing else.
fn cycles_schedule(
    tx: &mut TenantTx<'_>,
    object: &str,
    cycle_seconds: i32,
) -> Result<(), RoutingError> {
    let name = format!("routing.cycle {object}");
    let payload = json!({ "object": object });
    Ok(jobs::schedule_set(
        tx,
        &name,
        "routing.cycle",
        payload,
        cycle_seconds,
    )?)
}

fn settings(input: &RouterInput) -> serde_json::Value {
    json!({
        "object": input.object.name(), "enrollment": input.canonical,
        "fallback": input.fallback, "cycle_seconds": input.cycle_seconds,
    })
}

/// Switches a router on: the baseline comes first. Whoever switches a new router on has looked at its
/// draft, which is published with it.
pub fn router_activate(tx: &mut TenantTx<'_>, object: Object) -> Result<Router, RoutingError> {
    let found = router_of(tx, object)?.ok_or(db::DbError::NotFound)?;
    let router = router_locked(tx, found.id())?;
    if router.published.is_none() {
        versions::publish(tx, &router, "", None, Action::RulesPublish)?;
    }
    change(tx, object, &["off"], "baselining", Action::RouterActivate)
}

/// Stops routing. What was decided and is not written yet is not written any more, since routing goes
/// on with a new baseline (LR-30).
pub fn router_pause(tx: &mut TenantTx<'_>, object: Object) -> Result<Router, RoutingError> {
    change(
        tx,
        object,
        &["active", "baselining"],
        "paused",
        Action::RouterPause,
    )
}

/// Goes on after a pause, with a new baseline: what came to match meanwhile is not routed (LR-30).
pub fn router_resume(tx: &mut TenantTx<'_>, object: Object) -> Result<Router, RoutingError> {
    change(
        tx,
        object,
        &["paused"],
        "baselining",
        Action::RouterActivate,
    )
}

pub fn router_switch_off(tx: &mut TenantTx<'_>, object: Object) -> Result<Router, RoutingError> {
    change(
        tx,
        object,
        &["active", "baselining", "paused"],
        "off",
        Action::RouterSwitchOff,
    )
}

fn change(
    tx: &mut TenantTx<'_>,
    object: Object,
    from: &[&str],
    to: &'static str,
    action: Action,
) -> Result<Router, RoutingError> {
    let found = router_of(tx, object)?.ok_or(db::DbError::NotFound)?;
    let before = router_locked(tx, found.id())?;
    if !from.contains(&before.state.as_str()) {
        return Err(RoutingError::RouterState {
            state: before.state,
        });
    }
    let (now, user) = (tx.now(), tx.principal().user().map(UserId::uuid));
    let activated_by = if to == "baselining" {
        user
    } else {
        before.activated_by
    };
    diesel::update(routers::table)
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .filter(routers::router_id.eq(before.router_id))
        .set((
            routers::state.eq(to),
            routers::epoch.eq(before.epoch.saturating_add(1)),
            routers::activated_by.eq(activated_by),
            routers::version.eq(before.version.saturating_add(1)),
            routers::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    if to == "baselining" {
        cycles_schedule(tx, &before.object, before.cycle_seconds)?;
    }
    record(
        tx,
        action,
        before.id(),
        json!({ "from": before.state, "to": to }),
    )?;
    router_locked(tx, before.id())
}

fn record(
    tx: &mut TenantTx<'_>,
    action: Action,
    id: RouterId,
    after: serde_json::Value,
) -> Result<(), RoutingError> {
    Entry::new(action, "router", id).after(after).write(tx)?;
    marks::postponed_wake(tx)?;
    db::hint(tx, "router")?;
    Ok(())
}

/// Marks a page of records, which match already, as handled. A record that has a mark keeps it.
/// Says how many were marked.
///
/// # Errors
/// `EpochOver` when the router's baseline is no longer the one that `epoch` names.
pub fn baseline(
    tx: &mut TenantTx<'_>,
    router: RouterId,
    epoch: i32,
    ids: &[&str],
) -> Result<usize, RoutingError> {
    let router = baselining(tx, router, epoch)?;
    marks::baseline_insert(tx, router.router_id, &router.object, ids)
}

/// Ends the baseline: from here on the router routes what was modified after `watermark`.
pub fn baseline_done(
    tx: &mut TenantTx<'_>,
    router: RouterId,
    epoch: i32,
    watermark: DateTime<Utc>,
    marked: u64,
) -> Result<Router, RoutingError> {
    let before = baselining(tx, router, epoch)?;
    let now = tx.now();
    diesel::update(routers::table)
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .filter(routers::router_id.eq(before.router_id))
        .set((
            routers::state.eq("active"),
            routers::activated_at.eq(now),
            routers::watermark.eq(watermark),
            routers::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    record(
        tx,
        Action::RecordBaseline,
        router,
        json!({ "epoch": epoch, "marked": marked }),
    )?;
    router_locked(tx, router)
}

fn baselining(tx: &mut TenantTx<'_>, router: RouterId, epoch: i32) -> Result<Router, RoutingError> {
    let router = router_locked(tx, router)?;
    if router.state == "baselining" && router.epoch == epoch {
        Ok(router)
    } else {
        Err(RoutingError::EpochOver)
    }
}

/// Notes what a cycle did. The watermark never goes back, and moves only in the epoch in which the
/// cycle began.
pub fn cycle_record(
    tx: &mut TenantTx<'_>,
    router: RouterId,
    epoch: i32,
    report: &CycleReport,
    watermark: Option<DateTime<Utc>>,
) -> Result<(), RoutingError> {
    let before = router_locked(tx, router)?;
    let report =
        serde_json::to_value(report).map_err(|_| RoutingError::Stored { what: "cycle" })?;
    let watermark = if before.epoch == epoch {
        before.watermark.max(watermark)
    } else {
        before.watermark
    };
    diesel::update(routers::table)
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .filter(routers::router_id.eq(before.router_id))
        .set((
            routers::last_cycle.eq(report),
            routers::watermark.eq(watermark),
        ))
        .execute(tx.conn())?;
    db::hint(tx, "router")?;
    Ok(())
}
