//! Has SAML read by a process of its own: started for each message with no environment, given the question,
//! and killed after two seconds. What the process may do is `saml::run`'s affair.

use std::{path::Path, process::Stdio, sync::Arc, time::Duration};

use saml::protocol::{
    Answer, Asked, Claims, MOST_ANSWER_BYTES, MOST_QUESTION_BYTES, Metadata, Question, Refusal,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    sync::Semaphore,
    time::timeout,
};

use crate::sso::error::SsoError;

/// From its start to its end.
const WALL: Duration = Duration::from_secs(2);
const AT_ONCE: usize = 4;
/// How long a response waits for its turn.
const QUEUE: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(crate) struct Reader {
    program: Arc<Path>,
    slots: Arc<Semaphore>,
}

impl Reader {
    /// `program` is the one that knows the subcommand: our own.
    pub(crate) fn new(program: &Path) -> Self {
        Self {
            program: Arc::from(program),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    pub(crate) async fn response(&self, asked: Asked) -> Result<Claims, SsoError> {
        match self.ask(&Question::Response(asked)).await? {
            Answer::Claims(claims) => Ok(claims),
            Answer::Refused { code } => Err(SsoError::Saml(code)),
            Answer::Metadata(_) => Err(failed("it answered another question")),
        }
    }

    pub(crate) async fn metadata(&self, xml: String) -> Result<Metadata, SsoError> {
        match self.ask(&Question::Metadata { xml }).await? {
            Answer::Metadata(metadata) => Ok(metadata),
            Answer::Refused { code } => Err(SsoError::Saml(code)),
            Answer::Claims(_) => Err(failed("it answered another question")),
        }
    }

    async fn ask(&self, question: &Question) -> Result<Answer, SsoError> {
        let question = serde_json::to_vec(question).map_err(|_| failed("no question"))?;
        if question.len() > MOST_QUESTION_BYTES {
            return Err(SsoError::Saml(Refusal::TooLarge));
        }
        let _slot = timeout(QUEUE, self.slots.acquire())
            .await
            .map_err(|_| failed("too many are at work"))?
            .map_err(|_| failed("it is closed"))?;
        let answer = timeout(WALL, self.run(&question))
            .await
            .map_err(|_| failed("it took more than two seconds"))??;
        serde_json::from_slice(&answer).map_err(|_| failed("its answer is no answer"))
    }

    /// The process dies with this future.
    async fn run(&self, question: &[u8]) -> Result<Vec<u8>, SsoError> {
        let started = Command::new(self.program.as_os_str())
            .arg("saml-verify")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut process = started.map_err(|error| failed(&error.to_string()))?;
        let (Some(mut input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(failed("it has no pipes"));
        };
        let tell = async move {
            // A process that ended without reading says why by its answer or its status.
            drop(input.write_all(question).await);
        };
        let most = u64::try_from(MOST_ANSWER_BYTES).unwrap_or(u64::MAX);
        let hear = async {
            let mut answer = Vec::new();
            output.take(most).read_to_end(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let ((), heard) = tokio::join!(tell, hear);
        let status = process
            .wait()
            .await
            .map_err(|error| failed(&error.to_string()))?;
        if !status.success() {
            return Err(failed(&status.to_string()));
        }
        heard.map_err(|error| failed(&error.to_string()))
    }
}

fn failed(why: &str) -> SsoError {
    SsoError::Reader(why.to_owned())
}
