//! `revkeep controls`: every promise about security and whether it is built.

use std::process::ExitCode;

use crate::controls::{self, Control, Status};

/// Needs neither the daemon nor a configuration.
pub(super) fn run(json: bool) -> ExitCode {
    let controls = match controls::all() {
        Ok(controls) => controls,
        Err(error) => return super::fail(json, "internal", &error.to_string()),
    };
    if json {
        super::say(&serde_json::json!({ "controls": controls }).to_string());
        return ExitCode::SUCCESS;
    }
    for control in &controls {
        super::say(&lines(control));
    }
    let count = |status| {
        controls
            .iter()
            .filter(|control| control.status == status)
            .count()
    };
    super::say(&format!(
        "{} enforced, {} attested, {} the customer's, {} pending",
        count(Status::Enforced),
        count(Status::Attested),
        count(Status::Customer),
        count(Status::Pending),
    ));
    ExitCode::SUCCESS
}

fn lines(control: &Control) -> String {
    let mut text = format!(
        "{:7} {:8}  {}",
        control.id,
        control.status.word(),
        control.title
    );
    for probe in &control.probes {
        text.push_str("\n                    probe: ");
        text.push_str(probe);
    }
    text
}
