//! When a rep is there and how much a rep may get, as people say it.

use audit::Entry;
use chrono::NaiveDate;
use chrono_tz::Tz;
use db::{DbError, TenantTx, Unit};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, dsl::count_star,
};
use kernel::{Action, CalendarId, Personal, RepId, TimeOffId, UserId};
use schema::{holiday_calendars, reps, time_off};
use serde_json::{Value as Json, json};

use crate::{
    error::RoutingError,
    model::{
        caps::{Cap, Caps},
        hours::{Interval, WeekHours},
    },
    store::{RepRow, TimeOffRow, marks::postponed_wake},
};

/// The highest cap.
const MOST: u32 = 100_000;
/// The longest time off.
const LONGEST_DAYS: i64 = 730;
/// Most absences of a rep that are not over.
const MOST_ABSENCES: i64 = 100;

/// When a rep is there, and the rep's own caps.
#[derive(Clone, Debug)]
pub struct AvailabilityInput {
    /// IANA; `None`: UTC.
    pub time_zone: Option<String>,
    /// `None`: at any hour.
    pub hours: Option<Vec<Interval>>,
    pub calendar: Option<CalendarId>,
    pub caps: Caps,
}

/// Whole days of the rep's own calendar, the last included.
#[derive(Clone, Debug)]
pub struct TimeOffInput {
    pub first_day: NaiveDate,
    pub last_day: NaiveDate,
    pub reason: String,
}

/// Says when a rep is there, when `version` is still the one that was edited.
pub fn rep_availability_update(
    tx: &mut TenantTx<'_>,
    id: RepId,
    version: i64,
    input: &AvailabilityInput,
) -> Result<RepRow, RoutingError> {
    let before = rep_locked(tx, id)?;
    if before.version != version {
        return Err(RoutingError::VersionConflict);
    }
    let hours = input.hours.as_deref().map(WeekHours::new).transpose();
    let hours = hours.map_err(RoutingError::Hours)?;
    let zone = input.time_zone.as_deref().map(zone_known).transpose()?;
    check_caps(input.caps)?;
    check_calendar(tx, input.calendar)?;
    let [hour, day, week] = stored_caps(input.caps);
    let row: RepRow = diesel::update(reps::table)
        .filter(reps::tenant_id.eq(tx.tenant().uuid()))
        .filter(reps::rep_id.eq(id.uuid()))
        .set((
            reps::time_zone.eq(zone),
            reps::hours.eq(hours.map(|hours| hours.stored())),
            reps::calendar_id.eq(input.calendar.map(CalendarId::uuid)),
            reps::cap_hour.eq(hour),
            reps::cap_day.eq(day),
            reps::cap_week.eq(week),
            reps::version.eq(version.saturating_add(1)),
        ))
        .returning(RepRow::as_returning())
        .get_result(tx.conn())?;
    Entry::new(Action::RepAvailabilityUpdate, "rep", id)
        .before(stored(&before))
        .after(stored(&row))
        .write(tx)?;
    changed(tx)?;
    Ok(row)
}

pub fn time_off_add(
    tx: &mut TenantTx<'_>,
    rep: RepId,
    input: &TimeOffInput,
) -> Result<TimeOffRow, RoutingError> {
    rep_locked(tx, rep)?;
    let days = input
        .last_day
        .signed_duration_since(input.first_day)
        .num_days();
    if !(0..=LONGEST_DAYS).contains(&days) {
        return Err(RoutingError::TimeOffDays);
    }
    let reason = input.reason.trim();
    if !(1..=200).contains(&reason.chars().count()) {
        return Err(RoutingError::TimeOffReason);
    }
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let ahead: i64 = time_off::table
        .filter(time_off::tenant_id.eq(tenant))
        .filter(time_off::rep_id.eq(rep.uuid()))
        .filter(time_off::source.eq("hand"))
        .filter(time_off::last_day.ge(now.date_naive()))
        .select(count_star())
        .first(tx.conn())?;
    if ahead >= MOST_ABSENCES {
        return Err(RoutingError::TooMuchTimeOff);
    }
    let id = TimeOffId::generate(tx.clock().as_ref());
    let row: TimeOffRow = diesel::insert_into(time_off::table)
        .values((
            time_off::tenant_id.eq(tenant),
            time_off::time_off_id.eq(id.uuid()),
            time_off::rep_id.eq(rep.uuid()),
            time_off::first_day.eq(input.first_day),
            time_off::last_day.eq(input.last_day),
            time_off::reason.eq(reason),
            time_off::created_by.eq(tx.principal().user().map(UserId::uuid)),
            time_off::created_at.eq(now),
        ))
        .returning(TimeOffRow::as_returning())
        .get_result(tx.conn())?;
    Entry::new(Action::TimeOffAdd, "rep", rep)
        .after(absence(&row))
        .write(tx)?;
    changed(tx)?;
    Ok(row)
}

pub fn time_off_remove(tx: &mut TenantTx<'_>, id: TimeOffId) -> Result<(), RoutingError> {
    let removed: Option<TimeOffRow> = diesel::delete(time_off::table)
        .filter(time_off::tenant_id.eq(tx.tenant().uuid()))
        .filter(time_off::time_off_id.eq(id.uuid()))
        .returning(TimeOffRow::as_returning())
        .get_result(tx.conn())
        .optional()?;
    let removed = removed.ok_or(DbError::NotFound)?;
    let rep = RepId::from_uuid(removed.rep_id);
    Entry::new(Action::TimeOffRemove, "rep", rep)
        .before(absence(&removed))
        .write(tx)?;
    changed(tx)
}

/// What follows when somebody's availability changes: who waits is decided about anew.
pub(crate) fn changed(tx: &mut TenantTx<'_>) -> Result<(), RoutingError> {
    postponed_wake(tx)?;
    db::hint(tx, "reps")?;
    Ok(())
}

pub(super) fn rep_locked(tx: &mut TenantTx<'_>, id: RepId) -> Result<RepRow, RoutingError> {
    Ok(reps::table
        .filter(reps::tenant_id.eq(tx.tenant().uuid()))
        .filter(reps::rep_id.eq(id.uuid()))
        .select(RepRow::as_select())
        .for_no_key_update()
        .first(tx.conn())?)
}

/// The name as it is in the database of time zones.
fn zone_known(name: &str) -> Result<&'static str, RoutingError> {
    let zone: Tz = name.parse().map_err(|_| RoutingError::TimeZone)?;
    Ok(zone.name())
}

pub(crate) fn check_caps(caps: Caps) -> Result<(), RoutingError> {
    let sound = |cap: Cap| caps.get(cap).is_none_or(|most| (1..=MOST).contains(&most));
    if Cap::ALL.into_iter().all(sound) {
        Ok(())
    } else {
        Err(RoutingError::Caps)
    }
}

/// Held, so that it is not deleted before who names it is stored.
pub(crate) fn check_calendar(
    tx: &mut TenantTx<'_>,
    id: Option<CalendarId>,
) -> Result<(), RoutingError> {
    let Some(id) = id else { return Ok(()) };
    let known: Option<uuid::Uuid> = holiday_calendars::table
        .filter(holiday_calendars::tenant_id.eq(tx.tenant().uuid()))
        .filter(holiday_calendars::calendar_id.eq(id.uuid()))
        .select(holiday_calendars::calendar_id)
        .for_key_share()
        .first(tx.conn())
        .optional()?;
    known.map(|_| ()).ok_or(RoutingError::CalendarUnknown)
}

/// Hour, day, week.
pub(crate) fn stored_caps(caps: Caps) -> [Option<i32>; 3] {
    Cap::ALL.map(|cap| caps.get(cap).and_then(|most| i32::try_from(most).ok()))
}

pub(crate) fn caps_json(caps: Caps) -> Json {
    json!({ "hour": caps.hour, "day": caps.day, "week": caps.week })
}

fn stored(row: &RepRow) -> Json {
    json!({
        "time_zone": row.time_zone, "hours": row.hours, "caps": caps_json(row.caps()),
        "calendar": row.calendar_id.map(CalendarId::from_uuid),
    })
}

fn absence(row: &TimeOffRow) -> Json {
    json!({
        "time_off": row.id(), "first_day": row.first_day, "last_day": row.last_day,
        // Why somebody is away is theirs to tell.
        "reason": Personal::new(&row.reason),
    })
}
