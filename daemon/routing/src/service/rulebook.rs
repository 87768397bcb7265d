//! The rules of a router, in their order.

use std::collections::{BTreeSet, HashMap};

use audit::Entry;
use chrono::TimeDelta;
use db::{DbError, TenantTx, Unit};
use diesel::{
    ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper,
    dsl::count_star,
    sql_types::{Array, Integer, Uuid as SqlUuid},
};
use kernel::{Action, FieldId, RouterId, RuleId, UserId};
use layer::Object;
use schema::{assignments, routers, rules};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    error::RoutingError,
    model::{
        compile::{Compiled, Fields, Slots},
        condition::{Condition, Flaw},
        rules::{GiveTo, Unavailable},
    },
    service::field_use::fields_used,
    store::{
        Router, Rule, inputs::inputs_erase, router_locked, router_of, rules_of, target_json,
        target_known,
    },
};

/// A rule as a person writes it; `condition` in the JSON of the contract.
#[derive(Clone, Debug)]
pub struct RuleInput {
    pub name: String,
    pub enabled: bool,
    pub condition: Json,
    pub target: GiveTo,
    /// What it does when nobody of the target is available.
    pub unavailable: Unavailable,
}

/// Most rules of a router; positions in recorded reasons are 16 bits wide, people's patience less.
pub(crate) const MAX_RULES: usize = 200;

/// The rules in order, and the version of the whole that a new order has to name.
pub fn rule_list(tx: &mut TenantTx<'_>, object: Object) -> Result<(Vec<Rule>, i64), RoutingError> {
    let router = router_of(tx, object)?.ok_or(DbError::NotFound)?;
    Ok((rules_of(tx, router.router_id)?, router.rules_version))
}

/// How many records each rule took in the last 7 days, by rule.
pub fn rules_matched(tx: &mut TenantTx<'_>) -> Result<HashMap<Uuid, i64>, RoutingError> {
    let since = tx.now() - TimeDelta::days(7);
    let rows: Vec<(Option<Uuid>, i64)> = assignments::table
        .filter(assignments::tenant_id.eq(tx.tenant().uuid()))
        .filter(assignments::decided_at.ge(since))
        .filter(assignments::rule_id.is_not_null())
        .group_by(assignments::rule_id)
        .select((assignments::rule_id, count_star()))
        .load(tx.conn())?;
    Ok(rows
        .into_iter()
        .filter_map(|(rule, count)| Some((rule?, count)))
        .collect())
}

/// Adds a rule after the others.
pub fn rule_create(
    tx: &mut TenantTx<'_>,
    object: Object,
    input: &RuleInput,
) -> Result<Rule, RoutingError> {
    let router = locked(tx, object)?;
    let others = rules_of(tx, router.router_id)?;
    if others.len() >= MAX_RULES {
        return Err(RoutingError::TooManyRules);
    }
    check(tx, object, input)?;
    let (id, now) = (RuleId::generate(tx.clock().as_ref()), tx.now());
    let position = others
        .last()
        .map_or(0, |last| last.position.saturating_add(1));
    diesel::insert_into(rules::table)
        .values((
            rules::tenant_id.eq(tx.tenant().uuid()),
            rules::rule_id.eq(id.uuid()),
            rules::router_id.eq(router.router_id),
            rules::position.eq(position),
            rules::name.eq(input.name.trim()),
            rules::enabled.eq(input.enabled),
            rules::condition.eq(&input.condition),
            rules::target.eq(target_json(&input.target)?),
            rules::unavailable.eq(input.unavailable.name()),
            rules::updated_by.eq(tx.principal().user().map(UserId::uuid)),
            rules::created_at.eq(now),
            rules::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Entry::new(Action::RuleCreate, "rule", id)
        .after(written(input))
        .write(tx)?;
    rules_changed(tx, &router)?;
    rule_get(tx, id)
}

pub fn rule_get(tx: &mut TenantTx<'_>, id: RuleId) -> Result<Rule, RoutingError> {
    Ok(rules::table
        .filter(rules::tenant_id.eq(tx.tenant().uuid()))
        .filter(rules::rule_id.eq(id.uuid()))
        .select(Rule::as_select())
        .first(tx.conn())?)
}

/// Changes a rule, when `version` is still the one that was edited.
pub fn rule_update(
    tx: &mut TenantTx<'_>,
    id: RuleId,
    version: i64,
    input: &RuleInput,
) -> Result<Rule, RoutingError> {
    let (router, before) = locked_rule(tx, id, version)?;
    check(tx, router.object()?, input)?;
    let now = tx.now();
    diesel::update(rules::table)
        .filter(rules::tenant_id.eq(tx.tenant().uuid()))
        .filter(rules::rule_id.eq(id.uuid()))
        .set((
            rules::name.eq(input.name.trim()),
            rules::enabled.eq(input.enabled),
            rules::condition.eq(&input.condition),
            rules::target.eq(target_json(&input.target)?),
            rules::unavailable.eq(input.unavailable.name()),
            rules::version.eq(version.saturating_add(1)),
            rules::updated_by.eq(tx.principal().user().map(UserId::uuid)),
            rules::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    let entry = Entry::new(Action::RuleUpdate, "rule", id);
    entry
        .before(stored(&before))
        .after(written(input))
        .write(tx)?;
    rules_changed(tx, &router)?;
    rule_get(tx, id)
}

pub fn rule_delete(tx: &mut TenantTx<'_>, id: RuleId, version: i64) -> Result<(), RoutingError> {
    let (router, before) = locked_rule(tx, id, version)?;
    diesel::delete(rules::table)
        .filter(rules::tenant_id.eq(tx.tenant().uuid()))
        .filter(rules::rule_id.eq(id.uuid()))
        .execute(tx.conn())?;
    Entry::new(Action::RuleDelete, "rule", id)
        .before(stored(&before))
        .write(tx)?;
    rules_changed(tx, &router)
}

/// Puts the rules in a new order; `ids` names each of them once.
#[expect(
    clippy::disallowed_methods,
    reason = "all positions in one statement, by unnest"
)]
pub fn rule_reorder(
    tx: &mut TenantTx<'_>,
    object: Object,
    ids: &[RuleId],
    rules_version: i64,
) -> Result<(Vec<Rule>, i64), RoutingError> {
    let router = locked(tx, object)?;
    if router.rules_version != rules_version {
        return Err(RoutingError::VersionConflict);
    }
    let before: Vec<RuleId> = rules_of(tx, router.router_id)?
        .iter()
        .map(Rule::id)
        .collect();
    let as_set = |ids: &[RuleId]| ids.iter().copied().collect::<BTreeSet<_>>();
    if before.len() != ids.len() || as_set(&before) != as_set(ids) {
        return Err(RoutingError::Order);
    }
    let positions = (0_i32..).take(ids.len()).collect::<Vec<_>>();
    let tenant = tx.tenant().uuid();
    diesel::sql_query(
        "UPDATE rules r SET position = page.position FROM unnest($2, $3) AS page (rule_id, position) \
         WHERE r.tenant_id = $1 AND r.rule_id = page.rule_id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(ids.iter().map(|id| id.uuid()).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(positions)
    .execute(tx.conn())?;
    let entry = Entry::new(Action::RuleReorder, "router", router.id());
    entry
        .before(json!({ "order": before }))
        .after(json!({ "order": ids }))
        .write(tx)?;
    rules_changed(tx, &router)?;
    rule_list(tx, object)
}

/// The rules that read a field of an object, in the draft or among those that decide.
pub fn field_used_by(
    tx: &mut TenantTx<'_>,
    object: &str,
    field: &str,
) -> Result<Vec<(RuleId, String)>, RoutingError> {
    let mut used = fields_used(tx)?;
    Ok(used
        .remove(&(object.to_owned(), field.to_owned()))
        .unwrap_or_default())
}

/// Takes a field out of the layer and erases its values, and what decisions read of it, unless a rule
/// reads it. The field is
/// locked before rules are looked at, and whoever saves a rule holds the fields it names, so no
/// rule can slip in between.
///
/// # Errors
/// `FieldInUse` with the rules.
pub fn field_remove(tx: &mut TenantTx<'_>, id: FieldId) -> Result<(), RoutingError> {
    let field = layer::field_lock(tx, id)?;
    let rules = field_used_by(tx, &field.object, &field.name)?;
    if !rules.is_empty() {
        return Err(RoutingError::FieldInUse { rules });
    }
    layer::field_remove(tx, id)?;
    inputs_erase(tx, id)
}

pub(crate) fn condition_of(rule: &Rule) -> Result<Condition, RoutingError> {
    Condition::from_json(&rule.condition).map_err(|_| RoutingError::BrokenRule { rule: rule.id() })
}

/// Everything that is wrong with a condition for these fields.
pub(crate) fn condition_flaws(condition: &Json, fields: &Fields) -> Vec<Flaw> {
    let compiled = Condition::from_json(condition)
        .and_then(|condition| Compiled::new(&condition, fields, &mut Slots::default()));
    compiled.err().unwrap_or_default()
}

fn check(tx: &mut TenantTx<'_>, object: Object, input: &RuleInput) -> Result<(), RoutingError> {
    if !(1..=100).contains(&input.name.trim().chars().count()) {
        return Err(RoutingError::Name);
    }
    let condition = Condition::from_json(&input.condition).map_err(RoutingError::Condition)?;
    let fields = layer::field_types_held(tx, object)?;
    Compiled::new(&condition, &fields, &mut Slots::default()).map_err(RoutingError::Condition)?;
    match input.target.target() {
        Some(target) if !target_known(tx, &target)? => Err(RoutingError::TargetUnknown),
        _ => Ok(()),
    }
}

fn locked(tx: &mut TenantTx<'_>, object: Object) -> Result<Router, RoutingError> {
    let router = router_of(tx, object)?.ok_or(DbError::NotFound)?;
    router_locked(tx, router.id())
}

fn locked_rule(
    tx: &mut TenantTx<'_>,
    id: RuleId,
    version: i64,
) -> Result<(Router, Rule), RoutingError> {
    let found = rule_get(tx, id)?;
    let router = router_locked(tx, RouterId::from_uuid(found.router_id))?;
    // Read again: it may have changed while the lock was awaited.
    let rule = rule_get(tx, id)?;
    if rule.version == version {
        Ok((router, rule))
    } else {
        Err(RoutingError::VersionConflict)
    }
}

fn rules_changed(tx: &mut TenantTx<'_>, router: &Router) -> Result<(), RoutingError> {
    diesel::update(routers::table)
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .filter(routers::router_id.eq(router.router_id))
        .set(routers::rules_version.eq(router.rules_version.saturating_add(1)))
        .execute(tx.conn())?;
    db::hint(tx, "router")?;
    Ok(())
}

fn written(input: &RuleInput) -> Json {
    json!({
        "name": input.name.trim(), "enabled": input.enabled,
        "condition": input.condition, "target": input.target, "unavailable": input.unavailable,
    })
}

fn stored(rule: &Rule) -> Json {
    json!({
        "name": rule.name, "enabled": rule.enabled,
        "condition": rule.condition, "target": rule.target, "unavailable": rule.unavailable,
    })
}
