//! `revkeep setup`: brings an installed package to where it serves, or prepares the database alone; says
//! what it does, and may be run again.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use db::{DbError, setup::Setup};
use kernel::{Secret, SystemClock};
use vault::{Choice, Vault};

use crate::{
    admin::{self, Question, Reply},
    config::Config,
    setup::{self, Answers, Ground, Made, SetupError},
    unlock,
};

#[derive(Args)]
pub(super) struct Options {
    /// Bring this machine to where the daemon serves, by the answers in this file. Shows first what it
    /// will do.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["database_as", "print_sql"])]
    answers: Option<PathBuf>,
    /// Only show what it would do.
    #[arg(long, requires = "answers")]
    plan: bool,
    /// Print commented answers to start from.
    #[arg(long, conflicts_with_all = ["answers", "database_as", "print_sql"])]
    example: bool,
    /// Prepare roles, database, schema and context key as this PostgreSQL superuser (by peer
    /// authentication, so run it as an account that pg_ident.conf lets become it and revkeep_owner).
    #[arg(long, value_name = "SUPERUSER")]
    database_as: Option<String>,
    /// Print the SQL for the DBA instead of running it.
    #[arg(long, conflicts_with = "database_as")]
    print_sql: bool,
}

/// What is done without a configuration, or before there is one; `None` for the rest.
pub(super) fn appliance(file: &Path, options: &Options, json: bool) -> Option<ExitCode> {
    if options.example {
        super::say(setup::example());
        return Some(ExitCode::SUCCESS);
    }
    let answers = options.answers.as_deref()?;
    let done = Answers::read(answers)
        .map(|answers| Ground::new(answers, file))
        .and_then(|ground| {
            if options.plan {
                plan(&ground, json)
            } else {
                bring_up(&ground, file, json)
            }
        });
    Some(done.unwrap_or_else(|error| {
        super::fail(
            json,
            "setup",
            &format!(
                "{error}.\nNothing that was done before is undone; correct it and run the command again."
            ),
        )
    }))
}

fn plan(ground: &Ground, json: bool) -> Result<ExitCode, SetupError> {
    let steps = setup::plan(ground)?;
    if json {
        let steps: Vec<_> = steps
            .iter()
            .map(|(name, work)| serde_json::json!({ "step": name, "work": work }))
            .collect();
        super::say(&serde_json::json!({ "plan": steps }).to_string());
    } else {
        for (name, work) in &steps {
            let work = work.as_deref().unwrap_or("is as it should be");
            super::say(&format!("{name:14} {work}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn bring_up(ground: &Ground, file: &Path, json: bool) -> Result<ExitCode, SetupError> {
    let mut made = Made::default();
    let done = setup::run(ground, &mut made, &|step, work| {
        if !json {
            super::say(&format!("{step:14} {work}"));
        }
    });
    // Nobody can tell it later, so it is told whatever happened after it was made.
    if let Some(recovery) = &made.recovery_key {
        super::say(&if json {
            serde_json::json!({ "recovery_key": recovery.expose() }).to_string()
        } else {
            super::keys::shown(recovery.expose())
        });
    }
    done?;
    let config = Config::load(file)?;
    // Once there is an administrator the daemon gives no further code, and none is needed.
    let code = match admin::ask(&config.admin.socket, &Question::SetupCode) {
        Ok(Reply::Answer(answer)) => Some(answer),
        Ok(Reply::Refusal { .. }) | Err(_) => None,
    };
    super::say(&match &code {
        _ if json => {
            serde_json::json!({ "migrations": made.migrations, "first_administrator": code })
                .to_string()
        }
        Some(answer) => invitation(answer),
        None => "Done. The daemon serves.".to_owned(),
    });
    Ok(ExitCode::SUCCESS)
}

pub(super) fn run(config: &Config, options: &Options, json: bool) -> ExitCode {
    if options.print_sql {
        super::say(Setup::roles_sql());
        super::say(&Setup::database_sql(&config.database.name));
        return ExitCode::SUCCESS;
    }
    if let Some(superuser) = &options.database_as {
        return match prepare(config, superuser, json) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => super::fail(
                json,
                "setup",
                &format!(
                    "{error}\nNothing that was done before is undone; correct it and run the command again."
                ),
            ),
        };
    }
    let answer = match super::ask(config, Question::SetupCode, json) {
        Ok(answer) => answer,
        Err(code) => return code,
    };
    if json {
        super::say(&answer.to_string());
    } else {
        super::say(&invitation(&answer));
    }
    ExitCode::SUCCESS
}

fn invitation(answer: &serde_json::Value) -> String {
    let text = |key: &str| {
        answer
            .get(key)
            .and_then(serde_json::Value::as_str)
            .unwrap_or("?")
    };
    format!(
        "Open {} and enter this code to become the first administrator:

    {}

It works once, for a day. A new code voids an earlier one.",
        text("address"),
        text("code"),
    )
}

fn prepare(config: &Config, superuser: &str, json: bool) -> Result<(), String> {
    let step = |text: &str| {
        if !json {
            super::say(text);
        }
    };
    let name = &config.database.name;
    step("Secrets: asking the backend for the key of the tenant context");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let recovery = make_keystore(config, &step)?;
    let key = runtime
        .block_on(async {
            let vault = Vault::new(config.secrets.clone(), Arc::new(SystemClock))?;
            unlock::context_key_or_new(&vault).await
        })
        .map_err(|error| error.to_string())?;
    step("Database: making the roles");
    let mut admin =
        Setup::open(&config.database, superuser, "postgres").map_err(|error| reason(&error))?;
    admin.make_roles().map_err(|error| reason(&error))?;
    if !admin.has_database(name).map_err(|error| reason(&error))? {
        step(&format!("Database: making {name}"));
        admin
            .make_database(name, None)
            .map_err(|error| reason(&error))?;
    }
    admin.grant_database(name).map_err(|error| reason(&error))?;
    let mut owner =
        Setup::open(&config.database, "revkeep_owner", name).map_err(|error| reason(&error))?;
    let ran = owner.migrate().map_err(|error| reason(&error))?;
    step(&format!("Database: {} migrations ran", ran.len()));
    owner
        .store_context_key(&key)
        .map_err(|error| reason(&error))?;
    if json {
        let recovery = recovery.as_ref().map(|key| key.expose().as_str());
        let done = serde_json::json!({ "migrations": ran, "recovery_key": recovery });
        super::say(&done.to_string());
    } else {
        super::say(
            "Done. Start the daemon (`systemctl start revkeep`), then run `revkeep setup` for the first administrator's code.",
        );
    }
    Ok(())
}

/// A local keystore is made with the first set-up; one that is there is left alone. The recovery key of
/// a new one is shown at once, since nobody can tell it later.
fn make_keystore(config: &Config, step: &dyn Fn(&str)) -> Result<Option<Secret<String>>, String> {
    let (Choice::Local, Some(local)) = (config.secrets.backend, &config.secrets.local) else {
        return Ok(None);
    };
    if local.keystore.exists() {
        return Ok(None);
    }
    step("Secrets: making the local keystore");
    let created = vault::create_keystore(local).map_err(|error| error.to_string())?;
    if let Some(recovery) = &created.recovery {
        step(&super::keys::shown(recovery.expose()));
    }
    Ok(created.recovery)
}

pub(crate) fn reason(error: &DbError) -> String {
    use std::error::Error;
    error
        .source()
        .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
