//! `revkeep check`: what the daemon needs, one line each, with the next step where something is amiss.
//! The running daemon looks, because only its unit has the credentials and the account; with the daemon
//! down, when a check is needed most, the command looks for itself and says so.

use std::{path::Path, process::ExitCode};

use kernel::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::{
    admin::{self, Question, Reply},
    backup,
    checks::{self, Finding, Verdict},
    config::Config,
};

/// Who looked.
#[derive(Clone, Copy)]
enum View {
    Daemon,
    Command,
}

impl View {
    const fn name(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Command => "command",
        }
    }
    const fn words(self) -> &'static str {
        match self {
            Self::Daemon => "As the running daemon sees it:",
            Self::Command => {
                "The daemon does not answer, so this is what this command sees as you. Credentials and files of the daemon's unit may look missing here."
            }
        }
    }
}

/// Exit code 0 when nothing failed, 1 when something did.
pub(super) fn run(config: &Config, file: &Path, json: bool) -> ExitCode {
    let (view, mut findings) = match admin::ask(&config.admin.socket, &Question::Check) {
        Ok(Reply::Answer(answer)) => match findings(answer) {
            Ok(findings) => (View::Daemon, findings),
            Err(error) => return super::fail(json, "internal", &error.to_string()),
        },
        Ok(Reply::Refusal { code, message }) => return super::fail(json, &code, &message),
        Err(_) => match look(config, file) {
            Ok(findings) => (View::Command, findings),
            Err(error) => return super::fail(json, "internal", &error.to_string()),
        },
    };
    findings.extend(backup::standing(&config.backup, SystemClock.now()));
    if json {
        super::say(
            &json!({ "view": view.name(), "findings": findings, "holds": holds(&findings) })
                .to_string(),
        );
    } else {
        super::say(view.words());
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

pub(super) fn findings(mut answer: Value) -> serde_json::Result<Vec<Finding>> {
    let found = answer.get_mut("findings").map(Value::take);
    serde_json::from_value(found.unwrap_or_default())
}

pub(super) fn look(config: &Config, file: &Path) -> std::io::Result<Vec<Finding>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(checks::all(config, file)))
}

fn holds(findings: &[Finding]) -> bool {
    checks::worst(findings) != Verdict::Fail
}

pub(super) fn line(finding: &Finding) -> String {
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
