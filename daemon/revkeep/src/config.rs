//! Joins each crate's own configuration into one, from the built-in file, the machine's files and the
//! environment.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

/// The defaults and the manual are one file.
const DEFAULTS: &str = include_str!("../../../config/revkeep.toml");

/// Where the packages put it.
pub(crate) const PACKAGED: &str = "/etc/revkeep/revkeep.toml";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub site: Site,
    pub server: http::Config,
    /// The certificate is asked for and renewed by the daemon where this is there.
    pub acme: Option<Acme>,
    pub admin: Admin,
    pub database: db::DbConfig,
    pub secrets: vault::Config,
    pub egress: egress::EgressConfig,
    pub identity: identity::Config,
    pub salesforce: salesforce::Config,
    pub mail: delivery::Config,
    pub worker: Worker,
    pub audit: audit::Config,
    pub export: custody::ExportConfig,
    pub erasure: custody::ErasureConfig,
    pub siem: delivery::SiemConfig,
    #[serde(default)]
    pub verify: Verify,
    pub backup: crate::backup::Config,
    pub log: Log,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Site {
    /// Without a slash at the end.
    pub public_url: String,
    /// A mail address or a URI.
    pub security_contact: Option<String>,
}

/// An authority that issues by RFC 8555.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acme {
    /// The URL of its directory.
    pub directory: String,
    /// A mail address that it may write to about the certificate.
    pub contact: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Admin {
    pub socket: PathBuf,
    pub group: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Worker {
    pub parallel: usize,
    pub poll_milliseconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub target: LogTarget,
    pub level: Level,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

impl From<Level> for log::LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::Error,
            Level::Warn => Self::Warn,
            Level::Info => Self::Info,
            Level::Debug => Self::Debug,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogTarget {
    Journal,
    Terminal,
    Auto,
}

/// `[verify]` of the configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verify {
    /// Where the probes of TLS and headers knock; the daemon's own listener when absent.
    pub address: Option<egress::Endpoint>,
    /// What the build found out, signed; the signature beside it.
    pub build_manifest: Option<PathBuf>,
}

/// What is wrong with the configuration, in the words of whoever reads it at night.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0}\nNext step: correct the setting, then run `revkeep check`. Every setting stands, with its meaning, in the file that `revkeep config` prints."
)]
pub(crate) struct ConfigError(String);

impl Config {
    /// Reads `file`, the `conf.d` beside it and the environment over the built-in defaults. Only where the package
    /// puts it the file may be missing: a machine that is not set up.
    pub(crate) fn load(file: &Path) -> Result<Self, ConfigError> {
        let config = Self::load_if_there(file)?;
        if file != Path::new(PACKAGED) && files(file).is_empty() {
            return Err(ConfigError(format!(
                "The configuration cannot be used: there is no file {}.",
                file.display()
            )));
        }
        Ok(config)
    }

    /// For a command that puts the configuration in place itself.
    pub(crate) fn load_if_there(file: &Path) -> Result<Self, ConfigError> {
        visible(file)?;
        let config = merged(&files(file), true).map_err(|error| {
            let place = blamed(file, &error).unwrap_or_default();
            ConfigError(format!("The configuration cannot be used{place}: {error}."))
        })?;
        config.check()?;
        Ok(config)
    }

    /// For whoever only asks the daemon: members of `revkeep-admin` reach its socket and may not read what the
    /// package put beside it, so they are content with the built-in defaults.
    pub(crate) fn of_whoever_asks(file: &Path) -> Result<Self, ConfigError> {
        let hidden = std::fs::File::open(file)
            .is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
        if hidden && file == Path::new(PACKAGED) {
            return merged(&[], true).map_err(|error| {
                ConfigError(format!("The configuration cannot be used: {error}."))
            });
        }
        Self::load(file)
    }

    /// What the sections ask of each other.
    fn check(&self) -> Result<(), ConfigError> {
        let server = &self.server;
        if self.acme.is_none() {
            return Ok(());
        }
        let host = crate::certificate::host(&self.site.public_url);
        if host.parse::<std::net::IpAddr>().is_ok() {
            return Err(ConfigError(format!(
                "The configuration cannot be used: with [acme] site.public_url has a name and no address, and {host} is one."
            )));
        }
        if server.certificate != server.private_key {
            return Err(ConfigError(String::from(
                "The configuration cannot be used: with [acme] server.certificate and server.private_key are one file, which the daemon writes, such as /var/lib/revkeep/server.pem.",
            )));
        }
        Ok(())
    }

    /// The commented defaults.
    pub(crate) const fn manual() -> &'static str {
        DEFAULTS
    }
}

/// The built-in defaults, `files` over them, and the environment over both.
fn merged(files: &[PathBuf], environment: bool) -> Result<Config, config::ConfigError> {
    let mut builder = config::Config::builder()
        .add_source(config::File::from_str(DEFAULTS, config::FileFormat::Toml));
    for path in files {
        let file = config::File::from(path.clone()).format(config::FileFormat::Toml);
        builder = builder.add_source(file);
    }
    if environment {
        builder = builder.add_source(
            config::Environment::with_prefix("REVKEEP")
                .separator("__")
                .prefix_separator("__")
                .try_parsing(true),
        );
    }
    builder.build()?.try_deserialize()
}

/// `, in FILE` or `, in FILE, line N`: the file that is at fault by itself, and the line of the setting that
/// `error` names in backticks. `None` when it is none of them, as with the environment.
fn blamed(main: &Path, error: &config::ConfigError) -> Option<String> {
    let file = files(main)
        .into_iter()
        .find(|file| merged(std::slice::from_ref(file), false).is_err())?;
    let named = error.to_string();
    let key = named.split('`').nth(1).map_or("", |key| {
        key.rsplit_once('.').map_or(key, |(_, setting)| setting)
    });
    let line = std::fs::read_to_string(&file).ok().and_then(|text| {
        text.lines().position(|line| {
            line.split(['=', ']'])
                .next()
                .is_some_and(|start| start.trim_matches([' ', '[']) == key)
        })
    });
    Some(line.map_or_else(
        || format!(", in {}", file.display()),
        |line| format!(", in {}, line {}", file.display(), line + 1),
    ))
}

/// What files of these texts come to over the built-in defaults, setting by setting. The environment is not
/// asked: it is of this machine.
pub(crate) fn settings(texts: &[&str]) -> Result<BTreeMap<String, Value>, ConfigError> {
    let mut builder = config::Config::builder();
    for text in [&DEFAULTS].into_iter().chain(texts) {
        builder = builder.add_source(config::File::from_str(text, config::FileFormat::Toml));
    }
    let whole: Value = builder
        .build()
        .and_then(config::Config::try_deserialize)
        .map_err(|error| ConfigError(format!("The configuration cannot be used: {error}.")))?;
    let mut settings = BTreeMap::new();
    flatten("", whole, &mut settings);
    Ok(settings)
}

fn flatten(under: &str, value: Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(sections) => {
            for (name, value) in sections {
                let dot = if under.is_empty() { "" } else { "." };
                flatten(&format!("{under}{dot}{name}"), value, into);
            }
        }
        setting => {
            into.insert(under.to_owned(), setting);
        }
    }
}

/// Defaults in place of what cannot be seen would be another appliance's.
fn visible(main: &Path) -> Result<(), ConfigError> {
    let unseen = |path: &Path, error: std::io::Error| {
        ConfigError(format!(
            "The configuration cannot be used: {} cannot be read: {error}.",
            path.display()
        ))
    };
    main.try_exists().map_err(|error| unseen(main, error))?;
    let further = main.with_file_name("conf.d");
    match std::fs::read_dir(&further) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(unseen(&further, error));
        }
        Ok(_) | Err(_) => {}
    }
    Ok(())
}

/// The main file when it is there, and `conf.d/*.toml` beside it, by name.
pub(crate) fn files(main: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = main.exists().then(|| main.to_owned()).into_iter().collect();
    let directory = main.with_file_name("conf.d");
    let mut more: Vec<PathBuf> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    more.sort();
    files.append(&mut more);
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `text` is told, as the main file or beside it.
    fn told(text: &str, beside: bool) -> String {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("revkeep.toml");
        let file = if beside {
            std::fs::create_dir(folder.path().join("conf.d")).unwrap();
            std::fs::write(&main, "[server]\n").unwrap();
            folder.path().join("conf.d/site.toml")
        } else {
            main.clone()
        };
        std::fs::write(&file, text).unwrap();
        let error = Config::load(&main).unwrap_err().to_string();
        error.replace(folder.path().to_str().unwrap(), "")
    }

    #[test]
    fn a_configuration_that_is_not_there_is_told_and_not_made_up() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("revkeep.toml");
        let error = Config::load(&main).unwrap_err().to_string();
        assert!(error.contains("there is no file"), "{error}");
        std::fs::write(folder.path().join("conf.d"), "").unwrap();
        std::fs::write(&main, "[server]\n").unwrap();
        let error = Config::load(&main).unwrap_err().to_string();
        assert!(error.contains("conf.d cannot be read"), "{error}");
        std::fs::remove_file(folder.path().join("conf.d")).unwrap();
        assert!(Config::load(&main).is_ok());
        let beneath_a_file = main.join("revkeep.toml");
        let error = Config::load(&beneath_a_file).unwrap_err().to_string();
        assert!(error.contains("cannot be used"), "{error}");
    }

    #[test]
    fn an_error_names_the_file_and_the_line_of_the_setting() {
        let unknown = told("# Ours.\n[server]\nbindd = 1\n", false);
        assert!(
            unknown.contains("in /revkeep.toml, line 3: unknown field `bindd`"),
            "{unknown}"
        );
        let section = told("\n[sever]\n", true);
        assert!(
            section.contains("in /conf.d/site.toml, line 2: unknown field `sever`"),
            "{section}"
        );
        let value = told("[server]\nshutdown_seconds = \"soon\"\n", true);
        assert!(value.contains("in /conf.d/site.toml, line 2:"), "{value}");
        let broken = told("[server\n", false);
        assert!(
            broken.contains("in /revkeep.toml: TOML parse error at line 1"),
            "{broken}"
        );
    }
}
