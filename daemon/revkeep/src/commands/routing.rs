//! `revkeep routing`: why a record went where it went, and the rules as a file for version control.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use kernel::TenantId;
use layer::Object;
use serde_json::Value;

use crate::{
    admin::{Question, Written},
    config::Config,
};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Say why a record went where it went, step by step, and whether the decision comes to the same when it is
    /// made again; of a record without a decision, where it would go now.
    Explain {
        /// The id of an entry of the routing log (asg_...), or of a record at Salesforce.
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// Print the rules that decide as a readable file.
    Export {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        of: Of,
    },
    /// Say what a file of rules would change, and write nothing.
    Plan {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        of: Of,
    },
    /// Publish the rules of a file, if the draft is still the one that `plan` named.
    Apply {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The draft that `plan` named, so that nothing is overwritten that was not looked at.
        #[arg(long, value_name = "NUMBER")]
        draft: i64,
        /// Why, for whoever reads the versions later.
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        of: Of,
    },
}

#[derive(Args)]
pub(super) struct Whose {
    /// The id of a tenant, as the console's list of tenants shows it; not needed where there is one alone.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<TenantId>,
}

#[derive(Args)]
pub(super) struct Of {
    /// Lead or Contact.
    #[arg(long, value_name = "OBJECT", default_value = "Lead", value_parser = object)]
    object: Object,
}

fn object(text: &str) -> Result<Object, String> {
    Object::from_name(text).ok_or_else(|| "Lead or Contact".to_owned())
}

pub(super) fn run(config: &Config, command: &Command, json: bool) -> ExitCode {
    let question = match question(command) {
        Ok(question) => question,
        Err((file, error)) => {
            let message = format!("{} cannot be read: {error}", file.display());
            return super::fail(json, "file_unreadable", &message);
        }
    };
    let answer = match super::ask(config, question, json) {
        Ok(answer) => answer,
        Err(code) => return code,
    };
    if json {
        super::say(&answer.to_string());
    } else {
        super::say(&shown(command, &answer));
    }
    ExitCode::SUCCESS
}

fn question(command: &Command) -> Result<Question, (PathBuf, std::io::Error)> {
    let read = |file: &PathBuf| {
        fs::read_to_string(file)
            .map(Written)
            .map_err(|error| (file.clone(), error))
    };
    Ok(match command {
        Command::Explain { id, whose } => Question::RoutingExplain {
            tenant: whose.tenant,
            id: id.clone(),
        },
        Command::Export { whose, of } => Question::RoutingExport {
            tenant: whose.tenant,
            object: of.object,
        },
        Command::Plan { file, whose, of } => Question::RoutingPlan {
            tenant: whose.tenant,
            object: of.object,
            text: read(file)?,
        },
        Command::Apply {
            file,
            draft,
            note,
            whose,
            of,
        } => Question::RoutingApply {
            tenant: whose.tenant,
            object: of.object,
            text: read(file)?,
            draft: *draft,
            note: Written(note.clone()),
        },
    })
}

fn lines(answer: &Value) -> Vec<String> {
    let said = answer.get("said").and_then(Value::as_array);
    said.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn number(answer: &Value, name: &str) -> i64 {
    answer.get(name).and_then(Value::as_i64).unwrap_or(0)
}

fn shown(command: &Command, answer: &Value) -> String {
    match command {
        Command::Explain { .. } => lines(answer).join("\n"),
        Command::Export { .. } => {
            let text = answer.get("text").and_then(Value::as_str);
            text.unwrap_or_default().trim_end().to_owned()
        }
        Command::Plan { file, .. } => {
            let mut told = lines(answer);
            if told.is_empty() {
                told.push("The file says what the rules that decide say.".to_owned());
            }
            let lost = number(answer, "draft_changes");
            if lost > 0 {
                told.push(format!(
                    "The draft has {lost} changes that nobody published; applying lets them go."
                ));
            }
            let draft = number(answer, "draft_version");
            told.push(format!(
                "To publish it: revkeep routing apply {} --draft {draft} --note \"...\"",
                file.display()
            ));
            told.join("\n")
        }
        Command::Apply { .. } => {
            let version = number(answer, "version");
            format!("Version {version} decides from the next cycle on.")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_names_the_draft_that_applying_has_to_name() {
        let whose = Whose { tenant: None };
        let of = Of {
            object: Object::Lead,
        };
        let file = PathBuf::from("rules.json");
        let plan = Command::Plan { file, whose, of };
        let told = shown(
            &plan,
            &json!({ "said": ["- Rule “Old” from position 2."], "draft_version": 17, "draft_changes": 1 }),
        );
        assert!(told.contains("- Rule “Old”"), "{told}");
        assert!(told.contains("1 changes that nobody published"), "{told}");
        assert!(told.contains("apply rules.json --draft 17"), "{told}");
        let same = shown(&plan, &json!({ "said": [], "draft_version": 3 }));
        assert!(same.starts_with("The file says what"), "{same}");
    }

    #[test]
    fn what_was_written_is_not_in_the_daemons_log() {
        let question = Question::RoutingApply {
            tenant: None,
            object: Object::Lead,
            text: Written("ann@customer.example".to_owned()),
            draft: 1,
            note: Written("for ann@customer.example".to_owned()),
        };
        assert!(!format!("{question:?}").contains("customer"));
    }
}
