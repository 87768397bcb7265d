//! `revkeep keys`: the keys that sign access tokens (LM-67, LM-96), and those that protect what is stored.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Subcommand;
use serde_json::Value;
use uuid::Uuid;
use vault::{LocalConfig, PrivateFile};

use crate::{admin::Question, config::Config, setup};

/// How often the daemon is asked how far it is.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Subcommand)]
pub(super) enum Command {
    /// Each signing key with its state, algorithm and age. Exit code 1 when a rotation is due.
    List,
    /// Make the next signing key the current one. Nobody is signed out by it.
    Rotate,
    /// Give every key a new version and move all that is sealed to it, while the daemon serves. It
    /// goes on when this command is interrupted, and after a crash.
    Rewrap {
        /// Add no version; only move what is still under an older one.
        #[arg(long)]
        no_rotate: bool,
    },
    /// Write the key file of the local keystore anew, from the recovery key. Needs no daemon. The key
    /// is asked for, or read from standard input.
    Recover {
        /// Where to write it. A key that is a systemd credential is sealed for the unit otherwise, as root.
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Print a new recovery key for the local keystore, once. The former one is void.
    RecoveryKey,
}

/// Exit code 0; 1 when a rotation of the signing key is due, or a part of a rewrap was given up.
pub(super) fn run(config: &Config, command: &Command, json: bool) -> ExitCode {
    match command {
        Command::List => signing(config, Question::Keys, json),
        Command::Rotate => signing(config, Question::KeysRotate, json),
        Command::Rewrap { no_rotate } => rewrap(config, !no_rotate, json),
        Command::Recover { to } => recover(config, to.as_deref(), json),
        Command::RecoveryKey => recovery_key(config, json),
    }
}

fn recover(config: &Config, to: Option<&Path>, json: bool) -> ExitCode {
    let Some(local) = &config.secrets.local else {
        return super::fail(json, "no_keystore", NO_KEYSTORE);
    };
    if to.is_none() && matches!(local.key, PrivateFile::Credential(_)) {
        return recover_credential(local, json);
    }
    let recovered = super::secret::read("recovery key: ")
        .map_err(|error| error.to_string())
        .and_then(|key| {
            vault::recover_key(local, &key, to).map_err(|error| match error {
                vault::VaultError::Refused => {
                    "This is not the recovery key of this keystore; nothing was written.".to_owned()
                }
                other => format!("{other}; nothing was written."),
            })
        });
    match recovered {
        Ok(()) if json => super::say(&serde_json::json!({ "recovered": true }).to_string()),
        Ok(()) => super::say(
            "The key is written. It must belong to the daemon's user (`chown revkeep`); then `revkeep check`.",
        ),
        Err(why) => return super::fail(json, "not_recovered", &why),
    }
    ExitCode::SUCCESS
}

fn recover_credential(local: &LocalConfig, json: bool) -> ExitCode {
    let sealed = super::secret::read("recovery key: ")
        .map_err(|error| error.to_string())
        .and_then(|key| setup::seal_recovered(local, &key).map_err(|error| error.to_string()));
    match sealed {
        Ok(place) if json => {
            super::say(&serde_json::json!({ "recovered": true, "file": place }).to_string());
        }
        Ok(place) => super::say(&format!(
            "The key is sealed as {}, where the unit looks for it. Next step: `revkeep setup --answers FILE`, or `systemctl restart revkeep`.",
            place.display()
        )),
        Err(why) => return super::fail(json, "not_recovered", &why),
    }
    ExitCode::SUCCESS
}

fn recovery_key(config: &Config, json: bool) -> ExitCode {
    let answer = match super::ask(config, Question::RecoveryKey, json) {
        Ok(answer) => answer,
        Err(code) => return code,
    };
    if json {
        super::say(&answer.to_string());
    } else {
        super::say(&shown(text(&answer, "recovery_key").unwrap_or("?")));
    }
    ExitCode::SUCCESS
}

fn signing(config: &Config, question: Question, json: bool) -> ExitCode {
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

/// A recovery key as it is printed, once.
pub(super) fn shown(recovery: &str) -> String {
    format!(
        "The recovery key of the keystore, which is shown this once:

    {recovery}

Write it down and keep it apart from the machine. With it, `revkeep keys recover` brings the key file back."
    )
}

const NO_KEYSTORE: &str = "There is no [secrets.local], so there is no keystore here. Vault is recovered by its own means.";

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
