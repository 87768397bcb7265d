//! What `revkeep check`, `doctor` and `status` say of backups, to whoever may look into their folder: it is
//! root's, and closed to the daemon.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Config, Rehearsed, Sent, kept};
use crate::checks::Finding;

/// The timers run daily and weekly; this is when one of them is missed.
const FRESH: TimeDelta = TimeDelta::days(2);
const TRIED: TimeDelta = TimeDelta::days(8);

const CREATE: &str =
    "`revkeep backup create`; `systemctl enable --now revkeep-backup.timer` has it made each night";
const SEND: &str = "`revkeep backup send`; `revkeep backup create` does it at its end";
const REHEARSE: &str = "`revkeep restore --rehearse`; `systemctl enable --now revkeep-rehearse.timer` has it tried each week";

/// Nothing for whoever may not look.
pub(crate) fn standing(config: &Config, now: DateTime<Utc>) -> Vec<Finding> {
    let Ok(kept) = kept(&config.directory) else {
        return Vec::new();
    };
    let newest = kept.first().map(|newest| newest.taken_at);
    let mut found = vec![backup(newest, now)];
    if newest.is_some() {
        found.push(rehearsal(Rehearsed::last(&config.directory).as_ref(), now));
    }
    if config.bucket.is_some() {
        found.push(bucket(Sent::last(&config.directory).as_ref(), newest, now));
    }
    found
}

fn bucket(last: Option<&Sent>, newest: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Finding {
    const SUBJECT: &str = "bucket";
    let Some(last) = last else {
        return Finding::warn(SUBJECT, "no archive was sent yet", SEND);
    };
    let at = day(last.at);
    if let Some((_, why)) = &last.problem {
        return Finding::fail(SUBJECT, format!("sending failed {at}: {why}"), SEND);
    }
    let detail = format!("has what was here {at}");
    let behind = newest.is_some_and(|newest| newest > last.at) && now - last.at > FRESH;
    if behind {
        Finding::warn(SUBJECT, detail, SEND)
    } else {
        Finding::pass(SUBJECT, detail)
    }
}

fn backup(newest: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Finding {
    const SUBJECT: &str = "backup";
    match newest {
        None => Finding::warn(SUBJECT, "there is none", CREATE),
        Some(at) => {
            let detail = format!("the newest is of {}", day(at));
            if now - at > FRESH {
                Finding::warn(SUBJECT, detail, CREATE)
            } else {
                Finding::pass(SUBJECT, detail)
            }
        }
    }
}

fn rehearsal(last: Option<&Rehearsed>, now: DateTime<Utc>) -> Finding {
    const SUBJECT: &str = "rehearsal";
    let Some(last) = last else {
        return Finding::warn(SUBJECT, "no backup was ever restored on trial", REHEARSE);
    };
    let at = day(last.at);
    if let Some((_, why)) = &last.problem {
        return Finding::fail(SUBJECT, format!("the one of {at} failed: {why}"), REHEARSE);
    }
    let (rows, seconds) = (last.rows, last.seconds);
    let detail = format!("last rehearsed {at}: {rows} rows in {seconds} s");
    if now - last.at > TRIED {
        Finding::warn(SUBJECT, detail, REHEARSE)
    } else {
        Finding::pass(SUBJECT, detail)
    }
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Verdict;

    fn tried(at: DateTime<Utc>, problem: Option<&str>) -> Rehearsed {
        Rehearsed {
            at,
            archive: "a".into(),
            taken_at: None,
            seconds: 1,
            rows: 2,
            migrations: Vec::new(),
            problem: problem.map(|why| ("code".to_owned(), why.to_owned())),
        }
    }

    #[test]
    fn a_bucket_that_lags_or_refuses_is_not_well() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1_000);
        let ago = |days| now - TimeDelta::days(days);
        let sent = |days, problem: Option<&str>| Sent {
            at: ago(days),
            names: Vec::new(),
            removed: Vec::new(),
            problem: problem.map(|why| ("code".to_owned(), why.to_owned())),
        };
        let verdict = |last: Option<Sent>, newest| bucket(last.as_ref(), Some(newest), now).verdict;
        assert_eq!(verdict(None, ago(1)), Verdict::Warn);
        assert_eq!(verdict(Some(sent(1, Some("x"))), ago(2)), Verdict::Fail);
        assert_eq!(verdict(Some(sent(3, None)), ago(1)), Verdict::Warn);
        assert_eq!(verdict(Some(sent(3, None)), ago(4)), Verdict::Pass);
        assert_eq!(verdict(Some(sent(0, None)), ago(1)), Verdict::Pass);
    }

    #[test]
    fn what_is_old_missing_or_failed_is_not_well() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1_000);
        let ago = |days| now - TimeDelta::days(days);
        assert_eq!(backup(None, now).verdict, Verdict::Warn);
        assert_eq!(backup(Some(ago(3)), now).verdict, Verdict::Warn);
        assert_eq!(backup(Some(ago(1)), now).verdict, Verdict::Pass);
        let verdict = |last: Option<Rehearsed>| rehearsal(last.as_ref(), now).verdict;
        assert_eq!(verdict(None), Verdict::Warn);
        assert_eq!(verdict(Some(tried(ago(9), None))), Verdict::Warn);
        assert_eq!(verdict(Some(tried(ago(1), None))), Verdict::Pass);
        assert_eq!(verdict(Some(tried(ago(1), Some("x")))), Verdict::Fail);
    }
}
