//! Recorded reasons read back.

use serde_json::json;

use super::{condition, fields, pool_id, record, rep, rep_id, rule_id};
use crate::{
    Candidate, Decision, FailureCode, Loss, Member, Outcome, Pool, Reasons, Rep, RoutingState,
    RuleDefinition, RuleSet, Standing, Target, decide, model::compile::Lost, model::reasons::tail,
};

fn rule_set() -> RuleSet {
    let target = Target::Pool {
        pool_id: pool_id(1),
    };
    let any = condition(json!({"any": [
        {"field": "Country", "op": "eq", "value": "DE"},
        {"field": "Employees", "op": "gt", "value": 100},
    ]}));
    let one = condition(json!({"all": [{"field": "OptIn", "op": "is_true"}]}));
    let rule = |n, version, enabled, condition| RuleDefinition {
        id: rule_id(n),
        version,
        enabled,
        condition,
        target: target.into(),
        unavailable: crate::Unavailable::Wait,
    };
    let rules = [
        rule(1, 7, true, any),
        rule(2, 12, false, one.clone()),
        rule(3, 1, true, one),
    ];
    RuleSet::compile(&rules, Some(target), &fields()).unwrap()
}

#[test]
fn every_loser_is_recorded_and_reads_back() {
    let rules = rule_set();
    let reps = [
        Rep {
            paused: true,
            ..rep(1)
        },
        rep(2),
    ];
    let member = |rep: &Rep| Member {
        rep: rep.id,
        weight: 3,
        credit: 0,
    };
    let pool = Pool {
        members: reps.iter().map(member).collect(),
    };
    let mut state = RoutingState::new(reps, [], [(pool_id(1), pool)]);
    let lead = rules.read(&record(json!({"Country": "FR", "OptIn": false})));
    let decision = decide(&rules, &mut state, &lead, "");
    let reasons = Reasons::of(&decision, &rules);

    let lost = reasons.rules();
    let (term, empty) = (
        |term| Lost { term, empty: false },
        |term| Lost { term, empty: true },
    );
    let expected = [
        (1, 7, vec![term(0), empty(1)]),
        (2, 12, vec![]),
        (3, 1, vec![term(0)]),
    ];
    let expected = expected.map(|(n, version, terms)| (tail(rule_id(n).uuid()), version, terms));
    let read: Vec<_> = lost
        .into_iter()
        .map(|lost| (lost.rule, lost.version, lost.terms))
        .collect();
    assert_eq!(read, expected);

    let reps: Vec<_> = reasons
        .reps()
        .into_iter()
        .map(|rep| (rep.rep, rep.standing, rep.weight))
        .collect();
    let expected = [(1, Standing::Paused, 3), (2, Standing::Chosen, 3)];
    assert_eq!(
        reps,
        expected.map(|(n, standing, weight)| (tail(rep_id(n).uuid()), standing, weight))
    );
}

#[test]
fn negative_credit_reads_back_and_foreign_text_is_left_out() {
    let candidate = Candidate {
        rep: rep_id(5),
        standing: Standing::NotTheirTurn,
        weight: 1000,
        credit: -998,
    };
    let decision = Decision {
        rule: None,
        outcome: Outcome::Failed {
            code: FailureCode::NobodyAvailable,
            target: None,
        },
        losses: vec![Loss {
            rule: 0,
            lost: None,
        }],
        passed: vec![],
        territories: vec![],
        candidates: vec![candidate],
    };
    let reasons = Reasons::of(&decision, &rule_set());
    assert_eq!(reasons.reps()[0].credit, -998);
    let foreign = Reasons {
        lost: String::from("x y.z a.1 b.2:"),
        candidates: String::from("a.q.1.1 b.c"),
        territories: String::from("a a.b.c a.1 a.1.2.3x a.1.2.n"),
    };
    assert!(foreign.rules().is_empty() && foreign.reps().is_empty());
    assert!(foreign.territories().is_empty());
}
