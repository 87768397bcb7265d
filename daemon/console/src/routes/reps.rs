//! Reps and queues, as Salesforce names them.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use connections::{ConnectionError, State};
use db::TenantTx;
use http::{Allowed, Body, Path, Problem, Query, Routes};
use identity::permit;
use jobs::NewJob;
use kernel::{CalendarId, JobId, PoolId, QueueId, RepId};
use routing::{Interval, QueueRow, RepEntry};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{
    PROVIDER,
    availability::{CapsView, LoadView, PresenceView, TimeOffView},
};
use crate::{
    Console,
    fault::Fault,
    views::{All, Named},
};

/// The connector's job that reads users and queues.
const SYNC: &str = "reps.sync";

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/reps", rep_list)
        .patch("/reps/{id}", rep_update)
        .post("/reps/sync", rep_sync)
        .get("/queues", queue_list)
}

#[derive(Serialize)]
pub(super) struct RepView {
    id: RepId,
    salesforce_user_id: String,
    name: String,
    active: bool,
    paused: bool,
    pools: Vec<Named<PoolId>>,
    /// Since midnight UTC.
    routed_today: i64,
    last_assigned_at: Option<DateTime<Utc>>,
    synced_at: DateTime<Utc>,
    /// IANA; null: UTC.
    time_zone: Option<String>,
    /// Null: at any hour.
    hours: Option<Vec<Interval>>,
    calendar_id: Option<CalendarId>,
    caps: CapsView,
    /// What the rep got in each window so far; counted only where the rep has a cap.
    load: LoadView,
    presence: PresenceView,
    /// Not over yet, the earliest first.
    time_off: Vec<TimeOffView>,
    version: i64,
}

#[derive(Serialize)]
struct QueueView {
    id: QueueId,
    salesforce_id: String,
    name: String,
    objects: Vec<String>,
}

#[derive(Deserialize)]
struct Search {
    q: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RepInput {
    paused: bool,
}

#[derive(Serialize)]
struct Queued {
    /// Null when the same job is queued already.
    job_id: Option<JobId>,
}

fn view(entry: RepEntry, routed: &HashMap<Uuid, i64>) -> Result<RepView, Fault> {
    let rep = entry.rep;
    let pool = |(id, name)| Named {
        id: PoolId::from_uuid(id),
        name,
    };
    Ok(RepView {
        id: rep.id(),
        hours: rep.hours()?.map(|hours| hours.intervals()),
        calendar_id: rep.calendar_id.map(CalendarId::from_uuid),
        caps: rep.caps().into(),
        load: entry.load.into(),
        presence: PresenceView::new(entry.standing, entry.back),
        time_off: entry.time_off.into_iter().map(TimeOffView::from).collect(),
        version: rep.version,
        time_zone: rep.time_zone,
        routed_today: routed.get(&rep.rep_id).copied().unwrap_or(0),
        salesforce_user_id: rep.external_id,
        name: rep.name,
        active: rep.active,
        paused: rep.paused,
        pools: entry.pools.into_iter().map(pool).collect(),
        last_assigned_at: rep.last_assigned_at,
        synced_at: rep.synced_at,
    })
}

fn views(tx: &mut TenantTx<'_>, search: Option<&str>) -> Result<Vec<RepView>, Fault> {
    let today = routing::day_start(tx, "UTC")?;
    let routed = routing::routed_by_rep(tx, today)?;
    let entries = routing::rep_list(tx, search)?;
    entries
        .into_iter()
        .map(|entry| view(entry, &routed))
        .collect()
}

/// One rep among the others.
pub(super) fn show(tx: &mut TenantTx<'_>, id: RepId) -> Result<RepView, Fault> {
    let found = views(tx, None)?.into_iter().find(|rep| rep.id == id);
    found.ok_or(Fault::Db(db::DbError::NotFound))
}

async fn rep_list(
    who: Allowed<permit::PoolRead>,
    console: web::Data<Console>,
    Query(search): Query<Search>,
) -> Result<web::Json<All<RepView>>, Problem> {
    let items = console
        .db
        .run(&who, move |tx| views(tx, search.q.as_deref()))
        .await?;
    Ok(web::Json(All { items }))
}

async fn rep_update(
    who: Allowed<permit::PoolEdit>,
    console: web::Data<Console>,
    Path(id): Path<RepId>,
    Body(input): Body<RepInput>,
) -> Result<web::Json<RepView>, Problem> {
    let updated = console
        .db
        .run(&who, move |tx| {
            routing::rep_update(tx, id, input.paused)?;
            show(tx, id)
        })
        .await?;
    Ok(web::Json(updated))
}

async fn rep_sync(
    who: Allowed<permit::PoolEdit>,
    console: web::Data<Console>,
) -> Result<HttpResponse, Problem> {
    let job_id = console
        .db
        .run(&who, |tx| {
            let connection = connections::connection_for_routing(tx, PROVIDER)?
                .ok_or(ConnectionError::NotConfigured)?;
            if connection.state != State::Connected {
                return Err(Fault::Connections(ConnectionError::NotConnected));
            }
            let job = jobs::enqueue(tx, NewJob::new(SYNC, json!({})).dedupe("asked"))?;
            routing::rep_sync_ask(tx, connection.id, job)?;
            Ok::<_, Fault>(job)
        })
        .await?;
    Ok(HttpResponse::Accepted().json(Queued { job_id }))
}

async fn queue_list(
    who: Allowed<permit::PoolRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<QueueView>>, Problem> {
    let rows = console
        .db
        .run(&who, |tx| Ok::<_, Fault>(routing::queue_list(tx)?))
        .await?;
    let view = |row: QueueRow| QueueView {
        id: row.id(),
        salesforce_id: row.external_id,
        name: row.name,
        objects: row.objects,
    };
    Ok(web::Json(All {
        items: rows.into_iter().map(view).collect(),
    }))
}
