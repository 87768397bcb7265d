//! The command line: what an administrator types. Every command has `--json` and the exit codes
//! 0 (well), 1 (not well), 2 (could not be asked).

mod audit;
mod backup;
mod bucket;
mod certificate;
mod check;
mod controls;
mod doctor;
mod keys;
mod layer;
mod migrate;
mod papers;
mod restore;
mod resume;
mod routing;
mod secret;
mod sessions;
mod setup;
mod status;
mod support_bundle;
mod verify;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

pub(crate) use setup::reason;

use crate::{
    admin::{self, Question, Reply},
    config::Config,
};

/// Keeps a sales organisation's revenue data inside its own network.
#[derive(Parser)]
#[command(name = "revkeep", version, about, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// The configuration file; `conf.d/*.toml` beside it is read too.
    #[arg(long, global = true, default_value = crate::config::PACKAGED)]
    config: PathBuf,
    /// Answer in JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon.
    Serve,
    /// What the running daemon says of itself: one screen.
    Status,
    /// Look at everything that the daemon needs, and say what is wrong and the next step.
    Check,
    /// What is amiss with the appliance as it runs, and the next step for each; quiet when all is well.
    Doctor(doctor::Options),
    /// What somebody who helps needs to know, as a file: no name, address, secret or customer's data in it.
    SupportBundle(support_bundle::Options),
    /// Prepare the database, and print the one-time code for the first administrator.
    Setup(setup::Options),
    /// Bring the database to this version, as the role revkeep_owner.
    Migrate(migrate::Options),
    /// Print the commented default configuration: the manual of every setting.
    Config,
    /// The server's certificate: show it, ask an authority for one, put one in place, go back.
    #[command(subcommand)]
    Certificate(certificate::Command),
    /// The keys that sign access tokens and those that protect what is stored: list, rotate, rewrap.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Secrets of other systems that Revkeep is told.
    #[command(subcommand)]
    Secret(secret::Command),
    /// Sessions of people: end them all at once.
    #[command(subcommand)]
    Sessions(sessions::Command),
    /// What machines can see: the limited local layer, and the rights of their database role.
    #[command(subcommand)]
    Layer(layer::Command),
    /// Routing: why a record went where it went, and the rules as a file.
    #[command(subcommand)]
    Routing(routing::Command),
    /// The audit log's evidence: verify, prove, compare with an archive, print heads, prune.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Backups: make one, look whether it is whole, list them.
    #[command(subcommand)]
    Backup(backup::Command),
    /// Put a backup in place of the appliance's database, or only try whether it restores.
    Restore(restore::Options),
    /// End the quarantine of a restored appliance: what was held goes on.
    Resume(resume::Options),
    /// Try every control on the running appliance, and say where each one stands.
    Verify(verify::Options),
    /// List every promise about security: built with its probes, attested, or pending.
    Controls,
    /// The part of set-up that runs as the daemon's account. Set-up starts it.
    #[command(hide = true)]
    SetupSecrets {
        /// The credential of the secrets backend, opened.
        #[arg(long, value_name = "FILE")]
        credential: PathBuf,
    },
    /// The part of a backup that reads the database, as the account that may. `backup create` starts it.
    #[command(hide = true)]
    BackupDatabase {
        /// libpq's connection string.
        #[arg(long)]
        dsn: String,
    },
    /// The part of a backup that looks at the keys, as the daemon's account.
    #[command(hide = true)]
    BackupKeys {
        /// The credential of the secrets backend, opened.
        #[arg(long, value_name = "FILE")]
        credential: Option<PathBuf>,
    },
    /// Write the man pages, the shells' completions and the documentation of this very program. Packaging
    /// asks for it.
    #[command(hide = true)]
    Papers(papers::Options),
    /// Read one SAML message in a process that can do nothing else. The daemon starts it.
    #[command(hide = true)]
    SamlVerify,
}

/// Runs what was asked for.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Command::Config) {
        say(Config::manual());
        return ExitCode::SUCCESS;
    }
    if matches!(cli.command, Command::SamlVerify) {
        return saml_verify();
    }
    if let Command::Papers(options) = &cli.command {
        return papers::run(options, cli.json);
    }
    if matches!(cli.command, Command::Controls) {
        return controls::run(cli.json);
    }
    // Its account may not read the configuration.
    if let Command::BackupDatabase { dsn } = &cli.command {
        return crate::backup::child::database(dsn);
    }
    // Set-up writes the configuration, so it begins without.
    if let Command::Setup(options) = &cli.command
        && let Some(done) = setup::appliance(&cli.config, options, cli.json)
    {
        return done;
    }
    let read = match cli.command {
        Command::Serve => Config::load(&cli.config),
        Command::Restore(_) => Config::load_if_there(&cli.config),
        _ => Config::of_whoever_asks(&cli.config),
    };
    let config = match read {
        Ok(config) => config,
        Err(error) => return fail(cli.json, "configuration", &error.to_string()),
    };
    match cli.command {
        Command::Serve => crate::serve::run(config, &cli.config),
        Command::Status => status::run(&config, cli.json),
        Command::Check => check::run(&config, &cli.config, cli.json),
        Command::Doctor(options) => doctor::run(&config, &cli.config, &options, cli.json),
        Command::Setup(options) => setup::run(&config, &options, cli.json),
        Command::Secret(command) => secret::run(&config, &command, cli.json),
        Command::Audit(command) => audit::run(&config, &command, cli.json),
        Command::Backup(command) => backup::run((&config, &cli.config), &command, cli.json),
        Command::Restore(options) => restore::run((&config, &cli.config), &options, cli.json),
        Command::Resume(options) => resume::run(&config, &options, cli.json),
        Command::BackupKeys { credential } => {
            crate::backup::child::keys(config, credential.as_deref())
        }
        Command::Certificate(command) => certificate::run(&config, &command, cli.json),
        Command::Keys(command) => keys::run(&config, &command, cli.json),
        Command::Sessions(command) => sessions::run(&config, &command, cli.json),
        Command::Routing(command) => routing::run(&config, &command, cli.json),
        Command::Layer(command) => layer::run(&config, &command, cli.json),
        Command::Verify(options) => verify::run(&config, &options, cli.json),
        Command::SetupSecrets { credential } => {
            crate::setup::secrets_child(config, &credential, cli.json)
        }
        Command::Migrate(options) => migrate::run((&config, &cli.config), &options, cli.json),
        Command::SupportBundle(options) => {
            support_bundle::run(&config, &cli.config, &options, cli.json)
        }
        Command::Config
        | Command::Controls
        | Command::Papers(_)
        | Command::SamlVerify
        | Command::BackupDatabase { .. } => ExitCode::SUCCESS,
    }
}

#[expect(clippy::disallowed_methods, reason = "this is that process")]
fn saml_verify() -> ExitCode {
    saml::run()
}

/// Asks the daemon; an `Err` is the exit code after the reason was printed.
fn ask(config: &Config, question: Question, json: bool) -> Result<serde_json::Value, ExitCode> {
    match admin::ask(&config.admin.socket, &question) {
        Ok(Reply::Answer(answer)) => Ok(answer),
        Ok(Reply::Refusal { code, message }) => Err(fail(json, &code, &message)),
        Err(error) => Err(fail(
            json,
            "daemon_not_running",
            &format!(
                "The daemon does not answer on {}: {error}.\nNext step: `systemctl status revkeep`, then `journalctl -u revkeep -n 50`.",
                config.admin.socket.display()
            ),
        )),
    }
}

/// Prints why something could not be done; exit code 2.
pub(crate) fn fail(json: bool, code: &str, message: &str) -> ExitCode {
    if json {
        say(&serde_json::json!({ "error": { "code": code, "message": message } }).to_string());
    } else {
        complain(message);
    }
    ExitCode::from(2)
}

#[expect(clippy::print_stdout, reason = "a command answers on standard output")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "a command complains on standard error")]
fn complain(text: &str) {
    eprintln!("{text}");
}
