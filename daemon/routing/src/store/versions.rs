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

use super::{Router, Rule, rules_all, rules_of, territories::set_of};
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
    /// The set of territories that it was published with.
    pub territories: Option<i64>,
}

impl RuleVersion {
    /// Its rules, without the territories.
    pub fn rules(&self) -> Result<Vec<BookRule>, RoutingError> {
        Ok(self.bare()?.rules)
    }

    /// All of it.
    pub(crate) fn book(&self, tx: &mut TenantTx<'_>) -> Result<RuleBook, RoutingError> {
        let territories = set_of(tx, self.router_id, self.territories)?;
        Ok(RuleBook {
            territories,
            ..self.bare()?
        })
    }

    fn bare(&self) -> Result<RuleBook, RoutingError> {
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
        .map(|found| found.book(tx))
        .transpose()
}

/// What decides at every router, by router.
pub(crate) fn published_all(tx: &mut TenantTx<'_>) -> Result<Vec<(Uuid, RuleBook)>, RoutingError> {
    let found = decides_all(tx)?;
    let book = |version: &RuleVersion| Ok((version.router_id, version.book(tx)?));
    found.iter().map(book).collect()
}

/// The versions that decide, of every router.
pub(crate) fn decides_all(tx: &mut TenantTx<'_>) -> Result<Vec<RuleVersion>, RoutingError> {
    Ok(rule_versions::table
        .inner_join(
            routers::table.on(routers::tenant_id
                .eq(rule_versions::tenant_id)
                .and(routers::router_id.eq(rule_versions::router_id))
                .and(routers::published.eq(rule_versions::version.nullable()))),
        )
        .filter(rule_versions::tenant_id.eq(tx.tenant().uuid()))
        .select(RuleVersion::as_select())
        .load(tx.conn())?)
}

/// The router's draft, with the layer's fields of now that its rules read.
pub(crate) fn draft_of(tx: &mut TenantTx<'_>, router: &Router) -> Result<RuleBook, RoutingError> {
    let rules = rules_of(tx, router.router_id)?;
    let mut book = RuleBook {
        rules: rules.into_iter().map(book_rule).collect::<Result<_, _>>()?,
        fallback: router.fallback()?,
        fields: Default::default(),
        territories: set_of(tx, router.router_id, router.territories)?,
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
    for version in decides_all(tx)? {
        let rules = version.rules()?.into_iter();
        standing.extend(rules.map(|rule| (version.router_id, rule)));
    }
    Ok(standing)
}

/// The rule sets of the drafts and those that decide, with their routers, where a territory may be asked.
pub(crate) fn books_standing(tx: &mut TenantTx<'_>) -> Result<Vec<(Uuid, RuleBook)>, RoutingError> {
    let drafts: Vec<Router> = routers::table
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .filter(routers::territories.is_not_null())
        .select(Router::as_select())
        .load(tx.conn())?;
    let mut books = Vec::new();
    for router in &drafts {
        books.push((router.router_id, draft_of(tx, router)?));
    }
    for version in decides_all(tx)? {
        if version.territories.is_some() {
            books.push((version.router_id, version.book(tx)?));
        }
    }
    Ok(books)
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
