//! Pools of reps who take turns.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use db::TenantTx;
use http::{Allowed, Body, Path, Problem, Routes};
use identity::permit;
use kernel::{CalendarId, PoolId, RepId};
use routing::{PoolEntry, PoolInput, PoolMember, RepEntry};
use serde::{Deserialize, Serialize};

use super::availability::{CapsView, PresenceView};
use crate::{
    Console,
    fault::{Fault, or_current},
    views::{All, RuleUse, rule_uses},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/pools", pool_list)
        .post("/pools", pool_create)
        .put("/pools/{id}", pool_update)
        .delete("/pools/{id}", pool_delete)
}

#[derive(Serialize)]
struct PoolView {
    id: PoolId,
    name: String,
    version: i64,
    calendar_id: Option<CalendarId>,
    /// Of each member, through this pool.
    caps: CapsView,
    members: Vec<MemberView>,
    used_by: Vec<RuleUse>,
}

#[derive(Serialize)]
struct MemberView {
    rep_id: RepId,
    name: String,
    active: bool,
    paused: bool,
    weight: u32,
    /// 0 to 1, as the next.
    share_ideal: f64,
    /// Zero when the pool took nothing in 7 days.
    share_7d: f64,
    assigned_7d: i64,
    presence: PresenceView,
    /// The pool's next lead is this member's, as things stand.
    next: bool,
    /// Leads that the pool owes the member; below zero: had ahead of its share. Null for who is not in play.
    owed: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberInput {
    rep_id: RepId,
    weight: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateInput {
    name: String,
    members: Vec<MemberInput>,
    calendar_id: Option<CalendarId>,
    #[serde(default)]
    caps: CapsView,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateInput {
    name: String,
    members: Vec<MemberInput>,
    calendar_id: Option<CalendarId>,
    #[serde(default)]
    caps: CapsView,
    version: i64,
}

fn input(
    name: String,
    members: Vec<MemberInput>,
    calendar: Option<CalendarId>,
    caps: CapsView,
) -> PoolInput {
    let members = members
        .into_iter()
        .map(|member| (member.rep_id, member.weight))
        .collect();
    PoolInput {
        name,
        members,
        calendar,
        caps: caps.into(),
    }
}

type Reps = HashMap<RepId, RepEntry>;

fn reps(tx: &mut TenantTx<'_>) -> Result<Reps, Fault> {
    let entries = routing::rep_list(tx, None)?;
    Ok(entries
        .into_iter()
        .map(|entry| (entry.rep.id(), entry))
        .collect())
}

fn view(entry: PoolEntry, reps: &Reps) -> PoolView {
    let member = |member: PoolMember| {
        let rep = reps.get(&member.rep).map(|entry| &entry.rep);
        MemberView {
            rep_id: member.rep,
            name: rep.map(|rep| rep.name.clone()).unwrap_or_default(),
            active: rep.is_some_and(|rep| rep.active),
            paused: rep.is_some_and(|rep| rep.paused),
            weight: member.weight,
            share_ideal: member.share_ideal,
            share_7d: member.share_7d.unwrap_or(0.0),
            assigned_7d: member.assigned_7d,
            presence: PresenceView::new(member.standing, member.back),
            next: member.next,
            owed: member.owed,
        }
    };
    PoolView {
        id: entry.pool.id(),
        calendar_id: entry.pool.calendar_id.map(CalendarId::from_uuid),
        caps: entry.pool.caps().into(),
        name: entry.pool.name,
        version: entry.pool.version,
        members: entry.members.into_iter().map(member).collect(),
        used_by: rule_uses(&entry.used_by),
    }
}

fn show(tx: &mut TenantTx<'_>, id: PoolId) -> Result<PoolView, Fault> {
    let entry = routing::pool_get(tx, id)?;
    Ok(view(entry, &reps(tx)?))
}

async fn pool_list(
    who: Allowed<permit::PoolRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<PoolView>>, Problem> {
    let items = console
        .db
        .run(&who, |tx| {
            let entries = routing::pool_list(tx)?;
            let reps = reps(tx)?;
            Ok::<_, Fault>(
                entries
                    .into_iter()
                    .map(|entry| view(entry, &reps))
                    .collect(),
            )
        })
        .await?;
    Ok(web::Json(All { items }))
}

async fn pool_create(
    who: Allowed<permit::PoolEdit>,
    console: web::Data<Console>,
    Body(body): Body<CreateInput>,
) -> Result<HttpResponse, Problem> {
    let input = input(body.name, body.members, body.calendar_id, body.caps);
    let created = console
        .db
        .run(&who, move |tx| {
            let entry = routing::pool_create(tx, &input)?;
            Ok::<_, Fault>(view(entry, &reps(tx)?))
        })
        .await?;
    Ok(HttpResponse::Created().json(created))
}

async fn pool_update(
    who: Allowed<permit::PoolEdit>,
    console: web::Data<Console>,
    Path(id): Path<PoolId>,
    Body(body): Body<UpdateInput>,
) -> Result<web::Json<PoolView>, Problem> {
    let (version, input) = (
        body.version,
        input(body.name, body.members, body.calendar_id, body.caps),
    );
    let updated = console
        .db
        .run(&who, move |tx| {
            let changed = routing::pool_update(tx, id, version, &input);
            let entry = or_current(changed, || show(tx, id))?;
            Ok::<_, Fault>(view(entry, &reps(tx)?))
        })
        .await?;
    Ok(web::Json(updated))
}

async fn pool_delete(
    who: Allowed<permit::PoolEdit>,
    console: web::Data<Console>,
    Path(id): Path<PoolId>,
) -> Result<HttpResponse, Problem> {
    console
        .db
        .run(&who, move |tx| {
            Ok::<_, Fault>(routing::pool_delete(tx, id)?)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
