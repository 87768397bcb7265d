//! The real daemon as a child process, in an account of its own.

use std::{
    fs,
    io::Write,
    net::IpAddr,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{accounts::Account, process};

const READY_WITHIN: Duration = Duration::from_secs(60);
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// How a daemon differs from the ordinary one.
#[derive(Clone, Debug, Default)]
pub struct DaemonOptions {
    /// A port that is asked for; a free one otherwise.
    pub port: Option<u16>,
    /// More configuration, as TOML sections that the ordinary one lacks.
    pub more: String,
    /// Configuration, as TOML, that wins over the ordinary one.
    pub instead: String,
    /// Private endpoints, as `host:port`, that are declared beside the stack's own.
    pub endpoints: Vec<String>,
    /// Crash points, in the notation of the `fail` crate.
    pub failpoints: Option<String>,
    /// A program that becomes the daemon in the end, with its arguments; the daemon's own follow.
    pub under: Vec<String>,
    /// Do not wait for readiness: the daemon is expected to start without a part.
    pub do_not_wait: bool,
}

/// A running daemon; dropping it kills it.
pub struct Daemon {
    pub url: String,
    pub home: PathBuf,
    pub config: PathBuf,
    process: Child,
    program: PathBuf,
    ca: Vec<u8>,
}

impl Daemon {
    pub(crate) async fn start(
        program: &Path,
        config: &Path,
        home: &Path,
        port: u16,
        ca_file: &Path,
        account: Account,
        options: &DaemonOptions,
    ) -> Result<Self> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(home.join("daemon.log"))?;
        let mut command = match options.under.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command
            .args(["serve", "--config"])
            .arg(config)
            .current_dir("/")
            .uid(account.uid)
            .gid(account.gid)
            .stdout(log.try_clone()?)
            .stderr(log)
            .env_remove("FAILPOINTS")
            .env_remove("NOTIFY_SOCKET");
        if let Some(points) = &options.failpoints {
            command.env("FAILPOINTS", points);
        }
        let process =
            process::spawn(command, libc::SIGKILL).context("revkeep cannot be started")?;
        let mut daemon = Self {
            url: format!("https://localhost:{port}"),
            home: home.to_owned(),
            config: config.to_owned(),
            process,
            program: program.to_owned(),
            ca: fs::read(ca_file)?,
        };
        if !options.do_not_wait {
            daemon.wait_ready().await?;
        }
        Ok(daemon)
    }

    /// Waits until `/health/ready` says so.
    pub async fn wait_ready(&mut self) -> Result<()> {
        let client = self.client()?;
        let deadline = Instant::now() + READY_WITHIN;
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            let answer = client
                .get(format!("{}/health/ready", self.url))
                .send()
                .await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("the daemon stopped ({status}):\n{}", self.log_tail());
            }
            ensure!(
                Instant::now() < deadline,
                "the daemon was not ready within {READY_WITHIN:?}:\n{}",
                self.log_tail()
            );
        }
    }

    /// A client that trusts the stack's authority and keeps cookies apart from anyone's.
    pub fn client(&self) -> Result<reqwest::Client> {
        Ok(self.client_builder()?.build()?)
    }

    /// One at another of this machine's own addresses, as somebody else's would be.
    pub fn client_at(&self, address: IpAddr) -> Result<reqwest::Client> {
        Ok(self.client_builder()?.local_address(address).build()?)
    }

    /// One that shows where a redirect leads, and does not go there.
    pub fn client_that_stays(&self) -> Result<reqwest::Client> {
        let nowhere = reqwest::redirect::Policy::none();
        Ok(self.client_builder()?.redirect(nowhere).build()?)
    }

    #[expect(clippy::disallowed_types, reason = "a test's client")]
    fn client_builder(&self) -> Result<reqwest::ClientBuilder> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        #[expect(clippy::disallowed_methods, reason = "a test's client")]
        let builder = reqwest::Client::builder();
        Ok(builder
            .tls_certs_only([reqwest::Certificate::from_pem(&self.ca)?])
            .no_proxy())
    }

    /// Runs the administrator's command against this daemon; its JSON answer.
    pub fn command(&self, arguments: &[&str]) -> Result<Value> {
        self.command_with(arguments, "")
    }

    /// The program that runs.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// As [`Daemon::command`], with something to read on its standard input.
    pub fn command_with(&self, arguments: &[&str], input: &str) -> Result<Value> {
        let mut running = Command::new(&self.program)
            .args(arguments)
            .args(["--json", "--config"])
            .arg(&self.config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut reading) = running.stdin.take() {
            // A command that reads nothing may have ended already.
            let _ = reading.write_all(input.as_bytes());
        }
        let run = running.wait_with_output()?;
        serde_json::from_slice(&run.stdout).with_context(|| {
            format!(
                "revkeep {arguments:?}: {}{}",
                String::from_utf8_lossy(&run.stdout),
                String::from_utf8_lossy(&run.stderr)
            )
        })
    }

    /// A signal, such as SIGHUP to read certificates again.
    pub fn signal(&self, signal: libc::c_int) {
        process::signal(&self.process, signal);
    }

    /// Stops it as systemd would.
    pub async fn stop(mut self) -> Result<ExitStatus> {
        self.signal(libc::SIGTERM);
        self.wait_ended().await
    }

    /// Waits until it ends by itself: a crash point was reached.
    pub async fn wait_ended(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + STOPPED_WITHIN;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            ensure!(
                Instant::now() < deadline,
                "the daemon did not end within {STOPPED_WITHIN:?}:\n{}",
                self.log_tail()
            );
        }
    }

    /// Everything that it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.join("daemon.log")).unwrap_or_default()
    }

    /// Its process id, for resource figures.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().rev().take(25).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
