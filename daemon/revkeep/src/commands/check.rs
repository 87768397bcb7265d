//! `revkeep check`: what the daemon needs, one line each, with the next step where something is amiss.
//! Works with the daemon down: that is when it is needed most.

use std::process::ExitCode;

use crate::{
    checks::{self, Finding, Verdict},
    config::Config,
};

/// Exit code 0 when nothing failed, 1 when something did.
pub(super) fn run(config: &Config, json: bool) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return super::fail(json, "internal", &error.to_string()),
    };
    let findings = runtime.block_on(checks::all(config));
    if json {
        super::say(
            &serde_json::json!({ "findings": findings, "holds": holds(&findings) }).to_string(),
        );
    } else {
        for finding in &findings {
            super::say(&line(finding));
        }
    }
    if holds(&findings) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

fn holds(findings: &[Finding]) -> bool {
    findings
        .iter()
        .all(|finding| finding.verdict != Verdict::Fail)
}

fn line(finding: &Finding) -> String {
    let next = finding
        .next_step
        .as_deref()
        .map(|step| format!("\n      next step: {step}"))
        .unwrap_or_default();
    format!(
        "{}  {:14} {}{next}",
        finding.verdict.word(),
        finding.subject,
        finding.detail
    )
}
