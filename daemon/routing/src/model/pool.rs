//! Fair turns in a weighted pool: smooth weighted round robin.
//!
//! At each turn every available member's credit grows by its weight, the member with the most
//! credit is chosen (the earlier one when equal), and pays the sum of the weights that were in
//! play. With W that sum and nobody coming or going, any W consecutive turns give each member
//! exactly its weight, and the turns of one member are spread out, not bunched.
//!
//! Credit is plain data that is stored with the pool, so turns go on after a restart. A member who
//! is away neither earns nor pays. Whenever others are in play than at the last turn, credit is
//! calibrated: moved so that what those in play are owed sums to nothing, and held within half a
//! round. So who comes back or is new is owed half a round at most and is never flooded, nobody waits
//! for what was owed among others, and while the same members stay in play each has its share within
//! one record after every full round.
//!
//! That others are in play is seen from the credit itself: a turn leaves its sum as it was.

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
    pub fn turn(&mut self, available: impl Fn(usize, &Member) -> bool) -> Option<usize> {
        let in_play = self.calibrate(&available);
        let mut best: Option<(usize, i64)> = None;
        for (at, member) in self.members.iter_mut().enumerate() {
            if !available(at, member) {
                continue;
            }
            let weight = i64::from(member.weight);
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

    /// Takes back the turn that `at` was given among those for whom `available` held, because the
    /// record did not become theirs: everybody's credit is as before it. Where others are in play
    /// by now, the next turn calibrates as ever.
    pub fn give_back(&mut self, at: usize, available: impl Fn(usize, &Member) -> bool) {
        if self.members.get(at).is_none() {
            return;
        }
        let mut in_play = 0_i64;
        for (place, member) in self.members.iter_mut().enumerate() {
            if available(place, member) {
                let weight = i64::from(member.weight);
                member.credit = member.credit.saturating_sub(weight);
                in_play = in_play.saturating_add(weight);
            }
        }
        if let Some(chosen) = self.members.get_mut(at) {
            chosen.credit = chosen.credit.saturating_add(in_play);
        }
    }

    /// Calibrates the credit of those in play, when others are than before. Gives the sum of their
    /// weights.
    fn calibrate(&mut self, available: &impl Fn(usize, &Member) -> bool) -> i64 {
        let (mut count, mut weight, mut sum, mut most) = (0_i64, 0_i64, 0_i64, 0_i64);
        for (at, member) in self.members.iter().enumerate() {
            if available(at, member) {
                count = count.saturating_add(1);
                weight = weight.saturating_add(i64::from(member.weight));
                sum = sum.saturating_add(member.credit);
                most = most.max(member.credit.saturating_abs());
            }
        }
        // Among the same members credit stays within about a round.
        let strayed = most.saturating_mul(4) > weight.saturating_mul(5);
        if count > 0 && (sum != 0 || strayed) {
            let mut in_play: Vec<&mut Member> = self
                .members
                .iter_mut()
                .enumerate()
                .filter(|(at, member)| available(*at, member))
                .map(|(_, member)| member)
                .collect();
            level(&mut in_play, sum);
            hold(&mut in_play, weight.div_euclid(2));
        }
        weight
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

/// Moves credit of the sum `sum` so that it sums to nothing; what does not divide goes to the first.
fn level(members: &mut [&mut Member], sum: i64) {
    let count = i64::try_from(members.len()).unwrap_or(i64::MAX).max(1);
    let (each, mut rest) = (sum.div_euclid(count), sum.rem_euclid(count));
    for member in members {
        let one = rest.signum();
        rest = rest.saturating_sub(one);
        member.credit = member.credit.saturating_sub(each).saturating_sub(one);
    }
}

/// Scales credit down to at most `bound` either way, and keeps it summing to nothing.
fn hold(members: &mut [&mut Member], bound: i64) {
    let most = members
        .iter()
        .map(|member| member.credit.saturating_abs())
        .max()
        .unwrap_or(0);
    if most <= bound {
        return;
    }
    let mut sum = 0_i64;
    for member in members.iter_mut() {
        let scaled = i128::from(member.credit)
            .saturating_mul(i128::from(bound))
            .checked_div(i128::from(most))
            .unwrap_or(0);
        member.credit = i64::try_from(scaled).unwrap_or(0);
        sum = sum.saturating_add(member.credit);
    }
    level(members, sum);
}
