//! Time off out of a rep's calendar file.
//!
//! Of an event only its time is kept: what it is called, and who else is in it, is the rep's own affair
//! and is never stored. An import replaces what the one before it said; what people wrote by hand stays.

use audit::Entry;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, dsl::count_star};
use kernel::{Action, RepId, TimeOffId, UserId};
use schema::time_off;
use serde_json::json;

use crate::{
    availability::{CalendarTimeOff, Counts, TimeOff, read_calendar},
    error::RoutingError,
    model::schedule::HORIZON,
    service::availability::{changed, rep_locked},
};

/// How an absence out of a calendar is called here.
const REASON: &str = "From the calendar";

/// An iCalendar text, and which of its events are absences.
#[derive(Clone, Debug)]
pub struct CalendarFile {
    pub text: String,
    pub counts: Counts,
}

/// What a calendar says, and how many absences of the import before it go.
#[derive(Clone, Debug)]
pub struct CalendarRead {
    pub found: CalendarTimeOff,
    pub replaces: i64,
}

/// Reads a calendar and changes nothing: what an import would do.
pub fn time_off_read(
    tx: &mut TenantTx<'_>,
    rep: RepId,
    file: &CalendarFile,
) -> Result<CalendarRead, RoutingError> {
    Ok(read(tx, rep, file)?.0)
}

/// Takes over the absences of a calendar, of as far ahead as a return is looked for. Events that
/// cannot be read are named in the answer; the others count.
pub fn time_off_import(
    tx: &mut TenantTx<'_>,
    rep: RepId,
    file: &CalendarFile,
) -> Result<CalendarRead, RoutingError> {
    let (read, zone) = read(tx, rep, file)?;
    let tenant = tx.tenant().uuid();
    diesel::delete(time_off::table)
        .filter(time_off::tenant_id.eq(tenant))
        .filter(time_off::rep_id.eq(rep.uuid()))
        .filter(time_off::source.eq("calendar"))
        .execute(tx.conn())?;
    store(tx, rep, zone, &read.found.off)?;
    let counts = json!({
        "absences": read.found.off.len(), "not_read": read.found.flaws.len(), "replaced": read.replaces,
    });
    Entry::new(Action::TimeOffImport, "rep", rep)
        .after(counts)
        .write(tx)?;
    changed(tx)?;
    Ok(read)
}

fn read(
    tx: &mut TenantTx<'_>,
    rep: RepId,
    file: &CalendarFile,
) -> Result<(CalendarRead, Tz), RoutingError> {
    let zone = rep_locked(tx, rep)?.zone()?;
    let now = tx.now();
    // West of here it is still yesterday.
    let stretch = (now - TimeDelta::days(1), now + HORIZON);
    let mut found = read_calendar(&file.text, zone, file.counts, stretch)
        .map_err(RoutingError::CalendarFile)?;
    found.off.sort_unstable_by_key(|off| begins(*off, zone));
    found.off.dedup();
    let replaces = time_off::table
        .filter(time_off::tenant_id.eq(tx.tenant().uuid()))
        .filter(time_off::rep_id.eq(rep.uuid()))
        .filter(time_off::source.eq("calendar"))
        .select(count_star())
        .first(tx.conn())?;
    Ok((CalendarRead { found, replaces }, zone))
}

/// First and last local day, and the instants of what is not of whole days.
type Stretch = (
    NaiveDate,
    NaiveDate,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
);

fn begins(off: TimeOff, zone: Tz) -> Stretch {
    match off {
        TimeOff::Days(first, last) => (first, last, None, None),
        TimeOff::Spell(from, until) => {
            let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
            // One that ends at midnight does not touch the day that begins then.
            let last = day(until - TimeDelta::seconds(1));
            (day(from), last, Some(from), Some(until))
        }
    }
}

fn store(
    tx: &mut TenantTx<'_>,
    rep: RepId,
    zone: Tz,
    absences: &[TimeOff],
) -> Result<(), RoutingError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let user = tx.principal().user().map(UserId::uuid);
    let row = |off: &TimeOff| {
        let (first, last, from, until) = begins(*off, zone);
        (
            time_off::tenant_id.eq(tenant),
            time_off::time_off_id.eq(TimeOffId::generate(tx.clock().as_ref()).uuid()),
            time_off::rep_id.eq(rep.uuid()),
            time_off::first_day.eq(first),
            time_off::last_day.eq(last.max(first)),
            time_off::reason.eq(REASON),
            time_off::created_by.eq(user),
            time_off::created_at.eq(now),
            time_off::starts_at.eq(from),
            time_off::ends_at.eq(until),
            time_off::source.eq("calendar"),
        )
    };
    let rows: Vec<_> = absences.iter().map(row).collect();
    diesel::insert_into(time_off::table)
        .values(&rows)
        .execute(tx.conn())?;
    Ok(())
}
