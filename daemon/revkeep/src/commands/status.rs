//! `revkeep status`: one screen.

use std::process::ExitCode;

use kernel::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::{admin::Question, backup, config::Config};

/// Exit code 0 when every part is well, 1 when one is not.
pub(super) fn run(config: &Config, json: bool) -> ExitCode {
    let mut answer = match super::ask(config, Question::Status, json) {
        Ok(answer) => answer,
        Err(code) => return code,
    };
    if let Some(answer) = answer.as_object_mut() {
        let backups = backup::standing(&config.backup, SystemClock.now());
        answer.insert("backups".to_owned(), json!(backups));
    }
    if json {
        super::say(&answer.to_string());
    } else {
        super::say(&screen(&answer));
    }
    let well = answer.get("ready").and_then(Value::as_bool) == Some(true);
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

fn screen(answer: &Value) -> String {
    let text = |key: &str| {
        answer
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or("?")
            .to_owned()
    };
    let mut lines = vec![
        format!("revkeep {}  {}", text("version"), text("address")),
        format!("up since {}", text("started_at")),
    ];
    if answer.pointer("/quarantine/quarantined") == Some(&Value::Bool(true)) {
        lines.push(
            "IN QUARANTINE: restored from a backup, and nothing acts by itself. Next step: `revkeep resume`."
                .to_owned(),
        );
    }
    for part in answer
        .get("parts")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let field = |key: &str| part.get(key).and_then(Value::as_str).unwrap_or("");
        lines.push(format!(
            "  {:4}  {:12} {}",
            field("state"),
            field("part"),
            field("detail")
        ));
    }
    lines.extend(nodes(answer));
    let jobs: Vec<String> = answer
        .get("jobs")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    lines.push(format!(
        "jobs: {}",
        if jobs.is_empty() {
            "none waiting".to_owned()
        } else {
            jobs.join(", ")
        }
    ));
    if let Some(audit) = answer.get("audit") {
        lines.push(sealed(audit));
    }
    lines.extend(backups(answer));
    lines.join("\n")
}

/// The newest archive and the last rehearsal.
fn backups(answer: &Value) -> Vec<String> {
    let all = answer.get("backups").and_then(Value::as_array);
    let text = |line: &Value, key: &str| {
        line.get(key)
            .and_then(Value::as_str)
            .unwrap_or("?")
            .to_owned()
    };
    all.into_iter()
        .flatten()
        .map(|line| format!("{}: {}", text(line, "subject"), text(line, "detail")))
        .collect()
}

/// The daemons and the servers of the database, a line each.
fn nodes(answer: &Value) -> Vec<String> {
    let all = |list: &str| {
        answer
            .pointer(list)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let text = |node: &Value, key: &str| {
        node.get(key)
            .and_then(Value::as_str)
            .unwrap_or("?")
            .to_owned()
    };
    let number = |node: &Value, key: &str| node.get(key).and_then(Value::as_i64).unwrap_or(0);
    let daemon = |node: &Value| {
        let own = node.get("asked") == Some(&Value::Bool(true));
        format!(
            "  {:8}  {} {} since {}, {} leases, {} jobs{}",
            text(node, "state"),
            text(node, "name"),
            text(node, "version"),
            text(node, "started_at"),
            number(node, "leases"),
            number(node, "jobs"),
            if own { " (asked)" } else { "" }
        )
    };
    let server = |node: &Value| {
        let line = format!(
            "  {:8}  {} {}",
            text(node, "role"),
            text(node, "host"),
            text(node, "detail")
        );
        line.trim_end().to_owned()
    };
    let mut lines = vec!["daemons:".to_owned()];
    lines.extend(all("/nodes/daemons").iter().map(daemon));
    lines.push("database servers:".to_owned());
    lines.extend(all("/nodes/database").iter().map(server));
    lines
}

/// How far the sealing of the audit log is.
fn sealed(audit: &Value) -> String {
    let number = |key: &str| audit.get(key).and_then(Value::as_i64);
    if let Some(error) = audit.get("error").and_then(Value::as_str) {
        return format!("audit log: {error}");
    }
    let waiting = number("waiting").unwrap_or(0);
    match (number("head"), number("size"), number("age_seconds")) {
        (Some(head), Some(size), Some(age)) => format!(
            "audit log: head {head} over {size} rows, {age} s old; {waiting} rows wait to be sealed"
        ),
        _ => format!("audit log: no head yet; {waiting} rows wait to be sealed"),
    }
}
