//! The ordered rules of a router.

use std::collections::HashMap;

use actix_web::{HttpResponse, http::StatusCode, web};
use chrono::{DateTime, Utc};
use db::{DbError, TenantTx};
use http::{Allowed, Body, Path, Problem, Query, Routes};
use identity::permit;
use kernel::{RuleId, UserId};
use layer::Object;
use routing::{GiveTo, PreviewItem, Rule, RuleInput, Unavailable};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    Console,
    fault::{Fault, or_current},
    views::{Named, RuleUse, person, rule_uses},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/routers/{object}/rules", rule_list)
        .post("/routers/{object}/rules", rule_create)
        .post("/routers/{object}/rules/order", rule_reorder)
        .post("/routers/{object}/rules/preview", rule_preview)
        .put("/rules/{id}", rule_update)
        .delete("/rules/{id}", rule_delete)
}

#[derive(Serialize)]
struct RuleView {
    id: RuleId,
    /// From 1.
    position: usize,
    name: String,
    enabled: bool,
    condition: Json,
    target: GiveTo,
    unavailable: Unavailable,
    version: i64,
    matched_7d: i64,
    updated_at: DateTime<Utc>,
    updated_by: Option<Named<UserId>>,
}

#[derive(Serialize)]
struct RulesView {
    items: Vec<RuleView>,
    version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateInput {
    name: String,
    enabled: bool,
    condition: Json,
    target: GiveTo,
    #[serde(default)]
    unavailable: Unavailable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateInput {
    name: String,
    enabled: bool,
    condition: Json,
    target: GiveTo,
    #[serde(default)]
    unavailable: Unavailable,
    version: i64,
}

#[derive(Deserialize)]
struct Version {
    version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderInput {
    ids: Vec<RuleId>,
    version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PreviewInput {
    condition: Json,
    /// Sent by the editor together with the rest; a preview gives nobody a turn.
    #[serde(rename = "target")]
    _target: Option<GiveTo>,
    rule_id: Option<RuleId>,
}

#[derive(Serialize)]
struct PreviewView {
    considered: usize,
    matching: usize,
    taken_by_earlier: usize,
    items: Vec<PreviewItemView>,
}

#[derive(Serialize)]
struct PreviewItemView {
    record_id: String,
    title: String,
    matches: bool,
    taken_by: Option<RuleUse>,
    failed_terms: Vec<String>,
}

fn views(tx: &mut TenantTx<'_>, rules: Vec<Rule>, version: i64) -> Result<RulesView, Fault> {
    let matched = routing::rules_matched(tx)?;
    let names = identity::people_names(tx, rules.iter().filter_map(|rule| rule.updated_by))?;
    let numbered = rules.into_iter().zip(1..);
    let items = numbered.map(|(rule, position)| view(rule, position, &matched, &names));
    Ok(RulesView {
        items: items.collect::<Result<_, Fault>>()?,
        version,
    })
}

fn view(
    rule: Rule,
    position: usize,
    matched: &HashMap<Uuid, i64>,
    names: &HashMap<Uuid, String>,
) -> Result<RuleView, Fault> {
    Ok(RuleView {
        id: rule.id(),
        position,
        target: rule.target()?,
        unavailable: rule.unavailable()?,
        matched_7d: matched.get(&rule.rule_id).copied().unwrap_or(0),
        updated_by: person(names, rule.updated_by),
        name: rule.name,
        enabled: rule.enabled,
        condition: rule.condition,
        version: rule.version,
        updated_at: rule.updated_at,
    })
}

/// The rules of an object; none while it has no router.
fn show(tx: &mut TenantTx<'_>, object: Object) -> Result<RulesView, Fault> {
    if routing::router_get(tx, object)?.is_none() {
        return Ok(RulesView {
            items: Vec::new(),
            version: 0,
        });
    }
    let (rules, version) = routing::rule_list(tx, object)?;
    views(tx, rules, version)
}

/// One rule at its place among the others.
fn show_one(tx: &mut TenantTx<'_>, id: RuleId) -> Result<RuleView, Fault> {
    let rule = routing::rule_get(tx, id)?;
    let routers = routing::router_list(tx)?;
    let router = routers
        .iter()
        .find(|router| router.router_id == rule.router_id);
    let object = router.ok_or(DbError::NotFound)?.object()?;
    let found = show(tx, object)?
        .items
        .into_iter()
        .find(|view| view.id == id);
    found.ok_or(Fault::Db(DbError::NotFound))
}

async fn rule_list(
    who: Allowed<permit::RuleRead>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
) -> Result<web::Json<RulesView>, Problem> {
    Ok(web::Json(
        console.db.run(&who, move |tx| show(tx, object)).await?,
    ))
}

async fn rule_create(
    who: Allowed<permit::RuleEdit>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
    Body(body): Body<CreateInput>,
) -> Result<HttpResponse, Problem> {
    let input = RuleInput {
        name: body.name,
        enabled: body.enabled,
        condition: body.condition,
        target: body.target,
        unavailable: body.unavailable,
    };
    let created = console
        .db
        .run(&who, move |tx| {
            if routing::router_get(tx, object)?.is_none() {
                return Err(Fault::Answer(Problem::new(
                    StatusCode::CONFLICT,
                    "router_missing",
                    "Say first which records are routed; then rules can be added.",
                )));
            }
            let rule = routing::rule_create(tx, object, &input)?;
            show_one(tx, rule.id())
        })
        .await?;
    Ok(HttpResponse::Created().json(created))
}

async fn rule_update(
    who: Allowed<permit::RuleEdit>,
    console: web::Data<Console>,
    Path(id): Path<RuleId>,
    Body(body): Body<UpdateInput>,
) -> Result<web::Json<RuleView>, Problem> {
    let version = body.version;
    let input = RuleInput {
        name: body.name,
        enabled: body.enabled,
        condition: body.condition,
        target: body.target,
        unavailable: body.unavailable,
    };
    let updated = console
        .db
        .run(&who, move |tx| {
            let changed = routing::rule_update(tx, id, version, &input);
            or_current(changed, || show_one(tx, id))?;
            show_one(tx, id)
        })
        .await?;
    Ok(web::Json(updated))
}

async fn rule_delete(
    who: Allowed<permit::RuleEdit>,
    console: web::Data<Console>,
    Path(id): Path<RuleId>,
    Query(query): Query<Version>,
) -> Result<HttpResponse, Problem> {
    console
        .db
        .run(&who, move |tx| {
            let deleted = routing::rule_delete(tx, id, query.version);
            or_current(deleted, || show_one(tx, id))
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn rule_reorder(
    who: Allowed<permit::RuleEdit>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
    Body(input): Body<OrderInput>,
) -> Result<web::Json<RulesView>, Problem> {
    let ordered = console
        .db
        .run(&who, move |tx| {
            let changed = routing::rule_reorder(tx, object, &input.ids, input.version);
            let (rules, version) = or_current(changed, || show(tx, object))?;
            views(tx, rules, version)
        })
        .await?;
    Ok(web::Json(ordered))
}

async fn rule_preview(
    who: Allowed<permit::RuleRead>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
    Body(input): Body<PreviewInput>,
) -> Result<web::Json<PreviewView>, Problem> {
    let preview = console
        .db
        .run(&who, move |tx| {
            Ok::<_, Fault>(routing::rule_preview(
                tx,
                object,
                &input.condition,
                input.rule_id,
            )?)
        })
        .await?;
    let item = |item: PreviewItem| PreviewItemView {
        title: item.title.unwrap_or_else(|| item.record_id.clone()),
        record_id: item.record_id,
        matches: item.matches,
        taken_by: item.taken_by.and_then(|rule| rule_uses(&[rule]).pop()),
        failed_terms: item.failed_terms,
    };
    Ok(web::Json(PreviewView {
        considered: preview.considered,
        matching: preview.matching,
        taken_by_earlier: preview.taken_by_earlier,
        items: preview.items.into_iter().map(item).collect(),
    }))
}
