//! A real SMTP server (aiosmtpd) that keeps what it is given.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{ports, process};

const PROGRAM: &str = include_str!("mail.py");

/// One mail as the server took it.
#[derive(Clone, Debug, Deserialize)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    /// The whole message: headers, an empty line, the body.
    pub data: String,
}

/// A server with STARTTLS on loopback; dropping it stops it.
pub struct MailServer {
    pub port: u16,
    process: Child,
    mailbox: PathBuf,
}

impl MailServer {
    /// Uses `server.pem` and `server.key` of `directory`, and keeps mails in its `mail.jsonl`.
    pub fn start(directory: &Path) -> Result<Self> {
        let program = directory.join("mail.py");
        std::fs::write(&program, PROGRAM)?;
        let mailbox = directory.join("mail.jsonl");
        let port = ports::free()?;
        let mut command = Command::new(python()?);
        command
            .arg(&program)
            .args([
                directory.join("server.pem"),
                directory.join("server.key"),
                mailbox.clone(),
            ])
            .arg(port.to_string())
            .stdout(Stdio::piped());
        let mut process =
            process::spawn(command, libc::SIGKILL).context("the mail server cannot be started")?;
        let mut line = String::new();
        let output = process
            .stdout
            .take()
            .context("the mail server has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        ensure!(
            line.trim() == "ready",
            "the mail server said {line:?} instead of ready"
        );
        Ok(Self {
            port,
            process,
            mailbox,
        })
    }

    /// What has arrived, in order.
    pub fn received(&self) -> Result<Vec<Received>> {
        let text = std::fs::read_to_string(&self.mailbox).unwrap_or_default();
        text.lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The Python that has aiosmtpd: `$REVKEEP_PYTHON`, or the one that `./dev` keeps in the user's cache.
pub fn python() -> Result<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "where ./dev put its tools")]
    let named = std::env::var("REVKEEP_PYTHON").ok().map(PathBuf::from);
    let kept = || {
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))?;
        Some(cache.join("revkeep/tools/bin/python"))
    };
    named
        .or_else(kept)
        .filter(|path| path.exists())
        .context("no Python with aiosmtpd: run ./dev setup")
}
