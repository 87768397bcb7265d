//! `revkeep secret`: secrets that an administrator brings. They are read from standard input, never from
//! the command's arguments, which everybody on the machine can see.

use std::{
    io::{IsTerminal, Read},
    process::ExitCode,
};

use clap::Subcommand;
use kernel::Secret;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::{
    admin::{Handed, Question},
    config::Config,
};

/// Far above any password.
const MOST_BYTES: u64 = 1024;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Store a secret, such as smtp-password, in the secrets backend. It is asked for, or read from
    /// standard input.
    Set {
        /// Which secret.
        name: String,
    },
}

pub(super) fn run(config: &Config, command: &Command, json: bool) -> ExitCode {
    let Command::Set { name } = command;
    let value = match read(&format!("{name}: ")) {
        Ok(value) if !value.expose().is_empty() => Handed(value),
        Ok(_) => return super::fail(json, "empty", "Nothing was given, so nothing was stored."),
        Err(error) => return super::fail(json, "unreadable", &error.to_string()),
    };
    let question = Question::SecretSet {
        name: name.clone(),
        value,
    };
    match super::ask(config, question, json) {
        Ok(answer) if json => super::say(&answer.to_string()),
        Ok(_) => super::say(&format!("{name} is stored.")),
        Err(code) => return code,
    }
    ExitCode::SUCCESS
}

/// One secret from standard input, without the end of its line. On a terminal it is asked for and not
/// shown.
pub(super) fn read(prompt: &str) -> std::io::Result<Secret<String>> {
    let input = std::io::stdin();
    // The whole capacity is reserved first, so that no copy is left behind by a growing buffer.
    let mut text = Zeroizing::new(String::with_capacity(
        usize::try_from(MOST_BYTES).unwrap_or_default(),
    ));
    if input.is_terminal() {
        super::complain(prompt);
        let _silent = Silence::begin()?;
        input.read_line(&mut text)?;
    } else {
        input.lock().take(MOST_BYTES).read_to_string(&mut text)?;
    }
    Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A terminal that does not show what is typed; as it was before once this is dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> std::io::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}
