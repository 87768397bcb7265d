//! When the reps of the demo are there: offices in three parts of the world, holidays, caps, a leave and
//! a calendar. In each pool somebody works at any hour, so that leads move whenever the demo runs.

use anyhow::{Context, Result};
use chrono::{Datelike, NaiveDate, TimeDelta};
use kernel::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::console::Console;

/// Of the reps in their order: where each works, and from and until which hour. `None`: at any hour.
const OFFICES: [Option<(&str, u32, u32)>; 5] = [
    None,
    Some(("Europe/Berlin", 9, 17)),
    Some(("America/New_York", 8, 18)),
    Some(("Asia/Tokyo", 9, 18)),
    Some(("Europe/London", 8, 17)),
];

/// Sets it for all of these, who stand in the order in which pools were filled.
pub async fn furnish(console: &Console, reps: &[Value]) -> Result<()> {
    let today = SystemClock.now().date_naive();
    let germany = console
        .post(
            "/holiday-calendars",
            json!({ "name": "Germany", "days": holidays(today.year()) }),
        )
        .await?;
    let (first, second) = reps.split_at(reps.len().div_euclid(2));
    for half in [first, second] {
        for (rep, office) in half.iter().zip(OFFICES) {
            availability(console, rep, office, &germany).await?;
        }
    }
    let on_leave = first.get(2).context("there are too few reps")?;
    let leave = json!({
        "first_day": today, "last_day": today + TimeDelta::days(4), "reason": "Annual leave",
    });
    console.post(&path(on_leave, "time-off")?, leave).await?;
    let with_calendar = first.get(1).context("there are too few reps")?;
    let file = json!({ "text": calendar(today), "counts": "everything", "dry_run": false });
    console
        .post(&path(with_calendar, "time-off/calendar")?, file)
        .await?;
    Ok(())
}

fn path(rep: &Value, part: &str) -> Result<String> {
    let id = rep
        .get("id")
        .and_then(Value::as_str)
        .context("a rep has no id")?;
    Ok(format!("/reps/{id}/{part}"))
}

async fn availability(
    console: &Console,
    rep: &Value,
    office: Option<(&str, u32, u32)>,
    germany: &Value,
) -> Result<()> {
    let Some((zone, from, until)) = office else {
        return Ok(());
    };
    let day = |day: u32| json!({ "day": day, "from": from * 60, "until": until * 60 });
    let hours: Vec<Value> = (1..=5).map(day).collect();
    let holidays = (zone == "Europe/Berlin")
        .then(|| germany.get("id"))
        .flatten();
    let set = json!({
        "time_zone": zone, "hours": hours, "calendar_id": holidays,
        "caps": { "hour": null, "day": 40, "week": null }, "version": rep.get("version"),
    });
    console.put(&path(rep, "availability")?, set).await?;
    Ok(())
}

fn holidays(year: i32) -> Vec<Value> {
    let of = |year: i32| {
        [(1, 1, "New Year's Day"), (5, 1, "Labour Day"), (10, 3, "Day of German Unity"), (12, 25, "Christmas Day")]
            .map(|(month, day, name)| json!({ "day": format!("{year}-{month:02}-{day:02}"), "name": name }))
    };
    (year..=year + 1).flat_map(of).collect()
}

/// A week off next month, and an hour at the dentist's tomorrow.
fn calendar(today: NaiveDate) -> String {
    let day = |ahead: i64| {
        (today + TimeDelta::days(ahead))
            .format("%Y%m%d")
            .to_string()
    };
    let (begins, ends, tomorrow) = (day(30), day(37), day(1));
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//demo\r\n\
         BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Skiing\r\nDTSTART;VALUE=DATE:{begins}\r\nDTEND;VALUE=DATE:{ends}\r\nEND:VEVENT\r\n\
         BEGIN:VEVENT\r\nUID:2\r\nSUMMARY:Dentist\r\nDTSTART:{tomorrow}T100000\r\nDTEND:{tomorrow}T113000\r\nEND:VEVENT\r\n\
         END:VCALENDAR\r\n"
    )
}
