//! When reps are there: working hours, caps, time off and calendars of holidays.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, NaiveDate, Utc};
use db::TenantTx;
use http::{Allowed, Body, Path, Problem, Routes};
use identity::permit;
use kernel::{CalendarId, RepId, TimeOffId};
use routing::{
    AvailabilityInput, CalendarEntry, CalendarInput, Caps, Holiday, Interval, Load, PerWindow,
    Standing, TimeOffInput, TimeOffRow,
};
use serde::{Deserialize, Serialize};

use super::reps;
use crate::{
    Console,
    fault::{Fault, or_current},
    views::All,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .put("/reps/{id}/availability", rep_availability_update)
        .post("/reps/{id}/time-off", time_off_add)
        .delete("/time-off/{id}", time_off_remove)
        .get("/holiday-calendars", holiday_calendar_list)
        .post("/holiday-calendars", holiday_calendar_create)
        .put("/holiday-calendars/{id}", holiday_calendar_update)
        .delete("/holiday-calendars/{id}", holiday_calendar_delete)
}

/// Caps on the wire; null: any number.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CapsView {
    hour: Option<u32>,
    day: Option<u32>,
    week: Option<u32>,
}

impl From<Caps> for CapsView {
    fn from(PerWindow { hour, day, week }: Caps) -> Self {
        Self { hour, day, week }
    }
}

impl From<CapsView> for Caps {
    fn from(CapsView { hour, day, week }: CapsView) -> Self {
        Self { hour, day, week }
    }
}

#[derive(Serialize)]
pub(super) struct LoadView {
    hour: u32,
    day: u32,
    week: u32,
}

impl From<Load> for LoadView {
    fn from(PerWindow { hour, day, week }: Load) -> Self {
        Self { hour, day, week }
    }
}

/// Whether somebody would be given a record now, and if not, why.
#[derive(Serialize)]
pub(super) struct PresenceView {
    /// `available`, `away`, `inactive`, `off` or `capped`.
    state: &'static str,
    reason: String,
    /// When it ends by itself; null when that is not known.
    until: Option<DateTime<Utc>>,
}

impl PresenceView {
    pub(super) fn new(standing: Standing, back: Option<DateTime<Utc>>) -> Self {
        let state = match standing {
            Standing::Chosen | Standing::NotTheirTurn => "available",
            Standing::Paused => "away",
            Standing::Inactive | Standing::Unknown => "inactive",
            Standing::Off(_) => "off",
            Standing::RepCap(_) | Standing::PoolCap(_) => "capped",
        };
        let reason = match standing {
            Standing::Chosen | Standing::NotTheirTurn => String::from("Available"),
            other => other.words(),
        };
        Self {
            state,
            reason,
            until: back,
        }
    }
}

#[derive(Serialize)]
pub(super) struct TimeOffView {
    id: TimeOffId,
    first_day: NaiveDate,
    last_day: NaiveDate,
    reason: String,
    /// Of what is not of whole days; null otherwise, as the next.
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    /// `hand` or `calendar`.
    source: String,
}

impl From<TimeOffRow> for TimeOffView {
    fn from(row: TimeOffRow) -> Self {
        Self {
            id: row.id(),
            first_day: row.first_day,
            last_day: row.last_day,
            reason: row.reason,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            source: row.source,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AvailabilityBody {
    time_zone: Option<String>,
    hours: Option<Vec<Interval>>,
    calendar_id: Option<CalendarId>,
    caps: CapsView,
    version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeOffBody {
    first_day: NaiveDate,
    last_day: NaiveDate,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateBody {
    name: String,
    days: Vec<Holiday>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateBody {
    name: String,
    days: Vec<Holiday>,
    version: i64,
}

#[derive(Serialize)]
struct CalendarView {
    id: CalendarId,
    name: String,
    days: Vec<Holiday>,
    version: i64,
    /// Names of the reps and pools that have it.
    used_by: Vec<String>,
}

impl From<CalendarEntry> for CalendarView {
    fn from(entry: CalendarEntry) -> Self {
        Self {
            id: entry.calendar.id(),
            name: entry.calendar.name,
            version: entry.calendar.version,
            days: entry.days,
            used_by: entry.reps.into_iter().chain(entry.pools).collect(),
        }
    }
}

async fn rep_availability_update(
    who: Allowed<permit::PoolEdit>,
    console: web::Data<Console>,
    Path(id): Path<RepId>,
    Body(body): Body<AvailabilityBody>,
) -> Result<web::Json<reps::RepView>, Problem> {
    let version = body.version;
    let input = AvailabilityInput {
        time_zone: body.time_zone,
        hours: body.hours,
        calendar: body.calendar_id,
        caps: body.caps.into(),
    };
    let updated = console
        .db
        .run(&who, move |tx| {
            let changed = routing::rep_availability_update(tx, id, version, &input);
            or_current(changed, || reps::show(tx, id))?;
            reps::show(tx, id)
        })
        .await?;
    Ok(web::Json(updated))
}

async fn time_off_add(
    who: Allowed<permit::PoolEdit>,
    console: web::Data<Console>,
    Path(id): Path<RepId>,
    Body(body): Body<TimeOffBody>,
) -> Result<HttpResponse, Problem> {
    let input = TimeOffInput {
        first_day: body.first_day,
        last_day: body.last_day,
        reason: body.reason,
    };
    let added = console
        .db
        .run(&who, move |tx| {
            Ok::<_, Fault>(TimeOffView::from(routing::time_off_add(tx, id, &input)?))
        })
        .await?;
    Ok(HttpResponse::Created().json(added))
}

async fn time_off_remove(
    who: Allowed<permit::PoolEdit>,
    console: web::Data<Console>,
    Path(id): Path<TimeOffId>,
) -> Result<HttpResponse, Problem> {
    console
        .db
        .run(&who, move |tx| {
            Ok::<_, Fault>(routing::time_off_remove(tx, id)?)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn holiday_calendar_list(
    who: Allowed<permit::PoolRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<CalendarView>>, Problem> {
    let entries = console
        .db
        .run(&who, |tx| {
            Ok::<_, Fault>(routing::holiday_calendar_list(tx)?)
        })
        .await?;
    Ok(web::Json(All {
        items: entries.into_iter().map(CalendarView::from).collect(),
    }))
}

async fn holiday_calendar_create(
    who: Allowed<permit::PoolEdit>,
    console: web::Data<Console>,
    Body(body): Body<CreateBody>,
) -> Result<HttpResponse, Problem> {
    let input = CalendarInput {
        name: body.name,
        days: body.days,
    };
    let created = console
        .db
        .run(&who, move |tx| {
            Ok::<_, Fault>(routing::holiday_calendar_create(tx, &input)?)
        })
        .await?;
    Ok(HttpResponse::Created().json(CalendarView::from(created)))
}

async fn holiday_calendar_update(
    who: Allowed<permit::PoolEdit>,
    console: web::Data<Console>,
    Path(id): Path<CalendarId>,
    Body(body): Body<UpdateBody>,
) -> Result<web::Json<CalendarView>, Problem> {
    let version = body.version;
    let input = CalendarInput {
        name: body.name,
        days: body.days,
    };
    let show = move |tx: &mut TenantTx<'_>| {
        Ok::<_, Fault>(CalendarView::from(routing::holiday_calendar_get(tx, id)?))
    };
    let updated = console
        .db
        .run(&who, move |tx| {
            let changed = routing::holiday_calendar_update(tx, id, version, &input);
            or_current(changed, || show(tx))?;
            show(tx)
        })
        .await?;
    Ok(web::Json(updated))
}

async fn holiday_calendar_delete(
    who: Allowed<permit::PoolEdit>,
    console: web::Data<Console>,
    Path(id): Path<CalendarId>,
) -> Result<HttpResponse, Problem> {
    console
        .db
        .run(&who, move |tx| {
            Ok::<_, Fault>(routing::holiday_calendar_delete(tx, id)?)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
