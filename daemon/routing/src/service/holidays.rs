//! Calendars of holidays: of a country, a region or an office. Reps and pools name one.

use std::collections::{BTreeMap, HashMap};

use audit::Entry;
use db::{DbError, TenantTx, Unit};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};
use kernel::{Action, CalendarId};
use schema::holiday_calendars;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    error::RoutingError,
    service::availability::changed,
    store::{CalendarRow, Holiday, pools_all, presence::calendars_all, reps_all},
};

/// Most days of a calendar: some years of any country.
const MOST_DAYS: usize = 500;
const MOST_CALENDARS: usize = 200;

#[derive(Clone, Debug)]
pub struct CalendarInput {
    pub name: String,
    pub days: Vec<Holiday>,
}

/// A calendar, and who has it.
#[derive(Clone, Debug)]
pub struct CalendarEntry {
    pub calendar: CalendarRow,
    pub days: Vec<Holiday>,
    /// Names of reps and of pools.
    pub reps: Vec<String>,
    pub pools: Vec<String>,
}

pub fn holiday_calendar_list(tx: &mut TenantTx<'_>) -> Result<Vec<CalendarEntry>, RoutingError> {
    let (mut reps, mut pools) = (HashMap::new(), HashMap::new());
    for rep in reps_all(tx)? {
        note(&mut reps, rep.calendar_id, rep.name);
    }
    for pool in pools_all(tx)? {
        note(&mut pools, pool.calendar_id, pool.name);
    }
    let entry = |calendar: CalendarRow| {
        Ok(CalendarEntry {
            days: calendar.days()?,
            reps: reps.remove(&calendar.calendar_id).unwrap_or_default(),
            pools: pools.remove(&calendar.calendar_id).unwrap_or_default(),
            calendar,
        })
    };
    calendars_all(tx)?.into_iter().map(entry).collect()
}

fn note(users: &mut HashMap<Uuid, Vec<String>>, calendar: Option<Uuid>, name: String) {
    if let Some(calendar) = calendar {
        users.entry(calendar).or_default().push(name);
    }
}

pub fn holiday_calendar_get(
    tx: &mut TenantTx<'_>,
    id: CalendarId,
) -> Result<CalendarEntry, RoutingError> {
    let found = holiday_calendar_list(tx)?
        .into_iter()
        .find(|entry| entry.calendar.id() == id);
    found.ok_or_else(|| DbError::NotFound.into())
}

pub fn holiday_calendar_create(
    tx: &mut TenantTx<'_>,
    input: &CalendarInput,
) -> Result<CalendarEntry, RoutingError> {
    let days = check(input)?;
    if calendars_all(tx)?.len() >= MOST_CALENDARS {
        return Err(RoutingError::TooManyCalendars);
    }
    let (id, now) = (CalendarId::generate(tx.clock().as_ref()), tx.now());
    let added = diesel::insert_into(holiday_calendars::table)
        .values((
            holiday_calendars::tenant_id.eq(tx.tenant().uuid()),
            holiday_calendars::calendar_id.eq(id.uuid()),
            holiday_calendars::name.eq(input.name.trim()),
            holiday_calendars::days.eq(&days),
            holiday_calendars::created_at.eq(now),
            holiday_calendars::updated_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn())?;
    if added == 0 {
        return Err(RoutingError::NameTaken);
    }
    Entry::new(Action::HolidayCalendarCreate, "calendar", id)
        .after(json!({ "name": input.name.trim(), "days": days }))
        .write(tx)?;
    db::hint(tx, "reps")?;
    holiday_calendar_get(tx, id)
}

/// Changes name and days, when `version` is still the one that was edited.
pub fn holiday_calendar_update(
    tx: &mut TenantTx<'_>,
    id: CalendarId,
    version: i64,
    input: &CalendarInput,
) -> Result<CalendarEntry, RoutingError> {
    let before = locked(tx, id)?;
    if before.version != version {
        return Err(RoutingError::VersionConflict);
    }
    let days = check(input)?;
    let name_taken = calendars_all(tx)?
        .iter()
        .any(|other| other.calendar_id != id.uuid() && other.name == input.name.trim());
    if name_taken {
        return Err(RoutingError::NameTaken);
    }
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    diesel::update(holiday_calendars::table)
        .filter(holiday_calendars::tenant_id.eq(tenant))
        .filter(holiday_calendars::calendar_id.eq(id.uuid()))
        .set((
            holiday_calendars::name.eq(input.name.trim()),
            holiday_calendars::days.eq(&days),
            holiday_calendars::version.eq(version.saturating_add(1)),
            holiday_calendars::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Entry::new(Action::HolidayCalendarUpdate, "calendar", id)
        .before(json!({ "name": before.name, "days": before.days }))
        .after(json!({ "name": input.name.trim(), "days": days }))
        .write(tx)?;
    changed(tx)?;
    holiday_calendar_get(tx, id)
}

/// # Errors
/// `CalendarInUse` while a rep or a pool names it.
pub fn holiday_calendar_delete(tx: &mut TenantTx<'_>, id: CalendarId) -> Result<(), RoutingError> {
    let before = locked(tx, id)?;
    let entry = holiday_calendar_get(tx, id)?;
    let users: Vec<String> = entry.reps.into_iter().chain(entry.pools).collect();
    if !users.is_empty() {
        return Err(RoutingError::CalendarInUse { users });
    }
    diesel::delete(holiday_calendars::table)
        .filter(holiday_calendars::tenant_id.eq(tx.tenant().uuid()))
        .filter(holiday_calendars::calendar_id.eq(id.uuid()))
        .execute(tx.conn())?;
    Entry::new(Action::HolidayCalendarDelete, "calendar", id)
        .before(json!({ "name": before.name, "days": before.days }))
        .write(tx)?;
    db::hint(tx, "reps")?;
    Ok(())
}

fn locked(tx: &mut TenantTx<'_>, id: CalendarId) -> Result<CalendarRow, RoutingError> {
    let row = holiday_calendars::table
        .filter(holiday_calendars::tenant_id.eq(tx.tenant().uuid()))
        .filter(holiday_calendars::calendar_id.eq(id.uuid()))
        .select(CalendarRow::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?;
    row.ok_or_else(|| DbError::NotFound.into())
}

/// The days as they are stored: by day, each once.
fn check(input: &CalendarInput) -> Result<Json, RoutingError> {
    if !(1..=100).contains(&input.name.trim().chars().count()) {
        return Err(RoutingError::Name);
    }
    let named = |holiday: &Holiday| (1..=100).contains(&holiday.name.trim().chars().count());
    let by_day: BTreeMap<_, _> = input
        .days
        .iter()
        .map(|holiday| (holiday.day, holiday.name.trim()))
        .collect();
    let once = by_day.len() == input.days.len();
    if !once || input.days.len() > MOST_DAYS || !input.days.iter().all(named) {
        return Err(RoutingError::Holidays);
    }
    Ok(by_day
        .into_iter()
        .map(|(day, name)| json!({ "day": day, "name": name }))
        .collect())
}
