//! Where a stream without acknowledgements begins again. What was written to a connection may still have
//! been in a buffer of either machine when it ended, so on a new one the events of the last 60 seconds
//! are sent again, and the last 10,000 at least.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::store::Place;

const SECONDS: TimeDelta = TimeDelta::seconds(60);
const EVENTS: u64 = 10_000;

pub(crate) struct Window {
    again: Place,
    sent: u64,
    marks: VecDeque<Mark>,
}

/// Up to `place` so many events had been sent at that time.
struct Mark {
    place: Place,
    sent: u64,
    at: DateTime<Utc>,
}

impl Window {
    pub(crate) const fn new(begin: Place) -> Self {
        Self {
            again: begin,
            sent: 0,
            marks: VecDeque::new(),
        }
    }

    /// `events` more were sent, and the stream is at `place`. Where a filter let none through, there is nothing
    /// more to send again, so a stream of few events keeps few marks however long it runs.
    pub(crate) fn sent(&mut self, place: Place, events: u64, at: DateTime<Utc>) {
        if events == 0 {
            match self.marks.back_mut() {
                Some(last) => last.place = place,
                None => self.again = place,
            }
            return;
        }
        self.sent = self.sent.saturating_add(events);
        let sent = self.sent;
        self.marks.push_back(Mark { place, sent, at });
    }

    /// From where everything would be sent again if the connection ended now.
    pub(crate) fn again(&mut self, now: DateTime<Utc>) -> Place {
        while let Some(mark) = self.marks.front() {
            let old = now.signed_duration_since(mark.at) >= SECONDS;
            if !old || self.sent.saturating_sub(mark.sent) < EVENTS {
                break;
            }
            self.again = mark.place;
            self.marks.pop_front();
        }
        self.again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(position: i64) -> Place {
        Place { position, head: 1 }
    }

    #[test]
    fn the_last_minute_and_ten_thousand_events_are_sent_again_whichever_is_more() {
        let start = DateTime::UNIX_EPOCH;
        let mut window = Window::new(at(0));
        for step in 1..=40 {
            window.sent(at(step * 1_000), 1_000, start);
        }
        // All within a minute: everything again.
        assert_eq!(window.again(start + TimeDelta::seconds(59)), at(0));
        // A minute later: ten thousand of them.
        assert_eq!(window.again(start + TimeDelta::seconds(60)), at(30_000));
        // It never goes back, and time alone takes nothing away.
        assert_eq!(window.again(start + TimeDelta::days(9)), at(30_000));
        window.sent(at(40_001), 1, start + TimeDelta::days(9));
        assert_eq!(window.again(start + TimeDelta::days(9)), at(30_000));
        assert_eq!(window.again(start + TimeDelta::days(10)), at(30_000));
    }

    #[test]
    fn pages_that_a_filter_emptied_take_no_memory_and_are_not_read_again() {
        let start = DateTime::UNIX_EPOCH;
        let mut window = Window::new(at(0));
        for page in 1..=1_000_000 {
            window.sent(at(page), 0, start);
        }
        assert_eq!(window.again(start), at(1_000_000));
        window.sent(at(1_000_001), 1, start);
        for page in 1_000_002..=2_000_000 {
            window.sent(at(page), 0, start);
        }
        assert_eq!(window.marks.len(), 1);
        // The one event may still be on its way.
        assert_eq!(window.again(start + TimeDelta::days(1)), at(1_000_000));
    }
}
