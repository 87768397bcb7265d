//! `revkeep restore`: an archive becomes the appliance's database, or is tried in a scratch database.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::{Value, json};

use super::backup::{Bar, Opening, refuse};
use crate::{
    backup::{self, BackupError, Rehearsed, Restored},
    config::Config,
};

#[derive(Args)]
pub(super) struct Options {
    /// The archive. A rehearsal takes the newest of backup.directory otherwise.
    #[arg(required_unless_present = "rehearse")]
    archive: Option<PathBuf>,
    /// Only try it: the archive goes into a scratch database, its rows, audit log and migrations are looked
    /// at, and the database is dropped. Exit code 1 when it does not restore.
    #[arg(long, conflicts_with = "replace")]
    rehearse: bool,
    /// Where there is an appliance already, keep its database under another name and take its place.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    by: Opening,
}

pub(super) fn run(place: (&Config, &Path), options: &Options, json: bool) -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _points = crate::serve::crash::arm();
    let done = match &options.archive {
        Some(archive) if !options.rehearse => restore(place, archive, options, json),
        named => rehearse(place, named.as_deref(), &options.by, json),
    };
    done.unwrap_or_else(|error| refuse(&error, json))
}

fn restore(
    place: (&Config, &Path),
    archive: &Path,
    options: &Options,
    json: bool,
) -> Result<ExitCode, BackupError> {
    let keys = options.by.keys(place.0)?;
    let bar = Bar::new(json);
    let restored = backup::restore(place, archive, &keys, options.replace, &|stage, done| {
        bar.show(stage, done);
    })?;
    bar.end();
    super::say(&if json {
        restored_json(&restored).to_string()
    } else {
        restored_text(&restored)
    });
    Ok(ExitCode::SUCCESS)
}

fn restored_json(restored: &Restored) -> Value {
    json!({
        "taken_at": restored.taken_at,
        "head": restored.head,
        "rows": restored.rows,
        "migrations": restored.migrations,
        "replaced": restored.replaced,
        "told": restored.told,
        "kept": restored.kept,
    })
}

fn restored_text(restored: &Restored) -> String {
    let mut lines = vec![format!(
        "{} rows of {} were restored; the audit log ends with head {}, as it was sealed.",
        restored.rows,
        restored.taken_at.format("%Y-%m-%d %H:%M:%S UTC"),
        restored.head.unwrap_or(0)
    )];
    if let Some(kept) = &restored.kept {
        lines.push(format!(
            "The database that was there is kept as {kept}. Once nobody needs it: `dropdb {kept}` as postgres."
        ));
    }
    lines.push("It is in quarantine: nothing acts by itself. Next step: `systemctl start revkeep`, look at it, then `revkeep resume`.".to_owned());
    lines.join("\n")
}

fn rehearse(
    place: (&Config, &Path),
    archive: Option<&Path>,
    by: &Opening,
    json: bool,
) -> Result<ExitCode, BackupError> {
    let folder = &place.0.backup.directory;
    let archive = match archive {
        Some(archive) => archive.to_owned(),
        None => backup::kept(folder)?
            .into_iter()
            .next()
            .map(|newest| newest.file)
            .ok_or_else(|| BackupError::NoArchive(folder.clone()))?,
    };
    let keys = by.keys(place.0)?;
    let bar = Bar::new(json);
    let tried = backup::rehearse(place, &archive, &keys, &|stage, done| bar.show(stage, done))?;
    bar.end();
    super::say(&if json {
        rehearsed_json(&tried).to_string()
    } else {
        rehearsed_text(&tried)
    });
    Ok(ExitCode::from(u8::from(tried.problem.is_some())))
}

fn rehearsed_json(tried: &Rehearsed) -> Value {
    let problem = tried.problem.as_ref();
    json!({
        "holds": problem.is_none(),
        "archive": tried.archive,
        "taken_at": tried.taken_at,
        "seconds": tried.seconds,
        "rows": tried.rows,
        "migrations": tried.migrations,
        "code": problem.map(|(code, _)| code),
        "message": problem.map(|(_, message)| message),
    })
}

fn rehearsed_text(tried: &Rehearsed) -> String {
    let archive = tried.archive.display();
    match &tried.problem {
        None => format!(
            "{archive} restores: {} rows in {} s; the audit log is as it was sealed, and {} migrations ran.",
            tried.rows,
            tried.seconds,
            tried.migrations.len()
        ),
        Some((_, message)) => format!("{archive} does NOT restore: {message}."),
    }
}
