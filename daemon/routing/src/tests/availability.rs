//! Decisions under presence and caps: who is passed over and why, who waits, and what stays fair.

use std::{collections::BTreeSet, sync::Arc};

use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::json;

use super::{
    country_is, fields, pool_id, queue_id, record, rep, rep_id, rule_id,
    schedules::{at, day, interval, office, schedule},
};
use crate::{
    Absence, Cap, Caps, Decision, FailureCode, Limits, Load, Member, Outcome, Pool, Reasons, Rep,
    RoutingState, RuleDefinition, RuleSet, Schedule, Standing, Target, Unavailable, WeekHours,
    decide, model::reasons::tail,
};

const NOW: &str = "2026-11-23T10:15:00Z";

fn limits(schedule: &Schedule, caps: Caps, load: Load) -> Limits {
    Limits {
        load,
        ..Limits::new(schedule, at(NOW), caps, true)
    }
}

fn off() -> Limits {
    let night = WeekHours::new(&[interval(1, 1200, 1260)]).unwrap();
    Limits::new(
        &schedule(Tz::UTC, Some(night)),
        at(NOW),
        Caps::default(),
        false,
    )
}

fn capped(hour: u32, load: u32) -> Limits {
    let caps = Caps {
        hour: Some(hour),
        ..Caps::default()
    };
    let load = Load {
        hour: load,
        day: load,
        week: load,
    };
    limits(&Schedule::always(), caps, load)
}

fn with(n: u128, limits: Limits) -> Rep {
    Rep { limits, ..rep(n) }
}

fn state(pools: &[(u128, &[u128])], reps: Vec<Rep>) -> RoutingState {
    let pool = |(id, members): &(u128, &[u128])| {
        let member = |n: &u128| Member {
            rep: rep_id(*n),
            weight: 1,
            credit: 0,
        };
        let members = members.iter().map(member).collect();
        (pool_id(*id), Pool { members })
    };
    let queue = (queue_id(1), Arc::from("00Gxx0000000001AAA"));
    RoutingState::new(reps, [queue], pools.iter().map(pool).collect::<Vec<_>>())
        .with_places(crate::Places::new(), at(NOW))
}

fn pool(n: u128) -> Target {
    Target::Pool {
        pool_id: pool_id(n),
    }
}

fn rules(targets: &[(Target, Unavailable)], fallback: Option<Target>) -> RuleSet {
    let rule = |(n, (target, unavailable)): (u128, &(Target, Unavailable))| RuleDefinition {
        id: rule_id(n),
        version: 1,
        enabled: true,
        condition: country_is("DE"),
        target: (*target).into(),
        unavailable: *unavailable,
    };
    let rules: Vec<_> = (1..).zip(targets).map(rule).collect();
    RuleSet::compile(&rules, fallback, &fields()).unwrap()
}

fn decide_one(rules: &RuleSet, state: &mut RoutingState) -> Decision {
    let lead = rules.read(&record(json!({"Country": "DE"})));
    decide(rules, state, &lead, "")
}

fn standings(decision: &Decision) -> Vec<Standing> {
    decision.candidates.iter().map(|c| c.standing).collect()
}

#[test]
fn who_is_off_or_capped_is_passed_over_and_recorded_with_the_time() {
    let rules = rules(&[(pool(1), Unavailable::Wait)], None);
    let reps = vec![with(1, off()), with(2, capped(3, 3)), with(3, capped(3, 2))];
    let mut state = state(&[(1, &[1, 2, 3])], reps);
    let decision = decide_one(&rules, &mut state);
    let [
        Standing::Off(gone),
        Standing::RepCap(full),
        Standing::Chosen,
    ] = standings(&decision)[..]
    else {
        panic!("{decision:?}")
    };
    assert_eq!(
        (gone.why, gone.until),
        (Absence::Hours, Some(at("2026-11-23T20:00:00Z")))
    );
    assert_eq!(
        (full.cap, full.resets_at),
        (Cap::Hour, at("2026-11-23T11:00:00Z"))
    );
    // That was the third of the third rep: now all have to wait, for the first who is back.
    let waiting = decide_one(&rules, &mut state);
    let expected = Outcome::Waiting {
        code: FailureCode::NobodyAvailable,
        target: pool(1),
        until: at("2026-11-23T11:00:00Z"),
    };
    assert_eq!(waiting.outcome, expected);
}

#[test]
fn a_pools_cap_and_holidays_hold_for_that_pool_alone() {
    let caps = Caps {
        day: Some(1),
        ..Caps::default()
    };
    let one = Load {
        hour: 0,
        day: 1,
        week: 1,
    };
    let place = limits(&Schedule::always(), caps, one);
    let mut festive = Schedule::always();
    festive.holidays = vec![Arc::new(BTreeSet::from([day("2026-11-23")]))];
    let holiday = Limits::new(&festive, at(NOW), Caps::default(), false);
    let places = [
        ((pool_id(1), rep_id(1)), place),
        ((pool_id(1), rep_id(2)), holiday),
    ];
    let state = state(&[(1, &[1, 2]), (2, &[1, 2])], vec![rep(1), rep(2)]);
    let mut state = state.with_places(places.into_iter().collect(), at(NOW));
    assert!(matches!(
        state.standing(rep_id(1), Some(pool_id(1))),
        Standing::PoolCap(_)
    ));
    assert!(matches!(
        state.standing(rep_id(2), Some(pool_id(1))),
        Standing::Off(_)
    ));
    let rules = rules(&[(pool(1), Unavailable::PassOn)], Some(pool(2)));
    let decision = decide_one(&rules, &mut state);
    assert_eq!(decision.rule, None);
    assert_eq!(
        standings(&decision),
        [Standing::Chosen, Standing::NotTheirTurn]
    );
}

#[test]
fn a_rule_passes_on_or_waits_as_it_is_told() {
    use Unavailable::{PassOn, Wait};
    let reps = || vec![with(1, off()), with(2, capped(1, 1)), rep(3)];
    let pools: [(u128, &[u128]); 3] = [(1, &[1]), (2, &[2]), (3, &[3])];
    let queue = Target::Queue {
        queue_id: queue_id(1),
    };
    let outcome = |rules: RuleSet| decide_one(&rules, &mut state(&pools, reps()));
    let waits = outcome(rules(&[(pool(1), Wait), (pool(3), Wait)], Some(queue)));
    assert!(
        matches!(waits.outcome, Outcome::Waiting { until, .. } if until == at("2026-11-23T20:00:00Z"))
    );
    let next = outcome(rules(&[(pool(1), PassOn), (pool(3), Wait)], Some(queue)));
    assert_eq!((next.rule, next.passed.len()), (Some(1), 1));
    assert!(matches!(next.outcome, Outcome::Assigned { .. }));
    let fallback = outcome(rules(&[(pool(1), PassOn), (pool(2), PassOn)], Some(queue)));
    assert_eq!((fallback.rule, fallback.passed.len()), (None, 2));
    assert!(matches!(
        fallback.outcome,
        Outcome::Assigned { rep: None, .. }
    ));
    // Without a fallback it waits for the first of all who were asked.
    let nobody = outcome(rules(&[(pool(1), PassOn), (pool(2), PassOn)], None));
    assert!(
        matches!(nobody.outcome, Outcome::Waiting { until, .. } if until == at("2026-11-23T11:00:00Z"))
    );
    // Nobody comes back by themselves: a failure, as ever.
    let paused = Rep {
        paused: true,
        ..rep(1)
    };
    let rules = rules(&[(pool(1), Wait)], None);
    let failed = decide_one(&rules, &mut state(&pools[..1], vec![paused]));
    assert!(matches!(
        failed.outcome,
        Outcome::Failed {
            code: FailureCode::NobodyAvailable,
            ..
        }
    ));
}

#[test]
fn a_return_is_after_every_cap_and_within_hours() {
    let caps = Caps {
        hour: Some(1),
        day: Some(1),
        week: None,
    };
    let full = Load {
        hour: 1,
        day: 1,
        week: 1,
    };
    let berlin = schedule(Tz::Europe__Berlin, Some(office()));
    let state = state(&[], vec![with(1, limits(&berlin, caps, full))]);
    // The day ends at 23:00 UTC, work begins at 08:00 UTC.
    assert_eq!(
        state.back(rep_id(1), None),
        Some(at("2026-11-24T08:00:00Z"))
    );
}

#[test]
fn why_each_was_passed_over_reads_back_and_so_do_records_from_before() {
    let rules = rules(
        &[(pool(1), Unavailable::PassOn), (pool(2), Unavailable::Wait)],
        None,
    );
    let mut always_off = Schedule::always();
    always_off.time_off = vec![(day("2026-01-01"), day("2029-01-01"))];
    let gone = Limits::new(&always_off, at(NOW), Caps::default(), false);
    let reps = vec![with(1, off()), with(2, gone), with(3, capped(2, 2)), rep(4)];
    let mut state = state(&[(1, &[1, 2]), (2, &[3, 4])], reps);
    let decision = decide_one(&rules, &mut state);
    let reasons = Reasons::of(&decision, &rules);
    let stored: Reasons = serde_json::from_value(serde_json::to_value(&reasons).unwrap()).unwrap();
    let read = |reps: Vec<crate::model::reasons::LostRep>| -> Vec<Standing> {
        reps.into_iter().map(|rep| rep.standing).collect()
    };
    assert_eq!(read(stored.reps()), standings(&decision));
    let passed = stored.passed();
    assert_eq!(passed.len(), 1);
    assert_eq!(passed[0].0, tail(rule_id(1).uuid()));
    let before: Vec<_> = decision.passed[0]
        .candidates
        .iter()
        .map(|c| c.standing)
        .collect();
    assert_eq!(read(passed[0].1.clone()), before);
    let lost = stored.rules();
    assert_eq!((lost.len(), lost[0].passed, lost[0].version), (1, true, 1));

    let old: Reasons = serde_json::from_value(json!({
        "lost": "000000000001.7:0:1e 000000000002.12-",
        "candidates": "000000000001.p.3.0 000000000002.c.3.-2",
    }))
    .unwrap();
    assert_eq!(read(old.reps()), [Standing::Paused, Standing::Chosen]);
    assert!(old.passed().is_empty() && old.rules().iter().all(|rule| !rule.passed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever the caps, and whoever is there: nobody gets more than the cap, nobody who is off,
    /// paused or inactive gets anything, and the record tells enough to choose the same rep again.
    #[test]
    fn caps_hold_nobody_absent_is_chosen_and_the_record_decides_the_same(
        who in proptest::collection::vec((0_u8..6, 0_u32..5, 0_u32..4, 1_u32..9), 1..7),
        pool_cap in 0_u32..6, count in 1_usize..60,
    ) {
        let reps: Vec<Rep> = (1..).zip(&who).map(|(n, (kind, cap, load, _))| match kind {
            0 => with(n, off()),
            1 => Rep { active: false, ..rep(n) },
            2 => Rep { paused: true, ..rep(n) },
            3 | 4 => with(n, capped(cap + 1, *load)),
            _ => rep(n),
        }).collect();
        let member = |(n, (_, _, _, weight)): (u128, &(u8, u32, u32, u32))| Member {
            rep: rep_id(n), weight: *weight, credit: 0,
        };
        let members = (1..).zip(&who).map(member).collect();
        let place = capped(pool_cap + 1, 0);
        let places = (1..).zip(&who).map(|(n, _)| ((pool_id(1), rep_id(n)), {
            let presence = reps.iter().find(|r| r.id == rep_id(n)).unwrap().limits.presence;
            Limits { presence, ..place }
        }));
        let mut state = RoutingState::new(reps.clone(), [], [(pool_id(1), Pool { members })])
            .with_places(places.collect(), at(NOW));
        let rules = rules(&[(pool(1), Unavailable::Wait)], None);
        let mut got: std::collections::HashMap<kernel::RepId, u32> = Default::default();
        for _ in 0..count {
            let decision = decide_one(&rules, &mut state);
            let chosen = match decision.outcome {
                Outcome::Assigned { rep, .. } => rep,
                _ => None,
            };
            if let Some(rep) = chosen {
                *got.entry(rep).or_default() += 1;
            }
            let recorded = Reasons::of(&decision, &rules).reps();
            let members = recorded.iter().map(|rep| Member {
                rep: decision.candidates.iter().map(|c| c.rep)
                    .find(|id| tail(id.uuid()) == rep.rep).unwrap(),
                weight: rep.weight, credit: rep.credit,
            });
            let mut again = Pool { members: members.collect() };
            let turn = again.turn(|at, _| recorded[at].standing.is_available());
            prop_assert_eq!(turn.map(|at| again.members[at].rep), chosen);
        }
        for (n, (kind, cap, load, _)) in (1..).zip(&who) {
            let had = got.get(&rep_id(n)).copied().unwrap_or(0);
            prop_assert!(had <= pool_cap + 1);
            match kind {
                0..=2 => prop_assert_eq!(had, 0),
                3 | 4 => prop_assert!(had == 0 || had + load <= cap + 1),
                _ => {}
            }
        }
    }

    /// People come and go; while the same are there, each has its share within one record after every
    /// full round, from the first turn after the change on.
    #[test]
    fn among_the_same_people_each_has_its_share_within_one_record(
        weights in proptest::collection::vec(1_u32..12, 2..7),
        phases in proptest::collection::vec((1_u8..128, 0_u32..3, 0_u32..40), 1..12),
    ) {
        let member = |(n, weight): (u128, &u32)| Member { rep: rep_id(n), weight: *weight, credit: 0 };
        let mut pool = Pool { members: (0..).zip(&weights).map(member).collect() };
        for (mask, rounds, more) in phases {
            let there = |at: usize| mask >> (at % 7) & 1 == 1;
            let round: u32 = weights.iter().enumerate().filter(|(at, _)| there(*at)).map(|(_, w)| w).sum();
            let mut got = vec![0_u32; weights.len()];
            for turn in 1..=(round * rounds + more) {
                let Some(at) = pool.turn(|at, _| there(at)) else { break };
                got[at] += 1;
                if turn % round == 0 {
                    for (at, weight) in weights.iter().enumerate().filter(|(at, _)| there(*at)) {
                        let ideal = weight * (turn / round);
                        prop_assert!(got[at].abs_diff(ideal) <= 1, "{} of {} after {}", got[at], ideal, turn);
                    }
                }
            }
        }
    }
}
