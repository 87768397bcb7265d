//! A private PostgreSQL cluster on a Unix socket, with peer authentication as in production.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    accounts::{self, Account, account},
    process,
    scratch::{Scratch, directory},
};

const STARTED_WITHIN: Duration = Duration::from_secs(30);
const PORT: u16 = 5432;
const RUNTIME_ROLES: [&str; 5] = [
    "revkeep_app",
    "revkeep_auth",
    "revkeep_gateway",
    "revkeep_agents",
    "revkeep_auditor",
];
const SETUP_ROLES: [&str; 3] = ["postgres", "revkeep_owner", "revkeep_backup"];

/// Whether data must outlive the machine's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// fsync off: tests kill processes, never the machine.
    Tests,
    /// As in production: the demo and the benchmarks.
    Production,
}

/// A running cluster; dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Child>,
    binaries: PathBuf,
    account: Account,
    scratch: Scratch,
}

impl Postgres {
    pub fn start(durability: Durability) -> Result<Self> {
        let account = account(accounts::POSTGRES)?;
        accounts::account(accounts::DAEMON)?;
        let scratch = Scratch::new()?;
        directory(scratch.path(), "pg", account)?;
        let mut cluster = Self {
            process: None,
            binaries: binaries()?,
            account,
            scratch,
        };
        cluster.initialise(durability)?;
        cluster.resume()?;
        Ok(cluster)
    }

    /// A hot standby of `primary`, which follows it until it is promoted.
    pub fn standby_of(primary: &Self) -> Result<Self> {
        let account = primary.account;
        let scratch = Scratch::new()?;
        directory(scratch.path(), "pg", account)?;
        let mut standby = Self {
            process: None,
            binaries: primary.binaries.clone(),
            account,
            scratch,
        };
        let copied = standby
            .command("pg_basebackup")
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
            .arg("--pgdata")
            .arg(standby.data())
            .arg("--dbname")
            .arg(primary.dsn("postgres", "postgres"))
            .output()
            .context("pg_basebackup cannot be started")?;
        ensure!(
            copied.status.success(),
            "pg_basebackup failed: {}",
            String::from_utf8_lossy(&copied.stderr)
        );
        append(
            &standby.data().join("postgresql.conf"),
            &format!(
                "unix_socket_directories = '{}'\n",
                standby.socket_directory().display()
            ),
        )?;
        standby.resume()?;
        Ok(standby)
    }

    /// Makes a standby the primary, with everything that it has received.
    pub fn promote(&self) -> Result<()> {
        let promoted = self
            .command("pg_ctl")
            .arg("-D")
            .arg(self.data())
            .args(["--wait", "promote"])
            .output()
            .context("pg_ctl cannot be started")?;
        ensure!(
            promoted.status.success(),
            "pg_ctl promote failed: {}",
            String::from_utf8_lossy(&promoted.stdout)
        );
        Ok(())
    }

    /// The directory of the Unix socket: `host` of a connection string.
    pub fn socket_directory(&self) -> PathBuf {
        self.scratch.path().join("pg")
    }
    pub const fn port(&self) -> u16 {
        PORT
    }

    /// A connection string for one role and database, for whoever's account may become the role.
    pub fn dsn(&self, role: &str, database: &str) -> String {
        format!(
            "host={} port={PORT} user={role} dbname={database}",
            self.socket_directory().display()
        )
    }

    /// Stops the server as a power cut would: clients lose their connections at once.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut child) = self.process.take() {
            process::signal(&child, libc::SIGQUIT);
            child.wait()?;
        }
        Ok(())
    }

    /// Starts the server again on the same data.
    pub fn resume(&mut self) -> Result<()> {
        let data = self.data();
        let log = fs::File::create(self.scratch.path().join("postgres.log"))?;
        let mut command = self.command("postgres");
        command
            .arg("-D")
            .arg(&data)
            .stdout(log.try_clone()?)
            .stderr(log);
        let mut child = process::spawn(command, libc::SIGQUIT)?;
        let ready = wait_ready(&mut child, &data.join("postmaster.pid"));
        self.process = Some(child);
        ready.with_context(|| {
            fs::read_to_string(self.scratch.path().join("postgres.log")).unwrap_or_default()
        })
    }

    /// A database as `pg_dump` with these options writes it, read as one role.
    pub fn dump(&self, role: &str, database: &str, options: &[&str]) -> Result<String> {
        let run = Command::new(self.binaries.join("pg_dump"))
            .args(options)
            .arg("--dbname")
            .arg(self.dsn(role, database))
            .output()
            .context("pg_dump cannot be started")?;
        ensure!(
            run.status.success(),
            "pg_dump as {role} failed: {}",
            String::from_utf8_lossy(&run.stderr)
        );
        Ok(String::from_utf8(run.stdout)?)
    }

    /// Runs statements as a role.
    pub fn run(&self, role: &str, database: &str, sql: &str) -> Result<()> {
        let run = Command::new(self.binaries.join("psql"))
            .args([
                "--no-psqlrc",
                "--quiet",
                "--set",
                "ON_ERROR_STOP=1",
                "--dbname",
            ])
            .arg(self.dsn(role, database))
            .args(["--command", sql])
            .output()?;
        anyhow::ensure!(
            run.status.success(),
            "psql: {}",
            String::from_utf8_lossy(&run.stderr)
        );
        Ok(())
    }

    fn initialise(&self, durability: Durability) -> Result<()> {
        let data = self.data();
        let made = self
            .command("initdb")
            .args([
                "--auth=peer",
                "--no-locale",
                "--encoding=UTF8",
                "--username=postgres",
                "--no-sync",
                "-D",
            ])
            .arg(&data)
            .output()
            .context("initdb cannot be started")?;
        ensure!(
            made.status.success(),
            "initdb failed: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let mut settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nmax_connections = 300\nshared_buffers = 256MB\nmax_wal_size = 2GB\n",
            self.socket_directory().display()
        );
        if durability == Durability::Tests {
            settings.push_str("fsync = off\nfull_page_writes = off\n");
        }
        append(&data.join("postgresql.conf"), &settings)?;
        fs::write(
            data.join("pg_hba.conf"),
            "local all all peer map=revkeep\nlocal replication postgres peer map=revkeep\n",
        )?;
        fs::write(data.join("pg_ident.conf"), ident(&accounts::own_name()?))?;
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.socket_directory().join("data")
    }

    fn command(&self, program: &str) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(self.binaries.join(program));
        command
            .current_dir("/")
            .uid(self.account.uid)
            .gid(self.account.gid)
            .env_remove("PGHOST");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// Who may become whom: the daemon's account the runtime roles; whoever runs the stack everything,
/// because set-up and in-process tests are one process.
fn ident(own: &str) -> String {
    let mut lines = String::new();
    for role in RUNTIME_ROLES {
        lines.push_str(&format!("revkeep {} {role}\n", accounts::DAEMON));
    }
    for role in RUNTIME_ROLES.iter().chain(&SETUP_ROLES) {
        lines.push_str(&format!("revkeep {own} {role}\n"));
    }
    // Standbys copy and follow it.
    lines.push_str(&format!("revkeep {} postgres\n", accounts::POSTGRES));
    lines
}

/// postmaster.pid's eighth line says `ready` once connections are taken.
fn wait_ready(child: &mut Child, pid_file: &Path) -> Result<()> {
    let deadline = Instant::now() + STARTED_WITHIN;
    loop {
        let status = fs::read_to_string(pid_file).unwrap_or_default();
        if status
            .lines()
            .nth(7)
            .is_some_and(|line| line.trim() == "ready")
        {
            return Ok(());
        }
        if let Some(status) = child.try_wait()? {
            bail!("PostgreSQL stopped while it started ({status})");
        }
        ensure!(
            Instant::now() < deadline,
            "PostgreSQL did not start within {STARTED_WITHIN:?}"
        );
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

fn append(path: &Path, text: &str) -> Result<()> {
    let mut content = fs::read_to_string(path)?;
    content.push_str(text);
    Ok(fs::write(path, content)?)
}

/// The newest PostgreSQL of this machine, 15 or later.
fn binaries() -> Result<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    installed
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse::<u32>().ok()?,
                entry.path().join("bin"),
            ))
        })
        .filter(|(version, bin)| *version >= 15 && bin.join("initdb").is_file())
        .max_by_key(|(version, _)| *version)
        .map(|(_, bin)| bin)
        .context("no PostgreSQL 15 or later under /usr/lib/postgresql: apt-get install postgresql")
}
