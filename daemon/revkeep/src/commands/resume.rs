//! `revkeep resume`: ends the quarantine of a restored appliance, after it has said what that means.

use std::{io::BufRead, process::ExitCode};

use clap::Args;
use serde_json::Value;

use crate::{admin::Question, config::Config};

/// What is typed to confirm.
const WORD: &str = "resume";

#[derive(Args)]
pub(super) struct Options {
    /// Only say what it would do.
    #[arg(long)]
    plan: bool,
    /// Do not ask.
    #[arg(long, conflicts_with = "plan")]
    yes: bool,
}

/// Exit code 0 when there is no quarantine any more, 1 when it stays.
pub(super) fn run(config: &Config, options: &Options, json: bool) -> ExitCode {
    let standing = match super::ask(config, Question::Quarantine, json) {
        Ok(standing) => standing,
        Err(code) => return code,
    };
    if standing.get("quarantined") != Some(&Value::Bool(true)) {
        super::say(&if json {
            standing.to_string()
        } else {
            "There is no quarantine: nothing is held.".to_owned()
        });
        return ExitCode::SUCCESS;
    }
    if options.plan || !json {
        super::say(&if json {
            standing.to_string()
        } else {
            plan(&standing)
        });
    }
    if options.plan {
        return ExitCode::from(1);
    }
    if !options.yes && !confirmed() {
        return super::fail(
            json,
            "not_confirmed",
            "Nothing was done: it was not confirmed.",
        );
    }
    match super::ask(config, Question::Resume, json) {
        Ok(answer) if json => super::say(&answer.to_string()),
        Ok(_) => super::say("The quarantine has ended: work goes on."),
        Err(code) => return code,
    }
    ExitCode::SUCCESS
}

fn confirmed() -> bool {
    super::complain(&format!("Type `{WORD}` to go on:"));
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.is_ok() && line.trim() == WORD
}

/// What came of the restore, and what resuming does.
fn plan(standing: &Value) -> String {
    let text = |key: &str| standing.get(key).and_then(Value::as_str).unwrap_or("?");
    let number = |key: &str| {
        let found = standing.pointer(&format!("/told/{key}"));
        found.and_then(Value::as_i64).unwrap_or(0)
    };
    let mut lines = vec![
        format!(
            "Restored {} from a backup of {}.",
            text("restored_at"),
            text("taken_at")
        ),
        format!(
            "{} sessions ended; {} connections have to be reconnected by their organisations.",
            number("sessions_ended"),
            number("connections_to_reconnect")
        ),
        format!(
            "{} organisations, {} people and {} records that were erased since were erased again.",
            number("erased_organisations"),
            number("erased_people"),
            number("erased_records")
        ),
    ];
    if standing.get("replaced") == Some(&Value::Bool(true)) {
        lines.push(format!(
            "Keys, passwords and members are as the replaced database knew them last: {} keys revoked, {} accounts changed, {} shut out.",
            number("keys_revoked"),
            number("accounts_as_they_were_last"),
            number("people_shut_out")
        ));
    } else {
        lines.push(format!(
            "Nobody here knows what happened after the backup. {} API keys and {} provisioning tokens were revoked, {} passwords removed. LOOK NOW, in the console: who was deactivated or erased since has to be so again.",
            number("keys_revoked"),
            number("provisioning_tokens_revoked"),
            number("passwords_removed")
        ));
    }
    lines.push(format!(
        "Resuming runs the {} jobs that are held, schedules, mail, webhooks and streams; reads back the owners of {} records before anything is written; and begins the routers that ran ({}) with a new baseline.",
        number("jobs_held"),
        number("records_in_doubt"),
        standing.get("routers").and_then(Value::as_i64).unwrap_or(0)
    ));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_administrator_who_knows_nothing_of_the_time_since_is_told_to_look() {
        let told = |replaced: bool| {
            plan(
                &json!({ "replaced": replaced, "routers": 2, "told": { "keys_revoked": 3, "jobs_held": 4 } }),
            )
        };
        assert!(told(false).contains("LOOK NOW") && told(false).contains("3 API keys"));
        assert!(!told(true).contains("LOOK NOW") && told(true).contains("3 keys revoked"));
        assert!(told(true).contains("the 4 jobs that are held") && told(true).contains("(2)"));
    }
}
