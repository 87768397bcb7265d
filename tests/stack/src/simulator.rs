//! The simulated Salesforce: on threads of this process, or as a process of its own, whose work is
//! then on nobody else's account.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use serde_json::Value;
use simulators::{Admin, Running};

use crate::process;

/// Where the simulator runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Inside,
    /// Benchmarks: what it costs must not be counted as ours.
    Apart,
}

/// A simulator that runs until this is dropped.
pub struct Simulator {
    /// Where clients find it, without a slash at the end.
    pub url: String,
    _runs: Runs,
}

enum Runs {
    Inside { _running: Running },
    Apart { _process: Process },
}

/// Killed when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Simulator {
    /// With the certificate `server.pem` and its key in `directory`.
    pub(crate) fn start(place: Place, directory: &Path, token: &str) -> Result<Self> {
        match place {
            Place::Inside => inside(directory, token),
            Place::Apart => apart(directory, token),
        }
    }

    pub(crate) fn admin(&self, token: &str, authority: &[u8]) -> Result<Admin> {
        Admin::new(&self.url, token, authority)
    }
}

const PUBLIC: &str = "https://localhost:0";

fn inside(directory: &Path, token: &str) -> Result<Simulator> {
    let read = |name: &str| std::fs::read(directory.join(name));
    let mut settings = simulators::Config::new(read("server.pem")?, read("server.key")?, token);
    settings.public_url = Some(PUBLIC.to_owned());
    let running = simulators::start(settings)?;
    Ok(Simulator {
        url: running.url.clone(),
        _runs: Runs::Inside { _running: running },
    })
}

fn apart(directory: &Path, token: &str) -> Result<Simulator> {
    let token_file = directory.join("simulator-token");
    std::fs::write(&token_file, token)?;
    let mut command = Command::new(built("revkeep-sim")?);
    command
        .arg("--cert")
        .arg(directory.join("server.pem"))
        .arg("--key")
        .arg(directory.join("server.key"))
        .arg("--admin-token-file")
        .arg(&token_file)
        .args(["--public-url", PUBLIC])
        .stdout(Stdio::piped());
    let mut child =
        process::spawn(command, libc::SIGKILL).context("revkeep-sim cannot be started")?;
    let out = child.stdout.take().context("revkeep-sim has no output")?;
    let process = Process(child);
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    let told: Value = serde_json::from_str(&line).context("revkeep-sim did not start")?;
    let url = told.get("url").and_then(Value::as_str);
    Ok(Simulator {
        url: url.context("revkeep-sim did not say where")?.to_owned(),
        _runs: Runs::Apart { _process: process },
    })
}

/// A program of this build: beside the running one, or beside the directory that it lies in, as
/// for tests.
pub fn built(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    own.ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
        .with_context(|| {
            format!(
                "no {name} program beside {}: cargo build --bins",
                own.display()
            )
        })
}
