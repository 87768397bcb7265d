//! Who is there and who is not: those are passed over, caps hold, and a record for which nobody is
//! there waits until somebody is (LR-49, LR-57).

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use kernel::{Clock, RepId};
use routing::{AvailabilityInput, Caps, Interval, Standing, TimeOffInput};

use super::{Routed, agrees, rows};

impl Routed {
    fn now(&self) -> DateTime<Utc> {
        self.org.bed.clock.now()
    }

    /// The pool's members, by name.
    async fn members(&self) -> Vec<RepId> {
        let work = |tx: &mut db::TenantTx<'_>| {
            let reps = routing::rep_list(tx, None)?;
            let in_pool = reps.iter().filter(|rep| !rep.pools.is_empty());
            Ok::<_, routing::RoutingError>(in_pool.map(|rep| rep.rep.id()).collect::<Vec<_>>())
        };
        self.org.bed.db.run(&self.org.person, work).await.unwrap()
    }

    async fn available(&self, rep: RepId, hours: Option<Vec<Interval>>, caps: Caps) {
        let work = move |tx: &mut db::TenantTx<'_>| {
            let entries = routing::rep_list(tx, None)?;
            let found = entries.iter().find(|entry| entry.rep.id() == rep).unwrap();
            let input = AvailabilityInput {
                time_zone: None,
                hours,
                calendar: None,
                caps,
            };
            routing::rep_availability_update(tx, rep, found.rep.version, &input)
        };
        self.org.bed.db.run(&self.org.person, work).await.unwrap();
    }

    /// An hour of work that begins in two hours, and when that is.
    fn in_two_hours(&self) -> (Vec<Interval>, DateTime<Utc>) {
        let begin = self.now() + TimeDelta::hours(2);
        let begin = begin.with_second(0).unwrap().with_nanosecond(0).unwrap();
        let minute = u16::try_from(begin.hour() * 60 + begin.minute()).unwrap();
        let until = match (minute + 60) % 1440 {
            0 => 1440,
            until => until,
        };
        let day = u8::try_from(begin.weekday().number_from_monday()).unwrap();
        let interval = Interval {
            day,
            from: minute,
            until,
        };
        (vec![interval], begin)
    }
}

fn got(routed: &Routed, rep: RepId) -> usize {
    let sql = format!(
        "SELECT count(*) FROM assignments WHERE state = 'assigned' AND rep_id = '{}'",
        rep.uuid()
    );
    rows(&routed.org, &sql)[0].parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_is_off_gets_nothing_and_one_with_a_cap_no_more_than_that() {
    let routed = Routed::active(5).await;
    let members = routed.members().await;
    let (off, capped) = (members[0], members[1]);
    let today = routed.now().date_naive();
    let leave = TimeOffInput {
        first_day: today - TimeDelta::days(1),
        last_day: today + TimeDelta::days(1),
        reason: "Annual leave".to_owned(),
    };
    let add = move |tx: &mut db::TenantTx<'_>| routing::time_off_add(tx, off, &leave);
    routed
        .org
        .bed
        .db
        .run(&routed.org.person, add)
        .await
        .unwrap();
    let caps = Caps {
        week: Some(2),
        ..Caps::default()
    };
    routed.available(capped, None, caps).await;
    for (seed, leads) in [(2, 9), (3, 6)] {
        routed.arrive(seed, leads).await;
        routed.cycle().await;
    }
    routed.cycle().await;
    assert_eq!(routed.accounting().await.assigned, 15);
    assert_eq!((got(&routed, off), got(&routed, capped)), (0, 2));
    agrees(&routed.org, &routed.writes().await);

    let last = |tx: &mut db::TenantTx<'_>| {
        let page = routing::assignment_list(tx, &Default::default(), None, 1)?;
        routing::assignment_explain(tx, page.items[0].id())
    };
    let why = routed
        .org
        .bed
        .db
        .run(&routed.org.person, last)
        .await
        .unwrap();
    let standing = |rep: RepId| {
        let found = why
            .why
            .candidates
            .iter()
            .find(|candidate| candidate.rep.as_ref().is_some_and(|(id, _)| *id == rep));
        found.unwrap().standing
    };
    assert!(matches!(standing(off), Standing::Off(_)));
    assert!(matches!(standing(capped), Standing::RepCap(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_everybody_off_leads_wait_until_somebody_is_there() {
    let routed = Routed::active(5).await;
    let (hours, begin) = routed.in_two_hours();
    for rep in routed.members().await {
        routed
            .available(rep, Some(hours.clone()), Caps::default())
            .await;
    }
    routed.arrive(2, 6).await;
    for _ in 0..3 {
        routed.cycle().await;
    }
    assert_eq!(routed.accounting().await.waiting, 6);
    let marks = "SELECT DISTINCT reason_code || ' ' || attempts || ' ' || extract(epoch FROM next_attempt_at)::int8 \
                 FROM routing_records WHERE state = 'postponed'";
    let expected = format!("waiting_for_pool 0 {}", begin.timestamp());
    assert_eq!(rows(&routed.org, marks), [expected]);
    assert!(routed.writes().await.is_empty(), "somebody off got a lead");
    routed.org.bed.clock.advance(begin - routed.now());
    for _ in 0..2 {
        routed.cycle().await;
    }
    let accounting = routed.accounting().await;
    assert_eq!((accounting.assigned, accounting.waiting), (6, 0));
    agrees(&routed.org, &routed.writes().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_decided_about_at_once_when_somebody_comes_back_early() {
    let routed = Routed::active(5).await;
    let (hours, _) = routed.in_two_hours();
    let members = routed.members().await;
    for rep in &members {
        routed
            .available(*rep, Some(hours.clone()), Caps::default())
            .await;
    }
    routed.arrive(2, 4).await;
    routed.cycle().await;
    assert_eq!(routed.accounting().await.waiting, 4);
    routed.available(members[0], None, Caps::default()).await;
    for _ in 0..2 {
        routed.cycle().await;
    }
    assert_eq!(routed.accounting().await.assigned, 4);
    assert_eq!(got(&routed, members[0]), 4);
}
