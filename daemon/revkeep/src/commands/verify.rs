//! `revkeep verify`: asks the running daemon to try every control, and prints where each one stands.
//! Exit code 0 when nothing fails, 1 when something does, 2 when something could not be tried.

use std::{io::IsTerminal, process::ExitCode, time::Duration};

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    admin::Question,
    config::Config,
    verify::{ControlResult, Report, Standing, assessment_results},
};

#[derive(Args)]
pub(super) struct Options {
    /// Ids of controls, such as OB-04; all of them when none is given.
    ids: Vec<String>,
    /// Answer as OSCAL assessment results (JSON).
    #[arg(long)]
    oscal: bool,
}

const LOOK: Duration = Duration::from_millis(250);
/// A run takes seconds; so many looks are two minutes.
const LOOKS: usize = 480;

/// What the daemon says of a run that has ended.
#[derive(Deserialize)]
struct Ended {
    run: Uuid,
    started_at: DateTime<Utc>,
    report: Report,
    statement: String,
    signature: String,
}

pub(super) fn run(config: &Config, options: &Options, json: bool) -> ExitCode {
    let json = json || options.oscal;
    let ids: Vec<String> = options.ids.iter().map(|id| id.to_uppercase()).collect();
    let begun = match super::ask(config, Question::Verify { ids }, json) {
        Ok(begun) => begun,
        Err(code) => return code,
    };
    let run = begun.get("run").and_then(Value::as_str);
    let Some(run) = run.and_then(|run| run.parse().ok()) else {
        return super::fail(json, "internal", "The daemon named no run.");
    };
    match follow(config, run, json) {
        Ok(ended) => {
            print(&ended, options, json);
            code(&ended.report)
        }
        Err(code) => code,
    }
}

fn follow(config: &Config, run: Uuid, json: bool) -> Result<Ended, ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| super::fail(json, "internal", &error.to_string()))?;
    let shown = !json && std::io::stderr().is_terminal();
    let mut told = -1;
    for _ in 0..LOOKS {
        let mut answer = super::ask(config, Question::VerifyProgress { run }, json)?;
        let number = |key: &str| answer.get(key).and_then(Value::as_i64).unwrap_or(0);
        let (done, total) = (number("done"), number("total"));
        if shown && done != told {
            super::complain(&format!("{done} of {total} probes"));
            told = done;
        }
        if let Some(ended) = answer.get_mut("ended").filter(|ended| !ended.is_null()) {
            return serde_json::from_value(ended.take())
                .map_err(|error| super::fail(json, "internal", &error.to_string()));
        }
        runtime.block_on(async { tokio::time::sleep(LOOK).await });
    }
    Err(super::fail(
        json,
        "verify_not_ended",
        "The run did not end within two minutes. Next step: `journalctl -u revkeep REVKEEP_ACTION=controls_verify`.",
    ))
}

fn print(ended: &Ended, options: &Options, json: bool) {
    let report = &ended.report;
    if options.oscal {
        let told = assessment_results(
            ended.run,
            ended.started_at,
            report,
            &ended.statement,
            &ended.signature,
        );
        super::say(&told.to_string());
        return;
    }
    if json {
        super::say(&as_json(ended).to_string());
        return;
    }
    let mut area = "";
    let mut controls: Vec<&ControlResult> = report.controls.iter().collect();
    controls.sort_by(|a, b| a.area.cmp(&b.area));
    for control in controls {
        if control.area != area {
            area = &control.area;
            super::say(&format!("\n{area}"));
        }
        super::say(&line(control));
    }
    super::say(&format!(
        "\n{}\nRun {} of {} UTC, signed.",
        report.summary(),
        ended.run,
        report.finished_at.format("%Y-%m-%d %H:%M:%S")
    ));
}

fn as_json(ended: &Ended) -> Value {
    let report = &ended.report;
    let counts: serde_json::Map<String, Value> = Standing::ALL
        .into_iter()
        .map(|standing| {
            (
                standing.words().to_lowercase(),
                report.count(standing).into(),
            )
        })
        .collect();
    json!({
        "holds": holds(report),
        "run": ended.run,
        "version": report.version,
        "started_at": ended.started_at.to_rfc3339(),
        "finished_at": report.finished_at.to_rfc3339(),
        "counts": counts,
        "controls": report.controls,
        "statement": ended.statement,
        "signature": ended.signature,
    })
}

/// `null` when something could not be tried and nothing failed.
fn holds(report: &Report) -> Option<bool> {
    match (
        report.count(Standing::Failing),
        report.count(Standing::Unknown),
    ) {
        (0, 0) => Some(true),
        (0, _) => None,
        _ => Some(false),
    }
}

fn code(report: &Report) -> ExitCode {
    match holds(report) {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::from(1),
        None => ExitCode::from(2),
    }
}

/// How much of the evidence stands on the line; `--json` has it whole.
const WIDTH: usize = 140;

fn line(control: &ControlResult) -> String {
    let important = matches!(control.status, Standing::Failing | Standing::Unknown);
    let mut evidence: String = if important {
        control.evidence.clone()
    } else {
        control.evidence.chars().take(WIDTH).collect()
    };
    if evidence.len() < control.evidence.len() {
        evidence.push('…');
    }
    format!(
        "  {:7} {:14}  {evidence}",
        control.id,
        control.status.words()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(statuses: &[Standing]) -> Report {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let control = |status: &Standing| ControlResult {
            id: "LR-01".to_owned(),
            area: "access".to_owned(),
            title: "t".to_owned(),
            status: *status,
            evidence: "e".repeat(200),
            at,
            live: Vec::new(),
            tests: Vec::new(),
        };
        Report {
            version: "1".to_owned(),
            finished_at: at,
            whole: true,
            controls: statuses.iter().map(control).collect(),
        }
    }

    #[test]
    fn failing_weighs_more_than_unknown_and_absent_weighs_nothing() {
        use Standing as S;
        assert_eq!(
            holds(&report(&[S::Enforced, S::Absent, S::CustomerOwned])),
            Some(true)
        );
        assert_eq!(holds(&report(&[S::Enforced, S::Unknown])), None);
        assert_eq!(holds(&report(&[S::Unknown, S::Failing])), Some(false));
    }

    #[test]
    fn what_fails_is_told_whole() {
        let short = line(&report(&[Standing::Enforced]).controls[0]);
        assert!(short.ends_with('…'), "{short}");
        let whole = line(&report(&[Standing::Failing]).controls[0]);
        assert!(whole.contains(&"e".repeat(200)), "{whole}");
    }
}
