//! What the unit's sandbox came to, as the kernel tells the process itself (LM-73): a unit's file says what
//! was asked for, and a drop-in beside it may have taken it back.

use std::{fs, io, path::Path};

use super::Finding;
use crate::config::Config;

const SUBJECT: &str = "sandbox";
const UNITS: [&str; 2] = ["revkeep.service", "revkeep-gateway.service"];
/// Of the process alone (`PrivateTmp`), or not of the disk.
const WRITABLE: [&str; 8] = [
    "/dev",
    "/proc",
    "/sys",
    "/run",
    "/tmp",
    "/var/tmp",
    "/var/lib/revkeep",
    "/var/lib/private/revkeep",
];

/// What was found of the process that asks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sandbox {
    /// systemd did not start it as a unit of ours, so there is nothing to look at.
    NoUnit,
    /// What the process may and should not, a line each.
    Gaps(Vec<String>),
}

/// For `revkeep doctor`.
pub(super) fn confined(config: &Config) -> Finding {
    match look(config) {
        Ok(Sandbox::NoUnit) => Finding::warn(
            SUBJECT,
            "this daemon was not started as revkeep.service, so nothing confines it",
            "`systemctl start revkeep`",
        ),
        Ok(Sandbox::Gaps(gaps)) if gaps.is_empty() => Finding::pass(SUBJECT, CONFINED),
        Ok(Sandbox::Gaps(gaps)) => Finding::fail(
            SUBJECT,
            gaps.join("; "),
            "`systemctl cat revkeep` shows which drop-in takes it back",
        ),
        Err(error) => Finding::warn(
            SUBJECT,
            format!("cannot be known: {error}"),
            "`systemd-analyze security revkeep.service`",
        ),
    }
}

/// What a process without gaps is.
pub(crate) const CONFINED: &str =
    "own user, no capability, no new privilege, system calls filtered, system read-only";

pub(crate) fn look(config: &Config) -> io::Result<Sandbox> {
    let own = [&config.export.directory, &config.siem.directory];
    let keystore = config.secrets.local.as_ref();
    let keystore = keystore.and_then(|local| local.keystore.parent());
    let own: Vec<&Path> = own
        .iter()
        .map(|path| path.as_path())
        .chain(keystore)
        .collect();
    Ok(judged(
        &fs::read_to_string("/proc/self/cgroup")?,
        &fs::read_to_string("/proc/self/status")?,
        &fs::read_to_string("/proc/self/mountinfo")?,
        &own,
    ))
}

fn judged(cgroup: &str, status: &str, mounts: &str, own: &[&Path]) -> Sandbox {
    let in_unit = cgroup.lines().any(|line| {
        let unit = line.rsplit('/').next().unwrap_or_default();
        UNITS.contains(&unit)
    });
    if !in_unit {
        return Sandbox::NoUnit;
    }
    let mut gaps = powers(status);
    gaps.extend(writable(mounts, own));
    Sandbox::Gaps(gaps)
}

/// proc_pid_status(5).
fn powers(status: &str) -> Vec<String> {
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    };
    let mut gaps = Vec::new();
    if field("Uid").is_none_or(|ids| ids.split_whitespace().any(|id| id == "0")) {
        gaps.push("it runs as root".to_owned());
    }
    if field("NoNewPrivs") != Some("1") {
        gaps.push("it may gain privileges (NoNewPrivileges)".to_owned());
    }
    if field("Seccomp") != Some("2") {
        gaps.push("its system calls are not filtered (SystemCallFilter)".to_owned());
    }
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        let empty = field(set).is_some_and(|bits| bits.bytes().all(|bit| bit == b'0'));
        if !empty {
            gaps.push(format!("it has capabilities ({set})"));
        }
    }
    gaps
}

/// proc_pid_mountinfo(5): of what is mounted, what the process could write.
fn writable(mounts: &str, own: &[&Path]) -> Vec<String> {
    let mut gaps = Vec::new();
    for line in mounts.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (Some(point), Some(options)) = (fields.get(4), fields.get(5)) else {
            continue;
        };
        let at = Path::new(point);
        let meant = WRITABLE.iter().any(|place| at.starts_with(place))
            || own.iter().any(|place| at.starts_with(place));
        if !meant && options.split(',').any(|option| option == "rw") {
            gaps.push(format!("{point} is writable (ProtectSystem)"));
        }
    }
    gaps.sort();
    gaps.dedup();
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    const CGROUP: &str = "0::/system.slice/revkeep.service\n";
    const STATUS: &str = "Name:\trevkeep\nUid:\t997\t997\t997\t997\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n\
        CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n";
    const MOUNTS: &str = "400 300 254:1 / / ro,relatime master:1 - ext4 /dev/vda1 rw\n\
        401 400 0:22 / /proc rw,nosuid - proc proc rw\n\
        402 400 254:1 /var/lib/revkeep /var/lib/revkeep rw,relatime - ext4 /dev/vda1 rw\n\
        403 400 0:25 / /run/revkeep rw,nosuid - tmpfs tmpfs rw\n\
        404 400 254:2 / /home ro,nosuid - tmpfs tmpfs rw\n";

    fn told(status: &str, mounts: &str) -> Vec<String> {
        match judged(CGROUP, status, mounts, &[Path::new("/srv/archive")]) {
            Sandbox::Gaps(gaps) => gaps,
            Sandbox::NoUnit => panic!("it is in a unit"),
        }
    }

    #[test]
    fn each_thing_that_a_drop_in_could_take_back_is_found() {
        assert_eq!(told(STATUS, MOUNTS), Vec::<String>::new());
        for (from, to, names) in [
            ("NoNewPrivs:\t1", "NoNewPrivs:\t0", "NoNewPrivileges"),
            ("Seccomp:\t2", "Seccomp:\t0", "SystemCallFilter"),
            (
                "CapBnd:\t0000000000000000",
                "CapBnd:\t000001ffffffffff",
                "CapBnd",
            ),
            (
                "CapEff:\t0000000000000000",
                "CapEff:\t0000000000000400",
                "CapEff",
            ),
            ("Uid:\t997\t997", "Uid:\t0\t0", "runs as root"),
            ("Seccomp:\t2\n", "", "SystemCallFilter"),
        ] {
            let gaps = told(&STATUS.replace(from, to), MOUNTS);
            assert!(
                gaps.len() == 1 && gaps[0].contains(names),
                "{names}: {gaps:?}"
            );
        }
        let open = MOUNTS
            .replace("/ / ro", "/ / rw")
            .replace("/home ro", "/home rw");
        assert_eq!(
            told(STATUS, &open),
            [
                "/ is writable (ProtectSystem)",
                "/home is writable (ProtectSystem)"
            ]
        );
        let meant = format!("{MOUNTS}405 400 254:3 / /srv/archive rw - ext4 /dev/vdb rw\n");
        assert_eq!(told(STATUS, &meant), Vec::<String>::new());
    }

    #[test]
    fn outside_a_unit_there_is_nothing_to_judge() {
        for cgroup in [
            "0::/user.slice/session-1.scope\n",
            "",
            "0::/system.slice/other-revkeep.service\n",
        ] {
            assert_eq!(
                judged(cgroup, STATUS, MOUNTS, &[]),
                Sandbox::NoUnit,
                "{cgroup}"
            );
        }
    }
}
