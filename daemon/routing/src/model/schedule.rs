//! When a rep is there: working hours, holidays and time off, in the rep's own time zone.
//!
//! Holidays and time off are whole days of the rep's calendar: what counts is the local date of the
//! instant, so a shift that goes past midnight into a holiday ends at midnight.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use super::hours::{DAY, WeekHours};

/// How far ahead somebody's return is looked for. Who is away for longer has no known return.
pub(crate) const HORIZON: TimeDelta = TimeDelta::days(400);

/// Everything that says when a rep is there.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub zone: Tz,
    /// `None`: at any hour.
    pub hours: Option<WeekHours>,
    pub holidays: Vec<Arc<BTreeSet<NaiveDate>>>,
    /// First and last day of each absence.
    pub time_off: Vec<(NaiveDate, NaiveDate)>,
    /// `[from, until)` of absences that are not whole days.
    pub spells: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

/// Why somebody is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Absence {
    Hours,
    Holiday,
    TimeOff,
}

/// Somebody who is not there, and when that ends: `None` when it does not within the horizon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Off {
    pub why: Absence,
    pub until: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Presence {
    #[default]
    Present,
    Off(Off),
}

impl Schedule {
    /// A rep about whom nothing is said.
    pub const fn always() -> Self {
        Self {
            zone: Tz::UTC,
            hours: None,
            holidays: Vec::new(),
            time_off: Vec::new(),
            spells: Vec::new(),
        }
    }

    /// Whether nothing here ever keeps the rep away.
    pub fn is_always(&self) -> bool {
        self.hours.is_none()
            && self.holidays.is_empty()
            && self.time_off.is_empty()
            && self.spells.is_empty()
    }

    /// Why the rep is not there at this instant; `None` when the rep is.
    pub fn absence(&self, at: DateTime<Utc>) -> Option<Absence> {
        let local = at.with_timezone(&self.zone);
        let date = local.date_naive();
        let off = |(first, last): &(NaiveDate, NaiveDate)| (first..=last).contains(&&date);
        let away = |(from, until): &(DateTime<Utc>, DateTime<Utc>)| (*from..*until).contains(&at);
        if self.time_off.iter().any(off) || self.spells.iter().any(away) {
            return Some(Absence::TimeOff);
        }
        if self.holidays.iter().any(|days| days.contains(&date)) {
            return Some(Absence::Holiday);
        }
        let minute = minute_of_week(&local);
        let hours = self.hours.as_ref()?;
        (!hours.contains(minute)).then_some(Absence::Hours)
    }

    pub fn presence(&self, at: DateTime<Utc>) -> Presence {
        self.absence(at).map_or(Presence::Present, |why| {
            let until = self.next_available(at);
            Presence::Off(Off { why, until })
        })
    }

    /// The first instant from `at` on at which the rep is there; `None` when there is none within
    /// 400 days.
    pub fn next_available(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let last = at + HORIZON;
        let mut instant = at;
        while instant <= last {
            if self.absence(instant).is_none() {
                return Some(instant);
            }
            instant = self.next_edge(instant);
        }
        None
    }

    /// The next instant at which the answer can change: an edge of the hours, a local midnight, the
    /// end of a spell, or a change of the clocks. At most a day away, so that no two changes of the clocks
    /// lie between.
    fn next_edge(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let edge = self.next_local_edge(at);
        let ends = self.spells.iter().map(|(_, until)| *until);
        ends.filter(|until| *until > at).fold(edge, DateTime::min)
    }

    fn next_local_edge(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let local = at.with_timezone(&self.zone);
        let to_midnight = DAY.saturating_sub(minute_of_day(&local));
        let to_change = self
            .hours
            .as_ref()
            .map_or(DAY, |hours| hours.to_next_change(minute_of_week(&local)));
        let minutes = i64::from(to_midnight.min(to_change));
        let edge = at + TimeDelta::minutes(minutes)
            - TimeDelta::seconds(i64::from(local.second()))
            - TimeDelta::nanoseconds(i64::from(local.nanosecond()));
        if self.offset(edge) == self.offset(at) {
            edge
        } else {
            self.clock_change(at, edge)
        }
    }

    /// The first second after `before` at which the offset is no longer as it was then.
    fn clock_change(&self, before: DateTime<Utc>, after: DateTime<Utc>) -> DateTime<Utc> {
        let old = self.offset(before);
        let (mut same, mut other) = (before.timestamp(), after.timestamp());
        while other.saturating_sub(same) > 1 {
            let middle = same.midpoint(other);
            let at = DateTime::from_timestamp(middle, 0).unwrap_or(after);
            if self.offset(at) == old {
                same = middle;
            } else {
                other = middle;
            }
        }
        DateTime::from_timestamp(other, 0).unwrap_or(after)
    }

    /// Seconds east of UTC.
    fn offset(&self, at: DateTime<Utc>) -> i32 {
        let offset = self.zone.offset_from_utc_datetime(&at.naive_utc());
        offset.fix().local_minus_utc()
    }
}

fn minute_of_day(local: &DateTime<Tz>) -> i32 {
    i32::try_from(local.num_seconds_from_midnight().div_euclid(60)).unwrap_or(0)
}

fn minute_of_week(local: &DateTime<Tz>) -> i32 {
    let day = i32::try_from(local.weekday().num_days_from_monday()).unwrap_or(0);
    day.saturating_mul(DAY).saturating_add(minute_of_day(local))
}

/// The first instant of a local day. A midnight that comes twice is the first of the two; a midnight
/// that is skipped is the end of the gap.
pub fn day_start(zone: Tz, day: NaiveDate) -> Option<DateTime<Utc>> {
    let midnight = day.and_hms_opt(0, 0, 0)?;
    // A gap is a multiple of a quarter of an hour, the longest was a whole day.
    (0..=1500).step_by(15).find_map(|quarter| {
        let local = midnight.checked_add_signed(TimeDelta::minutes(quarter))?;
        let instant = zone.from_local_datetime(&local).earliest()?;
        Some(instant.with_timezone(&Utc))
    })
}
