//! Time off out of a calendar, stored: what an import replaces, what it keeps, and who waits for whom.

use chrono::TimeDelta;
use kernel::RepId;

use super::bed::Bed;
use crate::{
    Absence, CalendarFile, CalendarRead, Off, RepEntry, RoutingError, Standing, TimeOffInput,
    availability::{Counts, MAX_BYTES, Unreadable},
    rep_list, retry_due, time_off_add, time_off_import, time_off_read,
};

/// A calendar of these events' lines.
fn calendar(events: &[String]) -> String {
    let event = |(at, lines): (usize, &String)| {
        format!("BEGIN:VEVENT\r\nUID:event-{at}\r\nSUMMARY:Operation\r\n{lines}\r\nEND:VEVENT\r\n")
    };
    let events: String = events.iter().enumerate().map(event).collect();
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test\r\n{events}END:VCALENDAR\r\n")
}

fn file(events: &[String]) -> CalendarFile {
    CalendarFile {
        text: calendar(events),
        counts: Counts::Everything,
    }
}

async fn import(bed: &Bed, rep: RepId, events: &[String]) -> Result<CalendarRead, RoutingError> {
    let file = file(events);
    bed.run(move |tx| time_off_import(tx, rep, &file)).await
}

async fn entry(bed: &Bed, rep: RepId) -> RepEntry {
    let all = bed.run(|tx| rep_list(tx, None)).await.unwrap();
    all.into_iter().find(|entry| entry.rep.id() == rep).unwrap()
}

/// From so many minutes after now, for so many.
fn meeting(bed: &Bed, after: i64, minutes: i64) -> String {
    use kernel::Clock;
    let from = bed.clock.now() + TimeDelta::minutes(after);
    let until = from + TimeDelta::minutes(minutes);
    let form = "%Y%m%dT%H%M%SZ";
    format!(
        "DTSTART:{}\r\nDTEND:{}",
        from.format(form),
        until.format(form)
    )
}

#[tokio::test]
async fn nobody_gets_a_record_within_a_spell_and_what_waits_is_taken_up_at_its_end() {
    let bed = Bed::routing().await;
    for rep in bed.reps.clone() {
        import(&bed, rep, &[meeting(&bed, -10, 40)]).await.unwrap();
    }
    let off = entry(&bed, bed.reps[0]).await;
    assert!(matches!(
        off.standing,
        Standing::Off(Off {
            why: Absence::TimeOff,
            until: Some(_)
        })
    ));
    assert_eq!(off.time_off[0].reason, "From the calendar");
    let fetched = bed.fetch(1..4, "DE").await;
    assert_eq!((fetched.waiting, fetched.proposed), (3, 0));
    let router = bed.router().await;
    let retry = async || {
        let (id, epoch) = (router.id(), router.epoch);
        bed.run(move |tx| retry_due(tx, id, epoch, 500))
            .await
            .unwrap()
    };
    bed.clock.advance(TimeDelta::minutes(29));
    assert_eq!(retry().await, crate::Proposed::default());
    bed.clock.advance(TimeDelta::minutes(1));
    assert_eq!(retry().await.proposed, 3);
}

#[tokio::test]
async fn an_import_replaces_the_one_before_and_leaves_what_was_written_by_hand() {
    let bed = Bed::routing().await;
    let (rep, today) = (bed.reps[0], bed.clock_day());
    let leave = TimeOffInput {
        first_day: today + TimeDelta::days(30),
        last_day: today + TimeDelta::days(31),
        reason: String::from("Leave"),
    };
    bed.run(move |tx| time_off_add(tx, rep, &leave))
        .await
        .unwrap();
    let day = |ahead: i64| {
        let day = today + TimeDelta::days(ahead);
        format!("DTSTART;VALUE=DATE:{}", day.format("%Y%m%d"))
    };
    let first = import(&bed, rep, &[day(3), day(4), day(4)]).await.unwrap();
    assert_eq!((first.found.off.len(), first.replaces), (2, 0));
    // The dry run says what would be, and it stays as it was.
    let next = file(&[meeting(&bed, 60, 30), String::from("DTSTART:never")]);
    let read = bed
        .run(move |tx| time_off_read(tx, rep, &next))
        .await
        .unwrap();
    assert_eq!((read.found.off.len(), read.replaces), (1, 2));
    assert_eq!(read.found.flaws[0].code, "time_unreadable");
    assert_eq!(entry(&bed, rep).await.time_off.len(), 3);

    import(&bed, rep, &[meeting(&bed, 60, 30)]).await.unwrap();
    let rows = entry(&bed, rep).await.time_off;
    let sources: Vec<_> = rows.iter().map(|row| row.source.as_str()).collect();
    assert_eq!(sources, ["calendar", "hand"]);
    assert!(rows[0].starts_at.is_some() && rows[1].starts_at.is_none());
    assert!(rows.iter().all(|row| !row.reason.contains("Operation")));
    assert!(entry(&bed, bed.reps[1]).await.time_off.is_empty());
}

#[tokio::test]
async fn a_file_that_cannot_be_used_changes_nothing() {
    let bed = Bed::routing().await;
    let rep = bed.reps[0];
    import(&bed, rep, &[meeting(&bed, 60, 30)]).await.unwrap();
    let many: Vec<String> = (0..201).map(|n| meeting(&bed, n * 60, 30)).collect();
    let texts = [
        (String::from("Dear all,"), Unreadable::NoCalendar),
        ("x".repeat(MAX_BYTES + 1), Unreadable::TooLong),
        (calendar(&many), Unreadable::TooManyAbsences),
    ];
    for (text, flaw) in texts {
        let counts = Counts::Everything;
        let file = CalendarFile { text, counts };
        let refused = bed.run(move |tx| time_off_import(tx, rep, &file)).await;
        assert!(matches!(refused, Err(RoutingError::CalendarFile(is)) if is == flaw));
    }
    assert_eq!(entry(&bed, rep).await.time_off.len(), 1);
    let stranger = RepId::generate(bed.clock.as_ref());
    assert!(import(&bed, stranger, &[]).await.is_err());
}
