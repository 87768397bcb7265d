//! `revkeep backup list`, `send` and `fetch`: archives in their folder and in the bucket elsewhere.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::backup::{Bar, megabytes};
use crate::{
    backup::{self, BackupError, Bucket, Sent},
    config::Config,
};

pub(super) fn send(config: &Config, json: bool) -> Result<ExitCode, BackupError> {
    let bucket = Bucket::of(config)?.ok_or(BackupError::NoBucket)?;
    let bar = Bar::new(json);
    let sent = bucket.send(&|stage, done| bar.show(stage, done));
    bar.end();
    let sent = sent?;
    super::say(&if json {
        json!(sent).to_string()
    } else {
        told(&sent)
    });
    Ok(ExitCode::SUCCESS)
}

/// What `create --json` says of it.
pub(super) fn outcome(sent: &Result<Sent, BackupError>) -> Value {
    match sent {
        Ok(sent) => json!(sent),
        Err(error) => json!({ "problem": [error.code(), error.to_string()] }),
    }
}

pub(super) fn told(sent: &Sent) -> String {
    let mut lines: Vec<_> = sent
        .names
        .iter()
        .map(|name| format!("{name} is in the bucket, and was read back."))
        .collect();
    if lines.is_empty() {
        lines.push("The bucket has what is here.".to_owned());
    }
    let gone = sent.removed.iter();
    lines.extend(gone.map(|name| format!("{name} went from the bucket: backup.bucket.keep")));
    lines.join("\n")
}

pub(super) fn fetch(
    config: &Config,
    name: Option<&str>,
    json: bool,
) -> Result<ExitCode, BackupError> {
    let bucket = Bucket::of(config)?.ok_or(BackupError::NoBucket)?;
    let bar = Bar::new(json);
    let file = bucket.fetch(name, &|done| bar.show("fetching it", done));
    bar.end();
    let file = file?;
    super::say(&if json {
        json!({ "file": file }).to_string()
    } else {
        format!(
            "{} is here, as it was sent. Next step: `revkeep restore {0}`, with what opens it.",
            file.display()
        )
    });
    Ok(ExitCode::SUCCESS)
}

/// What is in the folder is told even if the bucket does not answer.
pub(super) fn list(config: &Config, json: bool) -> Result<ExitCode, BackupError> {
    let kept = backup::kept(&config.backup.directory)?;
    let elsewhere = Bucket::of(config).and_then(|bucket| bucket.map(|one| one.list()).transpose());
    if json {
        let elsewhere = elsewhere?;
        let items: Vec<_> = kept
            .iter()
            .map(|kept| json!({ "file": kept.file, "taken_at": kept.taken_at, "size": kept.size }))
            .collect();
        super::say(&json!({ "items": items, "bucket": elsewhere }).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    if kept.is_empty() {
        super::say(&format!(
            "There is no archive in {}. Next step: `revkeep backup create`.",
            config.backup.directory.display()
        ));
    }
    for kept in &kept {
        let at = kept.taken_at.format("%Y-%m-%d %H:%M:%S UTC");
        let (size, file) = (megabytes(kept.size), kept.file.display());
        super::say(&format!("{at}  {size:>8} MB  {file}"));
    }
    if let Some(elsewhere) = elsewhere? {
        super::say(&format!("In the bucket: {}", elsewhere.len()));
        for one in elsewhere {
            let at = one.taken_at.format("%Y-%m-%d %H:%M:%S UTC");
            let (size, name) = (megabytes(one.size), one.name);
            super::say(&format!("{at}  {size:>8} MB  {name}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
