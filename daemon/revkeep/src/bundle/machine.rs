//! The operating system, without the machine's name.

use std::{fs, io, path::Path};

use serde::Serialize;

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Machine {
    distribution: Option<String>,
    release: Option<String>,
    kernel: String,
    architecture: String,
    processors: usize,
    memory_mib: Option<u64>,
    uptime_hours: Option<u64>,
}

pub(super) fn look(root: &Path) -> io::Result<Machine> {
    let system = rustix::system::uname();
    let about = fs::read_to_string(root.join("etc/os-release")).unwrap_or_default();
    let memory = fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
    let uptime = fs::read_to_string(root.join("proc/uptime")).unwrap_or_default();
    Ok(Machine {
        distribution: field(&about, "ID="),
        release: field(&about, "VERSION_ID="),
        kernel: version(&system.release().to_string_lossy()),
        architecture: system.machine().to_string_lossy().into_owned(),
        processors: std::thread::available_parallelism()?.get(),
        memory_mib: number(&memory, "MemTotal:").map(|kib| kib >> 10),
        uptime_hours: uptime
            .split('.')
            .next()
            .and_then(|seconds| seconds.parse::<u64>().ok())
            .map(|seconds| seconds / 3600),
    })
}

/// os-release(5): a word of lower case letters, digits and `._-`.
fn field(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    let value = value.trim_matches('"');
    let plain = value
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte));
    plain.then(|| value.to_owned())
}

fn number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Numbers and dots alone: whoever built a kernel writes more after them.
fn version(release: &str) -> String {
    release
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_whoever_built_the_system_wrote_is_left_out() {
        let about = "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Ada's own\"\n";
        assert_eq!(field(about, "ID=").as_deref(), Some("debian"));
        assert_eq!(field(about, "VERSION_ID=").as_deref(), Some("12"));
        assert_eq!(field("ID=Ada's\n", "ID="), None);
        assert_eq!(version("6.1.0-18-ada@host"), "6.1.0");
        assert_eq!(number("MemTotal:  2048 kB\n", "MemTotal:"), Some(2048));
    }
}
