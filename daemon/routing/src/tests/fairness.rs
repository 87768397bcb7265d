//! Turns across restarts and daemons, a turn given back, turns by open count, and caps at two levels.

use chrono::TimeDelta;
use chrono_tz::Tz;
use proptest::prelude::*;

use super::{
    rep_id,
    schedules::{at, schedule},
};
use crate::{Caps, Held, Level, Limits, Member, OpenLoad, Pool, Schedule, least_open, within_caps};

fn pool(weights: &[u32]) -> Pool {
    let members = weights.iter().enumerate().map(|(at, weight)| Member {
        rep: rep_id(u128::try_from(at).unwrap()),
        weight: *weight,
        credit: 0,
    });
    Pool {
        members: members.collect(),
    }
}

/// What a row keeps of a pool.
type Row = Vec<(u32, i64)>;

fn stored(pool: &Pool) -> Row {
    pool.members.iter().map(|m| (m.weight, m.credit)).collect()
}

fn loaded(row: &Row) -> Pool {
    let mut pool = pool(&row.iter().map(|(weight, _)| *weight).collect::<Vec<_>>());
    for (member, (_, credit)) in pool.members.iter_mut().zip(row) {
        member.credit = *credit;
    }
    pool
}

fn open(weight: u32, open: u32) -> OpenLoad {
    OpenLoad {
        weight,
        open,
        ..OpenLoad::default()
    }
}

#[test]
fn the_member_who_holds_least_for_its_weight_is_next() {
    let all = |_| true;
    assert_eq!(
        least_open(&[open(1, 3), open(2, 5), open(1, 3)], all),
        Some(1)
    );
    assert_eq!(least_open(&[open(1, 2), open(1, 2)], all), Some(0));
    assert_eq!(least_open(&[open(1, 0), open(1, 9)], |at| at == 1), Some(1));
    let full = OpenLoad {
        most: Some(0),
        ..open(1, 0)
    };
    assert_eq!(least_open(&[full], all), None);
    assert_eq!(least_open(&[full, open(0, 99)], all), Some(1));
}

#[test]
fn who_is_new_gets_twice_its_share_until_level() {
    let mut members = vec![open(1, 50), open(1, 50), open(1, 50)];
    let new = open(1, 0).calibrated(&members);
    members.push(new);
    let mut got = 0;
    for _ in 0..100 {
        let at = least_open(&members, |_| true).unwrap();
        members[at].take_one();
        got += u32::from(at == 3);
    }
    assert!((35..=45).contains(&got), "{got} of 100");
    // Level in the end: then it has its share.
    for _ in 0..1_000 {
        let at = least_open(&members, |_| true).unwrap();
        members[at].take_one();
    }
    let (most, least) = (
        members.iter().map(|m| m.open).max(),
        members.iter().map(|m| m.open).min(),
    );
    assert!(most.unwrap() - least.unwrap() <= 1, "{members:?}");
    assert_eq!(open(1, 7).calibrated(&[]).lead, 0);
    let mut given = open(1, 1);
    given.give_one();
    given.give_one();
    assert_eq!(given.open, 0);
}

#[test]
fn caps_of_both_levels_are_told_in_order() {
    let moment = at("2026-11-23T10:00:00Z");
    let limits = |day: Option<u32>, taken: u32| {
        let caps = Caps {
            day,
            ..Caps::default()
        };
        let mut limits = Limits::new(&Schedule::always(), moment, caps, true);
        (0..taken).for_each(|_| limits.take_one());
        limits
    };
    let (free, used) = (limits(None, 0), limits(Some(2), 2));
    let (room, full) = (
        open(1, 0),
        OpenLoad {
            most: Some(3),
            ..open(1, 3)
        },
    );
    assert_eq!(within_caps((&free, &room), None), Ok(()));
    assert_eq!(
        within_caps((&limits(Some(2), 1), &room), Some((&free, &room))),
        Ok(())
    );
    let level = |held| match held {
        Err(Held::Window(level, reached)) => (level, Some(reached.cap.name())),
        Err(Held::Open(level)) => (level, None),
        Ok(()) => panic!("not held"),
    };
    let day = Some("day");
    assert_eq!(
        level(within_caps((&used, &full), Some((&used, &full)))),
        (Level::Rep, day)
    );
    assert_eq!(
        level(within_caps((&free, &full), Some((&used, &full)))),
        (Level::Rep, None)
    );
    assert_eq!(
        level(within_caps((&free, &room), Some((&used, &full)))),
        (Level::Pool, day)
    );
    assert_eq!(
        level(within_caps((&free, &room), Some((&free, &full)))),
        (Level::Pool, None)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Two daemons take turns from one row, each loading it and storing it anew; either may restart
    /// before it stores, and then the turn was never given. Whatever the order, after every full
    /// round each has its share exactly, and within it each is within one record of its share.
    #[test]
    fn shares_hold_across_restarts_and_two_daemons(
        weights in proptest::collection::vec(1_u32..20, 1..8),
        steps in proptest::collection::vec((any::<bool>(), 0_u8..5), 1..300),
    ) {
        let round: u32 = weights.iter().sum();
        let (mut row, mut got, mut given) = (stored(&pool(&weights)), vec![0_u32; weights.len()], 0_u32);
        // What each daemon remembers is never used: the row is the truth.
        let mut daemons = [pool(&weights), pool(&weights)];
        for (second, fate) in steps {
            let daemon = &mut daemons[usize::from(second)];
            *daemon = loaded(&row);
            let chosen = daemon.turn(|_, _| true).unwrap();
            if fate == 0 {
                continue;
            }
            row = stored(daemon);
            got[chosen] += 1;
            given += 1;
            for (at, weight) in weights.iter().enumerate() {
                let ideal = f64::from(given) * f64::from(*weight) / f64::from(round);
                prop_assert!(f64::from(got[at]) < ideal + 1.0);
                if given % round == 0 {
                    prop_assert_eq!(got[at], weight * (given / round));
                }
            }
        }
    }

    /// A turn given back was never given.
    #[test]
    fn a_turn_given_back_leaves_the_pool_as_it_was(
        weights in proptest::collection::vec(1_u32..30, 1..8), before in 0_u32..100,
    ) {
        let mut pool = pool(&weights);
        for _ in 0..before {
            pool.turn(|_, _| true);
        }
        let was = pool.clone();
        let at = pool.turn(|_, _| true).unwrap();
        pool.give_back(at, |_, _| true);
        prop_assert_eq!(&pool, &was);
        pool.give_back(weights.len(), |_, _| true);
        prop_assert_eq!(&pool, &was);
    }

    /// Nobody closes anything: after any number of records nobody is a record ahead of its share.
    #[test]
    fn open_counts_stay_level(weights in proptest::collection::vec(1_u32..10, 1..8), records in 1_u32..400) {
        let mut members: Vec<_> = weights.iter().map(|weight| open(*weight, 0)).collect();
        for _ in 0..records {
            let at = least_open(&members, |_| true).unwrap();
            members[at].take_one();
        }
        let round: u32 = weights.iter().sum();
        for member in &members {
            let ideal = f64::from(records) * f64::from(member.weight) / f64::from(round);
            prop_assert!(f64::from(member.open) < ideal + 1.0, "{:?}", members);
        }
    }

    /// However records come and are closed, no cap at either level is ever exceeded, and nobody who is
    /// not there is given one.
    #[test]
    fn caps_are_never_exceeded(
        caps in proptest::collection::vec((1_u32..4, 1_u32..8, 1_u32..6, 1_u32..5), 1..4),
        minutes in proptest::collection::vec((0_i64..200, 0_u8..4), 1..120),
    ) {
        let berlin = schedule(Tz::Europe__Berlin, Some(super::schedules::office()));
        let mut now = at("2026-10-23T06:00:00Z");
        let (mut opens, mut taken) = (Vec::new(), vec![Vec::new(); caps.len()]);
        for (_, _, most, pool_most) in &caps {
            let rep = OpenLoad { most: Some(*most), ..open(1, 0) };
            opens.push((rep, OpenLoad { most: Some(*pool_most), ..open(1, 0) }));
        }
        for (wait, close) in minutes {
            now += TimeDelta::minutes(wait);
            let limits: Vec<Limits> = caps.iter().zip(&taken).map(|((hour, day, _, _), taken): (_, &Vec<_>)| {
                let caps = Caps { hour: Some(*hour), day: Some(*day), week: None };
                let mut limits = Limits::new(&berlin, now, caps, true);
                let windows = limits.windows.unwrap();
                let since = |from| u32::try_from(taken.iter().filter(|at| **at >= from).count()).unwrap();
                limits.load = crate::Load {
                    hour: since(windows.hour.from), day: since(windows.day.from), week: since(windows.week.from),
                };
                limits
            }).collect();
            let able = |at: usize| {
                let there = limits[at].presence == crate::Presence::Present;
                let (rep, place) = &opens[at];
                there && within_caps((&limits[at], rep), Some((&Limits::default(), place))).is_ok()
            };
            let members: Vec<_> = opens.iter().map(|(_, place)| *place).collect();
            if let Some(at) = least_open(&members, able) {
                prop_assert!(berlin.absence(now).is_none());
                taken[at].push(now);
                opens[at].0.take_one();
                opens[at].1.take_one();
            }
            if let Some((rep, place)) = opens.get_mut(usize::from(close)) {
                rep.give_one();
                place.give_one();
            }
            for (at, (hour, day, most, pool_most)) in caps.iter().enumerate() {
                let windows = crate::Windows::around(&berlin, now).unwrap();
                let since = |from| u32::try_from(taken[at].iter().filter(|at| **at >= from).count()).unwrap();
                prop_assert!(since(windows.hour.from) <= *hour && since(windows.day.from) <= *day);
                prop_assert!(opens[at].0.open <= *most && opens[at].1.open <= *pool_most);
            }
        }
    }
}
