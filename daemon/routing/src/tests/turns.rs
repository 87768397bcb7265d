//! Fairness of weighted turns.

use proptest::prelude::*;

use super::rep_id;
use crate::{Member, Pool};

fn pool(weights: &[u32]) -> Pool {
    let member = |(at, weight): (usize, &u32)| Member {
        rep: rep_id(u128::try_from(at).unwrap()),
        weight: *weight,
        credit: 0,
    };
    Pool {
        members: weights.iter().enumerate().map(member).collect(),
    }
}

/// How often member `at` was chosen.
fn count_of(order: &[usize], at: usize) -> u32 {
    u32::try_from(order.iter().filter(|chosen| **chosen == at).count()).unwrap()
}

fn turns(pool: &mut Pool, count: u32) -> Vec<usize> {
    (0..count)
        .map(|_| pool.turn(|_, _| true).unwrap())
        .collect()
}

#[test]
fn turns_of_a_heavy_member_are_spread_out() {
    let order = turns(&mut pool(&[5, 1, 1]), 7);
    assert_eq!(order, [0, 0, 1, 0, 2, 0, 0]);
}

#[test]
fn nobody_available_changes_nothing() {
    let mut pool = pool(&[3, 2]);
    turns(&mut pool, 3);
    let before = pool.clone();
    assert_eq!(pool.turn(|_, _| false), None);
    assert_eq!(pool, before);
}

#[test]
fn who_comes_back_is_not_flooded() {
    let mut pool = pool(&[1, 1, 1]);
    turns(&mut pool, 1);
    let away = rep_id(0);
    for _ in 0..1_000 {
        pool.turn(|_, member| member.rep != away);
    }
    let next = turns(&mut pool, 30);
    let back = count_of(&next, 0);
    assert!((9..=11).contains(&back), "{back} of 30");
}

#[test]
fn new_weights_keep_the_credit_of_those_who_stay() {
    let mut pool = pool(&[5, 3, 2]);
    turns(&mut pool, 4);
    let credit = pool.members[1].credit;
    let changed = pool.with_members(&[(rep_id(1), 3), (rep_id(9), 7)]);
    assert_eq!(changed.members[0].credit, credit);
    assert_eq!(changed.members[1].credit, 0);
    let shrunk = Pool {
        members: vec![Member {
            rep: rep_id(1),
            weight: 900,
            credit: -900,
        }],
    };
    assert_eq!(shrunk.with_members(&[(rep_id(1), 2)]).members[0].credit, -2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Any W consecutive turns, wherever they start, give each member exactly its weight.
    #[test]
    fn every_window_of_a_full_round_is_exact(
        weights in proptest::collection::vec(1_u32..20, 1..8), start in 0_u32..150,
    ) {
        let mut pool = pool(&weights);
        turns(&mut pool, start);
        let order = turns(&mut pool, weights.iter().sum());
        for (at, weight) in weights.iter().enumerate() {
            prop_assert_eq!(count_of(&order, at), *weight);
        }
    }

    /// After any number of turns nobody is a whole turn ahead of its share.
    #[test]
    fn nobody_is_a_turn_ahead(
        weights in proptest::collection::vec(1_u32..1000, 1..12), count in 1_u32..600,
    ) {
        let total: u32 = weights.iter().sum();
        let order = turns(&mut pool(&weights), count);
        for (at, weight) in weights.iter().enumerate() {
            let got = f64::from(count_of(&order, at));
            let ideal = f64::from(count) * f64::from(*weight) / f64::from(total);
            prop_assert!(got < ideal + 1.0, "member {} has {}, its share is {}", at, got, ideal);
        }
    }

    /// Coming and going never lets credit run away, so state that lives for years stays sound.
    #[test]
    fn credit_stays_bounded_whoever_comes_and_goes(
        weights in proptest::collection::vec(1_u32..50, 2..8),
        away in proptest::collection::vec(any::<u8>(), 1..400),
    ) {
        let total: i64 = weights.iter().map(|weight| i64::from(*weight)).sum();
        let mut pool = pool(&weights);
        for mask in away {
            let present = |rep: kernel::RepId| mask >> (rep.uuid().as_u128() % 8) & 1 == 0;
            let before = pool.clone();
            let there = |rep| present(rep);
            let turned = pool.turn(|_, member| there(member.rep)).is_some();
            prop_assert!(turned || pool == before);
            let sum: i64 = pool.members.iter().filter(|m| turned && there(m.rep)).map(|m| m.credit).sum();
            prop_assert_eq!(sum, 0);
            for member in &pool.members {
                prop_assert!(member.credit.abs() <= total * 2, "{} of {}", member.credit, total);
            }
        }
    }
}
