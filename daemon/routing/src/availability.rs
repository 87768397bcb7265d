//! When somebody is there: what a calendar says about time off, and who of several is there first.
//!
//! Working hours, holidays and the search for a return are in [`crate::Schedule`]; a calendar adds
//! whole days ([`Schedule::time_off`]) and shorter spells ([`Schedule::spells`]) to it.

mod calendar;
mod moment;

use chrono::{DateTime, Utc};

pub use calendar::{
    CalendarTimeOff, Counts, EventFlaw, MAX_ABSENCES, MAX_BYTES, MAX_EVENTS, MAX_TIMES, TimeOff,
    Unreadable, read_calendar,
};

use crate::Schedule;

/// Somebody who may be there: a schedule, and the away switch.
#[derive(Clone, Debug)]
pub struct Person<'a> {
    pub schedule: &'a Schedule,
    /// Switched off by hand: nobody knows for how long.
    pub away: bool,
}

/// Who of several is there first from `at` on, and when: an index into `people`, the earlier one when
/// several are there at the same instant. `None` when nobody's return is known.
pub fn first_available(people: &[Person<'_>], at: DateTime<Utc>) -> Option<(usize, DateTime<Utc>)> {
    let present = people.iter().enumerate().filter(|(_, person)| !person.away);
    present
        .filter_map(|(place, person)| Some((place, person.schedule.next_available(at)?)))
        .min_by_key(|(place, back)| (*back, *place))
}

/// The schedule with what a calendar says; what was in it stays.
#[must_use]
pub fn with_calendar(mut schedule: Schedule, time_off: &CalendarTimeOff) -> Schedule {
    for off in &time_off.off {
        match off {
            TimeOff::Days(first, last) => schedule.time_off.push((*first, *last)),
            TimeOff::Spell(from, until) => schedule.spells.push((*from, *until)),
        }
    }
    schedule
}
