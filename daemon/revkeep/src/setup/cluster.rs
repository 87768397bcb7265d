//! PostgreSQL's own unit on this machine. As distributions ship it, a server that was killed, or that stopped
//! because its disk was full, stays down until somebody comes.

use std::path::Path;

use super::{
    SetupError,
    system::{self, ROOT},
};

/// Debian has a unit for each cluster; others have one.
const TEMPLATE: [&str; 2] = [
    "/usr/lib/systemd/system/postgresql@.service",
    "/lib/systemd/system/postgresql@.service",
];
const STAYS_UP: &str = "\
# Written by `revkeep setup`.
[Unit]
StartLimitIntervalSec=0
[Service]
Restart=on-failure
RestartSec=5
";

/// Has systemd start the server again whenever it fails.
pub(super) fn stay_up() -> Result<(), SetupError> {
    let path = drop_in(TEMPLATE.iter().any(|unit| Path::new(unit).exists()));
    if system::holds(Path::new(path), STAYS_UP.as_bytes()) {
        return Ok(());
    }
    system::write(Path::new(path), STAYS_UP.as_bytes(), 0o644, ROOT)?;
    system::run("systemctl", &["daemon-reload"], &[]).map(|_| ())
}

const fn drop_in(template: bool) -> &'static str {
    if template {
        "/etc/systemd/system/postgresql@.service.d/revkeep.conf"
    } else {
        "/etc/systemd/system/postgresql.service.d/revkeep.conf"
    }
}

/// The lines of a shell script that take it back.
pub(super) fn undo() -> String {
    let places = [drop_in(true), drop_in(false)].map(|path| {
        let folder = path.trim_end_matches("/revkeep.conf");
        format!("rm -f {path}\nrmdir {folder} 2>/dev/null || true\n")
    });
    format!("{}systemctl daemon-reload\n", places.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_taken_back() {
        for template in [true, false] {
            let line = format!("rm -f {}\n", drop_in(template));
            assert!(undo().contains(&line), "{line}");
        }
    }
}
