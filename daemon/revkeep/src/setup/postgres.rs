//! PostgreSQL on this machine: who may become whom (pg_ident.conf, pg_hba.conf), roles, database, schema,
//! and the key of the tenant context.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use db::setup::Setup;

use super::{
    Ground, Made, SetupError,
    answers::Database,
    cluster, secrets,
    system::{self, Account, ROOT},
};
use crate::commands::reason;

const BEGIN: &str = "# begin revkeep: written by `revkeep setup`";
const END: &str = "# end revkeep";

/// By peer authentication the daemon becomes what it needs and never the owner, a superuser or the role
/// that passes row security, for which there is an account of its own; root becomes the owner, to migrate.
const IDENT: &str = "\
revkeep  revkeep   revkeep_app
revkeep  revkeep   revkeep_auth
revkeep  revkeep   revkeep_gateway
revkeep  revkeep   revkeep_agents
revkeep  revkeep   revkeep_auditor
revkeep  revkeep-backup  revkeep_backup
revkeep  root      revkeep_owner
revkeep  root      revkeep_auditor
revkeep  root      postgres
revkeep  postgres  postgres
";

fn admission(database: &str) -> String {
    // And the two that a restore and its rehearsal fill.
    let all = format!("{database},{database}_restoring,{database}_rehearsal");
    format!(
        "local  {all}           revkeep_app,revkeep_auth,revkeep_gateway,revkeep_agents,revkeep_auditor,revkeep_backup,revkeep_owner  peer map=revkeep\n\
         local  postgres,{all}  postgres  peer map=revkeep\n"
    )
}

pub(super) fn look(ground: &Ground) -> Result<Option<String>, SetupError> {
    let name = database_name(ground)?;
    if ground.answers.database == Database::Prepared {
        return Ok(Some(format!("run the migrations that {name} lacks")));
    }
    let found = psql(&format!(
        "SELECT (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'revkeep\\_%'), (SELECT count(*) FROM pg_database WHERE datname = '{name}')"
    ))?;
    Ok(Some(match found.as_str() {
        "8|1" => format!("see that {name} is up to date"),
        _ => format!(
            "make the roles and {name} on this machine's PostgreSQL, say in pg_hba.conf and pg_ident.conf who may become whom, have systemd start it again when it fails, and run the migrations"
        ),
    }))
}

pub(super) fn apply(ground: &Ground, made: &mut Made) -> Result<(), SetupError> {
    let config = ground.config()?.database;
    let name = database_name(ground)?;
    let failed = |error| SetupError::Database(reason(&error));
    if ground.answers.database == Database::Local {
        admit(&name)?;
        // Before there is anything to take back.
        system::write(
            &ground.beside("setup.undo"),
            undo(&name).as_bytes(),
            0o600,
            ROOT,
        )?;
        cluster::stay_up()?;
        let mut admin = Setup::open(&config, "postgres", "postgres").map_err(failed)?;
        admin.make_roles().map_err(failed)?;
        if !admin.has_database(&name).map_err(failed)? {
            admin.make_database(&name, None).map_err(failed)?;
        }
        admin.grant_database(&name).map_err(failed)?;
    }
    let mut owner = Setup::open(&config, "revkeep_owner", &name).map_err(failed)?;
    made.migrations = owner.migrate().map_err(failed)?;
    let key = secrets::context_key(ground)?;
    owner.store_context_key(&key).map_err(failed)
}

/// It goes into statements and files of PostgreSQL, so it is a plain name.
fn database_name(ground: &Ground) -> Result<String, SetupError> {
    let name = ground.config()?.database.name;
    let plain = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if plain {
        return Ok(name);
    }
    Err(SetupError::Database(format!(
        "database.name is {name:?}; set-up makes names of a-z, 0-9 and _"
    )))
}

/// Asks the server where its files are, so that any version and cluster will do.
fn admit(database: &str) -> Result<(), SetupError> {
    let hba = PathBuf::from(psql("SHOW hba_file")?);
    let ident = PathBuf::from(psql("SHOW ident_file")?);
    // The first line that fits counts, so ours come first.
    let changed = [
        put_block(&ident, IDENT)?,
        put_block(&hba, &admission(database))?,
    ];
    if changed.contains(&true) {
        psql("SELECT pg_reload_conf()")?;
    }
    Ok(())
}

fn put_block(file: &Path, lines: &str) -> Result<bool, SetupError> {
    let failed = |error| SetupError::File(file.to_owned(), error);
    let before = fs::read_to_string(file).map_err(failed)?;
    let after = with_block(&before, lines);
    if after == before {
        return Ok(false);
    }
    let there = fs::metadata(file).map_err(failed)?;
    let owner = Account {
        user: there.uid(),
        group: there.gid(),
    };
    system::write(
        file,
        after.as_bytes(),
        there.permissions().mode() & 0o777,
        owner,
    )?;
    Ok(true)
}

/// The file with our lines at its head, in place of those of an earlier time.
fn with_block(file: &str, lines: &str) -> String {
    let mut ours = false;
    let mut rest = String::new();
    for line in file.split_inclusive('\n') {
        let bare = line.trim_end();
        if bare == BEGIN {
            ours = true;
        }
        if !ours {
            rest.push_str(line);
        }
        if bare == END {
            ours = false;
        }
    }
    format!("{BEGIN}\n{lines}{END}\n{rest}")
}

/// One value, as the account postgres.
fn psql(statement: &str) -> Result<String, SetupError> {
    let arguments = [
        "-u",
        "postgres",
        "--",
        "psql",
        "-XqAt",
        "-v",
        "ON_ERROR_STOP=1",
        "-f",
        "-",
    ];
    system::run("runuser", &arguments, statement.as_bytes()).map(|written| system::text(&written))
}

/// A shell script that purging the package runs: the database, the roles, and our lines.
fn undo(database: &str) -> String {
    format!(
        "#!/bin/sh
# Written by `revkeep setup`. Purging the package runs it: THE DATABASE AND ALL THAT IS IN IT ARE DROPPED.
set -e
ask() {{ runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -c \"$1\"; }}
hba=$(ask 'SHOW hba_file')
ident=$(ask 'SHOW ident_file')
for name in $(ask \"SELECT datname FROM pg_database WHERE datname IN ('{database}', '{database}_restoring', '{database}_rehearsal') OR starts_with(datname, '{database}_before_')\"); do
    ask \"DROP DATABASE IF EXISTS $name WITH (FORCE)\"
done
for role in app auth gateway agents auditor system owner backup; do
    ask \"DROP ROLE IF EXISTS revkeep_$role\"
done
sed -i '/^# begin revkeep/,/^# end revkeep/d' \"$hba\" \"$ident\"
ask 'SELECT pg_reload_conf()' >/dev/null
{}",
        cluster::undo()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_lines_come_first_and_once() {
        let file = "# theirs\nlocal all all peer\n";
        let once = with_block(file, "a\n");
        assert_eq!(once, format!("{BEGIN}\na\n{END}\n{file}"));
        assert_eq!(with_block(&once, "a\n"), once);
        assert_eq!(
            with_block(&once, "b\n"),
            format!("{BEGIN}\nb\n{END}\n{file}")
        );
    }

    #[test]
    fn the_daemon_never_becomes_owner_backup_or_superuser() {
        for line in IDENT.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(fields.len(), 3, "{line}");
            assert_eq!(
                fields[2] == "revkeep_backup",
                fields[1] == "revkeep-backup",
                "{line}"
            );
            if fields[1] == "revkeep" {
                assert!(
                    ![
                        "revkeep_owner",
                        "revkeep_backup",
                        "revkeep_system",
                        "postgres"
                    ]
                    .contains(&fields[2]),
                    "{line}"
                );
            }
        }
    }
}
