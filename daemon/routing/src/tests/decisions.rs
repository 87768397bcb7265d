//! Whole decisions: order of rules, targets, fallback, failures and their reasons.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::{condition, country_is, fields, pool_id, queue_id, record, rep, rep_id, rule_id};
use crate::{
    Candidate, Decision, FailureCode, Loss, Member, Outcome, Pool, Rep, RoutingState,
    RuleDefinition, RuleSet, Standing, Target, decide, model::compile::Lost,
};

const POOL: Target = Target::Pool {
    pool_id: pool_id_const(1),
};

const fn pool_id_const(n: u128) -> kernel::PoolId {
    kernel::PoolId::from_uuid(uuid::Uuid::from_u128(n))
}

fn rule(n: u128, country: &str, target: Target) -> RuleDefinition {
    let condition = country_is(country);
    RuleDefinition {
        id: rule_id(n),
        version: 1,
        enabled: true,
        condition,
        target: target.into(),
        unavailable: crate::Unavailable::Wait,
    }
}

fn rules(rules: &[RuleDefinition], fallback: Option<Target>) -> RuleSet {
    RuleSet::compile(rules, fallback, &fields()).unwrap()
}

fn state(reps: Vec<Rep>) -> RoutingState {
    let member = |rep: &Rep| Member {
        rep: rep.id,
        weight: 1,
        credit: 0,
    };
    let pool = Pool {
        members: reps.iter().map(member).collect(),
    };
    let queue = (queue_id(1), Arc::from("00Gxx0000000001AAA"));
    RoutingState::new(reps, [queue], [(pool_id(1), pool)])
}

fn decide_for(rules: &RuleSet, state: &mut RoutingState, country: &str) -> Decision {
    let lead = rules.read(&record(json!({"Country": country})));
    decide(rules, state, &lead, "005xx0000000999AAA")
}

fn owner(decision: &Decision) -> &str {
    match &decision.outcome {
        Outcome::Assigned { new_owner, .. } => new_owner,
        Outcome::Failed { code, .. } | Outcome::Waiting { code, .. } => panic!("failed: {code:?}"),
    }
}

fn failure(decision: &Decision) -> FailureCode {
    match &decision.outcome {
        Outcome::Failed { code, .. } => *code,
        Outcome::Assigned { .. } | Outcome::Waiting { .. } => panic!("not failed"),
    }
}

#[test]
fn the_first_enabled_rule_that_matches_wins_and_the_losers_say_why() {
    let to = |n| Target::User { rep_id: rep_id(n) };
    let mut list = vec![
        rule(1, "DE", to(1)),
        rule(2, "FR", to(1)),
        rule(3, "FR", to(2)),
        rule(4, "FR", to(3)),
    ];
    list[1].enabled = false;
    let rules = rules(&list, None);
    let decision = decide_for(&rules, &mut state(vec![rep(1), rep(2), rep(3)]), "fr");
    assert_eq!(decision.rule, Some(2));
    assert_eq!(owner(&decision), "005xx0000000002AAA");
    let lost = Some(Lost {
        term: 0,
        empty: false,
    });
    assert_eq!(
        decision.losses,
        [
            Loss { rule: 0, lost },
            Loss {
                rule: 1,
                lost: None
            }
        ]
    );
}

#[test]
fn no_rule_and_no_fallback_is_an_error_in_the_configuration() {
    let rules = rules(&[rule(1, "DE", POOL)], None);
    let decision = decide_for(&rules, &mut state(vec![rep(1)]), "FR");
    assert_eq!(failure(&decision), FailureCode::NoRuleNoFallback);
    assert_eq!(decision.losses.len(), 1);
}

#[test]
fn the_fallback_takes_what_no_rule_takes() {
    let rules = rules(
        &[rule(1, "DE", POOL)],
        Some(Target::Queue {
            queue_id: queue_id(1),
        }),
    );
    let decision = decide_for(&rules, &mut state(vec![rep(1)]), "FR");
    assert_eq!(
        (decision.rule, owner(&decision)),
        (None, "00Gxx0000000001AAA")
    );
}

#[test]
fn inactive_and_paused_reps_are_never_chosen_and_are_recorded() {
    let rules = rules(&[rule(1, "DE", POOL)], None);
    let gone = Rep {
        active: false,
        ..rep(1)
    };
    let paused = Rep {
        paused: true,
        ..rep(2)
    };
    let mut state = state(vec![gone, paused, rep(3)]);
    for _ in 0..50 {
        let decision = decide_for(&rules, &mut state, "DE");
        assert_eq!(owner(&decision), "005xx0000000003AAA");
        let standing: Vec<_> = decision.candidates.iter().map(|c| c.standing).collect();
        assert_eq!(
            standing,
            [Standing::Inactive, Standing::Paused, Standing::Chosen]
        );
    }
}

#[test]
fn a_pool_with_nobody_available_is_a_failure_and_takes_no_turn() {
    let rules = rules(
        &[rule(1, "DE", POOL)],
        Some(Target::Queue {
            queue_id: queue_id(1),
        }),
    );
    let mut state = state(vec![Rep {
        paused: true,
        ..rep(1)
    }]);
    let before = state.pools().clone();
    let decision = decide_for(&rules, &mut state, "DE");
    assert_eq!(failure(&decision), FailureCode::NobodyAvailable);
    assert_eq!(state.pools(), &before);
}

#[test]
fn a_named_rep_who_is_away_and_a_target_that_is_gone_are_failures() {
    let user = Target::User { rep_id: rep_id(1) };
    let away = state(vec![Rep {
        active: false,
        ..rep(1)
    }]);
    let cases = [
        (user, away, FailureCode::RepUnavailable),
        (user, state(vec![]), FailureCode::TargetMissing),
        (
            Target::Queue {
                queue_id: queue_id(7),
            },
            state(vec![]),
            FailureCode::TargetMissing,
        ),
        (
            Target::Pool {
                pool_id: pool_id(7),
            },
            state(vec![]),
            FailureCode::TargetMissing,
        ),
    ];
    for (target, mut state, code) in cases {
        let rules = rules(&[rule(1, "DE", target)], None);
        assert_eq!(failure(&decide_for(&rules, &mut state, "DE")), code);
    }
}

#[test]
fn an_owner_who_has_the_record_already_is_assigned_without_a_write() {
    let rules = rules(&[rule(1, "DE", Target::User { rep_id: rep_id(1) })], None);
    let lead = rules.read(&record(json!({"Country": "DE"})));
    let decided = |owner| decide(&rules, &mut state(vec![rep(1)]), &lead, owner).outcome;
    let already = |outcome| {
        matches!(
            outcome,
            Outcome::Assigned {
                already_owner: true,
                ..
            }
        )
    };
    assert!(already(decided("005xx0000000001AAA")));
    assert!(already(decided("005xx0000000001")));
    assert!(!already(decided("005xx0000000002AAA")));
}

#[test]
fn each_candidate_shows_its_weight_and_credit_before_the_turn() {
    let rules = rules(&[rule(1, "DE", POOL)], None);
    let mut state = state(vec![rep(1), rep(2)]);
    decide_for(&rules, &mut state, "DE");
    let second = decide_for(&rules, &mut state, "DE");
    let candidate = |n, standing, credit| Candidate {
        rep: rep_id(n),
        standing,
        weight: 1,
        credit,
    };
    let expected = [
        candidate(1, Standing::NotTheirTurn, -1),
        candidate(2, Standing::Chosen, 1),
    ];
    assert_eq!(second.candidates, expected);
}

#[test]
fn a_rule_whose_field_left_the_layer_is_named() {
    let broken = RuleDefinition {
        condition: condition(json!({"all": [{"field": "Gone", "op": "is_empty"}]})),
        ..rule(9, "DE", POOL)
    };
    let refused = RuleSet::compile(&[rule(1, "DE", POOL), broken], None, &fields()).unwrap_err();
    assert_eq!(
        (refused.rule, refused.flaws[0].code),
        (rule_id(9), "field_unknown")
    );
}

proptest! {
    /// The same rules, state and records give the same decisions and leave the same state.
    #[test]
    fn decisions_are_deterministic(countries in proptest::collection::vec("DE|FR|IT|", 1..60)) {
        let rules = rules(&[rule(1, "DE", POOL), rule(2, "FR", POOL)], Some(POOL));
        let run = || {
            let mut state = state(vec![rep(1), rep(2), rep(3)]);
            let decisions: Vec<_> =
                countries.iter().map(|country| decide_for(&rules, &mut state, country)).collect();
            (decisions, state.pools().clone())
        };
        prop_assert_eq!(run(), run());
    }

    /// Deciding in several runs with the pool stored in between gives the same turns as one run.
    #[test]
    fn turns_survive_a_restart(cut in 0_usize..40) {
        let rules = rules(&[], Some(POOL));
        let reps = || vec![rep(1), rep(2), rep(3)];
        let mut whole = state(reps());
        let expected: Vec<_> = (0..40).map(|_| decide_for(&rules, &mut whole, "DE")).collect();
        let mut first = state(reps());
        let mut got: Vec<_> = (0..cut).map(|_| decide_for(&rules, &mut first, "DE")).collect();
        let stored = first.pools().clone();
        let mut second = RoutingState::new(reps(), [], stored);
        got.extend((cut..40).map(|_| decide_for(&rules, &mut second, "DE")));
        prop_assert_eq!(got, expected);
    }
}
