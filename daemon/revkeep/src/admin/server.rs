//! The daemon's end of the socket.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::Actor;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::watch,
};

use super::{Question, Reply, peer};

/// As much as a file of 200 rules with their conditions takes.
const QUESTION_BYTES: u64 = 4 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers questions; implemented by what is being served.
#[async_trait]
pub(crate) trait Answers: Send + Sync + 'static {
    async fn answer(&self, question: Question, asker: &Actor) -> Reply;
}

/// Listens until `stop` becomes true.
pub(crate) async fn serve(
    socket: &Path,
    group: String,
    answers: Arc<dyn Answers>,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let listener = bind(socket)?;
    loop {
        let stream = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted?.0,
        };
        let (group, answers) = (group.clone(), Arc::clone(&answers));
        tokio::spawn(async move {
            let talk = tokio::time::timeout(PATIENCE, converse(stream, &group, answers.as_ref()));
            if let Ok(Err(error)) = talk.await {
                log::debug!("an administrator's connection ended: {error}");
            }
        });
    }
    let _ = fs::remove_file(socket);
    Ok(())
}

/// A socket file that an earlier daemon left is replaced; one that answers is another daemon's.
fn bind(socket: &Path) -> std::io::Result<UnixListener> {
    if let Some(directory) = socket.parent() {
        fs::create_dir_all(directory)?;
    }
    if socket.exists() {
        if std::os::unix::net::UnixStream::connect(socket).is_ok() {
            return Err(std::io::Error::new(
                std::io::ErrorKind::AddrInUse,
                format!("another daemon answers on {}", socket.display()),
            ));
        }
        fs::remove_file(socket)?;
    }
    let listener = UnixListener::bind(socket)?;
    // Whoever connects is asked for by the kernel; the mode keeps the rest from trying.
    fs::set_permissions(socket, fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

async fn converse(stream: UnixStream, group: &str, answers: &dyn Answers) -> std::io::Result<()> {
    let admitted = peer::administrator(&stream, group);
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reading.take(QUESTION_BYTES))
        .read_line(&mut line)
        .await?;
    let reply = match (admitted, serde_json::from_str::<Question>(&line)) {
        (None, _) => Reply::Refusal {
            code: "not_an_administrator".to_owned(),
            message: format!(
                "Only root and members of the group {group} may use this command. Try it with sudo."
            ),
        },
        (Some(_), Err(error)) => Reply::Refusal {
            code: "unknown_question".to_owned(),
            message: error.to_string(),
        },
        (Some(admin), Ok(question)) => {
            answers
                .answer(
                    question,
                    &Actor::Local {
                        os_user: admin.os_user,
                    },
                )
                .await
        }
    };
    let mut text = serde_json::to_vec(&reply)?;
    text.push(b'\n');
    writing.write_all(&text).await
}
