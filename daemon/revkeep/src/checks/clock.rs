//! The clock against those of the servers. Tokens, codes of factors and leases go by it.

use chrono::{DateTime, TimeDelta, Utc};

use super::Finding;

/// A code of a second factor lives thirty seconds.
const NOTED: TimeDelta = TimeDelta::seconds(5);
const WRONG: TimeDelta = TimeDelta::seconds(60);

/// `asked` and `answered` are by our clock, around the moment at which the server read its own.
pub(super) fn against(
    server: &'static str,
    its: DateTime<Utc>,
    asked: DateTime<Utc>,
    answered: DateTime<Utc>,
) -> Finding {
    const SUBJECT: &str = "clock";
    let off = (asked - its).max(its - answered).max(TimeDelta::zero());
    let next = "`timedatectl`: have both machines follow the same time server; after a step back, restart nothing, tokens end by themselves";
    let detail = format!("{} s from that of {server}", off.num_seconds());
    if off > WRONG {
        Finding::fail(SUBJECT, detail, next)
    } else if off > NOTED {
        Finding::warn(SUBJECT, detail, next)
    } else {
        Finding::pass(SUBJECT, format!("goes with that of {server}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn a_clock_is_wrong_either_way_and_the_time_of_asking_is_no_difference() {
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        for (its, verdict) in [
            (-3_600, Verdict::Fail),
            (-10, Verdict::Warn),
            (0, Verdict::Pass),
            (20, Verdict::Pass),
            (30, Verdict::Warn),
            (3_600, Verdict::Fail),
        ] {
            let told = against("the database", at(its), at(0), at(20));
            assert_eq!(told.verdict, verdict, "{its}: {told:?}");
        }
    }
}
