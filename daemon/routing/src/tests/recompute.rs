//! Decisions made again out of their recorded reasons, in many cases: whatever the rules, the pools and
//! who is there, the same rule, target and rep come out, with no state of the moment at hand.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use kernel::{PoolId, RepId};
use proptest::prelude::*;
use serde_json::json;

use super::{condition, fields, pool_id, queue_id, record, rep, rep_id, rule_id};
use crate::{
    Again, Caps, GiveTo, Limits, Member, Outcome, Places, Pool, Reasons, Rep, RoutingState,
    RuleDefinition, RuleSet, Target, Unavailable, decide,
    model::{
        reasons::tail,
        schedule::{Absence, Off, Presence, Schedule},
    },
    recompute,
    territory::{Area, Reads, Size, Territory, TerritorySet},
};

const COUNTRIES: [&str; 4] = ["DE", "FR", "IT", "AT"];
/// Records decided about in each case; with [`CASES`] at least 100,000 in all.
const RECORDS: usize = 200;
const CASES: u32 = 500;

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        4 => (1_u128..4).prop_map(|n| Target::Pool { pool_id: pool_id(n) }),
        2 => (1_u128..8).prop_map(|n| Target::User { rep_id: rep_id(n) }),
        1 => Just(Target::Queue { queue_id: queue_id(1) }),
    ]
}

fn rule(n: u128) -> impl Strategy<Value = RuleDefinition> {
    let country = prop::sample::select(&COUNTRIES[..]);
    let people = 0_u32..200;
    (
        any::<bool>(),
        any::<bool>(),
        country,
        people,
        target(),
        0_u8..5,
        0_u8..5,
    )
        .prop_map(
            move |(either, pass_on, country, people, target, off, target_of)| {
                let terms = json!([
                    {"field": "Country", "op": "eq", "value": country},
                    {"field": "Employees", "op": "gte", "value": people},
                ]);
                let group = if either { "any" } else { "all" };
                RuleDefinition {
                    id: rule_id(n),
                    version: 3,
                    enabled: off > 0,
                    condition: condition(json!({ group: terms })),
                    // One rule in five asks for the territory.
                    target: if target_of == 0 {
                        GiveTo::Territory
                    } else {
                        target.into()
                    },
                    unavailable: if pass_on {
                        Unavailable::PassOn
                    } else {
                        Unavailable::Wait
                    },
                }
            },
        )
}

/// Territories by country, size and a text, owned by reps, pools and a queue; some hold one record together.
fn territories() -> impl Strategy<Value = TerritorySet> {
    let country = prop::option::of(prop::sample::select(&COUNTRIES[..]));
    let size = prop::option::of((0_u64..200, prop::option::of(0_u64..100)));
    let area = (country, size).prop_map(|(country, size)| Area {
        country: country.map(str::to_owned),
        size: size.map(|(from, more)| Size {
            from,
            until: more.map(|more| from + more),
        }),
        ..Area::default()
    });
    let one = (target(), prop::collection::vec(area, 1..4));
    prop::collection::vec(one, 0..6).prop_map(|all| TerritorySet {
        reads: Reads {
            country: Some(String::from("Country")),
            employees: Some(String::from("Employees")),
            ..Reads::default()
        },
        territories: all
            .into_iter()
            .enumerate()
            .map(|(at, (owner, areas))| Territory {
                name: at.to_string(),
                owner,
                areas,
            })
            .collect(),
    })
}

fn rules() -> impl Strategy<Value = Vec<RuleDefinition>> {
    let all: Vec<_> = (1..7).map(|n| rule(n).boxed()).collect();
    (all, 0_usize..7).prop_map(|(mut rules, count)| {
        rules.truncate(count);
        rules
    })
}

/// What holds a rep back: nothing, or one of the ways in which one can be.
fn limits() -> impl Strategy<Value = Limits> {
    (0_u8..6, 1_u32..80).prop_map(|(way, most)| {
        let at = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let caps = match way {
            1 | 2 => Caps {
                day: Some(most),
                ..Caps::default()
            },
            _ => Caps::default(),
        };
        let mut limits = Limits::new(&Schedule::always(), at, caps, !caps.is_none());
        if way == 3 {
            let off = Off {
                why: Absence::TimeOff,
                until: Some(at + TimeDelta::days(1)),
            };
            limits.presence = Presence::Off(off);
        }
        limits
    })
}

fn reps() -> impl Strategy<Value = Vec<Rep>> {
    let all: Vec<_> = (1_u128..7)
        .map(|n| {
            (limits(), 0_u8..8).prop_map(move |(limits, standing)| Rep {
                limits,
                active: standing != 0,
                paused: standing == 1,
                ..rep(n)
            })
        })
        .collect();
    all
}

/// Pools name a rep 7 who is not among the reps.
fn pools() -> impl Strategy<Value = Vec<(PoolId, Vec<(RepId, u32)>)>> {
    let members = prop::collection::btree_map(1_u128..8, 1_u32..9, 0..7);
    let all: Vec<_> = (1_u128..4)
        .map(|n| {
            members.clone().prop_map(move |members| {
                let members = members
                    .into_iter()
                    .map(|(rep, weight)| (rep_id(rep), weight));
                (pool_id(n), members.collect())
            })
        })
        .collect();
    all
}

fn state(reps: Vec<Rep>, pools: &[(PoolId, Vec<(RepId, u32)>)], places: &[Limits]) -> RoutingState {
    let member = |(rep, weight): &(RepId, u32)| Member {
        rep: *rep,
        weight: *weight,
        credit: 0,
    };
    let built = pools.iter().map(|(id, members)| {
        (
            *id,
            Pool {
                members: members.iter().map(member).collect(),
            },
        )
    });
    let held: Places = pools
        .iter()
        .zip(places)
        .flat_map(|((pool, members), limits)| {
            members.iter().map(|(rep, _)| ((*pool, *rep), *limits))
        })
        .collect();
    let queue = (queue_id(1), Arc::from("00Gxx0000000001AAA"));
    let at = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    RoutingState::new(reps, [queue], built.collect::<Vec<_>>()).with_places(held, at)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn every_recorded_decision_comes_to_the_same_again(
        rules in rules(),
        fallback in prop::option::of(target()),
        territories in territories(),
        reps in reps(),
        pools in pools(),
        places in [limits(), limits(), limits()],
        leads in prop::collection::vec((0_usize..4, prop::option::of(0_u32..250)), RECORDS),
    ) {
        let rules = RuleSet::compile(&rules, fallback, &fields()).unwrap();
        let rules = rules.with_territories(&territories);
        let inactive: Vec<_> = reps.iter().filter(|rep| !rep.active).map(|rep| rep.id).collect();
        let mut state = state(reps, &pools, &places);
        for (country, people) in leads {
            let lead = record(json!({"Country": COUNTRIES[country], "Employees": people}));
            let decision = decide(&rules, &mut state, &rules.read(&lead), "005xx0000000999AAA");
            // As it is stored and read back.
            let stored = serde_json::to_string(&Reasons::of(&decision, &rules)).unwrap();
            let kept: Reasons = serde_json::from_str(&stored).unwrap();
            let again = recompute(&rules, &rules.read(&lead), &kept);
            let found: Vec<_> = kept.territories().into_iter().map(|found| found.located).collect();
            let decided: Vec<_> = decision.territories.iter().map(|found| found.located).collect();
            prop_assert_eq!(found, decided);
            if let Outcome::Assigned { target, rep, .. } = &decision.outcome {
                prop_assert!(rep.is_none_or(|rep| !inactive.contains(&rep)));
                // Whoever got it through a territory is its owner.
                let rule = decision.rule.and_then(|at| rules.rules().get(at));
                if rule.is_some_and(|rule| rule.target == GiveTo::Territory) {
                    let (at, _) = decision.territories.last().unwrap().located.unwrap().place;
                    prop_assert_eq!(*target, territories.territories[at].owner);
                }
            }
            match decision.outcome {
                Outcome::Assigned { target, rep, .. } => {
                    let rep = rep.map(|rep| tail(rep.uuid()));
                    prop_assert_eq!(again, Some(Again { rule: decision.rule, target, rep }));
                }
                Outcome::Waiting { .. } => prop_assert_eq!(again, None),
                // A queue that is missing is not written with the reasons; nothing was assigned.
                Outcome::Failed { .. } => {}
            }
        }
    }
}

#[test]
fn reasons_that_were_changed_come_to_another_rep() {
    let rules = RuleSet::compile(
        &[],
        Some(Target::Pool {
            pool_id: pool_id(1),
        }),
        &fields(),
    )
    .unwrap();
    let pools = [(pool_id(1), vec![(rep_id(1), 1), (rep_id(2), 1)])];
    let mut state = state(vec![rep(1), rep(2)], &pools, &[Limits::default()]);
    let lead = rules.read(&record(json!({})));
    let decision = decide(&rules, &mut state, &lead, "");
    let mut kept = Reasons::of(&decision, &rules);
    let honest = recompute(&rules, &lead, &kept).unwrap();
    kept.candidates = kept.candidates.replacen(".c.1.0", ".p.1.0", 1);
    let forged = recompute(&rules, &lead, &kept).unwrap();
    assert_ne!(honest.rep, forged.rep);
}
