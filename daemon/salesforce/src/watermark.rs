//! From which modification time the next pull reads.
//!
//! Salesforce sets a record's stamp before its transaction commits, so a record can appear with a
//! stamp older than one that was seen already. The watermark therefore trails the newest stamp by
//! [`OVERLAP`], and catches up with it only as our own time passes: so the two clocks need not agree,
//! and once nothing changes nothing is read again.

use chrono::{DateTime, TimeDelta, Utc};

/// How much later than its stamp a record may appear.
pub(crate) const OVERLAP: TimeDelta = TimeDelta::seconds(60);
/// Transactions can last longer than the overlap (bulk loads with triggers), so now and then a pull
/// begins this much earlier.
const SWEEP: TimeDelta = TimeDelta::hours(1);
const SWEEP_EVERY_SECONDS: i64 = 600;

/// What a pull saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The newest stamp among the records that were stored.
    pub(crate) newest: Option<DateTime<Utc>>,
    /// Whether the pull came to the end of its query.
    pub(crate) complete: bool,
}

/// The watermark after a pull that began at `started`; the last pull on record began at `before`.
/// `None` when there is none yet and nothing was seen.
pub(crate) fn advanced(
    watermark: Option<DateTime<Utc>>,
    seen: Seen,
    before: Option<DateTime<Utc>>,
    started: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let Some(newest) = seen.newest else {
        return watermark;
    };
    let trailing = newest - OVERLAP;
    let Some(watermark) = watermark else {
        return Some(trailing);
    };
    let caught_up = match before {
        Some(before) if seen.complete => {
            let elapsed = (started - before).clamp(TimeDelta::zero(), OVERLAP);
            (watermark + elapsed).min(newest + TimeDelta::seconds(1))
        }
        _ => watermark,
    };
    Some(trailing.max(caught_up).max(watermark))
}

/// Where a pull that begins at `started` reads from.
pub(crate) fn since(
    watermark: DateTime<Utc>,
    before: Option<DateTime<Utc>>,
    started: DateTime<Utc>,
) -> DateTime<Utc> {
    let slice = |at: DateTime<Utc>| at.timestamp().div_euclid(SWEEP_EVERY_SECONDS);
    if before.is_some_and(|before| slice(before) == slice(started)) {
        watermark
    } else {
        (watermark - SWEEP).max(DateTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn complete(newest: i64) -> Seen {
        Seen {
            newest: Some(at(newest)),
            complete: true,
        }
    }

    #[test]
    fn it_trails_the_newest_stamp_by_the_overlap_and_never_goes_back() {
        assert_eq!(advanced(None, complete(100), None, at(500)), Some(at(40)));
        assert_eq!(
            advanced(Some(at(90)), complete(100), None, at(500)),
            Some(at(90))
        );
        let nothing = Seen {
            newest: None,
            complete: true,
        };
        assert_eq!(
            advanced(Some(at(90)), nothing, Some(at(0)), at(500)),
            Some(at(90))
        );
    }

    /// A record that appears 55 seconds after its stamp is read, however the clocks differ.
    #[test]
    fn a_late_commit_is_read() {
        for skew in [-3600, 0, 3600] {
            let mut watermark = None;
            let mut before = None;
            for now in (1000..1055).step_by(2) {
                watermark = advanced(watermark, complete(1000), before, at(now + skew));
                before = Some(at(now + skew));
            }
            assert!(watermark.unwrap() <= at(1000), "skew {skew}");
        }
    }

    #[test]
    fn once_nothing_changes_nothing_is_read_again() {
        let (mut watermark, mut before) = (None, None);
        for now in (1000..1070).step_by(2) {
            watermark = advanced(watermark, complete(1000), before, at(now));
            before = Some(at(now));
        }
        assert_eq!(watermark, Some(at(1001)));
    }

    #[test]
    fn a_pull_that_was_cut_short_does_not_pass_over_what_it_did_not_read() {
        let cut = Seen {
            newest: Some(at(1000)),
            complete: false,
        };
        let watermark = advanced(Some(at(945)), cut, Some(at(5000)), at(5060));
        assert_eq!(watermark, Some(at(945)));
    }

    #[test]
    fn every_ten_minutes_a_pull_begins_an_hour_earlier() {
        let start = at(0).timestamp().rem_euclid(600);
        let (early, late) = (at(600 - start), at(601 - start));
        assert_eq!(since(at(0), Some(early), late), at(0));
        assert_eq!(since(at(0), Some(at(599 - start)), early), at(-3600));
        assert_eq!(since(at(0), None, late), at(-3600));
    }
}
