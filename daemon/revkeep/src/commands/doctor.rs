//! `revkeep doctor`: what is amiss with the appliance as it runs, each with the next step. Quiet when all is
//! well, so that a timer can run it and mail what it says.

use std::{path::Path, process::ExitCode};

use clap::Args;
use kernel::{Clock, SystemClock};
use serde_json::json;

use super::check;
use crate::{
    admin::{self, Question, Reply},
    backup,
    checks::{self, Finding, Verdict},
    config::Config,
};

#[derive(Args)]
pub(super) struct Options {
    /// Also what is well.
    #[arg(long)]
    all: bool,
}

/// Something is amiss, and nothing failed.
const WARNED: u8 = 3;

/// Exit code 0 when all is well, 1 when something failed, 3 when something is only warned of.
pub(super) fn run(config: &Config, file: &Path, options: &Options, json: bool) -> ExitCode {
    let findings = match admin::ask(&config.admin.socket, &Question::Doctor) {
        Ok(Reply::Answer(answer)) => check::findings(answer),
        Ok(Reply::Refusal { code, message }) => return super::fail(json, &code, &message),
        Err(error) => Ok(without_daemon(config, file, &error)),
    };
    let mut findings = match findings {
        Ok(findings) => findings,
        Err(error) => return super::fail(json, "internal", &error.to_string()),
    };
    findings.extend(backup::standing(&config.backup, SystemClock.now()));
    let worst = checks::worst(&findings);
    if json {
        super::say(&told(&findings, worst).to_string());
    } else {
        super::say(&page(&findings, options.all));
    }
    match worst {
        Verdict::Pass => ExitCode::SUCCESS,
        Verdict::Warn => ExitCode::from(WARNED),
        Verdict::Fail => ExitCode::from(1),
    }
}

/// That it does not answer is the first thing to mend; the rest is as this command sees it.
fn without_daemon(config: &Config, file: &Path, error: &std::io::Error) -> Vec<Finding> {
    let mut findings = vec![Finding::fail(
        "daemon",
        format!(
            "does not answer on {}: {error}",
            config.admin.socket.display()
        ),
        "`systemctl status revkeep`, then `journalctl -u revkeep -n 50`; what follows is as this command sees it as you",
    )];
    match check::look(config, file) {
        Ok(more) => findings.extend(more),
        Err(error) => findings.push(Finding::fail("check", error.to_string(), "try it again")),
    }
    findings.extend(checks::machine(SystemClock.now()));
    findings
}

fn told(findings: &[Finding], worst: Verdict) -> serde_json::Value {
    json!({ "well": worst == Verdict::Pass, "worst": worst, "findings": findings })
}

fn page(findings: &[Finding], all: bool) -> String {
    let shown: Vec<String> = findings
        .iter()
        .filter(|finding| all || finding.verdict != Verdict::Pass)
        .map(check::line)
        .collect();
    if shown.is_empty() {
        return format!("All is well: {} things looked at.", findings.len());
    }
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_quiet_when_all_is_well_and_tells_what_is_not() {
        let well = vec![Finding::pass("disk", "half is free")];
        assert_eq!(page(&well, false), "All is well: 1 things looked at.");
        assert!(page(&well, true).starts_with("PASS  disk"));
        let amiss = [well, vec![Finding::warn("jobs", "2 were given up", "look")]].concat();
        let said = page(&amiss, false);
        assert!(
            said.starts_with("WARN  jobs") && said.contains("next step: look"),
            "{said}"
        );
        assert!(!said.contains("disk"), "{said}");
        assert_eq!(told(&amiss, checks::worst(&amiss))["well"], false);
    }
}
