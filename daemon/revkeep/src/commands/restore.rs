//! `revkeep restore`: an archive becomes the appliance again: its files, then its database. Or it is tried in a
//! scratch database.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use kernel::{Clock, SystemClock};
use serde_json::{Value, json};

use super::backup::{Bar, Opening, refuse, told};
use crate::{
    admin::Question,
    backup::{self, BackupError, Changed, Differing, Files, Rehearsed, Restored},
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
    /// Only put configuration and local keystore in place, which a new machine has before it is set up. The
    /// database is left alone.
    #[arg(long, conflicts_with_all = ["rehearse", "replace"])]
    files: bool,
    /// Say which files would be put in place, and change nothing.
    #[arg(long, requires = "files")]
    plan: bool,
    /// What counts where the configuration, or with --files the keystore, is another one here: what is here,
    /// or what is in the archive. Without it that is a reason to refuse.
    #[arg(long, value_enum, conflicts_with = "rehearse")]
    differing: Option<Differing>,
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
    let (config, file) = place;
    let keys = options.by.keys(config)?;
    let bar = Bar::new(json);
    let files = Files::look(
        file,
        (archive, &keys),
        (options.differing, options.files),
        SystemClock.now(),
        &|read| bar.show("looking at it", read),
    )?;
    if options.files {
        bar.end();
        return put(files, archive, options.plan, json);
    }
    // Whatever goes wrong from here on, they are as they were.
    let placed = files.apply()?;
    let config = if placed.is_empty() {
        config.clone()
    } else {
        Config::load(file).map_err(|error| BackupError::Unfit(error.to_string()))?
    };
    let restored = backup::restore(
        (&config, file),
        archive,
        &keys,
        options.replace,
        &|stage, done| bar.show(stage, done),
    )?;
    let changed = placed.stay();
    bar.end();
    super::say(&if json {
        restored_json(&restored, &changed).to_string()
    } else {
        restored_text(&restored, &changed)
    });
    Ok(ExitCode::SUCCESS)
}

fn put(files: Files, archive: &Path, plan: bool, json: bool) -> Result<ExitCode, BackupError> {
    let taken_at = files.manifest.taken_at;
    let changed = if plan {
        files.plan()
    } else {
        files.apply()?.stay()
    };
    super::say(&if json {
        json!({ "taken_at": taken_at, "plan": plan, "files": changed_json(&changed) }).to_string()
    } else {
        put_text(&changed, archive, plan)
    });
    Ok(ExitCode::SUCCESS)
}

fn changed_json(changed: &[Changed]) -> Value {
    let one = |one: &Changed| json!({ "file": one.file, "written": one.written, "kept": one.kept });
    changed.iter().map(one).collect()
}

fn changed_text(changed: &Changed, plan: bool) -> String {
    let file = changed.file.display();
    let (put, kept) = if plan {
        ("would be put in place", "would be kept")
    } else {
        ("was put in place", "is kept")
    };
    match (&changed.kept, changed.written) {
        (None, _) => format!("{file} {put}."),
        (Some(before), true) => {
            format!("{file} {put}; the former {kept} as {}.", before.display())
        }
        (Some(before), false) => {
            format!(
                "{file} is not of the archive, and {kept} as {}.",
                before.display()
            )
        }
    }
}

fn put_text(changed: &[Changed], archive: &Path, plan: bool) -> String {
    let mut lines: Vec<String> = changed.iter().map(|one| changed_text(one, plan)).collect();
    if changed.is_empty() {
        lines.push("Configuration and keystore need nothing.".to_owned());
    }
    if !plan {
        let archive = archive.display();
        lines.push(format!(
            "Next step: with a local keystore, bring back its key (`revkeep keys recover`); then `revkeep setup`, and `revkeep restore {archive}`."
        ));
    }
    lines.join("\n")
}

fn restored_json(restored: &Restored, changed: &[Changed]) -> Value {
    json!({
        "taken_at": restored.taken_at,
        "head": restored.head,
        "rows": restored.rows,
        "migrations": restored.migrations,
        "replaced": restored.replaced,
        "told": restored.told,
        "kept": restored.kept,
        "files": changed_json(changed),
    })
}

fn restored_text(restored: &Restored, changed: &[Changed]) -> String {
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
    lines.extend(changed.iter().map(|one| changed_text(one, false)));
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
    let question = Question::BackupRehearsed {
        at: tried.at,
        taken_at: tried.taken_at,
        seconds: tried.seconds,
        rows: tried.rows,
        code: tried.problem.as_ref().map(|(code, _)| code.clone()),
    };
    told(place.0, &question, "rehearsal");
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
