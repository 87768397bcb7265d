//! The decision: first enabled rule that matches, then who of its target; or the fallback; or a
//! failure with its code. Everything that lost is recorded with why it lost.

use std::sync::Arc;

use kernel::RepId;
use layer::value::id_key;

use super::{
    compile::{Lost, Record},
    failure::FailureCode,
    pool::Member,
    rules::{Rep, RoutingState, RuleSet, Target},
};

/// What was decided about one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Index of the rule that matched; `None` when the fallback was used or nothing matched.
    pub rule: Option<usize>,
    pub outcome: Outcome,
    /// Every rule that was tried and did not match, in order.
    pub losses: Vec<Loss>,
    /// Every rep who was looked at, in the pool's order.
    pub candidates: Vec<Candidate>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Assigned {
        target: Target,
        /// `None` when a queue gets the record.
        rep: Option<RepId>,
        /// The new owner's id at Salesforce: a user or a queue.
        new_owner: Arc<str>,
        /// The record has this owner already: nothing is to be written.
        already_owner: bool,
    },
    Failed {
        code: FailureCode,
        target: Option<Target>,
    },
}

/// A rule that did not match, and one term that explains it. A rule has several entries when all
/// arms of an `any` failed, and a disabled rule has one without a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    pub rule: u16,
    pub lost: Option<Lost>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub rep: RepId,
    pub standing: Standing,
    pub weight: u32,
    /// Credit before this turn.
    pub credit: i64,
}

/// How a rep fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    Chosen,
    /// Available, but another had more credit.
    NotTheirTurn,
    Inactive,
    Paused,
    /// In the pool, but not among the reps that Salesforce names.
    Unknown,
}

impl Standing {
    pub const ALL: [Self; 5] = [
        Self::Chosen,
        Self::NotTheirTurn,
        Self::Inactive,
        Self::Paused,
        Self::Unknown,
    ];

    pub const fn code(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::NotTheirTurn => "not_their_turn",
            Self::Inactive => "inactive",
            Self::Paused => "paused",
            Self::Unknown => "unknown",
        }
    }
    const fn of(rep: Option<&Rep>) -> Self {
        match rep {
            None => Self::Unknown,
            Some(rep) if !rep.active => Self::Inactive,
            Some(rep) if rep.paused => Self::Paused,
            Some(_) => Self::NotTheirTurn,
        }
    }
}

/// Decides about one record that `owner` (a Salesforce id) has now. Only whose turn it is changes
/// in `state`, and only when a pool gives a turn.
pub fn decide(rules: &RuleSet, state: &mut RoutingState, record: &Record, owner: &str) -> Decision {
    let (rule, losses) = first_match(rules, record);
    let matched = rule
        .and_then(|at| rules.rules.get(at))
        .map(|rule| rule.target);
    let Some(target) = matched.or(rules.fallback) else {
        let outcome = Outcome::Failed {
            code: FailureCode::NoRuleNoFallback,
            target: None,
        };
        return Decision {
            rule,
            outcome,
            losses,
            candidates: Vec::new(),
        };
    };
    let (chosen, candidates) = choose(state, target);
    let outcome = match chosen {
        Ok((rep, new_owner)) => {
            let already_owner = id_key(&new_owner) == id_key(owner);
            Outcome::Assigned {
                target,
                rep,
                new_owner,
                already_owner,
            }
        }
        Err(code) => Outcome::Failed {
            code,
            target: Some(target),
        },
    };
    Decision {
        rule,
        outcome,
        losses,
        candidates,
    }
}

fn first_match(rules: &RuleSet, record: &Record) -> (Option<usize>, Vec<Loss>) {
    let mut losses = Vec::with_capacity(rules.rules.len());
    let mut lost = Vec::new();
    for (at, rule) in rules.rules.iter().enumerate() {
        let index = u16::try_from(at).unwrap_or(u16::MAX);
        if !rule.enabled {
            losses.push(Loss {
                rule: index,
                lost: None,
            });
            continue;
        }
        lost.clear();
        if rule.condition.matches(record, &mut lost) {
            return (Some(at), losses);
        }
        losses.extend(lost.iter().map(|lost| Loss {
            rule: index,
            lost: Some(*lost),
        }));
    }
    (None, losses)
}

type Choice = Result<(Option<RepId>, Arc<str>), FailureCode>;

fn choose(state: &mut RoutingState, target: Target) -> (Choice, Vec<Candidate>) {
    match target {
        Target::Queue { queue_id } => {
            let owner = state
                .queue(queue_id)
                .cloned()
                .ok_or(FailureCode::TargetMissing);
            (owner.map(|owner| (None, owner)), Vec::new())
        }
        Target::User { rep_id } => choose_user(state.rep(rep_id), rep_id),
        Target::Pool { pool_id } => choose_from_pool(state, pool_id),
    }
}

fn choose_user(rep: Option<&Rep>, id: RepId) -> (Choice, Vec<Candidate>) {
    let (choice, standing) = match (rep, Standing::of(rep)) {
        (Some(rep), Standing::NotTheirTurn) => (
            Ok((Some(id), Arc::clone(&rep.salesforce_user_id))),
            Standing::Chosen,
        ),
        (None, standing) => (Err(FailureCode::TargetMissing), standing),
        (_, standing) => (Err(FailureCode::RepUnavailable), standing),
    };
    (
        choice,
        vec![Candidate {
            rep: id,
            standing,
            weight: 1,
            credit: 0,
        }],
    )
}

fn choose_from_pool(state: &mut RoutingState, id: kernel::PoolId) -> (Choice, Vec<Candidate>) {
    let Some((pool, reps)) = state.pool_and_reps(id) else {
        return (Err(FailureCode::TargetMissing), Vec::new());
    };
    let candidate = |member: &Member| Candidate {
        rep: member.rep,
        standing: Standing::of(reps.get(&member.rep)),
        weight: member.weight,
        credit: member.credit,
    };
    let mut candidates: Vec<_> = pool.members.iter().map(candidate).collect();
    let mut standings = candidates.iter().map(|candidate| candidate.standing);
    let turn = pool.turn(|_| standings.next() == Some(Standing::NotTheirTurn));
    let chosen = turn
        .and_then(|at| candidates.get_mut(at))
        .and_then(|candidate| {
            candidate.standing = Standing::Chosen;
            reps.get(&candidate.rep)
        });
    let choice = chosen
        .map(|rep| (Some(rep.id), Arc::clone(&rep.salesforce_user_id)))
        .ok_or(FailureCode::NobodyAvailable);
    (choice, candidates)
}
