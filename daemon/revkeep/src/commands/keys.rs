//! `revkeep keys`: the keys that sign access tokens (LM-67, LM-96).

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::Value;

use crate::{admin::Question, config::Config};

#[derive(Clone, Copy, Subcommand)]
pub(super) enum Verb {
    /// Each key with its state, algorithm and age. Exit code 1 when a rotation is due.
    List,
    /// Make the next key the current one. Nobody is signed out by it.
    Rotate,
}

pub(super) fn run(config: &Config, verb: Verb, json: bool) -> ExitCode {
    let question = match verb {
        Verb::List => Question::Keys,
        Verb::Rotate => Question::KeysRotate,
    };
    let answer = match super::ask(config, question, json) {
        Ok(answer) => answer,
        Err(code) => return code,
    };
    if json {
        super::say(&answer.to_string());
    } else {
        super::say(&screen(&answer));
    }
    if answer.get("due").and_then(Value::as_bool) == Some(false) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

fn screen(answer: &Value) -> String {
    let mut lines: Vec<String> = answer
        .get("items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|key| {
            let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or("");
            let days = key.get("age_days").and_then(Value::as_i64).unwrap_or(0);
            format!(
                "{:8}  {:5}  {days:4} days  {}",
                text("state"),
                text("algorithm"),
                text("id")
            )
        })
        .collect();
    let every = answer
        .get("rotate_every_days")
        .and_then(Value::as_i64)
        .unwrap_or(90);
    lines.push(
        if answer.get("due").and_then(Value::as_bool) == Some(true) {
            format!(
                "The current key is older than {every} days.\nNext step: `revkeep keys rotate`."
            )
        } else {
            format!("Rotate every {every} days.")
        },
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::screen;

    #[test]
    fn a_key_that_is_due_names_the_next_step() {
        let mut answer = json!({
            "rotate_every_days": 90,
            "due": true,
            "items": [{ "id": "key_1", "state": "current", "algorithm": "RS256", "age_days": 91 }],
        });
        let text = screen(&answer);
        assert!(
            text.contains("91 days") && text.contains("revkeep keys rotate"),
            "{text}"
        );
        answer["due"] = json!(false);
        assert!(!screen(&answer).contains("revkeep keys rotate"));
    }
}
