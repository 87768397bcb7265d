//! A real mirror of the range service for breached passwords: HTTPS, padding, and a journal of what it
//! was asked.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{ports, process};

const PROGRAM: &str = include_str!("range.py");

/// One request as it came over the wire, headers in small letters.
#[derive(Clone, Debug, Deserialize)]
pub struct Asked {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// The server on loopback; dropping it stops it.
pub struct RangeMirror {
    pub port: u16,
    process: Child,
    directory: PathBuf,
}

impl RangeMirror {
    /// Knows `hashes` (SHA-1 in capitals, and how often it was seen). Uses `server.pem` and `server.key`
    /// of `directory`.
    pub fn start(directory: &Path, hashes: &[(String, u32)]) -> Result<Self> {
        let file = |name: &str| directory.join(name);
        std::fs::write(file("range.py"), PROGRAM)?;
        let lines: Vec<String> = hashes
            .iter()
            .map(|(hash, count)| format!("{hash}:{count}\n"))
            .collect();
        std::fs::write(file("hashes"), lines.concat())?;
        let port = ports::free()?;
        let mut command = Command::new("python3");
        command
            .arg(file("range.py"))
            .args([
                file("server.pem"),
                file("server.key"),
                file("hashes"),
                file("asked.jsonl"),
                file("answer"),
            ])
            .arg(port.to_string())
            .stdout(Stdio::piped());
        let mut process =
            process::spawn(command, libc::SIGKILL).context("the mirror cannot be started")?;
        let mut line = String::new();
        let output = process.stdout.take().context("the mirror has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        ensure!(
            line.trim() == "ready",
            "the mirror said {line:?} instead of ready"
        );
        Ok(Self {
            port,
            process,
            directory: directory.to_owned(),
        })
    }

    /// From now on every request gets this; with 302 the body is where it leads.
    pub fn answer(&self, status: u16, body: &str) -> Result<()> {
        Ok(std::fs::write(
            self.directory.join("answer"),
            format!("{status} {body}"),
        )?)
    }

    /// What was asked, in order.
    pub fn asked(&self) -> Result<Vec<Asked>> {
        let journal = self.directory.join("asked.jsonl");
        let text = std::fs::read_to_string(journal).unwrap_or_default();
        text.lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }
}

impl Drop for RangeMirror {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
