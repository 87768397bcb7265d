//! `revkeep layer`: the boundary that machines stand before, shown as the database has it.

use std::process::ExitCode;

use clap::Subcommand;
use kernel::TenantId;
use serde_json::Value;

use crate::{admin::Question, config::Config};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Say what machines can see: the rights of the role `revkeep_gateway` as the database reports them, and
    /// of a tenant each object and field, why, since when, and how many records there are.
    Describe {
        /// The id of a tenant, as the console's list of tenants shows it.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<TenantId>,
    },
}

pub(super) fn run(config: &Config, command: &Command, json: bool) -> ExitCode {
    let Command::Describe { tenant } = command;
    let answer = match super::ask(config, Question::LayerDescribe { tenant: *tenant }, json) {
        Ok(answer) => answer,
        Err(code) => return code,
    };
    if json {
        super::say(&answer.to_string());
    } else {
        super::say(&shown(&answer));
    }
    ExitCode::SUCCESS
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn shown(answer: &Value) -> String {
    let mut lines = Vec::new();
    for object in items(answer, "objects") {
        let records = object.get("records").and_then(Value::as_i64).unwrap_or(0);
        lines.push(format!("{}: {records} records", text(object, "object")));
        for field in items(object, "fields") {
            let since = text(field, "since").split('T').next().unwrap_or_default();
            lines.push(format!(
                "  {:<24} {:<9} since {since}: {}",
                text(field, "name"),
                text(field, "type"),
                text(field, "reason")
            ));
        }
    }
    if lines.is_empty() {
        lines.push("Name a tenant (--tenant) to see its objects and fields.".to_owned());
    }
    lines.push(format!("Rights of {}, and no other:", text(answer, "role")));
    for right in items(answer, "rights") {
        lines.push(format!(
            "  {:<8} {:<22} {}",
            text(right, "kind"),
            text(right, "name"),
            text(right, "verbs")
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn each_field_is_shown_with_its_reason_and_each_right() {
        let told = super::shown(&json!({
            "role": "revkeep_gateway",
            "objects": [{ "object": "Lead", "records": 7, "fields": [
                { "name": "Country", "type": "string", "reason": "Rules route by it.", "since": "2026-01-02T09:00:00Z" },
            ] }],
            "rights": [{ "kind": "view", "name": "machine_records", "verbs": "SELECT" }],
        }));
        assert!(told.contains("Lead: 7 records"));
        assert!(told.contains("since 2026-01-02: Rules route by it."));
        assert!(told.contains("machine_records        SELECT"), "{told}");
        let bare = super::shown(&json!({ "role": "revkeep_gateway", "rights": [] }));
        assert!(bare.contains("--tenant"));
    }
}
