//! Free space where the daemon writes, and where the database is if it is on this machine.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Finding, Verdict};
use crate::config::Config;

const GIB: u64 = 1 << 30;

/// Where distributions keep PostgreSQL's clusters.
const CLUSTERS: [&str; 2] = ["/var/lib/postgresql", "/var/lib/pgsql"];

pub(super) fn look(config: &Config) -> Vec<Finding> {
    places(config)
        .into_iter()
        .map(|(what, path)| folder("disk", what, path))
        .collect()
}

/// The folders that are written to on this machine.
fn places(config: &Config) -> Vec<(&'static str, &Path)> {
    let mut places = vec![("the state's folder", existing(&config.export.directory))];
    if config.database.host.starts_with('/') {
        let cluster = CLUSTERS.iter().map(Path::new).find(|path| path.exists());
        places.extend(cluster.map(|path| ("the database's folder", path)));
    }
    places
}

/// How much is free where a folder is.
#[derive(Serialize)]
pub(crate) struct Room {
    what: &'static str,
    path: PathBuf,
    free: u64,
    bytes: u64,
}

/// For the System page; a folder that cannot be looked at is left to the findings.
pub(crate) fn rooms(config: &Config) -> Vec<Room> {
    let room = |(what, path): (&'static str, &Path)| {
        let room = rustix::fs::statvfs(path).ok()?;
        Some(Room {
            what,
            path: path.to_owned(),
            free: room.f_bavail.saturating_mul(room.f_frsize),
            bytes: room.f_blocks.saturating_mul(room.f_frsize),
        })
    };
    places(config).into_iter().filter_map(room).collect()
}

/// The path, or what of it is there: a folder is made when it is first needed.
fn existing(path: &Path) -> &Path {
    path.ancestors()
        .find(|ancestor| ancestor.exists())
        .unwrap_or(path)
}

fn folder(subject: &'static str, what: &str, path: &Path) -> Finding {
    let room = match rustix::fs::statvfs(path) {
        Ok(room) => room,
        Err(error) => {
            return Finding::warn(
                subject,
                format!("{what} {}: {error}", path.display()),
                "look at the path, and at who may enter it",
            );
        }
    };
    judged(
        subject,
        &format!("{what} {}", path.display()),
        room.f_bavail.saturating_mul(room.f_frsize),
        room.f_blocks.saturating_mul(room.f_frsize),
    )
}

fn judged(subject: &'static str, what: &str, free: u64, whole: u64) -> Finding {
    let percent = free.saturating_mul(100).checked_div(whole).unwrap_or(0);
    let detail = format!(
        "{what}: {} MiB free, {percent} % of {} GiB",
        free >> 20,
        whole / GIB
    );
    let next = "make room: `revkeep audit prune` takes what is older than the retention; the database and logs beside it take the rest";
    match verdict(free, percent) {
        Verdict::Pass => Finding::pass(subject, detail),
        Verdict::Warn => Finding::warn(subject, detail, next),
        Verdict::Fail => Finding::fail(subject, detail, next),
    }
}

/// A share alone would cry wolf over a large disk, and bytes alone over a small one.
const fn verdict(free: u64, percent: u64) -> Verdict {
    if free < GIB / 4 {
        Verdict::Fail
    } else if free < 2 * GIB || (percent < 10 && free < 20 * GIB) {
        Verdict::Warn
    } else {
        Verdict::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_told_before_there_is_none() {
        for (free, whole, told) in [
            (0, 100 * GIB, Verdict::Fail),
            (GIB, 100 * GIB, Verdict::Warn),
            (9 * GIB, 100 * GIB, Verdict::Warn),
            (30 * GIB, 1000 * GIB, Verdict::Pass),
            (50 * GIB, 100 * GIB, Verdict::Pass),
            (0, 0, Verdict::Fail),
        ] {
            assert_eq!(judged("disk", "x", free, whole).verdict, told, "{free}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_room_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(existing(&folder.path().join("a/b")), folder.path());
    }
}
