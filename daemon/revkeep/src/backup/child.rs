//! What runs under other accounts of this machine. The dump runs as the account that may become
//! revkeep_backup and nothing else; the look at the keys as the daemon's, which alone is admitted to the
//! secrets backend. Both are this program again, under hidden subcommands.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdout, Command, ExitCode, Stdio},
    sync::Arc,
    thread::JoinHandle,
};

use audit::{Head, HeadLine};
use db::{ContextKey, DbConfig, NOT_DUMPED, Snapshot};
use kernel::{Secret, SystemClock, TenantId};
use serde::{Deserialize, Serialize};
use vault::{Difference, Fingerprint, Vault};

use super::{BackupError, Config as BackupConfig};
use crate::{
    commands::reason,
    config::Config,
    setup::{
        as_daemon,
        system::{self, Account},
        with_credential,
    },
    unlock,
};

pub(crate) const DATABASE: &str = "backup-database";
pub(crate) const KEYS: &str = "backup-keys";
/// Of what a program complained, its end is told.
const COMPLAINT: usize = 2_000;

/// What the database held at the moment of the dump: the first line that the child says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Census {
    pub(super) schema: String,
    pub(super) tables: BTreeMap<String, i64>,
    pub(super) tenants: Vec<TenantId>,
    pub(super) head: Option<HeadLine>,
}

/// A dump that is being made.
pub(super) struct Dump {
    child: Child,
    output: BufReader<ChildStdout>,
    complaint: JoinHandle<String>,
}

impl Dump {
    /// Begins it, and hears what the database holds.
    pub(super) fn begin(
        database: &DbConfig,
        config: &BackupConfig,
    ) -> Result<(Census, Self), BackupError> {
        let failed = |why: String| BackupError::Program(DATABASE.to_owned(), why);
        let dsn = database
            .backup_dsn()
            .map_err(|error| failed(reason(&error)))?;
        let own = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let mut command = Command::new(own);
        command.arg(DATABASE).arg("--dsn").arg(dsn);
        become_account(&mut command, &config.account)?;
        let mut child = command
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let streams = child.stdout.take().zip(child.stderr.take());
        let (output, errors) = streams.ok_or_else(|| failed("it has no output".to_owned()))?;
        let mut dump = Self {
            child,
            output: BufReader::with_capacity(1 << 16, output),
            complaint: std::thread::spawn(move || complaint(errors)),
        };
        let mut line = String::new();
        let read = dump.output.read_line(&mut line);
        match read.map(|_| serde_json::from_str(&line)) {
            Ok(Ok(census)) => Ok((census, dump)),
            _ => Err(dump.end().err().unwrap_or_else(|| failed(line))),
        }
    }

    pub(super) const fn output(&mut self) -> &mut (impl Read + Send) {
        &mut self.output
    }

    /// Waits for its end: a dump is whole only if pg_dump says so.
    pub(super) fn end(mut self) -> Result<(), BackupError> {
        // Whatever it still says goes nowhere, so that it ends.
        drop(self.output);
        let failed = |why: String| BackupError::Program("pg_dump".to_owned(), why);
        let status = self
            .child
            .wait()
            .map_err(|error| failed(error.to_string()))?;
        let said = self.complaint.join().unwrap_or_default();
        if status.success() {
            Ok(())
        } else {
            Err(failed(format!("{status}: {}", said.trim())))
        }
    }
}

pub(super) fn complaint(mut errors: impl Read) -> String {
    let mut said = Vec::new();
    let _ = errors.read_to_end(&mut said);
    let from = said.len().saturating_sub(COMPLAINT);
    String::from_utf8_lossy(said.get(from..).unwrap_or_default()).into_owned()
}

fn become_account(command: &mut Command, name: &str) -> Result<(), BackupError> {
    let Account { user, group } = system::account(name)?;
    let own = system::own();
    if own.user == user {
        return Ok(());
    }
    if own.user != 0 {
        return Err(BackupError::NotPermitted(name.to_owned()));
    }
    command.uid(user).gid(group);
    Ok(())
}

/// `revkeep backup-database`: one line about the database, then the dump of that very moment.
pub(crate) fn database(dsn: &str) -> ExitCode {
    match dump(dsn) {
        Ok(code) => code,
        Err(why) => crate::commands::fail(false, "backup_database", &why),
    }
}

fn dump(dsn: &str) -> Result<ExitCode, String> {
    let mut snapshot = Snapshot::open(dsn).map_err(|error| reason(&error))?;
    // The snapshot is there for as long as its connection is. pg_dump looks at the catalogue while the rows
    // are counted, and waits with its first bytes until the line is said.
    let child = Command::new("pg_dump")
        .args(["--format=custom", "--no-password"])
        .arg(format!("--exclude-table={NOT_DUMPED}"))
        .arg(format!("--snapshot={}", snapshot.id()))
        .arg(format!("--dbname={dsn}"))
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("pg_dump cannot be started: {error}"))?;
    let mut dump = Stopped(child);
    let census = census(&mut snapshot).map_err(|error| reason(&error))?;
    let line = serde_json::to_string(&census).map_err(|error| error.to_string())?;
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .map_err(|error| error.to_string())?;
    if let Some(mut dumped) = dump.0.stdout.take() {
        // From pipe to pipe, inside the kernel.
        std::io::copy(&mut dumped, &mut output).map_err(|error| error.to_string())?;
    }
    let done = dump.0.wait().map_err(|error| error.to_string())?;
    Ok(if done.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A program that ends when nobody waits for it any more.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn census(snapshot: &mut Snapshot) -> Result<Census, db::DbError> {
    let head = snapshot.last_head()?;
    let tenants = snapshot.tenants()?.into_iter().map(TenantId::from_uuid);
    Ok(Census {
        schema: snapshot.schema_version()?,
        tenants: tenants.collect(),
        head: head.and_then(|row| Some(Head::stored(&row)?.line())),
        tables: snapshot.rows()?,
    })
}

/// What is asked about keys.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Asked {
    /// Fingerprints of all keys, with those of these tenants.
    tenants: Option<Vec<TenantId>>,
    /// Whether the keys here are these.
    compare: Vec<Fingerprint>,
    /// The key of the tenant context, for a database that was restored.
    context: bool,
}

#[derive(Default, Serialize, Deserialize)]
struct Told {
    fingerprints: Vec<Fingerprint>,
    differing: Vec<Differing>,
    /// The public keys of the audit log, where they were compared.
    audit_keys: Vec<String>,
    context: Option<[u8; ContextKey::BYTES]>,
}

/// A key that is not the one of an archive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Differing {
    pub(crate) key: Fingerprint,
    pub(crate) how: Difference,
}

/// Fingerprints of every key that this appliance's data rests on.
pub(super) fn fingerprints(
    place: (&Config, &Path),
    tenants: Vec<TenantId>,
) -> Result<Vec<Fingerprint>, BackupError> {
    let asked = Asked {
        tenants: Some(tenants),
        ..Asked::default()
    };
    Ok(ask(place, &asked)?.fingerprints)
}

/// The keys of an archive beside those that are here.
pub(super) struct Compared {
    pub(super) differing: Vec<Differing>,
    /// The keys whose signatures under the audit log count.
    pub(super) audit_keys: Vec<audit::Hash>,
}

pub(super) fn compare(
    place: (&Config, &Path),
    keys: Vec<Fingerprint>,
) -> Result<Compared, BackupError> {
    let asked = Asked {
        compare: keys,
        ..Asked::default()
    };
    let told = ask(place, &asked)?;
    let audit_keys = told.audit_keys.iter().filter_map(|key| audit::key(key));
    Ok(Compared {
        audit_keys: audit_keys.collect(),
        differing: told.differing,
    })
}

/// The key of the tenant context, which no archive holds.
pub(super) fn context_key(place: (&Config, &Path)) -> Result<ContextKey, BackupError> {
    let asked = Asked {
        context: true,
        ..Asked::default()
    };
    let told = ask(place, &asked)?.context.map(Secret::new);
    told.map(ContextKey::new)
        .ok_or_else(|| BackupError::Program(KEYS.to_owned(), "it told no key".to_owned()))
}

fn ask(place: (&Config, &Path), asked: &Asked) -> Result<Told, BackupError> {
    let failed =
        |error: serde_json::Error| BackupError::Program(KEYS.to_owned(), error.to_string());
    let input = serde_json::to_vec(asked).map_err(failed)?;
    let told = as_daemon(place, KEYS, &input)?;
    serde_json::from_slice(told.expose()).map_err(failed)
}

/// `revkeep backup-keys`: answers on standard output what is asked on standard input.
pub(crate) fn keys(mut config: Config, credential: Option<&Path>) -> ExitCode {
    if let Some(credential) = credential {
        with_credential(&mut config, credential);
    }
    match look(&config) {
        Ok(told) => {
            crate::commands::say(&told);
            ExitCode::SUCCESS
        }
        Err(why) => crate::commands::fail(false, "backup_keys", &why),
    }
}

fn look(config: &Config) -> Result<String, String> {
    let asked: Asked =
        serde_json::from_reader(std::io::stdin().lock()).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let told = runtime.block_on(async {
        let vault = Vault::new(config.secrets.clone(), Arc::new(SystemClock))?;
        let mut told = Told::default();
        if let Some(mut tenants) = asked.tenants {
            tenants.insert(0, TenantId::PLATFORM);
            told.fingerprints = vault
                .fingerprints(&identity::KEYS, &[audit::SIGNING_KEY], &tenants)
                .await?;
        }
        for key in asked.compare {
            if let Some(how) = vault.difference(&key).await? {
                told.differing.push(Differing { key, how });
                continue;
            }
            // Only of a backend that has them: none is made by looking.
            if let Fingerprint::Signing { name, .. } = &key {
                let keys = vault.signing_keys(name).await?;
                told.audit_keys = keys.iter().map(|key| audit::hex(&key.bytes)).collect();
            }
        }
        if asked.context {
            told.context = Some(*unlock::context_bytes_or_new(&vault).await?.expose());
        }
        Ok::<_, vault::VaultError>(told)
    });
    let told = told.map_err(|error| error.to_string())?;
    serde_json::to_string(&told).map_err(|error| error.to_string())
}
