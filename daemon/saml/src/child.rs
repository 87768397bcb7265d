//! The process that `identity` starts for each response.

use std::{
    io::{Read, Write},
    process::ExitCode,
};

use crate::{
    answer_bytes,
    protocol::{Answer, MOST_QUESTION_BYTES, Refusal},
    sandbox,
};

/// Enters the sandbox, reads a question from standard input to its end, writes the answer. Exit code 2
/// when the sandbox cannot be entered: nothing was read then.
#[expect(clippy::disallowed_methods, reason = "the process that may")]
pub fn run() -> ExitCode {
    if let Err(error) = sandbox::enter() {
        drop(writeln!(std::io::stderr(), "{error}"));
        return ExitCode::from(2);
    }
    let mut question = Vec::new();
    let most = u64::try_from(MOST_QUESTION_BYTES).unwrap_or(u64::MAX);
    let read = std::io::stdin()
        .lock()
        .take(most.saturating_add(1))
        .read_to_end(&mut question);
    let answer = match read {
        Ok(length) if length > MOST_QUESTION_BYTES => Answer::Refused {
            code: Refusal::TooLarge,
        },
        Ok(_) => answer_bytes(&question),
        Err(_) => return ExitCode::FAILURE,
    };
    let Ok(text) = serde_json::to_vec(&answer) else {
        return ExitCode::FAILURE;
    };
    let mut out = std::io::stdout().lock();
    match out.write_all(&text).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
