//! Turns by how much each holds open, and the most that somebody may hold.
//!
//! The member who holds least for its weight is next. Who is new or comes back holds little, and would
//! get everything until the others are reached: such a member starts with a lead of records that it
//! does not hold (see [`OpenLoad::calibrated`]), which shrinks by half a record with each one it gets,
//! so that it gets about twice its share until it has caught up, never all.

use std::cmp::Ordering;

use super::caps::CapReached;
use super::limits::Limits;

/// What a member of a pool holds open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenLoad {
    /// At least 1; 0 counts as 1.
    pub weight: u32,
    /// Records that the member holds and that are not closed.
    pub open: u32,
    /// Half records that a new or returning member counts as holding beyond these.
    pub lead: u32,
    /// The most that it may hold; `None`: any number.
    pub most: Option<u32>,
}

impl OpenLoad {
    pub fn is_full(&self) -> bool {
        self.most.is_some_and(|most| self.open >= most)
    }

    /// One record more.
    pub fn take_one(&mut self) {
        self.open = self.open.saturating_add(1);
        self.lead = self.lead.saturating_sub(1);
    }

    /// One record closed, or given to another.
    pub fn give_one(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// The same member as new or back from an absence: level with the others, whom it joins.
    #[must_use]
    pub fn calibrated(self, others: &[Self]) -> Self {
        let sum = |part: fn(&Self) -> u64| others.iter().map(part).fold(0_u64, u64::saturating_add);
        let (halves, weights) = (sum(Self::halves), sum(Self::shares));
        let level = halves
            .saturating_mul(self.shares())
            .checked_div(weights)
            .unwrap_or(0);
        let own = u64::from(self.open).saturating_mul(2);
        let lead = u32::try_from(level.saturating_sub(own)).unwrap_or(u32::MAX);
        Self { lead, ..self }
    }

    fn halves(&self) -> u64 {
        u64::from(self.open)
            .saturating_mul(2)
            .saturating_add(u64::from(self.lead))
    }

    fn shares(&self) -> u64 {
        u64::from(self.weight.max(1))
    }

    /// Which holds less for its weight.
    fn fuller(&self, other: &Self) -> Ordering {
        let ours = self.halves().saturating_mul(other.shares());
        ours.cmp(&other.halves().saturating_mul(self.shares()))
    }
}

/// Whose turn it is: of those for whom `available` holds and who are not full, the one who holds least
/// for its weight, the earlier when equal. Nothing changes; the caller counts the record when it is
/// given.
pub fn least_open(members: &[OpenLoad], available: impl Fn(usize) -> bool) -> Option<usize> {
    let able = members
        .iter()
        .enumerate()
        .filter(|(at, member)| !member.is_full() && available(*at));
    able.min_by(|(_, a), (_, b)| a.fuller(b)).map(|(at, _)| at)
}

/// Whose cap it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    Rep,
    Pool,
}

/// What keeps a record from somebody who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Held {
    /// A cap of an hour, a day or a week.
    Window(Level, CapReached),
    /// The most that may be open.
    Open(Level),
}

/// What the caps of a rep and, in a pool, of its place there say: the rep's own first, those that end
/// by themselves before the one that ends when somebody closes a record.
///
/// # Errors
/// The first cap that is used up.
pub fn within_caps(
    (rep, rep_open): (&Limits, &OpenLoad),
    place: Option<(&Limits, &OpenLoad)>,
) -> Result<(), Held> {
    let levels = [(Level::Rep, Some((rep, rep_open))), (Level::Pool, place)];
    for (level, limits) in levels {
        let Some((limits, open)) = limits else {
            continue;
        };
        if let Some(reached) = limits.cap_reached() {
            return Err(Held::Window(level, reached));
        }
        if open.is_full() {
            return Err(Held::Open(level));
        }
    }
    Ok(())
}
