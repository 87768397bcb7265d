//! What processes have used, from /proc: the same accounts that getrusage(2) reads, also for
//! processes that are not our children.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

/// The kernel tells times in ticks of 10 ms (USER_HZ, which is 100 on every Linux).
const TICK: f64 = 0.01;

/// Seconds on a core, user and system, of one process with all its threads.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = Stat::read(pid)?;
    Ok(stat.own * TICK)
}

/// The same of a PostgreSQL server: the postmaster, its processes, and those that have ended.
pub(crate) fn database_cpu_seconds(data: &Path) -> Result<f64> {
    let text = fs::read_to_string(data.join("postmaster.pid"))?;
    let postmaster: u32 = text.lines().next().context("no postmaster")?.parse()?;
    let stat = Stat::read(postmaster)?;
    let mut ticks = stat.own + stat.ended;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process that ends while it is looked at stands in the postmaster's account.
        if let Ok(stat) = Stat::read(pid)
            && stat.parent == postmaster
        {
            ticks += stat.own;
        }
    }
    Ok(ticks * TICK)
}

/// The most memory that a process has had, in megabytes (VmHWM).
pub(crate) fn peak_megabytes(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kilobytes: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_ascii_whitespace().next())
        .context("no VmHWM")?
        .parse()?;
    Ok(kilobytes / 1024.0)
}

/// What this process has had until now does not count in [`peak_megabytes`] any more (proc(5), clear_refs).
pub(crate) fn forget_peak() -> Result<()> {
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}

struct Stat {
    parent: u32,
    /// Ticks of the process itself, and of its children that have ended.
    own: f64,
    ended: f64,
}

impl Stat {
    /// proc(5): after the name in parentheses come state (3), ppid (4), ..., utime (14), stime,
    /// cutime, cstime (17).
    fn read(pid: u32) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (_, rest) = text.rsplit_once(')').context("no name in stat")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| {
            let field = fields.get(number.saturating_sub(3));
            field
                .context("stat is short")?
                .parse::<f64>()
                .context("stat")
        };
        let parent = fields.get(1).context("stat is short")?.parse()?;
        Ok(Self {
            parent,
            own: field(14)? + field(15)?,
            ended: field(16)? + field(17)?,
        })
    }
}
