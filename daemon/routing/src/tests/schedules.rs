//! When somebody is there: hours, holidays and time off, the search for a return, and the windows of
//! caps.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use crate::{Absence, Cap, HoursFlaw, Interval, Off, Presence, Schedule, WeekHours, Windows};

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn interval(day: u8, from: u16, until: u16) -> Interval {
    Interval { day, from, until }
}

/// Monday to Friday, 09:00 to 17:00.
pub(super) fn office() -> WeekHours {
    let days: Vec<_> = (1..=5).map(|day| interval(day, 540, 1020)).collect();
    WeekHours::new(&days).unwrap()
}

pub(super) fn schedule(zone: Tz, hours: Option<WeekHours>) -> Schedule {
    Schedule {
        zone,
        hours,
        ..Schedule::always()
    }
}

#[test]
fn hours_that_mean_nothing_are_refused_with_a_code() {
    let refused = |intervals: &[Interval]| WeekHours::new(intervals).unwrap_err();
    assert_eq!(refused(&[]), HoursFlaw::Empty);
    assert_eq!(refused(&[interval(0, 1, 2)]), HoursFlaw::OutOfDay);
    assert_eq!(refused(&[interval(8, 1, 2)]), HoursFlaw::OutOfDay);
    assert_eq!(refused(&[interval(1, 1440, 1)]), HoursFlaw::OutOfDay);
    assert_eq!(refused(&[interval(1, 0, 1441)]), HoursFlaw::OutOfDay);
    assert_eq!(refused(&[interval(1, 60, 60)]), HoursFlaw::NoLength);
    let twice = [interval(1, 60, 120), interval(1, 119, 180)];
    assert_eq!(refused(&twice), HoursFlaw::Overlap);
    // Sunday's night reaches into Monday.
    let around = [interval(7, 1320, 360), interval(1, 359, 600)];
    assert_eq!(refused(&around), HoursFlaw::Overlap);
    assert_eq!(refused(&[interval(1, 0, 1); 51]), HoursFlaw::TooMany);
}

#[test]
fn a_night_shift_goes_into_the_next_day_and_reads_back() {
    let written = [
        interval(1, 0, 1440),
        interval(3, 1320, 360),
        interval(7, 1380, 60),
    ];
    let hours = WeekHours::new(&written[1..]).unwrap();
    assert_eq!(hours.intervals(), written[1..]);
    assert_eq!(WeekHours::from_stored(&hours.stored()), Some(hours.clone()));
    let minute = |day: i32, minute: i32| (day - 1) * 1440 + minute;
    for (inside, at) in [
        (false, minute(3, 1319)),
        (true, minute(3, 1320)),
        (true, minute(4, 359)),
        (false, minute(4, 360)),
        (true, minute(7, 1439)),
        (true, minute(1, 59)),
        (false, minute(1, 60)),
    ] {
        assert_eq!(hours.contains(at), inside, "{at}");
    }
    let whole_day = WeekHours::new(&written[..1]).unwrap();
    assert!(whole_day.contains(0) && whole_day.contains(1439) && !whole_day.contains(1440));
    for foreign in [&[][..], &[1], &[2, 1], &[-1, 5], &[0, 20_000]] {
        assert_eq!(WeekHours::from_stored(foreign), None);
    }
}

#[test]
fn a_skipped_hour_shortens_the_day_and_a_repeated_one_lengthens_it() {
    let hours = WeekHours::new(&[interval(7, 120, 180)]).unwrap();
    let berlin = schedule(Tz::Europe__Berlin, Some(hours));
    let minutes = |from: &str| {
        let start = at(from);
        (0..240)
            .filter(|n| berlin.absence(start + TimeDelta::minutes(*n)).is_none())
            .count()
    };
    // 02:00 to 03:00 does not come on 29 March and comes twice on 25 October 2026.
    assert_eq!(minutes("2026-03-29T00:00:00Z"), 0);
    assert_eq!(minutes("2026-10-25T00:00:00Z"), 120);
    let next = berlin.next_available(at("2026-03-28T12:00:00Z"));
    assert_eq!(next, Some(at("2026-04-05T00:00:00Z")));
}

#[test]
fn holidays_and_time_off_are_local_days() {
    let mut auckland = schedule(Tz::Pacific__Auckland, Some(office()));
    auckland.holidays = vec![Arc::new(BTreeSet::from([day("2026-11-24")]))];
    auckland.time_off = vec![(day("2026-11-25"), day("2026-11-26"))];
    // Tuesday 09:00 there is Monday 20:00 UTC.
    let holiday = at("2026-11-23T20:00:00Z");
    assert_eq!(auckland.absence(holiday), Some(Absence::Holiday));
    assert_eq!(
        auckland.absence(holiday + TimeDelta::days(1)),
        Some(Absence::TimeOff)
    );
    let off = Off {
        why: Absence::Holiday,
        until: Some(at("2026-11-26T20:00:00Z")),
    };
    assert_eq!(auckland.presence(holiday), Presence::Off(off));
    let monday = holiday - TimeDelta::days(1);
    assert_eq!(auckland.presence(monday), Presence::Present);
}

#[test]
fn who_is_away_for_longer_than_the_horizon_has_no_known_return() {
    let mut always = Schedule::always();
    always.time_off = vec![(day("2026-01-01"), day("2028-01-01"))];
    assert_eq!(always.next_available(at("2026-06-01T00:00:00Z")), None);
    assert_eq!(
        always.next_available(at("2027-06-01T00:00:00Z")),
        Some(at("2028-01-02T00:00:00Z"))
    );
}

#[test]
fn windows_are_of_the_reps_own_clock() {
    let windows = |zone, now: &str| {
        let windows = Windows::around(&schedule(zone, None), at(now)).unwrap();
        [windows.hour, windows.day, windows.week].map(|w| (w.from, w.until))
    };
    // Kolkata is at 19:40 on a Sunday.
    assert_eq!(
        windows(Tz::Asia__Kolkata, "2026-11-22T14:10:00Z"),
        [
            (at("2026-11-22T13:30:00Z"), at("2026-11-22T14:30:00Z")),
            (at("2026-11-21T18:30:00Z"), at("2026-11-22T18:30:00Z")),
            (at("2026-11-15T18:30:00Z"), at("2026-11-22T18:30:00Z")),
        ]
    );
    // The day on which the clocks go back is 25 hours long; in Santiago a day begins at 01:00.
    let berlin = windows(Tz::Europe__Berlin, "2026-10-25T12:00:00Z")[1];
    assert_eq!(berlin.1 - berlin.0, TimeDelta::hours(25));
    let santiago = windows(Tz::America__Santiago, "2026-09-06T12:00:00Z")[1];
    assert_eq!(santiago.0, at("2026-09-06T04:00:00Z"));
    assert_eq!(santiago.1 - santiago.0, TimeDelta::hours(23));
}

fn zones() -> impl Strategy<Value = Tz> {
    prop::sample::select(vec![
        Tz::Europe__Berlin,
        Tz::Australia__Lord_Howe,
        Tz::America__St_Johns,
        Tz::America__Santiago,
        Tz::Africa__Cairo,
        Tz::Pacific__Chatham,
        Tz::Asia__Kolkata,
    ])
}

/// Hours of one stretch a day on some days, over midnight or not.
fn some_hours() -> impl Strategy<Value = WeekHours> {
    let stretch = (1_u8..=7, 0_u16..1440, 1_u16..=1440);
    proptest::collection::vec(stretch, 1..6).prop_filter_map("overlap", |stretches| {
        let intervals: Vec<_> = stretches
            .into_iter()
            .map(|(day, from, until)| interval(day, from, until))
            .collect();
        WeekHours::new(&intervals).ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// The search finds what looking at each minute finds, around both changes of the clocks as well.
    #[test]
    fn the_next_available_time_is_the_first_minute_that_is(
        zone in zones(), hours in some_hours(), start in 0_i64..(365 * 1440), second in 0_i64..60,
        off in proptest::collection::vec((0_i64..380, 0_i64..4), 0..4),
    ) {
        let first = at("2026-01-01T00:00:00Z");
        let from = first + TimeDelta::minutes(start) + TimeDelta::seconds(second);
        let mut schedule = schedule(zone, Some(hours));
        schedule.time_off = off.into_iter().map(|(begin, length)| {
            let day = first.date_naive() + TimeDelta::days(begin);
            (day, day + TimeDelta::days(length))
        }).collect();
        // Whole minutes after the first: only on a minute does the answer change.
        let minute = from - TimeDelta::seconds(second);
        let brute = std::iter::once(from)
            .chain((1..15 * 1440).map(|n| minute + TimeDelta::minutes(n)))
            .find(|instant| schedule.absence(*instant).is_none());
        let found = schedule.next_available(from);
        match brute {
            Some(expected) => prop_assert_eq!(found, Some(expected)),
            None => prop_assert!(found.is_none_or(|found| found > from + TimeDelta::days(14))),
        }
    }

    /// A window holds the instant, and the next begins where it ends.
    #[test]
    fn windows_hold_the_instant_and_follow_each_other(
        zone in zones(), minute in 0_i64..(365 * 1440),
    ) {
        let schedule = schedule(zone, None);
        let now = at("2026-01-01T00:00:00Z") + TimeDelta::minutes(minute);
        let windows = Windows::around(&schedule, now).unwrap();
        for cap in Cap::ALL {
            let window = windows.get(cap);
            prop_assert!(window.from <= now && now < window.until, "{:?}", cap);
        }
        for cap in [Cap::Day, Cap::Week] {
            let until = windows.get(cap).until;
            let next = Windows::around(&schedule, until).unwrap();
            prop_assert_eq!(next.get(cap).from, until);
        }
    }
}
