//! Time off out of an iCalendar text (RFC 5545), from a file or a feed.
//!
//! The text comes from outside: its size, depth and number of events are bounded before it is parsed,
//! and an event that cannot be read is named, never passed over silently.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use icalendar::parser::{Component, unfold};

use super::moment::{Moment, MomentFlaw, duration, read, zone_of};

/// With room, in a request of a megabyte, for how its line ends are written there.
pub const MAX_BYTES: usize = 900_000;
pub const MAX_EVENTS: usize = 5_000;
/// Most times that one repeated event is counted.
pub const MAX_TIMES: u16 = 1_000;
/// Most absences out of one calendar.
pub const MAX_ABSENCES: usize = 200;
/// A calendar holds events, an event alarms: deeper nesting is no calendar, and the parser recurses.
const MAX_DEPTH: usize = 4;

/// Which events are time off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Whole days, and what is marked as out of office; meetings are not.
    WholeDays,
    /// Every event that blocks time: for a calendar that holds absences alone.
    Everything,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeOff {
    /// First and last local day.
    Days(NaiveDate, NaiveDate),
    /// `[from, until)`.
    Spell(DateTime<Utc>, DateTime<Utc>),
}

/// An event that is not understood: its number in the calendar (from 1), its `UID` and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFlaw {
    pub number: usize,
    pub uid: String,
    pub code: &'static str,
}

impl EventFlaw {
    pub fn message(&self) -> &'static str {
        match self.code {
            "start_missing" => "It has no start.",
            "zone_unknown" => "Its time zone is not known.",
            "dates_not_supported" => "It repeats on single dates; give each of them as an event.",
            "end_of_another_kind" => {
                "It begins as a day and ends at a time, or the other way round."
            }
            "duration_unreadable" => "Its duration cannot be read.",
            "ends_before_it_starts" => "It ends before it starts.",
            "start_too_early" => "It repeats since before 1970.",
            "too_many_times" => "It repeats more than 1,000 times within the stretch.",
            "rule_not_supported" => "The rule by which it repeats is not understood.",
            _ => "Its times cannot be read.",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalendarTimeOff {
    pub off: Vec<TimeOff>,
    pub flaws: Vec<EventFlaw>,
}

/// Why nothing of the text is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    TooLong,
    TooManyEvents,
    TooManyAbsences,
    NoCalendar,
}

impl Unreadable {
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "calendar_file_too_long",
            Self::TooManyEvents => "calendar_file_too_many_events",
            Self::TooManyAbsences => "calendar_file_too_many_absences",
            Self::NoCalendar => "calendar_file_unreadable",
        }
    }

    pub const fn message(self) -> &'static str {
        match self {
            Self::TooLong => {
                "A calendar file has at most 900 kB. Export a shorter stretch of time."
            }
            Self::TooManyEvents => {
                "A calendar file has at most 5,000 events. Export a shorter stretch of time."
            }
            Self::TooManyAbsences => {
                "A calendar may hold at most 200 absences ahead. Count whole days and out of office alone, or export the calendar that holds absences."
            }
            Self::NoCalendar => {
                "This is not a calendar file. Export the calendar as iCalendar (.ics) and choose that file."
            }
        }
    }
}

/// Reads what keeps a rep away from `from` until `until`. Times without a zone are those of `zone`, the
/// rep's own. Events that are free, cancelled or outside that stretch are left out.
///
/// # Errors
/// When the text as a whole is no calendar or too long; a flaw of one event is in the answer.
pub fn read_calendar(
    text: &str,
    zone: Tz,
    counts: Counts,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<CalendarTimeOff, Unreadable> {
    if text.len() > MAX_BYTES {
        return Err(Unreadable::TooLong);
    }
    let text = unfold(text);
    if depth(&text) > MAX_DEPTH {
        return Err(Unreadable::NoCalendar);
    }
    let calendar = icalendar::parser::read_components(&text).map_err(|_| Unreadable::NoCalendar)?;
    if calendar.is_empty() || calendar.iter().any(|root| root.name != "VCALENDAR") {
        return Err(Unreadable::NoCalendar);
    }
    let inside = calendar.iter().flat_map(|root| &root.components);
    let events: Vec<&Component<'_>> = inside.filter(|part| part.name == "VEVENT").collect();
    if events.len() > MAX_EVENTS {
        return Err(Unreadable::TooManyEvents);
    }
    let moved = moved_times(&events, zone);
    let mut found = CalendarTimeOff::default();
    for (at, event) in events.into_iter().enumerate() {
        if !is_absence(event, counts) {
            continue;
        }
        match times(event, zone, (from, until), &moved) {
            Ok(times) => found.off.extend(times),
            Err(code) => found.flaws.push(EventFlaw {
                number: at.saturating_add(1),
                uid: value(event, "UID").unwrap_or_default().to_owned(),
                code,
            }),
        }
        // Checked for each event: a thousand rules of a thousand times each are never all kept.
        if found.off.len() > MAX_ABSENCES {
            return Err(Unreadable::TooManyAbsences);
        }
    }
    Ok(found)
}

/// How deep components stand in each other.
fn depth(text: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for line in text.lines() {
        let keyword = |word: &str| {
            line.get(..word.len())
                .is_some_and(|is| is.eq_ignore_ascii_case(word))
        };
        if keyword("BEGIN:") {
            open = open.saturating_add(1);
            most = open.max(most);
        } else if keyword("END:") {
            open = open.saturating_sub(1);
        }
    }
    most
}

fn value<'a>(event: &'a Component<'_>, name: &str) -> Option<&'a str> {
    event.find_prop(name).map(|property| property.val.as_str())
}

fn is_absence(event: &Component<'_>, counts: Counts) -> bool {
    let is =
        |name, wanted: &str| value(event, name).is_some_and(|is| is.eq_ignore_ascii_case(wanted));
    let out_of_office = is("X-MICROSOFT-CDO-BUSYSTATUS", "OOF");
    if is("STATUS", "CANCELLED") || (is("TRANSP", "TRANSPARENT") && !out_of_office) {
        return false;
    }
    let whole_days = value(event, "DTSTART").is_none_or(|start| !start.contains('T'));
    counts == Counts::Everything || whole_days || out_of_office
}

/// `UID` and the time it had, of each time of a repeated event that was moved or changed alone.
fn moved_times(events: &[&Component<'_>], zone: Tz) -> HashSet<(String, Moment)> {
    let moved = events.iter().filter_map(|event| {
        let was = moment(event, "RECURRENCE-ID", zone)?.ok()?;
        Some((value(event, "UID")?.to_owned(), was))
    });
    moved.collect()
}

/// The value of a property, in the zone that it names.
fn moment(event: &Component<'_>, name: &str, zone: Tz) -> Option<Result<Moment, MomentFlaw>> {
    let property = event.find_prop(name)?;
    Some(read(property.val.as_str(), named_zone(property), zone))
}

fn named_zone<'a>(property: &'a icalendar::parser::Property<'_>) -> Option<&'a str> {
    let mut named = property.params.iter().filter(|param| param.key == "TZID");
    Some(named.next()?.val.as_ref()?.as_str())
}

const fn code(flaw: MomentFlaw) -> &'static str {
    match flaw {
        MomentFlaw::Form => "time_unreadable",
        MomentFlaw::Zone => "zone_unknown",
    }
}

/// The times of one event within the stretch.
fn times(
    event: &Component<'_>,
    zone: Tz,
    stretch: (DateTime<Utc>, DateTime<Utc>),
    moved: &HashSet<(String, Moment)>,
) -> Result<Vec<TimeOff>, &'static str> {
    let start = moment(event, "DTSTART", zone)
        .ok_or("start_missing")?
        .map_err(code)?;
    let length = length(event, start, zone)?;
    if event.find_prop("RDATE").is_some() {
        return Err("dates_not_supported");
    }
    let starts = match value(event, "RRULE") {
        None => vec![start],
        Some(rule) => {
            let gone = excluded(event, zone)?;
            let uid = value(event, "UID").unwrap_or_default();
            let mut starts = repeated(event, start, rule, zone, length, stretch)?;
            starts.retain(|start| {
                !gone.contains(start) && !moved.contains(&(uid.to_owned(), *start))
            });
            starts
        }
    };
    let off = starts.into_iter().map(|start| off(start, length));
    let off: Option<Vec<TimeOff>> = off.collect();
    let mut off = off.ok_or("time_unreadable")?;
    off.retain(|off| overlaps(*off, stretch));
    Ok(off)
}

fn length(event: &Component<'_>, start: Moment, zone: Tz) -> Result<TimeDelta, &'static str> {
    let end = moment(event, "DTEND", zone).transpose().map_err(code)?;
    let length = match (start, end, value(event, "DURATION")) {
        (Moment::Day(first), Some(Moment::Day(end)), _) => end.signed_duration_since(first),
        (Moment::At(from), Some(Moment::At(until)), _) => until.signed_duration_since(from),
        (_, Some(_), _) => return Err("end_of_another_kind"),
        (_, None, Some(text)) => duration(text).ok_or("duration_unreadable")?,
        (Moment::Day(_), None, None) => TimeDelta::days(1),
        (Moment::At(_), None, None) => TimeDelta::zero(),
    };
    // A day that ends on itself is that day, as several programs write it.
    match start {
        Moment::Day(_) if length == TimeDelta::zero() => Ok(TimeDelta::days(1)),
        _ if length < TimeDelta::zero() => Err("ends_before_it_starts"),
        _ => Ok(length),
    }
}

fn excluded(event: &Component<'_>, zone: Tz) -> Result<HashSet<Moment>, &'static str> {
    let properties = event
        .properties
        .iter()
        .filter(|property| property.name == "EXDATE");
    let values = properties.flat_map(|property| {
        let named = named_zone(property);
        let each = property.val.as_str().split(',');
        each.map(move |text| read(text, named, zone))
    });
    values.collect::<Result<_, _>>().map_err(code)
}

/// The starts of a repeated event, of those times that reach into the stretch. Whole days repeat in a
/// calendar without zones; other times in the zone in which the event stands.
fn repeated(
    event: &Component<'_>,
    start: Moment,
    rule: &str,
    zone: Tz,
    length: TimeDelta,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Moment>, &'static str> {
    const REFUSED: &str = "rule_not_supported";
    let rule = rule.to_ascii_uppercase();
    // Nobody is away once a minute; such a rule only costs time.
    if ["SECONDLY", "MINUTELY", "HOURLY"]
        .iter()
        .any(|often| rule.contains(often))
    {
        return Err(REFUSED);
    }
    let zone = match start {
        Moment::Day(_) => rrule::Tz::UTC,
        Moment::At(_) => {
            let property = event.find_prop("DTSTART").ok_or(REFUSED)?;
            let named = named_zone(property).map(zone_of);
            let utc = property.val.as_str().trim().ends_with('Z');
            rrule::Tz::from(if utc {
                Tz::UTC
            } else {
                named.flatten().unwrap_or(zone)
            })
        }
    };
    let first = match start {
        Moment::Day(day) => day.and_hms_opt(0, 0, 0).ok_or(REFUSED)?.and_utc(),
        Moment::At(at) => at,
    };
    // Older than any calendar that is kept; each time since then would be counted through.
    if first < DateTime::UNIX_EPOCH {
        return Err("start_too_early");
    }
    let text: Vec<String> = rule.split(';').map(until_as_instant).collect();
    let parsed: rrule::RRule<rrule::Unvalidated> = text.join(";").parse().map_err(|_| REFUSED)?;
    let set = parsed
        .build(first.with_timezone(&zone))
        .map_err(|_| REFUSED)?;
    let (Some(early), Some(late)) = (
        from.checked_sub_signed(length + TimeDelta::days(2)),
        until.checked_add_signed(TimeDelta::days(2)),
    ) else {
        return Err(REFUSED);
    };
    let found = set
        .after(early.with_timezone(&rrule::Tz::UTC))
        .before(late.with_timezone(&rrule::Tz::UTC))
        .all(MAX_TIMES);
    if found.limited {
        return Err("too_many_times");
    }
    let day = matches!(start, Moment::Day(_));
    let times = found.dates.into_iter().map(|date| match day {
        true => Moment::Day(date.date_naive()),
        false => Moment::At(date.with_timezone(&Utc)),
    });
    Ok(times.collect())
}

/// `UNTIL=20261231` takes that day in; the crate wants an instant in UTC.
fn until_as_instant(part: &str) -> String {
    match part.strip_prefix("UNTIL=") {
        Some(until) if !until.contains('T') => format!("UNTIL={until}T235959Z"),
        Some(until) if !until.ends_with('Z') => format!("UNTIL={until}Z"),
        _ => part.to_owned(),
    }
}

fn off(start: Moment, length: TimeDelta) -> Option<TimeOff> {
    match start {
        Moment::Day(first) => {
            let last = first.checked_add_signed(length - TimeDelta::days(1))?;
            Some(TimeOff::Days(first, last.max(first)))
        }
        Moment::At(from) => Some(TimeOff::Spell(from, from.checked_add_signed(length)?)),
    }
}

/// A day of the calendar is somewhere within 14 hours of the same day in UTC.
fn overlaps(off: TimeOff, (from, until): (DateTime<Utc>, DateTime<Utc>)) -> bool {
    match off {
        TimeOff::Spell(begin, end) => begin < end && begin < until && end > from,
        TimeOff::Days(first, last) => {
            let day = TimeDelta::days(1);
            let begins = from.checked_sub_signed(day).map(|at| at.date_naive());
            let ends = until.checked_add_signed(day).map(|at| at.date_naive());
            begins.is_none_or(|at| last >= at) && ends.is_none_or(|at| first <= at)
        }
    }
}
