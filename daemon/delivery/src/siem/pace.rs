//! How fast a stream goes: how large its pages are, which a receiver that cannot take them in time makes smaller,
//! and how long it pauses after it broke.

use std::time::Duration;

use chrono::TimeDelta;

use super::{page::MOST, transport::STEP};

const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A connection on which nothing is confirmed is worth something once it lasted so long: a receiver that takes
/// and closes would otherwise be sent its last 10,000 events again and again.
const STEADY: TimeDelta = TimeDelta::seconds(60);

#[derive(Debug)]
pub(crate) struct Pace {
    page: i32,
    failures: u32,
    worked: bool,
}

impl Pace {
    pub(crate) const fn new() -> Self {
        Self {
            page: MOST,
            failures: 0,
            worked: false,
        }
    }

    /// Entries of the next page.
    pub(crate) const fn page(&self) -> i32 {
        self.page
    }

    /// A page was taken, within so long. Twice as much must fit well into the time before it is tried.
    pub(crate) fn taken(&mut self, within: TimeDelta) {
        if within.to_std().is_ok_and(|within| within < STEP / 4) {
            self.page = self.page.saturating_mul(2).min(MOST);
        }
    }

    /// A page was not taken in time. What was taken of it comes again.
    pub(crate) fn slow(&mut self) {
        self.page = (self.page / 2).max(1);
    }

    /// The connection was of use: events were confirmed, or it has been there for so long.
    pub(crate) fn progress(&mut self, confirmed: bool, connected: TimeDelta) {
        self.worked |= confirmed || connected >= STEADY;
    }

    /// It broke: whether it had been of use, and how long to wait.
    pub(crate) fn broke(&mut self) -> (bool, Duration) {
        let worked = std::mem::take(&mut self.worked);
        self.failures = if worked {
            0
        } else {
            self.failures.saturating_add(1)
        };
        let wait = LONGEST_WAIT.min(Duration::from_secs(1 << self.failures.min(6)));
        (worked, wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_receiver_gets_smaller_pages_until_it_keeps_up() {
        let mut pace = Pace::new();
        for wanted in [MOST / 2, MOST / 4, MOST / 8] {
            pace.slow();
            assert_eq!(pace.page(), wanted);
        }
        pace.taken(TimeDelta::seconds(3));
        assert_eq!(pace.page(), MOST / 8, "twice as much might not fit");
        for _ in 0..9 {
            pace.taken(TimeDelta::seconds(1));
        }
        assert_eq!(pace.page(), MOST);
        for _ in 0..40 {
            pace.slow();
        }
        assert_eq!(pace.page(), 1);
    }

    #[test]
    fn pauses_grow_where_a_receiver_takes_and_closes_and_begin_anew_after_progress() {
        let mut pace = Pace::new();
        let mut waits = Vec::new();
        for _ in 0..8 {
            pace.progress(false, TimeDelta::seconds(2));
            waits.push(pace.broke().1.as_secs());
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60]);
        for (confirmed, seconds) in [(true, 0), (false, 60)] {
            pace.broke();
            pace.progress(confirmed, TimeDelta::seconds(seconds));
            assert_eq!(pace.broke(), (true, Duration::from_secs(1)));
        }
    }
}
