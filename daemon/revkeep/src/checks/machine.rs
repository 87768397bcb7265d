//! The operating system, which is the customer's to keep: how old its updates are (LM-98, CX-29).

use std::{fs, path::Path};

use chrono::{DateTime, Utc};

use super::Finding;

const SUBJECT: &str = "system updates";
/// Distributions mend what is grave within days; a month is long.
const DAYS: i64 = 35;

/// What a package manager leaves on the disk: each is rewritten when lists are fetched or packages change.
const FETCHED: [&str; 5] = [
    "var/lib/apt/periodic/update-success-stamp",
    "var/lib/apt/lists",
    "var/cache/apt/pkgcache.bin",
    "var/cache/dnf/last_makecache",
    "var/cache/libdnf5",
];
const CHANGED: [&str; 5] = [
    "var/lib/apt/periodic/unattended-upgrades-stamp",
    "var/lib/dpkg/status",
    "var/lib/dnf/history.sqlite",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
];

pub(super) fn updates(root: &Path, now: DateTime<Utc>) -> Finding {
    let fetched = youngest(root, &FETCHED, now);
    let changed = youngest(root, &CHANGED, now);
    if root.join("run/reboot-required").exists() {
        return Finding::warn(
            SUBJECT,
            "an update waits for a restart of this machine",
            "restart it in a quiet hour; Revkeep goes on where it was",
        );
    }
    let next = "install the updates of the operating system; Revkeep leaves that to you";
    match (fetched, changed) {
        (_, None) => Finding::pass(
            SUBJECT,
            "how old they are cannot be known here: neither apt nor dnf left a trace",
        ),
        (fetched, Some(changed)) => {
            let lists = fetched.map_or_else(
                || "it is not known when lists were fetched".to_owned(),
                |days| format!("lists were fetched {days} days ago"),
            );
            let detail = format!("packages last changed {changed} days ago; {lists}");
            if changed > DAYS || fetched.is_some_and(|days| days > DAYS) {
                Finding::warn(SUBJECT, detail, next)
            } else {
                Finding::pass(SUBJECT, detail)
            }
        }
    }
}

/// Days since the last of them changed.
fn youngest(root: &Path, places: &[&str], now: DateTime<Utc>) -> Option<i64> {
    places
        .iter()
        .filter_map(|place| fs::metadata(root.join(place)).ok()?.modified().ok())
        .map(|modified| (now - DateTime::<Utc>::from(modified)).num_days())
        .min()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use kernel::{Clock, SystemClock};

    use super::{super::Verdict, *};

    #[test]
    fn old_updates_are_told_of_and_unknown_ones_in_words() {
        let root = tempfile::tempdir().unwrap();
        let now = SystemClock.now();
        let unknown = updates(root.path(), now);
        assert_eq!(unknown.verdict, Verdict::Pass);
        assert!(unknown.detail.contains("cannot be known"), "{unknown:?}");

        fs::create_dir_all(root.path().join("var/lib/dpkg")).unwrap();
        fs::write(root.path().join("var/lib/dpkg/status"), "").unwrap();
        fs::create_dir_all(root.path().join("var/lib/apt/lists")).unwrap();
        assert_eq!(updates(root.path(), now).verdict, Verdict::Pass);
        let later = updates(root.path(), now + TimeDelta::hours(40 * 24 + 1));
        assert_eq!(later.verdict, Verdict::Warn);
        assert!(later.detail.contains("fetched 40 days ago"), "{later:?}");

        fs::create_dir_all(root.path().join("run")).unwrap();
        fs::write(root.path().join("run/reboot-required"), "").unwrap();
        assert!(updates(root.path(), now).detail.contains("restart"));
    }
}
