//! `revkeep setup --answers FILE`: brings an installed package to where it serves. Each step first looks
//! whether its work is done, so that all of it can be shown beforehand and run again; what it makes on
//! this machine is written down for purging (`setup.undo`).
//!
//! | Module | Step |
//! |---|---|
//! | `answers` | what the administrator answers |
//! | `configuration` | `conf.d/50-setup.toml` |
//! | `certificate` | the certificate to begin with |
//! | `secrets` | credentials sealed for the unit, the keystore |
//! | `postgres` | who may become whom, roles, database, schema |
//! | `cluster` | PostgreSQL on this machine comes back by itself |
//! | `unit` | the network profile, and starting |
//! | `system` | files, programs and accounts of the machine |

mod answers;
mod certificate;
mod cluster;
mod configuration;
mod postgres;
mod secrets;
pub(crate) mod system;
mod unit;

use std::path::{Path, PathBuf};

use kernel::Secret;

use crate::{
    certificate::CertificateError,
    config::{Config, ConfigError},
};
pub(crate) use answers::Answers;
pub(crate) use secrets::{as_daemon, child as secrets_child, seal_recovered, with_credential};

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    #[error("{file}: {why}", file = .0.display(), why = .1)]
    Answers(PathBuf, String),
    #[error("set-up changes this machine, so it is root's to run: try it with sudo")]
    NotRoot,
    #[error("there is no account {0} on this machine; the package makes it")]
    NoAccount(String),
    #[error("{file}: {why}", file = .0.display(), why = .1)]
    File(PathBuf, #[source] std::io::Error),
    #[error("`{0}` failed: {1}")]
    Program(String, String),
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("the certificate: {0}")]
    Certificate(#[from] CertificateError),
    #[error("the certificate could not be made: {0}")]
    Openssl(#[from] openssl::error::ErrorStack),
    #[error("the database: {0}")]
    Database(String),
    #[error("the secrets backend: {0}")]
    Secrets(String),
    #[error("the daemon was started and is not ready: {0}")]
    NotReady(String),
}

/// What every step sees.
pub(crate) struct Ground {
    answers: Answers,
    /// The main configuration file; everything of the configuration stands beside it.
    file: PathBuf,
}

impl Ground {
    pub(crate) fn new(answers: Answers, file: &Path) -> Self {
        Self {
            answers,
            file: file.to_owned(),
        }
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.file.with_file_name(name)
    }

    /// The configuration as it is once the first step is done.
    fn config(&self) -> Result<Config, SetupError> {
        Ok(Config::load(&self.file)?)
    }
}

/// What came of it, to be told once.
#[derive(Default)]
pub(crate) struct Made {
    pub(crate) recovery_key: Option<Secret<String>>,
    pub(crate) migrations: Vec<String>,
}

struct Step {
    name: &'static str,
    /// What there is to do; `None` when all of it is done.
    look: fn(&Ground) -> Result<Option<String>, SetupError>,
    apply: fn(&Ground, &mut Made) -> Result<(), SetupError>,
}

const STEPS: [Step; 5] = [
    Step {
        name: "configuration",
        look: configuration::look,
        apply: configuration::apply,
    },
    Step {
        name: "certificate",
        look: certificate::look,
        apply: certificate::apply,
    },
    Step {
        name: "secrets",
        look: secrets::look,
        apply: secrets::apply,
    },
    Step {
        name: "database",
        look: postgres::look,
        apply: postgres::apply,
    },
    Step {
        name: "service",
        look: unit::look,
        apply: unit::apply,
    },
];

/// What would be done, step by step: name and words, or `None` where nothing is left to do.
pub(crate) fn plan(ground: &Ground) -> Result<Vec<(&'static str, Option<String>)>, SetupError> {
    root()?;
    STEPS
        .iter()
        .map(|step| Ok((step.name, (step.look)(ground)?)))
        .collect()
}

/// Does what is left to do, telling `tell` each step by name before it begins. What was `made` counts
/// also when a later step fails.
pub(crate) fn run(
    ground: &Ground,
    made: &mut Made,
    tell: &dyn Fn(&str, &str),
) -> Result<(), SetupError> {
    root()?;
    for step in &STEPS {
        if let Some(work) = (step.look)(ground)? {
            tell(step.name, &work);
            (step.apply)(ground, made)?;
        } else {
            tell(step.name, "is as it should be");
        }
    }
    Ok(())
}

/// The commented answers to start from.
pub(crate) const fn example() -> &'static str {
    answers::EXAMPLE
}

fn root() -> Result<(), SetupError> {
    if rustix::process::geteuid().is_root() {
        Ok(())
    } else {
        Err(SetupError::NotRoot)
    }
}
