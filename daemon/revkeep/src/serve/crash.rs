//! Crash points, for the tests alone: what `FAILPOINTS` names kills the process as SIGKILL would.

use std::io::Write;

use rustix::process::{Signal, getpid, kill_process};

/// Arms the points of the environment. A point that panics ends the process at once: nothing is
/// unwound, flushed or answered.
pub(crate) fn arm() -> fail::FailScenario<'static> {
    std::panic::set_hook(Box::new(|panic| {
        let _ = writeln!(std::io::stderr(), "{panic}");
        let _ = kill_process(getpid(), Signal::KILL);
    }));
    fail::FailScenario::setup()
}
