//! `revkeep sessions`: the end of everybody's sessions, for the day on which somebody may be in who should
//! not.

use std::process::ExitCode;

use clap::Subcommand;
use kernel::TenantId;
use serde_json::Value;

use crate::{admin::Question, config::Config};

#[derive(Subcommand)]
pub(super) enum Command {
    /// End the sessions of one tenant, or all of the appliance's. People sign in again; API keys and
    /// provisioning tokens stay.
    End {
        /// The id of a tenant, as the console's list of tenants shows it.
        #[arg(long, value_name = "TENANT", required_unless_present = "all")]
        tenant: Option<TenantId>,
        /// Every session of the appliance.
        #[arg(long, conflicts_with = "tenant")]
        all: bool,
    },
}

pub(super) fn run(config: &Config, command: &Command, json: bool) -> ExitCode {
    let Command::End { tenant, .. } = command;
    let answer = match super::ask(config, Question::SessionsEnd { tenant: *tenant }, json) {
        Ok(answer) => answer,
        Err(code) => return code,
    };
    if json {
        super::say(&answer.to_string());
    } else {
        let ended = answer.get("ended").and_then(Value::as_i64).unwrap_or(0);
        super::say(&format!("{ended} sessions have ended."));
    }
    ExitCode::SUCCESS
}
