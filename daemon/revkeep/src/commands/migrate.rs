//! `revkeep migrate`: brings the database to this version, or says first what that will lock. What is
//! there is backed up before anything is changed.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use db::{DbError, Planned, setup::Setup};
use serde_json::json;

use super::{backup::Bar, reason};
use crate::{
    backup::{self, BackupError, Lock, Place},
    config::Config,
};

#[derive(Args)]
pub(super) struct Options {
    /// Only say which migrations are to run, what each locks and for about how long.
    #[arg(long, conflicts_with = "no_backup")]
    plan: bool,
    /// Make no backup first: the database has backups of its own.
    #[arg(long)]
    no_backup: bool,
}

/// Why the database was not brought to this version.
enum Stopped {
    Backup(BackupError),
    Database(DbError),
}

pub(super) fn run(place: (&Config, &Path), options: &Options, json: bool) -> ExitCode {
    let database = &place.0.database;
    let done = Setup::open(database, "revkeep_owner", &database.name)
        .map_err(Stopped::Database)
        .and_then(|mut owner| {
            let plan = owner.plan().map_err(Stopped::Database)?;
            if options.plan {
                return Ok(planned(&plan, json));
            }
            let archive = if options.no_backup || !keeps_something(&plan) {
                None
            } else {
                Some(back_up(place, json).map_err(Stopped::Backup)?)
            };
            let names = owner.migrate().map_err(Stopped::Database)?;
            Ok(ran(&names, archive.as_deref(), json))
        });
    match done {
        Ok(said) => {
            super::say(&said);
            ExitCode::SUCCESS
        }
        Err(Stopped::Database(error)) => super::fail(json, "migrate", &explained(&error)),
        Err(Stopped::Backup(error)) => super::fail(json, error.code(), &not_backed_up(&error)),
    }
}

/// Whether there is something to run, and data that it could harm.
fn keeps_something(plan: &[Planned]) -> bool {
    !plan.is_empty() && plan.len() < db::schema_versions().len()
}

fn back_up(place: (&Config, &Path), json: bool) -> Result<PathBuf, BackupError> {
    let settings = &place.0.backup;
    let lock = Lock::with_or_without_recipients(settings)?;
    let to = Place::Folder(settings.directory.clone());
    let bar = Bar::new(json);
    let made = backup::create(place, &lock, &to, &|stage, done| bar.show(stage, done));
    bar.end();
    Ok(made?.file.unwrap_or_default())
}

/// What failed was rolled back, so whatever served before serves on.
fn explained(error: &DbError) -> String {
    format!(
        "{}\nThe migration that failed left nothing behind; the daemon that was running goes on.",
        reason(error)
    )
}

fn not_backed_up(error: &BackupError) -> String {
    format!(
        "There is no backup of the database as it is, so nothing was changed: {error}\nNext step: mend that and run `revkeep migrate` again, or add --no-backup if the database has backups of its own."
    )
}

fn ran(names: &[String], archive: Option<&Path>, json: bool) -> String {
    if json {
        return json!({ "backup": archive, "ran": names }).to_string();
    }
    if names.is_empty() {
        return "The database is up to date.".to_owned();
    }
    let mut lines = Vec::new();
    lines.extend(archive.map(|file| format!("Before: {}", file.display())));
    lines.push(format!("Ran {}.", names.join(", ")));
    lines.join("\n")
}

fn planned(plan: &[Planned], json: bool) -> String {
    if json {
        return as_json(plan).to_string();
    }
    if plan.is_empty() {
        return "The database is up to date: nothing is to run.".to_owned();
    }
    let mut lines = Vec::new();
    for migration in plan {
        lines.push(migration.name.clone());
        if migration.locks.is_empty() {
            lines.push("    locks no table that is there".to_owned());
        }
        for lock in &migration.locks {
            lines.push(format!(
                "    {}: {}, about {} s ({}, {} MiB)",
                lock.table,
                lock.keeps_out(),
                lock.seconds(),
                lock.mode,
                lock.bytes >> 20
            ));
        }
    }
    lines.push(
        "The daemon may go on meanwhile: the version before works on the new schema.".to_owned(),
    );
    lines.join("\n")
}

fn as_json(plan: &[Planned]) -> serde_json::Value {
    let pending: Vec<_> = plan
        .iter()
        .map(|migration| {
            let locks: Vec<_> = migration
                .locks
                .iter()
                .map(|lock| {
                    json!({
                        "table": lock.table,
                        "mode": lock.mode,
                        "keeps_out": lock.keeps_out(),
                        "seconds": lock.seconds(),
                        "bytes": lock.bytes,
                    })
                })
                .collect();
            json!({ "migration": migration.name, "locks": locks })
        })
        .collect();
    json!({ "pending": pending })
}

#[cfg(test)]
mod tests {
    use db::{TableLock, Work};

    use super::*;

    #[test]
    fn a_plan_says_who_waits_and_for_how_long() {
        let plan = [Planned {
            name: "00000000000099_wide".to_owned(),
            locks: vec![TableLock {
                table: "assignments".to_owned(),
                mode: "AccessExclusiveLock".to_owned(),
                work: Work::Scan,
                bytes: 500 << 20,
            }],
        }];
        let said = planned(&plan, false);
        assert!(
            said.contains("assignments: nobody reads or writes it, about 6 s"),
            "{said}"
        );
        assert!(planned(&[], false).contains("nothing is to run"));
    }
}
