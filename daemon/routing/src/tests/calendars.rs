//! Time off out of calendars, who is there first, and working hours as another library sees them.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::schedules::{at, day, office, schedule};
use crate::{
    Schedule, WeekHours,
    availability::{
        CalendarTimeOff, Counts, MAX_BYTES, Person, TimeOff, Unreadable, first_available,
        read_calendar, with_calendar,
    },
};

/// Python's zoneinfo, by tests/peers/hours.
const EXPECTED: &str = include_str!("../../../../tests/peers/hours/expected.csv");

#[test]
fn hours_around_the_changes_of_the_clocks_are_those_of_zoneinfo() {
    let mut rows = 0;
    for row in csv::Reader::from_reader(EXPECTED.as_bytes()).records() {
        let row = row.unwrap();
        let stretches = row[1].split(';').map(|stretch| {
            let parts: Vec<u16> = stretch.split(' ').map(|n| n.parse().unwrap()).collect();
            super::schedules::interval(u8::try_from(parts[0]).unwrap(), parts[1], parts[2])
        });
        let hours = WeekHours::new(&stretches.collect::<Vec<_>>()).unwrap();
        let schedule = schedule(row[0].parse().unwrap(), Some(hours));
        let (start, minutes): (DateTime<Utc>, i64) = (at(&row[2]), row[3].parse().unwrap());
        let turns: Vec<i64> = row[5].split(' ').map(|n| n.parse().unwrap()).collect();
        let mut there = &row[4] == "1";
        for minute in 0..minutes {
            there ^= turns.contains(&minute);
            let instant = start + TimeDelta::minutes(minute);
            assert_eq!(
                schedule.absence(instant).is_none(),
                there,
                "{} at {instant}",
                &row[0]
            );
        }
        rows += 1;
    }
    assert_eq!(rows, 24);
}

fn calendar(events: &str) -> String {
    let events = events.trim().replace('\n', "\r\n");
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test\r\n{events}\r\nEND:VCALENDAR\r\n")
}

fn event(lines: &str) -> String {
    calendar(&format!(
        "BEGIN:VEVENT\nUID:u1\n{}\nEND:VEVENT",
        lines.trim()
    ))
}

fn of_2026(text: &str, counts: Counts) -> Result<CalendarTimeOff, Unreadable> {
    let year = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    read_calendar(text, Tz::Europe__Berlin, counts, year)
}

fn off(lines: &str) -> Vec<TimeOff> {
    let found = of_2026(&event(lines), Counts::Everything).unwrap();
    assert_eq!(found.flaws, []);
    found.off
}

fn flaw(lines: &str) -> &'static str {
    let found = of_2026(&event(lines), Counts::Everything).unwrap();
    assert_eq!(found.off, []);
    found.flaws[0].code
}

fn spell(from: &str, until: &str) -> TimeOff {
    TimeOff::Spell(at(from), at(until))
}

fn days(first: &str, last: &str) -> TimeOff {
    TimeOff::Days(day(first), day(last))
}

#[test]
fn whole_days_end_the_day_before_their_end() {
    let two = off("DTSTART;VALUE=DATE:20260803\nDTEND;VALUE=DATE:20260805");
    assert_eq!(two, [days("2026-08-03", "2026-08-04")]);
    assert_eq!(
        off("DTSTART;VALUE=DATE:20260803"),
        [days("2026-08-03", "2026-08-03")]
    );
    let itself = off("DTSTART;VALUE=DATE:20260803\nDTEND;VALUE=DATE:20260803");
    assert_eq!(itself, [days("2026-08-03", "2026-08-03")]);
    let week = off("DTSTART;VALUE=DATE:20260803\nDURATION:P1W");
    assert_eq!(week, [days("2026-08-03", "2026-08-09")]);
}

#[test]
fn times_stand_in_their_zone() {
    let utc = off("DTSTART:20260803T090000Z\nDTEND:20260803T100000Z");
    assert_eq!(utc, [spell("2026-08-03T09:00:00Z", "2026-08-03T10:00:00Z")]);
    let floating = off("DTSTART:20260803T090000\nDURATION:PT1H30M");
    assert_eq!(
        floating,
        [spell("2026-08-03T07:00:00Z", "2026-08-03T08:30:00Z")]
    );
    let named = off("DTSTART;TZID=America/New_York:20260803T090000\nDURATION:PT1H");
    assert_eq!(
        named,
        [spell("2026-08-03T13:00:00Z", "2026-08-03T14:00:00Z")]
    );
    let outlook = off("DTSTART;TZID=Pacific Standard Time:20260803T090000\nDURATION:PT1H");
    assert_eq!(
        outlook,
        [spell("2026-08-03T16:00:00Z", "2026-08-03T17:00:00Z")]
    );
    // 02:30 does not come on 29 March: it is the end of the gap.
    let skipped = off("DTSTART:20260329T023000\nDTEND:20260329T040000");
    assert_eq!(
        skipped,
        [spell("2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z")]
    );
}

#[test]
fn repeats_keep_the_wall_clock_and_leave_out_what_was_left_out() {
    let text = "DTSTART;TZID=Europe/Berlin:20260323T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=3\n\
        EXDATE;TZID=Europe/Berlin:20260330T090000";
    // The clocks go forward on 29 March: 09:00 is 08:00 and then 07:00 UTC.
    let expected = [
        spell("2026-03-23T08:00:00Z", "2026-03-23T09:00:00Z"),
        spell("2026-04-06T07:00:00Z", "2026-04-06T08:00:00Z"),
    ];
    assert_eq!(off(text), expected);
    let fridays = off("DTSTART;VALUE=DATE:20261204\nRRULE:FREQ=WEEKLY;BYDAY=FR;UNTIL=20261218");
    let friday = |day: &str| days(day, day);
    assert_eq!(
        fridays,
        [
            friday("2026-12-04"),
            friday("2026-12-11"),
            friday("2026-12-18")
        ]
    );
    let years = off("DTSTART;VALUE=DATE:20011224\nRRULE:FREQ=YEARLY");
    assert_eq!(years, [friday("2026-12-24")]);
    let moved = calendar(
        "BEGIN:VEVENT\nUID:u1\nDTSTART;VALUE=DATE:20260801\nRRULE:FREQ=DAILY;COUNT=2\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:u1\nRECURRENCE-ID;VALUE=DATE:20260802\nDTSTART;VALUE=DATE:20260810\nEND:VEVENT",
    );
    let found = of_2026(&moved, Counts::Everything).unwrap();
    assert_eq!(found.off, [friday("2026-08-01"), friday("2026-08-10")]);
}

#[test]
fn meetings_and_what_is_free_or_cancelled_are_no_time_off() {
    let meeting = "DTSTART:20260803T090000Z\nDTEND:20260803T100000Z";
    let whole = "DTSTART;VALUE=DATE:20260803";
    let count = |lines: &str, counts| of_2026(&event(lines), counts).unwrap().off.len();
    assert_eq!(count(meeting, Counts::WholeDays), 0);
    assert_eq!(count(meeting, Counts::Everything), 1);
    assert_eq!(count(whole, Counts::WholeDays), 1);
    let away = format!("{meeting}\nX-MICROSOFT-CDO-BUSYSTATUS:OOF");
    assert_eq!(count(&away, Counts::WholeDays), 1);
    for free in ["STATUS:CANCELLED", "TRANSP:TRANSPARENT"] {
        assert_eq!(
            count(&format!("{whole}\n{free}"), Counts::Everything),
            0,
            "{free}"
        );
    }
    assert_eq!(count("DTSTART;VALUE=DATE:20280803", Counts::Everything), 0);
}

#[test]
fn an_event_that_is_not_understood_is_named() {
    for (lines, code) in [
        ("SUMMARY:x", "start_missing"),
        ("DTSTART:tomorrow", "time_unreadable"),
        ("DTSTART:20261301", "time_unreadable"),
        (
            "DTSTART;TZID=Moon/Base:20260803T090000\nDURATION:PT1H",
            "zone_unknown",
        ),
        (
            "DTSTART;VALUE=DATE:20260803\nDTEND:20260804T090000Z",
            "end_of_another_kind",
        ),
        (
            "DTSTART:20260803T090000Z\nDTEND:20260803T080000Z",
            "ends_before_it_starts",
        ),
        (
            "DTSTART:20260803T090000Z\nDURATION:PT",
            "duration_unreadable",
        ),
        (
            "DTSTART:20260803T090000Z\nRRULE:FREQ=MINUTELY",
            "rule_not_supported",
        ),
        (
            "DTSTART:20260803T090000Z\nRRULE:often",
            "rule_not_supported",
        ),
        (
            "DTSTART:20260803T090000Z\nRDATE:20260804T090000Z",
            "dates_not_supported",
        ),
        (
            "DTSTART:18000803T090000Z\nRRULE:FREQ=DAILY",
            "start_too_early",
        ),
    ] {
        assert_eq!(flaw(lines), code, "{lines}");
    }
    let found = of_2026(&event("SUMMARY:x"), Counts::Everything).unwrap();
    assert_eq!(
        (found.flaws[0].number, found.flaws[0].uid.as_str()),
        (1, "u1")
    );
}

#[test]
fn what_is_no_calendar_is_refused_before_it_costs_anything() {
    let read = |text: &str| of_2026(text, Counts::Everything);
    for text in [
        "",
        "hello",
        "BEGIN:VEVENT\r\nEND:VEVENT\r\n",
        "BEGIN:VCALENDAR\r\n",
    ] {
        assert_eq!(read(text), Err(Unreadable::NoCalendar), "{text}");
    }
    let deep = "BEGIN:X\r\n".repeat(100_000);
    assert_eq!(read(&deep), Err(Unreadable::NoCalendar));
    assert_eq!(read(&"x".repeat(MAX_BYTES + 1)), Err(Unreadable::TooLong));
    let many = calendar(&"BEGIN:VEVENT\nEND:VEVENT\n".repeat(5_001));
    assert_eq!(read(&many), Err(Unreadable::TooManyEvents));
}

#[test]
fn a_spell_ends_where_it_says_and_a_calendar_adds_to_a_schedule() {
    let read = of_2026(
        &event("DTSTART:20260803T100000\nDTEND:20260803T114500"),
        Counts::Everything,
    );
    let berlin = with_calendar(schedule(Tz::Europe__Berlin, Some(office())), &read.unwrap());
    assert!(!berlin.is_always());
    let away = at("2026-08-03T08:00:00Z");
    assert!(berlin.absence(away - TimeDelta::seconds(1)).is_none());
    assert!(berlin.absence(away).is_some());
    assert_eq!(
        berlin.next_available(away),
        Some(at("2026-08-03T09:45:00Z"))
    );
}

#[test]
fn who_is_there_first_is_told_with_the_time() {
    let berlin = schedule(Tz::Europe__Berlin, Some(office()));
    let tokyo = schedule(Tz::Asia__Tokyo, Some(office()));
    let person = |schedule, away| Person { schedule, away };
    let sunday = at("2026-08-02T12:00:00Z");
    let both = [person(&berlin, false), person(&tokyo, false)];
    assert_eq!(
        first_available(&both, sunday),
        Some((1, at("2026-08-03T00:00:00Z")))
    );
    let one = [person(&berlin, false), person(&tokyo, true)];
    assert_eq!(
        first_available(&one, sunday),
        Some((0, at("2026-08-03T07:00:00Z")))
    );
    assert_eq!(
        first_available(&[person(&Schedule::always(), true)], sunday),
        None
    );
    assert_eq!(first_available(&[], sunday), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Lines of a calendar in any order, cut and mixed, are read or refused.
    #[test]
    fn any_calendar_is_read_or_refused(lines in proptest::collection::vec(prop::sample::select(vec![
        "BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "UID:1", "DTSTART:20260101",
        "DTSTART:20260101T000000", "DTSTART;TZID=:20260101T000000", "DTEND:99991231", "DURATION:P99999999999D",
        "RRULE:FREQ=DAILY", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "RRULE:FREQ=DAILY;INTERVAL=0",
        "EXDATE:20260101,x", "RECURRENCE-ID:x", " folded", "DTSTART:00010101", "DTSTART;VALUE=DATE:99991231", "é", ":",
    ]), 0..14), any in any::<String>()) {
        let text = format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{}\r\n{any}\r\nEND:VEVENT\r\nEND:VCALENDAR", lines.join("\r\n"));
        let _ = of_2026(&text, Counts::Everything);
        let clean = text.replace(&any, "X-A:b");
        let _ = of_2026(&clean, Counts::WholeDays);
    }
}
