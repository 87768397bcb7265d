//! Working hours around the changes of the clocks, judged by another library: Python's `zoneinfo`.

use std::process::Command;

use chrono::DateTime;
use routing::{Interval, Schedule, WeekHours};

/// Whole, half and quarter hours from UTC; changes of one hour and of half an hour; by day, by night
/// and at midnight; on both halves of the Earth.
const ZONES: [&str; 12] = [
    "Europe/Berlin",
    "Europe/Dublin",
    "Atlantic/Azores",
    "America/New_York",
    "America/St_Johns",
    "America/Los_Angeles",
    "America/Santiago",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Jerusalem",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
];

/// The same as in the script.
fn hours() -> WeekHours {
    let stretches = [(10, 50), (90, 135), (160, 200), (540, 1020), (1395, 5)];
    let day = |day| stretches.map(|(from, until)| Interval { day, from, until });
    WeekHours::new(&(1..=7).flat_map(day).collect::<Vec<_>>()).unwrap()
}

#[test]
fn both_changes_of_the_clocks_in_twelve_zones_are_as_zoneinfo_has_them() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/zones.py");
    let output = Command::new(stack::mail::python().unwrap())
        .arg(script)
        .args(ZONES)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (mut compared, mut at_work) = (0_u32, 0_u32);
    for line in said.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let schedule = Schedule {
            zone: words[0].parse().unwrap(),
            hours: Some(hours()),
            ..Schedule::always()
        };
        let first: i64 = words[1].parse().unwrap();
        for (minute, expected) in (first..).zip(words[2].chars()) {
            let at = DateTime::from_timestamp(minute * 60, 0).unwrap();
            let there = schedule.absence(at).is_none();
            assert_eq!(there, expected == '1', "{} at {at}", words[0]);
            compared += 1;
            at_work += u32::from(there);
        }
    }
    assert_eq!(compared, 12 * 2 * 3 * 1440, "a change is missing");
    assert!(at_work > compared / 4 && at_work < compared / 2);
}
