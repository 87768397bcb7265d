//! Fair turns in a weighted pool: smooth weighted round robin.
//!
//! At each turn every available member's credit grows by its weight, the member with the most
//! credit is chosen (the earlier one when equal), and pays the sum of the weights that were in
//! play. With W that sum and nobody coming or going, any W consecutive turns give each member
//! exactly its weight, and the turns of one member are spread out, not bunched.
//!
//! Credit is plain data that is stored with the pool, so turns go on after a restart. A member who
//! is away neither earns nor pays: coming back, it is owed at most the turn it was owed when it
//! left, so it is never flooded.

use kernel::RepId;

/// A member's place in a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub rep: RepId,
    /// At least 1.
    pub weight: u32,
    pub credit: i64,
}

/// The members in their order; the order breaks ties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    pub members: Vec<Member>,
}

impl Pool {
    /// Gives the next turn to one of the members for whom `available` holds, and says which.
    /// `None`, and nothing changes, when it holds for nobody.
    pub fn turn(&mut self, mut available: impl FnMut(&Member) -> bool) -> Option<usize> {
        let mut in_play = 0_i64;
        let mut best: Option<(usize, i64)> = None;
        for (at, member) in self.members.iter_mut().enumerate() {
            if !available(member) {
                continue;
            }
            let weight = i64::from(member.weight);
            in_play = in_play.saturating_add(weight);
            member.credit = member.credit.saturating_add(weight);
            if best.is_none_or(|(_, credit)| member.credit > credit) {
                best = Some((at, member.credit));
            }
        }
        let (at, _) = best?;
        if let Some(chosen) = self.members.get_mut(at) {
            chosen.credit = chosen.credit.saturating_sub(in_play);
        }
        Some(at)
    }

    /// The pool with other members or weights. Who stays keeps the credit that was earned, within
    /// what the new weights could have given; who is new starts with none.
    #[must_use]
    pub fn with_members(&self, wanted: &[(RepId, u32)]) -> Self {
        let total: i64 = wanted.iter().map(|(_, weight)| i64::from(*weight)).sum();
        let credit_of = |rep: RepId| {
            let kept = self.members.iter().find(|member| member.rep == rep);
            kept.map_or(0, |member| {
                member.credit.clamp(total.saturating_neg(), total)
            })
        };
        let member = |&(rep, weight): &(RepId, u32)| Member {
            rep,
            weight,
            credit: credit_of(rep),
        };
        Self {
            members: wanted.iter().map(member).collect(),
        }
    }
}
