//! Rule sets: a draft that people change, versions that decide. Nothing that was published changes; to
//! go back is to publish an earlier version's rules anew.

use std::collections::{HashMap, HashSet};

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{DbError, TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};
use kernel::{Action, RuleId, UserId};
use layer::Object;
use schema::{routers, rule_versions, rules};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    error::RoutingError,
    model::book::{BookRule, Change, RuleBook, diff},
    store::{
        Router, Rule,
        marks::postponed_wake,
        router_locked, router_of, rules_of, target_json, target_known,
        territories::set_put,
        versions::{RuleVersion, draft_of, published_of, version_of},
    },
};

/// How often sampled decisions are made again.
const NIGHTLY_SECONDS: i32 = 86_400;
const MAX_NOTE: usize = 500;

/// The draft beside what decides.
#[derive(Debug)]
pub struct Draft {
    /// Raised by each change; publishing names it.
    pub draft_version: i64,
    /// The version that decides; `None` while none was published.
    pub published: Option<i64>,
    pub changes: Vec<Change>,
}

/// What publishing the draft would change.
pub fn rules_draft(tx: &mut TenantTx<'_>, object: Object) -> Result<Draft, RoutingError> {
    let router = router_of(tx, object)?.ok_or(DbError::NotFound)?;
    let published = published_of(tx, &router)?.unwrap_or_default();
    Ok(Draft {
        draft_version: router.rules_version,
        published: router.published,
        changes: diff(&published, &draft_of(tx, &router)?),
    })
}

/// Versions, latest first, from before `before` on.
pub fn rules_versions(
    tx: &mut TenantTx<'_>,
    object: Object,
    before: Option<i64>,
    limit: u16,
) -> Result<(Vec<RuleVersion>, Option<i64>), RoutingError> {
    let router = router_of(tx, object)?.ok_or(DbError::NotFound)?;
    let mut versions: Vec<RuleVersion> = rule_versions::table
        .filter(rule_versions::tenant_id.eq(tx.tenant().uuid()))
        .filter(rule_versions::router_id.eq(router.router_id))
        .filter(rule_versions::version.lt(before.unwrap_or(i64::MAX)))
        .order(rule_versions::version.desc())
        .limit(i64::from(limit).saturating_add(1))
        .select(RuleVersion::as_select())
        .load(tx.conn())?;
    let more = versions.len() > usize::from(limit);
    versions.truncate(usize::from(limit));
    let next = versions.last().filter(|_| more).map(|last| last.version);
    Ok((versions, next))
}

/// One version, and what it changed against the one before it.
pub fn rules_version(
    tx: &mut TenantTx<'_>,
    object: Object,
    version: i64,
) -> Result<(RuleVersion, Vec<Change>), RoutingError> {
    let router = router_of(tx, object)?.ok_or(DbError::NotFound)?;
    let found = version_of(tx, router.router_id, version)?.ok_or(DbError::NotFound)?;
    let before: Option<RuleVersion> = rule_versions::table
        .filter(rule_versions::tenant_id.eq(tx.tenant().uuid()))
        .filter(rule_versions::router_id.eq(router.router_id))
        .filter(rule_versions::version.lt(version))
        .order(rule_versions::version.desc())
        .select(RuleVersion::as_select())
        .limit(1)
        .load(tx.conn())?
        .pop();
    let before = before.map(|found| found.book(tx)).transpose()?;
    let changes = diff(&before.unwrap_or_default(), &found.book(tx)?);
    Ok((found, changes))
}

/// Makes the draft decide. `draft_version` names the draft that was looked at.
///
/// # Errors
/// `VersionConflict` when the draft has changed since; `NothingToPublish` when it is what decides
/// already; `BrokenRule` or `TargetUnknown` when it cannot run.
pub fn rules_publish(
    tx: &mut TenantTx<'_>,
    object: Object,
    draft_version: i64,
    note: &str,
) -> Result<RuleVersion, RoutingError> {
    let router = draft_locked(tx, object, draft_version)?;
    publish(tx, &router, note, None, Action::RulesPublish)
}

/// Makes the draft what a version says; what decides stays as it is.
pub fn rules_restore(
    tx: &mut TenantTx<'_>,
    object: Object,
    version: i64,
    draft_version: i64,
) -> Result<Draft, RoutingError> {
    let router = draft_locked(tx, object, draft_version)?;
    let book = version_of(tx, router.router_id, version)?
        .ok_or(DbError::NotFound)?
        .book(tx)?;
    let changes = draft_replace(tx, &router, &book)?;
    Entry::new(Action::RulesRestore, "router", router.id())
        .after(json!({ "version": version, "changes": changes }))
        .write(tx)?;
    rules_draft(tx, object)
}

/// Publishes a version's rules anew, and makes them the draft as well.
pub fn rules_roll_back(
    tx: &mut TenantTx<'_>,
    object: Object,
    version: i64,
    draft_version: i64,
    note: &str,
) -> Result<RuleVersion, RoutingError> {
    let router = draft_locked(tx, object, draft_version)?;
    let book = version_of(tx, router.router_id, version)?
        .ok_or(DbError::NotFound)?
        .book(tx)?;
    draft_replace(tx, &router, &book)?;
    let router = router_locked(tx, router.id())?;
    publish(tx, &router, note, Some(version), Action::RulesRollBack)
}

pub(crate) fn draft_locked(
    tx: &mut TenantTx<'_>,
    object: Object,
    draft_version: i64,
) -> Result<Router, RoutingError> {
    let router = router_of(tx, object)?.ok_or(DbError::NotFound)?;
    let router = router_locked(tx, router.id())?;
    if router.rules_version == draft_version {
        Ok(router)
    } else {
        Err(RoutingError::VersionConflict)
    }
}

/// Publishes the draft of a router that is locked.
pub(crate) fn publish(
    tx: &mut TenantTx<'_>,
    router: &Router,
    note: &str,
    restores: Option<i64>,
    action: Action,
) -> Result<RuleVersion, RoutingError> {
    if note.chars().count() > MAX_NOTE {
        return Err(RoutingError::Note);
    }
    let book = draft_of(tx, router)?;
    runs(tx, router.object()?, &book)?;
    let before = published_of(tx, router)?;
    let changes = diff(&before.clone().unwrap_or_default(), &book);
    if before.is_some() && changes.is_empty() {
        return Err(RoutingError::NothingToPublish);
    }
    let version = router.published.map_or(1, |last| last.saturating_add(1));
    let content =
        serde_json::to_value(&book).map_err(|_| RoutingError::Stored { what: "rule set" })?;
    let now = tx.now();
    diesel::insert_into(rule_versions::table)
        .values((
            rule_versions::tenant_id.eq(tx.tenant().uuid()),
            rule_versions::router_id.eq(router.router_id),
            rule_versions::version.eq(version),
            rule_versions::content.eq(content),
            rule_versions::note.eq(note.trim()),
            rule_versions::restores.eq(restores),
            rule_versions::published_at.eq(now),
            rule_versions::published_by.eq(tx.principal().user().map(UserId::uuid)),
            rule_versions::territories.eq(router.territories),
        ))
        .execute(tx.conn())?;
    diesel::update(routers::table)
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .filter(routers::router_id.eq(router.router_id))
        .set(routers::published.eq(version))
        .execute(tx.conn())?;
    Entry::new(action, "router", router.id())
        .after(json!({ "version": version, "restores": restores, "note": note.trim(), "changes": changes }))
        .write(tx)?;
    let night = tx.now() + chrono::TimeDelta::seconds(i64::from(NIGHTLY_SECONDS));
    let kind = super::recompute::KIND;
    jobs::schedule_ensure(tx, kind, kind, NIGHTLY_SECONDS, night)?;
    postponed_wake(tx)?;
    db::hint(tx, "router")?;
    version_of(tx, router.router_id, version)?.ok_or_else(|| DbError::NotFound.into())
}

/// Whether the layer bears the rules, and every target is there. Fields and pools are held.
fn runs(tx: &mut TenantTx<'_>, object: Object, book: &RuleBook) -> Result<(), RoutingError> {
    let fields = layer::field_types_held(tx, object)?;
    book.compile(&fields)
        .map_err(|broken| RoutingError::BrokenRule { rule: broken.rule })?;
    let targets: HashSet<_> = book.targets().collect();
    for target in targets {
        if !target_known(tx, &target)? {
            return Err(RoutingError::TargetUnknown);
        }
    }
    Ok(())
}

/// A rule's row with what a rule set says of it; a changed rule is a new version of itself.
fn row(rule: &BookRule, at: usize, live: Option<&Rule>, new: &New) -> Result<Rule, RoutingError> {
    let (condition, target) = (rule.condition.clone(), target_json(&rule.target)?);
    let same = live.is_some_and(|live| {
        live.name == rule.name
            && live.enabled == rule.enabled
            && live.condition == condition
            && live.target == target
            && live.unavailable == rule.unavailable.name()
    });
    let version = live.map_or(rule.version, |live| {
        live.version.saturating_add(i64::from(!same))
    });
    let unchanged = live.filter(|_| same);
    Ok(Rule {
        rule_id: rule.id.uuid(),
        router_id: new.router,
        position: i32::try_from(at).unwrap_or(i32::MAX),
        name: rule.name.clone(),
        enabled: rule.enabled,
        condition,
        target,
        version,
        updated_by: unchanged.map_or(new.by, |live| live.updated_by),
        created_at: live.map_or(new.at, |live| live.created_at),
        updated_at: unchanged.map_or(new.at, |live| live.updated_at),
        unavailable: rule.unavailable.name().to_owned(),
    })
}

/// Who changes which router's rules, and when.
struct New {
    router: Uuid,
    by: Option<Uuid>,
    at: DateTime<Utc>,
}

/// Makes the draft what `book` says. Tells what that changed.
pub(crate) fn draft_replace(
    tx: &mut TenantTx<'_>,
    router: &Router,
    book: &RuleBook,
) -> Result<Vec<Change>, RoutingError> {
    runs(tx, router.object()?, book)?;
    let changes = diff(&draft_of(tx, router)?, book);
    let live: HashMap<RuleId, Rule> = rules_of(tx, router.router_id)?
        .into_iter()
        .map(|rule| (rule.id(), rule))
        .collect();
    let new = New {
        router: router.router_id,
        by: tx.principal().user().map(UserId::uuid),
        at: tx.now(),
    };
    let rows = (0..)
        .zip(&book.rules)
        .map(|(at, rule)| row(rule, at, live.get(&rule.id), &new))
        .collect::<Result<Vec<_>, _>>()?;
    let tenant = tx.tenant().uuid();
    diesel::delete(rules::table)
        .filter(rules::tenant_id.eq(tenant))
        .filter(rules::router_id.eq(router.router_id))
        .execute(tx.conn())?;
    let values: Vec<_> = rows
        .iter()
        .map(|row| (rules::tenant_id.eq(tenant), row))
        .collect();
    diesel::insert_into(rules::table)
        .values(values)
        .execute(tx.conn())?;
    if changes
        .iter()
        .any(|change| matches!(change, Change::Territories(_)))
    {
        set_put(tx, router, &book.territories)?;
    }
    let fallback: Option<Json> = book.fallback.as_ref().map(target_json).transpose()?;
    diesel::update(routers::table)
        .filter(routers::tenant_id.eq(tenant))
        .filter(routers::router_id.eq(router.router_id))
        .set((
            routers::fallback.eq(fallback),
            routers::rules_version.eq(router.rules_version.saturating_add(1)),
        ))
        .execute(tx.conn())?;
    db::hint(tx, "router")?;
    Ok(changes)
}
