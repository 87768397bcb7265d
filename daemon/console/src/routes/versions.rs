//! The rule set as a draft and as what was published; and where a record would go now.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use db::TenantTx;
use http::{Allowed, Body, Page, PageQuery, Path, Problem, Query, Routes};
use identity::permit;
use kernel::{RepId, RuleId, UserId};
use layer::Object;
use routing::{BookRule, Change, Names, RuleVersion, Target, WhatIf, WouldBe};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{
    assignments::{InputView, input},
    records::identify,
    rows,
};
use crate::{
    Console,
    fault::{Fault, or_current},
    views::{Named, person},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/routers/{object}/draft", rules_draft)
        .post("/routers/{object}/publish", rules_publish)
        .get("/routers/{object}/versions", rules_versions)
        .get("/routers/{object}/versions/{version}", rules_version)
        .post(
            "/routers/{object}/versions/{version}/restore",
            rules_restore,
        )
        .post(
            "/routers/{object}/versions/{version}/roll-back",
            rules_roll_back,
        )
        .get("/records/{record_id}/what-if", what_if)
}

#[derive(Serialize)]
struct DraftView {
    /// Named when the draft is published, so that nobody publishes what they have not seen.
    draft_version: i64,
    /// The version that decides; null while none was published.
    published: Option<i64>,
    changes: Vec<ChangeView>,
}

/// One difference between two rule sets.
#[derive(Serialize)]
struct ChangeView {
    /// `added`, `removed`, `changed`, `moved`, `fallback` or `territories`.
    change: &'static str,
    rule: Option<Named<RuleId>>,
    from: Option<usize>,
    to: Option<usize>,
    parts: Vec<PartView>,
}

#[derive(Serialize)]
struct PartView {
    /// `name`, `enabled`, `condition`, `target`, `unavailable`, `fallback` or `territories`.
    part: &'static str,
    before: Json,
    after: Json,
}

#[derive(Serialize)]
struct VersionView {
    version: i64,
    note: String,
    /// The version whose rules it brought back.
    restores: Option<i64>,
    published_at: DateTime<Utc>,
    published_by: Option<Named<UserId>>,
    rules: usize,
    /// It decides now.
    decides: bool,
}

#[derive(Serialize)]
struct VersionDetail {
    #[serde(flatten)]
    version: VersionView,
    /// Against the version before it.
    changes: Vec<ChangeView>,
}

#[derive(Serialize)]
struct WhatIfView {
    record_id: String,
    record_title: Option<String>,
    /// Null: the draft.
    version: Option<i64>,
    rule: Option<Named<RuleId>>,
    target: Option<TargetNamed>,
    /// `assigned`, `already_owner`, `waiting` or `failed`.
    outcome: &'static str,
    code: Option<&'static str>,
    until: Option<DateTime<Utc>>,
    rep: Option<Named<RepId>>,
    new_owner_id: Option<String>,
    owner_id: Option<String>,
    said: Vec<String>,
    inputs: Vec<InputView>,
}

#[derive(Serialize)]
struct TargetNamed {
    kind: &'static str,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishInput {
    draft_version: i64,
    #[serde(default)]
    note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RestoreInput {
    draft_version: i64,
}

#[derive(Deserialize)]
struct Which {
    #[serde(default)]
    draft: bool,
}

fn side(part: &str, rule: &BookRule, names: &Names) -> Json {
    match part {
        "name" => json!(rule.name),
        "enabled" => json!(rule.enabled),
        "condition" => rule.condition.clone(),
        "target" => match rule.target.target() {
            Some(found) => target(Some(found), names),
            None => json!({ "kind": "territory", "name": null }),
        },
        _ => json!(rule.unavailable),
    }
}

fn target(target: Option<Target>, names: &Names) -> Json {
    target.map_or(Json::Null, |target| {
        let name = names.target(target.kind(), target.uuid());
        json!({ "kind": target.kind(), "name": name })
    })
}

/// Of a rule that is new or gone, everything; of one that changed, what differs.
const ALL_PARTS: [&str; 4] = ["condition", "target", "unavailable", "enabled"];

fn change(change: &Change, names: &Names) -> ChangeView {
    let parts = |before: Option<&BookRule>, after: Option<&BookRule>, parts: &[&'static str]| {
        let part = |part: &&'static str| PartView {
            part,
            before: before.map_or(Json::Null, |rule| side(part, rule, names)),
            after: after.map_or(Json::Null, |rule| side(part, rule, names)),
        };
        parts.iter().map(part).collect()
    };
    let named = |rule: &BookRule| {
        Some(Named {
            id: rule.id,
            name: rule.name.clone(),
        })
    };
    let bare = ChangeView {
        change: "fallback",
        rule: None,
        from: None,
        to: None,
        parts: Vec::new(),
    };
    match change {
        Change::Added { rule, position } => ChangeView {
            change: "added",
            rule: named(rule),
            to: Some(*position),
            parts: parts(None, Some(rule), &ALL_PARTS),
            ..bare
        },
        Change::Removed { rule, position } => ChangeView {
            change: "removed",
            rule: named(rule),
            from: Some(*position),
            parts: parts(Some(rule), None, &ALL_PARTS),
            ..bare
        },
        Change::Changed {
            before,
            after,
            parts: differ,
        } => ChangeView {
            change: "changed",
            rule: named(after),
            parts: parts(Some(before), Some(after), differ),
            ..bare
        },
        Change::Moved {
            rule,
            name,
            from,
            to,
        } => ChangeView {
            change: "moved",
            rule: Some(Named {
                id: *rule,
                name: name.clone(),
            }),
            from: Some(*from),
            to: Some(*to),
            ..bare
        },
        Change::Territories(found) => ChangeView {
            change: "territories",
            parts: vec![PartView {
                part: "territories",
                before: Json::Null,
                after: json!(found),
            }],
            ..bare
        },
        Change::Fallback { before, after } => ChangeView {
            parts: vec![PartView {
                part: "fallback",
                before: target(*before, names),
                after: target(*after, names),
            }],
            ..bare
        },
    }
}

fn changes(tx: &mut TenantTx<'_>, found: &[Change]) -> Result<Vec<ChangeView>, Fault> {
    let names = routing::names(tx)?;
    Ok(found.iter().map(|found| change(found, &names)).collect())
}

fn draft(tx: &mut TenantTx<'_>, object: Object) -> Result<DraftView, Fault> {
    let draft = routing::rules_draft(tx, object)?;
    Ok(DraftView {
        draft_version: draft.draft_version,
        published: draft.published,
        changes: changes(tx, &draft.changes)?,
    })
}

fn version(
    found: &RuleVersion,
    published: Option<i64>,
    people: &HashMap<Uuid, String>,
) -> Result<VersionView, Fault> {
    Ok(VersionView {
        version: found.version,
        note: found.note.clone(),
        restores: found.restores,
        published_at: found.published_at,
        published_by: person(people, found.published_by),
        rules: found.rules()?.len(),
        decides: published == Some(found.version),
    })
}

fn version_views(
    tx: &mut TenantTx<'_>,
    object: Object,
    found: &[RuleVersion],
) -> Result<Vec<VersionView>, Fault> {
    let published = routing::router_get(tx, object)?.and_then(|router| router.published);
    let people = identity::people_names(tx, found.iter().filter_map(|row| row.published_by))?;
    found
        .iter()
        .map(|row| version(row, published, &people))
        .collect()
}

async fn rules_draft(
    who: Allowed<permit::RuleRead>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
) -> Result<web::Json<DraftView>, Problem> {
    Ok(web::Json(
        console.db.run(&who, move |tx| draft(tx, object)).await?,
    ))
}

async fn rules_publish(
    who: Allowed<permit::RuleEdit>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
    Body(input): Body<PublishInput>,
) -> Result<HttpResponse, Problem> {
    let published = console
        .db
        .run(&who, move |tx| {
            let done = routing::rules_publish(tx, object, input.draft_version, &input.note);
            let done = or_current(done, || draft(tx, object))?;
            one(tx, object, done)
        })
        .await?;
    Ok(HttpResponse::Created().json(published))
}

fn one(tx: &mut TenantTx<'_>, object: Object, row: RuleVersion) -> Result<VersionView, Fault> {
    version_views(tx, object, &[row])?
        .pop()
        .ok_or(Fault::Db(db::DbError::NotFound))
}

async fn rules_versions(
    who: Allowed<permit::RuleRead>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
    page: PageQuery<i64>,
) -> Result<web::Json<Page<VersionView>>, Problem> {
    let listed = console
        .db
        .run(&who, move |tx| {
            let limit = rows(page.limit);
            let (found, next) = routing::rules_versions(tx, object, page.after, limit)?;
            let items = version_views(tx, object, &found)?;
            Ok::<_, Fault>(Page::new(items, next.as_ref()))
        })
        .await?;
    Ok(web::Json(listed))
}

async fn rules_version(
    who: Allowed<permit::RuleRead>,
    console: web::Data<Console>,
    Path((object, number)): Path<(Object, i64)>,
) -> Result<web::Json<VersionDetail>, Problem> {
    let shown = console
        .db
        .run(&who, move |tx| {
            let (found, differs) = routing::rules_version(tx, object, number)?;
            let changes = changes(tx, &differs)?;
            let version = one(tx, object, found)?;
            Ok::<_, Fault>(VersionDetail { version, changes })
        })
        .await?;
    Ok(web::Json(shown))
}

async fn rules_restore(
    who: Allowed<permit::RuleEdit>,
    console: web::Data<Console>,
    Path((object, number)): Path<(Object, i64)>,
    Body(input): Body<RestoreInput>,
) -> Result<web::Json<DraftView>, Problem> {
    let restored = console
        .db
        .run(&who, move |tx| {
            let done = routing::rules_restore(tx, object, number, input.draft_version);
            or_current(done, || draft(tx, object))?;
            draft(tx, object)
        })
        .await?;
    Ok(web::Json(restored))
}

async fn rules_roll_back(
    who: Allowed<permit::RuleEdit>,
    console: web::Data<Console>,
    Path((object, number)): Path<(Object, i64)>,
    Body(input): Body<PublishInput>,
) -> Result<HttpResponse, Problem> {
    let published = console
        .db
        .run(&who, move |tx| {
            let (draft_version, note) = (input.draft_version, &input.note);
            let done = routing::rules_roll_back(tx, object, number, draft_version, note);
            let done = or_current(done, || draft(tx, object))?;
            one(tx, object, done)
        })
        .await?;
    Ok(HttpResponse::Created().json(published))
}

async fn what_if(
    who: Allowed<permit::RuleRead>,
    console: web::Data<Console>,
    Path(text): Path<String>,
    Query(which): Query<Which>,
) -> Result<web::Json<WhatIfView>, Problem> {
    let (object, record_id) = identify(&text).ok_or_else(Problem::not_found)?;
    let told = console
        .db
        .run(&who, move |tx| {
            Ok::<_, Fault>(routing::what_if(tx, object, &record_id, which.draft)?)
        })
        .await?;
    Ok(web::Json(would_be(told)))
}

fn would_be(told: WhatIf) -> WhatIfView {
    let (mut code, mut until, mut rep, mut new_owner_id) = (None, None, None, None);
    let outcome = match told.outcome {
        WouldBe::Assigned {
            rep: given,
            new_owner,
            already_owner,
        } => {
            rep = given.map(|(id, name)| Named { id, name });
            new_owner_id = Some(new_owner);
            if already_owner {
                "already_owner"
            } else {
                "assigned"
            }
        }
        WouldBe::Waiting {
            code: why,
            until: back,
        } => {
            (code, until) = (Some(why), Some(back));
            "waiting"
        }
        WouldBe::Failed { code: why } => {
            code = Some(why);
            "failed"
        }
    };
    WhatIfView {
        record_id: told.record_id,
        record_title: told.title,
        version: told.version,
        rule: told.rule.map(|(id, name)| Named { id, name }),
        target: told.target.map(|(target, name)| TargetNamed {
            kind: target.kind(),
            name,
        }),
        outcome,
        code,
        until,
        rep,
        new_owner_id,
        owner_id: told.owner,
        said: told.said,
        inputs: told.inputs.into_iter().map(input).collect(),
    }
}
