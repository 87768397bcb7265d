//! `revkeep migrate`: brings the database to this version, or says first what that will lock.

use std::process::ExitCode;

use clap::Args;
use db::{DbError, Planned, setup::Setup};
use serde_json::json;

use super::reason;
use crate::config::Config;

#[derive(Args)]
pub(super) struct Options {
    /// Only say which migrations are to run, what each locks and for about how long.
    #[arg(long)]
    plan: bool,
}

pub(super) fn run(config: &Config, options: &Options, json: bool) -> ExitCode {
    let done = Setup::open(&config.database, "revkeep_owner", &config.database.name).and_then(
        |mut owner| {
            if options.plan {
                owner.plan().map(|plan| planned(&plan, json))
            } else {
                owner.migrate().map(|names| ran(&names, json))
            }
        },
    );
    match done {
        Ok(said) => {
            super::say(&said);
            ExitCode::SUCCESS
        }
        Err(error) => super::fail(json, "migrate", &explained(&error)),
    }
}

/// What failed was rolled back, so whatever served before serves on.
fn explained(error: &DbError) -> String {
    format!(
        "{}\nThe migration that failed left nothing behind; the daemon that was running goes on.",
        reason(error)
    )
}

fn ran(names: &[String], json: bool) -> String {
    if json {
        return json!({ "ran": names }).to_string();
    }
    if names.is_empty() {
        return "The database is up to date.".to_owned();
    }
    format!("Ran {}.", names.join(", "))
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
