//! `revkeep keys`: the keys that protect what is stored.

use std::{io::IsTerminal, process::ExitCode, time::Duration};

use clap::Subcommand;
use serde_json::Value;
use uuid::Uuid;

use crate::{admin::Question, config::Config};

/// How often the daemon is asked how far it is.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Subcommand)]
pub(super) enum Command {
    /// Give every key a new version and move all that is sealed to it, while the daemon serves. It
    /// goes on when this command is interrupted, and after a crash.
    Rewrap {
        /// Add no version; only move what is still under an older one.
        #[arg(long)]
        no_rotate: bool,
    },
}

/// Exit code 0 when everything was moved, 1 when a part was given up.
pub(super) fn run(config: &Config, command: &Command, json: bool) -> ExitCode {
    match command {
        Command::Rewrap { no_rotate } => rewrap(config, !no_rotate, json),
    }
}

fn rewrap(config: &Config, rotate: bool, json: bool) -> ExitCode {
    let begun = match super::ask(config, Question::KeysRewrap { rotate }, json) {
        Ok(begun) => begun,
        Err(code) => return code,
    };
    let run: Option<Uuid> = text(&begun, "run").and_then(|run| run.parse().ok());
    let Some(run) = run.filter(|_| number(&begun, "jobs") > 0) else {
        let message = "The same work waits to be done already. Look at it again in a moment.";
        return super::fail(json, "rewrap_under_way", message);
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
    else {
        return super::fail(json, "internal", "The operating system refused a timer.");
    };
    let shown = !json && std::io::stderr().is_terminal();
    loop {
        let progress = match super::ask(config, Question::KeysProgress { run }, json) {
            Ok(progress) => progress,
            Err(code) => return code,
        };
        if shown {
            super::complain(&line(&progress));
        }
        let (jobs, done, dead) = (
            number(&progress, "jobs"),
            number(&progress, "done"),
            number(&progress, "dead"),
        );
        if done + dead >= jobs {
            super::say(&if json {
                progress.to_string()
            } else {
                ended(&progress)
            });
            return if dead == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(1)
            };
        }
        runtime.block_on(async { tokio::time::sleep(LOOK).await });
    }
}

fn line(progress: &Value) -> String {
    let waits = text(progress, "error")
        .map(|code| format!("; waits: {code}"))
        .unwrap_or_default();
    format!(
        "{} of {} keys, {} values looked at, {} moved{waits}",
        number(progress, "done"),
        number(progress, "jobs"),
        number(progress, "seen"),
        number(progress, "moved"),
    )
}

fn ended(progress: &Value) -> String {
    match number(progress, "dead") {
        0 => format!("Done: {}.", line(progress)),
        dead => format!(
            "{}.\n{dead} keys were given up. Next step: `journalctl -u revkeep` says why; then retry the job keys.rewrap on the console's page of jobs.",
            line(progress)
        ),
    }
}

fn number(value: &Value, key: &str) -> i64 {
    value.get(key).and_then(Value::as_i64).unwrap_or(0)
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}
