//! The decision: first enabled rule that matches, then who of its target; or the fallback; or a time
//! to wait for; or a failure with its code. Everything that lost is recorded with why it lost.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kernel::{PoolId, RepId};
use layer::value::id_key;

use super::{
    caps::CapReached,
    compile::{Lost, Record},
    failure::FailureCode,
    limits::{Limits, back_at},
    rules::{Rep, RoutingState, RuleSet, Target, Unavailable},
    schedule::{Off, Presence},
};
use crate::territory::Located;

/// What was decided about one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Index of the rule that matched; `None` when the fallback was used or nothing matched.
    pub rule: Option<usize>,
    pub outcome: Outcome,
    /// Every rule that was tried and did not match, in order.
    pub losses: Vec<Loss>,
    /// Every rule that matched and passed the record on, in order.
    pub passed: Vec<Passed>,
    /// The territory of the record, at each rule that asked for it.
    pub territories: Vec<Found>,
    /// Every rep who was looked at, in the pool's order.
    pub candidates: Vec<Candidate>,
}

/// The territory that a rule found the record in; `None`: in none, so it went on to the next rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub rule: u16,
    pub located: Option<Located>,
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
    /// Nobody is available now, and somebody is at `until`.
    Waiting {
        code: FailureCode,
        target: Target,
        until: DateTime<Utc>,
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

/// A rule that matched, had nobody available and passed the record on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    pub rule: u16,
    pub candidates: Vec<Candidate>,
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
    /// Not there: hours, a holiday or time off.
    Off(Off),
    /// A cap of the rep's own is used up.
    RepCap(CapReached),
    /// A cap that the pool sets for each member is used up.
    PoolCap(CapReached),
}

impl Standing {
    /// Whether the rep could be given a record.
    pub const fn is_available(self) -> bool {
        matches!(self, Self::Chosen | Self::NotTheirTurn)
    }

    fn of(rep: Option<&Rep>, place: Option<&Limits>) -> Self {
        let rep = match rep {
            None => return Self::Unknown,
            Some(rep) if !rep.active => return Self::Inactive,
            Some(rep) if rep.paused => return Self::Paused,
            Some(rep) => rep,
        };
        if let Presence::Off(off) = place.unwrap_or(&rep.limits).presence {
            return Self::Off(off);
        }
        if let Some(reached) = rep.limits.cap_reached() {
            return Self::RepCap(reached);
        }
        match place.and_then(Limits::cap_reached) {
            Some(reached) => Self::PoolCap(reached),
            None => Self::NotTheirTurn,
        }
    }
}

impl RoutingState {
    /// How a rep stands now, through a pool or not: `NotTheirTurn` when available.
    pub fn standing(&self, rep: RepId, pool: Option<PoolId>) -> Standing {
        let place = pool.and_then(|pool| self.place(pool, rep));
        Standing::of(self.rep(rep), place)
    }

    /// When a rep who is not available is back by itself: `None` when that is not known.
    pub fn back(&self, rep: RepId, pool: Option<PoolId>) -> Option<DateTime<Utc>> {
        if !returns(self.standing(rep, pool)) {
            return None;
        }
        let place = pool.and_then(|pool| self.place(pool, rep));
        back_at(&self.rep(rep)?.limits, place, self.at())
    }
}

/// Decides about one record that `owner` (a Salesforce id) has now. Only whose turn it is and how
/// much somebody was given change in `state`, and only when somebody is given the record.
pub fn decide(rules: &RuleSet, state: &mut RoutingState, record: &Record, owner: &str) -> Decision {
    walk(rules, record, owner, |target| choose(state, target))
}

/// The way of a record through the rules; who of a target takes it is `choose`'s to say.
pub(crate) fn walk(
    rules: &RuleSet,
    record: &Record,
    owner: &str,
    mut choose: impl FnMut(Target) -> (Choice, Vec<Candidate>),
) -> Decision {
    let mut decision = Decision {
        rule: None,
        outcome: Outcome::Failed {
            code: FailureCode::NoRuleNoFallback,
            target: None,
        },
        losses: Vec::with_capacity(rules.rules.len()),
        passed: Vec::new(),
        territories: Vec::new(),
        candidates: Vec::new(),
    };
    // How the last target that was tried failed, and when the first of all who were tried is back.
    let (mut refused, mut back) = (None, None);
    let mut from = 0;
    loop {
        decision.rule = first_match(rules, record, from, &mut decision.losses);
        let matched = decision.rule.and_then(|at| rules.rules.get(at));
        let target = match matched.zip(decision.rule) {
            Some((rule, at)) => match rule.target.target() {
                Some(target) => target,
                None => {
                    let found = rules.locate(record);
                    decision.territories.push(Found {
                        rule: u16::try_from(at).unwrap_or(u16::MAX),
                        located: found.map(|(located, _)| located),
                    });
                    let Some((_, owner)) = found else {
                        from = at.saturating_add(1);
                        continue;
                    };
                    owner
                }
            },
            None => match rules.fallback {
                Some(target) => target,
                None => break,
            },
        };
        let (choice, candidates) = choose(target);
        let refusal = match choice {
            Ok((rep, new_owner)) => {
                let already_owner = id_key(&new_owner) == id_key(owner);
                decision.candidates = candidates;
                decision.outcome = Outcome::Assigned {
                    target,
                    rep,
                    new_owner,
                    already_owner,
                };
                return decision;
            }
            Err(refusal) => refusal,
        };
        back = earlier(back, refusal.back);
        refused = Some((refusal.code, target));
        let passes = refusal.code != FailureCode::TargetMissing
            && matched.is_some_and(|rule| rule.unavailable == Unavailable::PassOn);
        match decision.rule.filter(|_| passes) {
            Some(at) => {
                let rule = u16::try_from(at).unwrap_or(u16::MAX);
                decision.passed.push(Passed { rule, candidates });
                from = at.saturating_add(1);
            }
            None => {
                decision.candidates = candidates;
                break;
            }
        }
    }
    let outside = || {
        decision
            .territories
            .iter()
            .any(|found| found.located.is_none())
    };
    if refused.is_none() && outside() {
        let (code, target) = (FailureCode::NoTerritory, None);
        decision.outcome = Outcome::Failed { code, target };
    }
    if let Some((code, target)) = refused {
        decision.outcome = match back {
            Some(until) if code != FailureCode::TargetMissing => Outcome::Waiting {
                code,
                target,
                until,
            },
            _ => Outcome::Failed {
                code,
                target: Some(target),
            },
        };
    }
    decision
}

fn earlier(a: Option<DateTime<Utc>>, b: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    a.into_iter().chain(b).min()
}

/// The first rule from `from` on that matches; what lost on the way is added to `losses`.
fn first_match(
    rules: &RuleSet,
    record: &Record,
    from: usize,
    losses: &mut Vec<Loss>,
) -> Option<usize> {
    let mut lost = Vec::new();
    for (at, rule) in rules.rules.iter().enumerate().skip(from) {
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
            return Some(at);
        }
        losses.extend(lost.iter().map(|lost| Loss {
            rule: index,
            lost: Some(*lost),
        }));
    }
    None
}

pub(crate) type Choice = Result<(Option<RepId>, Arc<str>), Refusal>;

/// Nobody can take it, and when somebody can, where that is known.
pub(crate) struct Refusal {
    pub(crate) code: FailureCode,
    pub(crate) back: Option<DateTime<Utc>>,
}

pub(crate) const MISSING: Refusal = Refusal {
    code: FailureCode::TargetMissing,
    back: None,
};

fn choose(state: &mut RoutingState, target: Target) -> (Choice, Vec<Candidate>) {
    match target {
        Target::Queue { queue_id } => {
            let owner = state.queue(queue_id).cloned().ok_or(MISSING);
            (owner.map(|owner| (None, owner)), Vec::new())
        }
        Target::User { rep_id } => choose_user(state, rep_id),
        Target::Pool { pool_id } => choose_from_pool(state, pool_id),
    }
}

fn choose_user(state: &mut RoutingState, id: RepId) -> (Choice, Vec<Candidate>) {
    let (choice, standing) = match (state.rep(id), Standing::of(state.rep(id), None)) {
        (Some(rep), Standing::NotTheirTurn) => (
            Ok((Some(id), Arc::clone(&rep.salesforce_user_id))),
            Standing::Chosen,
        ),
        (None, standing) => (Err(MISSING), standing),
        (Some(_), standing) => {
            let back = state.back(id, None);
            let code = FailureCode::RepUnavailable;
            (Err(Refusal { code, back }), standing)
        }
    };
    if choice.is_ok() {
        state.took(id, None);
    }
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

/// Whether it ends by itself.
const fn returns(standing: Standing) -> bool {
    matches!(
        standing,
        Standing::Off(_) | Standing::RepCap(_) | Standing::PoolCap(_)
    )
}

fn choose_from_pool(state: &mut RoutingState, id: PoolId) -> (Choice, Vec<Candidate>) {
    let Some(pool) = state.pools().get(&id) else {
        return (Err(MISSING), Vec::new());
    };
    let candidate = |member: &super::pool::Member| Candidate {
        rep: member.rep,
        standing: Standing::of(state.rep(member.rep), state.place(id, member.rep)),
        weight: member.weight,
        credit: member.credit,
    };
    let mut candidates: Vec<_> = pool.members.iter().map(candidate).collect();
    let available = |at: usize| {
        candidates
            .get(at)
            .is_some_and(|candidate| candidate.standing == Standing::NotTheirTurn)
    };
    let turn = state
        .pool_mut(id)
        .and_then(|pool| pool.turn(|at, _| available(at)));
    let chosen = turn
        .and_then(|at| candidates.get_mut(at))
        .and_then(|candidate| {
            candidate.standing = Standing::Chosen;
            let owner = Arc::clone(&state.rep(candidate.rep)?.salesforce_user_id);
            Some((candidate.rep, owner))
        });
    match chosen {
        Some((rep, owner)) => {
            state.took(rep, Some(id));
            (Ok((Some(rep), owner)), candidates)
        }
        None => {
            let back = candidates
                .iter()
                .filter_map(|candidate| state.back(candidate.rep, Some(id)))
                .min();
            let code = FailureCode::NobodyAvailable;
            (Err(Refusal { code, back }), candidates)
        }
    }
}
