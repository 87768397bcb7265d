//! `revkeep backup`: makes archives, looks whether they are whole, and lists them.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use kernel::Secret;
use serde_json::{Value, json};

use super::bucket;
use crate::{
    admin::{self, Question, Reply},
    backup::{self, BackupError, Bucket, Checked, Keys, Lock, Made, Place, Sent},
    config::Config,
};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make one encrypted file of the database, the configuration and the local keystore. It is read back
    /// before it counts, and archives beyond backup.keep go.
    Create {
        /// A folder; backup.directory otherwise. - writes to standard output, where nothing is read back.
        #[arg(long, value_name = "FOLDER|-")]
        to: Option<PathBuf>,
        /// Encrypt with the passphrase in this file, in place of backup.recipients. - asks for it, or reads
        /// it from standard input.
        #[arg(long, value_name = "FILE|-")]
        passphrase_file: Option<PathBuf>,
    },
    /// Read an archive from end to end: with a key every part is opened; without one its form and its
    /// checksum are looked at. Exit code 1 when it is not whole.
    Verify {
        archive: PathBuf,
        #[command(flatten)]
        by: Opening,
    },
    /// List the archives of backup.directory, newest first, and those that have arrived in the bucket.
    List,
    /// Send what is in backup.directory and not in the bucket, as `create` does at its end; what arrived is read
    /// back. Archives beyond backup.bucket.keep go from there.
    Send,
    /// Bring an archive from the bucket into backup.directory: the newest, or the one of this name.
    Fetch { name: Option<String> },
}

/// What opens an archive. Without either it is this machine's own key, which opens the newest.
#[derive(Args)]
pub(super) struct Opening {
    /// A file with the secret key of age whose public part was in backup.recipients.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// A file with the passphrase. - asks for it, or reads it from standard input.
    #[arg(long, value_name = "FILE|-", conflicts_with = "identity")]
    passphrase_file: Option<PathBuf>,
}

impl Opening {
    pub(super) fn keys(&self, config: &Config) -> Result<Keys, BackupError> {
        match (&self.identity, &self.passphrase_file) {
            (Some(file), _) => Keys::file(file),
            (None, Some(file)) => Ok(Keys::passphrase(&passphrase(file)?)),
            (None, None) => Keys::machine(&config.backup),
        }
    }
}

/// Exit code 0; `verify` answers 1 for an archive that is not whole.
pub(super) fn run(place: (&Config, &Path), command: &Command, json: bool) -> ExitCode {
    let config = place.0;
    let done = match command {
        Command::Create {
            to,
            passphrase_file,
        } => create(place, to.as_deref(), passphrase_file.as_deref(), json),
        Command::Verify { archive, by } => verify(config, archive, by, json),
        Command::List => bucket::list(config, json),
        Command::Send => bucket::send(config, json),
        Command::Fetch { name } => bucket::fetch(config, name.as_deref(), json),
    };
    done.unwrap_or_else(|error| refuse(&error, json))
}

pub(super) fn refuse(error: &BackupError, json: bool) -> ExitCode {
    super::fail(json, error.code(), &error.to_string())
}

fn create(
    place: (&Config, &Path),
    to: Option<&Path>,
    passphrase_file: Option<&Path>,
    json: bool,
) -> Result<ExitCode, BackupError> {
    let config = place.0;
    let lock = match passphrase_file {
        Some(file) => Lock::passphrase(&passphrase(file)?),
        None => Lock::recipients(&config.backup)?,
    };
    let to = match to {
        Some(stream) if stream == Path::new("-") => Place::Stream,
        Some(folder) => Place::Folder(folder.to_owned()),
        None => Place::Folder(config.backup.directory.clone()),
    };
    // What the configuration says of a bucket is looked at before an hour goes into an archive.
    let bucket = match &to {
        Place::Folder(folder) if *folder == config.backup.directory => Bucket::of(config)?,
        Place::Folder(_) | Place::Stream => None,
    };
    let bar = Bar::new(json);
    let made = backup::create(place, &lock, &to, &|stage, done| bar.show(stage, done))?;
    bar.end();
    tell(config, &made);
    let sent = bucket.map(|bucket| bucket.send(&|stage, done| bar.show(stage, done)));
    bar.end();
    let text = if json {
        made_json(&made, sent.as_ref()).to_string()
    } else {
        made_text(&made, sent.as_ref())
    };
    match to {
        Place::Folder(_) => super::say(&text),
        // Standard output is the archive.
        Place::Stream => super::complain(&text),
    }
    match sent {
        // The archive itself is there and was told of; in JSON what went wrong stands beside it.
        Some(Err(_)) if json => Ok(ExitCode::from(2)),
        Some(Err(error)) => Err(error),
        Some(Ok(_)) | None => Ok(ExitCode::SUCCESS),
    }
}

/// For the log and the System page. A backup is as good without: the daemon need not run.
fn tell(config: &Config, made: &Made) {
    let question = Question::BackupMade {
        taken_at: made.manifest.taken_at,
        size: made.size,
        checked: made.checked.as_ref().map(|checked| how(checked).to_owned()),
    };
    told(config, &question, "backup");
}

/// Tells the daemon, which need not be there.
pub(super) fn told(config: &Config, question: &Question, what: &str) {
    let why = match admin::ask(&config.admin.socket, question) {
        Ok(Reply::Answer(_)) => return,
        Ok(Reply::Refusal { message, .. }) => message,
        Err(error) => error.to_string(),
    };
    super::complain(&format!(
        "The daemon was not told of this {what}, so its page does not show it: {why}."
    ));
}

fn made_json(made: &Made, sent: Option<&Result<Sent, BackupError>>) -> Value {
    json!({
        "file": made.file,
        "size": made.size,
        "sha256": made.sha256,
        "taken_at": made.manifest.taken_at,
        "head": made.manifest.head.as_ref().map(|head| head.number),
        "rows": made.manifest.tables.values().sum::<i64>(),
        "checked": made.checked.as_ref().map(how),
        "removed": made.removed,
        "bucket": sent.map(bucket::outcome),
    })
}

fn made_text(made: &Made, sent: Option<&Result<Sent, BackupError>>) -> String {
    let mut lines = vec![match &made.file {
        Some(file) => format!("{} ({} MB)", file.display(), megabytes(made.size)),
        None => format!(
            "{} MB written, SHA-256 {}. It was not read back.",
            megabytes(made.size),
            made.sha256
        ),
    }];
    lines.extend(made.checked.as_ref().map(found));
    lines.extend(
        made.removed
            .iter()
            .map(|old| format!("{} went: backup.keep", old.display())),
    );
    if let Some(Ok(sent)) = sent {
        lines.push(bucket::told(sent));
    }
    lines.join("\n")
}

fn verify(
    config: &Config,
    archive: &Path,
    by: &Opening,
    json: bool,
) -> Result<ExitCode, BackupError> {
    let keys = by.keys(config)?;
    let bar = Bar::new(json);
    let checked = match backup::check(archive, &keys, &|read| bar.show("looking at it", read)) {
        Ok(checked) => checked,
        Err(error) if error.is_of_the_archive() => {
            bar.end();
            super::say(&if json {
                json!({ "holds": false, "code": error.code(), "message": error.to_string() })
                    .to_string()
            } else {
                format!("{} is NOT whole: {error}.", archive.display())
            });
            return Ok(ExitCode::from(1));
        }
        Err(error) => return Err(error),
    };
    bar.end();
    super::say(&if json {
        verified_json(&checked).to_string()
    } else {
        found(&checked)
    });
    Ok(ExitCode::SUCCESS)
}

fn verified_json(checked: &Checked) -> Value {
    let manifest = match checked {
        Checked::Opened(manifest) => serde_json::to_value(manifest).unwrap_or_default(),
        Checked::Ciphertext { .. } => Value::Null,
    };
    json!({ "holds": true, "checked": how(checked), "manifest": manifest })
}

const fn how(checked: &Checked) -> &'static str {
    match checked {
        Checked::Opened(_) => "opened",
        Checked::Ciphertext { checksum: true } => "checksum",
        Checked::Ciphertext { checksum: false } => "form",
    }
}

fn found(checked: &Checked) -> String {
    match checked {
        Checked::Opened(manifest) => format!(
            "Every part was opened and is whole: {} rows of {}, Revkeep {}, schema {}.",
            manifest.tables.values().sum::<i64>(),
            manifest.taken_at.format("%Y-%m-%d %H:%M:%S UTC"),
            manifest.version,
            manifest.schema
        ),
        Checked::Ciphertext { checksum: true } => {
            "It is the file that was written. It was not opened: no key for it is here.".to_owned()
        }
        Checked::Ciphertext { checksum: false } => {
            "It has the form of an archive. There is neither a key nor a file of checksums, so no more can be told."
                .to_owned()
        }
    }
}

pub(super) fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn passphrase(file: &Path) -> Result<Secret<String>, BackupError> {
    let failed = |error| BackupError::File(file.to_owned(), error);
    let text = if file == Path::new("-") {
        super::secret::read("passphrase: ").map_err(failed)?
    } else {
        let text = std::fs::read_to_string(file)
            .map(Secret::new)
            .map_err(failed)?;
        Secret::new(text.expose().trim_end_matches(['\r', '\n']).to_owned())
    };
    if text.expose().is_empty() {
        return Err(BackupError::NoRecipients);
    }
    Ok(text)
}

/// How far it is, on a terminal. How much there will be is known by nobody before pg_dump is done.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(json: bool) -> Self {
        let bar = if json {
            ProgressBar::hidden()
        } else {
            ProgressBar::new_spinner()
        };
        if let Ok(style) = ProgressStyle::with_template(
            "{spinner} {elapsed_precise}  {bytes} ({bytes_per_sec})  {msg}",
        ) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    pub(super) fn show(&self, stage: &'static str, done: u64) {
        self.0.set_message(stage);
        self.0.set_position(done);
    }

    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
