//! Rule sets as they were published, and the draft as one of the same form.

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods,
    OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};
use schema::{routers, rule_versions};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{Router, Rule, rules_all, rules_of};
use crate::{
    error::RoutingError,
    model::book::{BookField, BookRule, RuleBook},
};

/// A published rule set.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = rule_versions)]
pub struct RuleVersion {
    pub router_id: Uuid,
    pub version: i64,
    pub content: Json,
    /// What whoever published it said of it.
    pub note: String,
    /// The version whose rules this one brought back.
    pub restores: Option<i64>,
    pub published_at: DateTime<Utc>,
    pub published_by: Option<Uuid>,
}

impl RuleVersion {
    pub fn book(&self) -> Result<RuleBook, RoutingError> {
        serde_json::from_value(self.content.clone())
            .map_err(|_| RoutingError::Stored { what: "rule set" })
    }
}

/// A version of a router's rules.
pub(crate) fn version_of(
    tx: &mut TenantTx<'_>,
    router: Uuid,
    version: i64,
) -> Result<Option<RuleVersion>, RoutingError> {
    Ok(rule_versions::table
        .filter(rule_versions::tenant_id.eq(tx.tenant().uuid()))
        .filter(rule_versions::router_id.eq(router))
        .filter(rule_versions::version.eq(version))
        .select(RuleVersion::as_select())
        .first(tx.conn())
        .optional()?)
}

/// The rules that decide, once some were published.
pub(crate) fn published_of(
    tx: &mut TenantTx<'_>,
    router: &Router,
) -> Result<Option<RuleBook>, RoutingError> {
    let Some(version) = router.published else {
        return Ok(None);
    };
    version_of(tx, router.router_id, version)?
        .map(|found| found.book())
        .transpose()
}

/// The published rules of every router, by router.
pub(crate) fn published_all(tx: &mut TenantTx<'_>) -> Result<Vec<(Uuid, RuleBook)>, RoutingError> {
    let found: Vec<RuleVersion> = rule_versions::table
        .inner_join(
            routers::table.on(routers::tenant_id
                .eq(rule_versions::tenant_id)
                .and(routers::router_id.eq(rule_versions::router_id))
                .and(routers::published.eq(rule_versions::version.nullable()))),
        )
        .filter(rule_versions::tenant_id.eq(tx.tenant().uuid()))
        .select(RuleVersion::as_select())
        .load(tx.conn())?;
    found
        .iter()
        .map(|version| Ok((version.router_id, version.book()?)))
        .collect()
}

/// The router's draft, with the layer's fields of now that its rules read.
pub(crate) fn draft_of(tx: &mut TenantTx<'_>, router: &Router) -> Result<RuleBook, RoutingError> {
    let rules = rules_of(tx, router.router_id)?;
    let mut book = RuleBook {
        rules: rules.into_iter().map(book_rule).collect::<Result<_, _>>()?,
        fallback: router.fallback()?,
        fields: Default::default(),
    };
    let read = book.fields_read();
    for field in layer::field_list(tx, router.object()?)? {
        if read.contains(&field.name) {
            let kind = field.kind().ok_or(RoutingError::Stored { what: "field" })?;
            let id = field.id();
            book.fields.insert(field.name, BookField { id, kind });
        }
    }
    Ok(book)
}

/// Every rule that a person may still come across, with its router: those of the drafts, then those that
/// decide.
pub(crate) fn rules_standing(tx: &mut TenantTx<'_>) -> Result<Vec<(Uuid, BookRule)>, RoutingError> {
    let mut standing = Vec::new();
    for rule in rules_all(tx)? {
        standing.push((rule.router_id, book_rule(rule)?));
    }
    for (router, book) in published_all(tx)? {
        standing.extend(book.rules.into_iter().map(|rule| (router, rule)));
    }
    Ok(standing)
}

fn book_rule(rule: Rule) -> Result<BookRule, RoutingError> {
    Ok(BookRule {
        id: rule.id(),
        version: rule.version,
        target: rule.target()?,
        unavailable: rule.unavailable()?,
        name: rule.name,
        enabled: rule.enabled,
        condition: rule.condition,
    })
}
