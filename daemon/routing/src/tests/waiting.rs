//! Caps and waiting in the database: what two routers decide at once, what waits, and what wakes it.

use std::collections::HashMap;

use chrono::TimeDelta;
use kernel::{RepId, RouterId};
use layer::{ImportRow, Object, import};
use serde_json::Map;

use super::bed::{Bed, HOUSE, LEASE, settings};
use crate::{
    AvailabilityInput, CalendarInput, Caps, Holiday, PoolInput, RouterInput, RoutingError,
    Standing, Target, TimeOffInput, claim, holiday_calendar_create, holiday_calendar_delete,
    pool_create, pool_list, pool_update, propose, rep_availability_update, rep_list, rep_update,
    retry_due, router_activate, router_configure, time_off_add, time_off_remove,
};

fn caps(day: u32) -> Caps {
    Caps {
        day: Some(day),
        ..Caps::default()
    }
}

async fn set(bed: &Bed, rep: RepId, input: AvailabilityInput) -> Result<(), RoutingError> {
    bed.run(move |tx| {
        let entries = rep_list(tx, None)?;
        let version = entries
            .iter()
            .find(|e| e.rep.id() == rep)
            .unwrap()
            .rep
            .version;
        rep_availability_update(tx, rep, version, &input).map(drop)
    })
    .await
}

fn always(caps: Caps) -> AvailabilityInput {
    AvailabilityInput {
        time_zone: None,
        hours: None,
        calendar: None,
        caps,
    }
}

/// How many records each rep was given.
async fn given(bed: &Bed) -> HashMap<RepId, usize> {
    let page = bed
        .run(|tx| crate::assignment_list(tx, &crate::AssignmentFilter::default(), None, 500))
        .await
        .unwrap();
    let mut given = HashMap::new();
    for rep in page.items.iter().filter_map(|item| item.rep_id) {
        *given.entry(RepId::from_uuid(rep)).or_default() += 1;
    }
    given
}

#[tokio::test]
async fn a_cap_counts_what_was_given_before_and_in_the_same_batch() {
    let bed = Bed::routing().await;
    for rep in bed.reps.clone() {
        set(&bed, rep, always(caps(4))).await.unwrap();
    }
    assert_eq!(bed.fetch(1..8, "DE").await.proposed, 7);
    let rest = bed.fetch(8..20, "DE").await;
    assert_eq!((rest.proposed, rest.waiting), (5, 7));
    let given = given(&bed).await;
    assert!(bed.reps.iter().all(|rep| given[rep] == 4), "{given:?}");
    let states = bed.run(|tx| rep_list(tx, None)).await.unwrap();
    assert!(
        states
            .iter()
            .all(|rep| matches!(rep.standing, Standing::RepCap(_)) && rep.load.day == 4)
    );
}

#[tokio::test]
async fn what_waits_for_somebody_is_claimed_by_nobody_and_wakes_with_a_change() {
    let bed = Bed::routing().await;
    let today = bed.clock_day();
    let off = |rep: RepId| {
        let leave = TimeOffInput {
            first_day: today,
            last_day: today,
            reason: String::from("Leave"),
        };
        bed.run(move |tx| time_off_add(tx, rep, &leave))
    };
    let mut added = Vec::new();
    for rep in bed.reps.clone() {
        added.push(off(rep).await.unwrap());
    }
    let fetched = bed.fetch(1..4, "DE").await;
    assert_eq!(
        (fetched.waiting, fetched.proposed, fetched.failed),
        (3, 0, 0)
    );
    assert!(
        bed.claim().await.items.is_empty(),
        "a record without an owner was claimed"
    );
    let router = bed.router().await;
    let retry = async || {
        let (id, epoch) = (router.id(), router.epoch);
        bed.run(move |tx| retry_due(tx, id, epoch, 500))
            .await
            .unwrap()
    };
    assert_eq!(
        retry().await,
        crate::Proposed::default(),
        "it was tried before its time"
    );
    let id = added[0].id();
    bed.run(move |tx| time_off_remove(tx, id)).await.unwrap();
    let done = retry().await;
    assert_eq!((done.proposed, done.waiting), (3, 0));
    let given = given(&bed).await;
    assert_eq!(given.len(), 1);
    assert_eq!(bed.accounting().await.waiting, 3);
    assert_eq!(bed.claim().await.items.len(), 3);
}

#[tokio::test]
async fn a_write_that_failed_is_not_written_again_to_a_rep_who_went_off() {
    let bed = Bed::routing().await;
    bed.fetch(1..2, "DE").await;
    let first = *given(&bed).await.keys().next().unwrap();
    let batch = bed.claim().await;
    let code = String::from("row_locked");
    bed.report(&batch, crate::WriteResult::Failed { code })
        .await;
    let today = bed.clock_day();
    let leave = TimeOffInput {
        first_day: today,
        last_day: today.succ_opt().unwrap(),
        reason: String::from("Ill"),
    };
    bed.run(move |tx| time_off_add(tx, first, &leave))
        .await
        .unwrap();
    bed.clock.advance(TimeDelta::seconds(61));
    let router = bed.router().await;
    let again = bed
        .run(move |tx| retry_due(tx, router.id(), router.epoch, 500))
        .await
        .unwrap();
    assert_eq!(again.proposed, 1);
    let owners: Vec<String> = bed
        .claim()
        .await
        .items
        .into_iter()
        .map(|i| i.new_owner)
        .collect();
    assert_ne!(owners, [batch.items[0].new_owner.clone()]);
}

fn contact(bed: &Bed, n: u32) -> ImportRow {
    ImportRow {
        record_id: format!("003xx00000{n:05}AAA"),
        owner_id: Some(HOUSE.to_owned()),
        source_created_at: None,
        source_modified_at: kernel::Clock::now(bed.clock.as_ref()),
        fields: Map::new(),
    }
}

/// A router of contacts, whose fallback is a pool of its own with the same reps.
async fn contacts(bed: &Bed) -> (RouterId, i32) {
    let members: Vec<_> = bed.reps.iter().map(|rep| (*rep, 1)).collect();
    let now = kernel::Clock::now(bed.clock.as_ref());
    bed.run(move |tx| {
        let pool = PoolInput {
            name: String::from("Contacts"),
            members,
            calendar: None,
            caps: Caps::default(),
        };
        let pool_id = pool_create(tx, &pool)?.pool.id();
        let input = RouterInput {
            object: Object::Contact,
            fallback: Some(Target::Pool { pool_id }),
            ..settings("Title = 'Open'")
        };
        router_configure(tx, &input)?;
        let router = router_activate(tx, Object::Contact)?;
        crate::baseline_done(tx, router.id(), router.epoch, now, 0)?;
        Ok((router.id(), router.epoch))
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_daemons_that_decide_at_once_never_exceed_a_cap() {
    let bed = Bed::routing().await;
    let (id, epoch) = contacts(&bed).await;
    for rep in bed.reps.clone() {
        set(&bed, rep, always(caps(20))).await.unwrap();
    }
    let lead = bed.router().await;
    for round in 0..10_u32 {
        let from = 1 + round * 8;
        let leads: Vec<_> = (from..from + 8).map(|n| bed.lead(n, "DE")).collect();
        let contacts: Vec<_> = (from..from + 8).map(|n| contact(&bed, n)).collect();
        let (lead_id, lead_epoch) = (lead.id(), lead.epoch);
        let one = bed.run(move |tx| {
            import(tx, Object::Lead, &leads)?;
            propose(tx, lead_id, lead_epoch, &leads)
        });
        let other = bed.run(move |tx| {
            import(tx, Object::Contact, &contacts)?;
            propose(tx, id, epoch, &contacts)
        });
        let (one, other) = tokio::join!(one, other);
        one.unwrap();
        other.unwrap();
    }
    let given = given(&bed).await;
    assert!(bed.reps.iter().all(|rep| given[rep] == 20), "{given:?}");
    assert_eq!(
        bed.accounting().await.waiting,
        160,
        "60 are to be written, 100 wait for somebody"
    );
}

#[tokio::test]
async fn a_pool_caps_its_members_and_keeps_its_own_holidays() {
    let bed = Bed::routing().await;
    let today = bed.clock_day();
    let (pool, calendar) = (bed.pool, move |tx: &mut db::TenantTx<'_>| {
        let input = CalendarInput {
            name: String::from("Office"),
            days: vec![Holiday {
                day: today,
                name: String::from("Founding day"),
            }],
        };
        holiday_calendar_create(tx, &input)
    });
    let calendar = bed.run(calendar).await.unwrap().calendar.id();
    let members: Vec<_> = bed.reps.iter().map(|rep| (*rep, 1)).collect();
    let update = |calendar, caps| {
        let members = members.clone();
        bed.run(move |tx| {
            let version = pool_list(tx)?.remove(0).pool.version;
            let input = PoolInput {
                name: String::from("DACH"),
                members,
                calendar,
                caps,
            };
            pool_update(tx, pool, version, &input)
        })
    };
    update(None, caps(1)).await.unwrap();
    let fetched = bed.fetch(1..6, "DE").await;
    assert_eq!((fetched.proposed, fetched.waiting), (3, 2));
    let entry = update(Some(calendar), Caps::default()).await.unwrap();
    assert!(
        entry
            .members
            .iter()
            .all(|m| matches!(m.standing, Standing::Off(_)) && m.back.is_some())
    );
    let refused = bed
        .run(move |tx| holiday_calendar_delete(tx, calendar))
        .await;
    assert!(matches!(refused, Err(RoutingError::CalendarInUse { .. })));
    assert!(update(None, caps(0)).await.is_err());
}

#[tokio::test]
async fn somebody_who_switched_to_away_has_no_known_return() {
    let bed = Bed::routing().await;
    for rep in bed.reps.clone() {
        bed.run(move |tx| rep_update(tx, rep, true)).await.unwrap();
    }
    let fetched = bed.fetch(1..2, "DE").await;
    assert_eq!((fetched.failed, fetched.waiting), (1, 0));
    let id = bed.router().await.id();
    let batch = bed.run(move |tx| claim(tx, id, 10, LEASE)).await.unwrap();
    assert!(batch.items.is_empty());
    let input = AvailabilityInput {
        time_zone: Some(String::from("Europe/Nowhere")),
        ..always(Caps::default())
    };
    assert!(matches!(
        set(&bed, bed.reps[0], input).await,
        Err(RoutingError::TimeZone)
    ));
}
