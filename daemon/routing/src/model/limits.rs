//! What holds a rep back at one moment: not being there, and caps, of the rep and of the rep's place
//! in a pool.

use chrono::{DateTime, Utc};

use super::{
    caps::{CapReached, Caps, Load, Windows},
    schedule::{Presence, Schedule},
};

/// A rep, or a rep's place in a pool, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub presence: Presence,
    pub caps: Caps,
    pub load: Load,
    /// There wherever a cap counts: of the rep as well, for a place in a pool.
    pub windows: Option<Windows>,
}

impl Limits {
    /// `counted`: whether a cap counts here, at either level.
    pub fn new(schedule: &Schedule, at: DateTime<Utc>, caps: Caps, counted: bool) -> Self {
        Self {
            presence: schedule.presence(at),
            caps,
            load: Load::default(),
            windows: counted.then(|| Windows::around(schedule, at)).flatten(),
        }
    }

    pub fn cap_reached(&self) -> Option<CapReached> {
        if self.caps.is_none() {
            return None;
        }
        self.caps.reached(self.load, self.windows.as_ref()?)
    }

    pub fn take_one(&mut self) {
        if !self.caps.is_none() {
            self.load.take_one();
        }
    }
}

/// When a rep can be given something again, when nobody changes anything: `None` when that is not
/// known. `place` is the rep's place in the pool, which knows the pool's holidays too.
pub(crate) fn back_at(
    rep: &Limits,
    place: Option<&Limits>,
    at: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let here = place.unwrap_or(rep);
    let mut back = match here.presence {
        Presence::Present => at,
        Presence::Off(off) => off.until?,
    };
    for limits in std::iter::once(rep).chain(place) {
        for cap in limits.caps.used_up(limits.load) {
            back = back.max(here.windows?.get(cap).back?);
        }
    }
    Some(back)
}
