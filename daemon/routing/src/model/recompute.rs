//! A decision made again out of what was recorded of it: the rule set's version, what was read of the
//! record, and how each rep stood. No state of today goes in, so it must come to the same.

use std::sync::Arc;

use kernel::RepId;
use uuid::Uuid;

use super::{
    compile::Record,
    decide::{Candidate, Choice, MISSING, Outcome, Refusal, Standing, walk},
    failure::FailureCode,
    pool::{Member, Pool},
    reasons::{LostRep, Reasons, tail},
    rules::{RuleSet, Target},
};

/// Who would be given the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    /// Index of the rule; `None`: the fallback.
    pub rule: Option<usize>,
    pub target: Target,
    /// The tail of the rep's id, as reasons name reps; `None` when a queue gets it.
    pub rep: Option<String>,
}

/// Decides once more. `None` when nobody would be given the record.
pub fn recompute(rules: &RuleSet, record: &Record, reasons: &Reasons) -> Option<Again> {
    let mut tried = reasons.groups().into_iter().map(|(_, reps)| reps);
    let decision = walk(rules, record, "", |target| {
        choose(target, &tried.next().unwrap_or_default())
    });
    match decision.outcome {
        Outcome::Assigned { target, rep, .. } => Some(Again {
            rule: decision.rule,
            target,
            rep: rep.map(|rep| tail(rep.uuid())),
        }),
        Outcome::Waiting { .. } | Outcome::Failed { .. } => None,
    }
}

fn choose(target: Target, recorded: &[LostRep]) -> (Choice, Vec<Candidate>) {
    let reps: Vec<Candidate> = recorded.iter().filter_map(candidate).collect();
    let chosen = match target {
        Target::Queue { .. } => return (Ok((None, Arc::from(""))), reps),
        Target::User { .. } => match reps.first() {
            Some(rep) if rep.standing == Standing::Unknown => return (Err(MISSING), reps),
            Some(rep) if rep.standing.is_available() => Some(rep.rep),
            _ => None,
        },
        Target::Pool { .. } => turn(&reps),
    };
    let refused = || Refusal {
        code: FailureCode::NobodyAvailable,
        back: None,
    };
    let choice = chosen.map(|rep| (Some(rep), Arc::from("")));
    (choice.ok_or_else(refused), reps)
}

/// Whose turn it was, by weights and credit.
fn turn(reps: &[Candidate]) -> Option<RepId> {
    let member = |rep: &Candidate| Member {
        rep: rep.rep,
        weight: rep.weight,
        credit: rep.credit,
    };
    let mut pool = Pool {
        members: reps.iter().map(member).collect(),
    };
    let available = |at: usize| reps.get(at).is_some_and(|rep| rep.standing.is_available());
    let at = pool.turn(|at, _| available(at))?;
    Some(reps.get(at)?.rep)
}

/// Reasons name a rep by the tail of its id, which is all that tells them apart here.
fn candidate(lost: &LostRep) -> Option<Candidate> {
    let id = u128::from_str_radix(&lost.rep, 16).ok()?;
    Some(Candidate {
        rep: RepId::from_uuid(Uuid::from_u128(id)),
        standing: lost.standing,
        weight: lost.weight,
        credit: lost.credit,
    })
}
