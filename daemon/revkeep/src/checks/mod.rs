//! What `revkeep check` and `revkeep doctor` look at, one subject per file. Each finding says what was
//! found and, where something is amiss, the next step.

mod certificate;
mod clock;
mod configuration;
mod database;
mod disk;
pub(crate) mod listening;
mod machine;
mod network;
mod passwords;
mod running;
mod secrets;
pub(crate) mod unit;
mod upkeep;

use std::{borrow::Cow, path::Path, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use kernel::{Clock, SystemClock};
use serde::{Deserialize, Serialize};
use vault::Vault;

use crate::config::{Config, ConfigError};

pub(crate) use disk::rooms;
pub(crate) use running::{audit_log, last_verify, renewal, signing_keys};

/// What answers at all answers within this; what does not must not keep the rest from being told.
const PATIENCE: Duration = Duration::from_secs(12);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Pass,
    Warn,
    Fail,
}

impl Verdict {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub subject: Cow<'static, str>,
    pub verdict: Verdict,
    pub detail: String,
    pub next_step: Option<String>,
}

impl Finding {
    pub(crate) fn pass(subject: &'static str, detail: impl Into<String>) -> Self {
        Self {
            subject: Cow::Borrowed(subject),
            verdict: Verdict::Pass,
            detail: detail.into(),
            next_step: None,
        }
    }
    pub(crate) fn warn(
        subject: &'static str,
        detail: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Warn,
            next_step: Some(next_step.into()),
            ..Self::pass(subject, detail)
        }
    }
    pub(crate) fn fail(
        subject: &'static str,
        detail: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Fail,
            next_step: Some(next_step.into()),
            ..Self::pass(subject, detail)
        }
    }
}

/// The gravest of them.
pub(crate) fn worst(findings: &[Finding]) -> Verdict {
    findings
        .iter()
        .map(|finding| finding.verdict)
        .max()
        .unwrap_or(Verdict::Pass)
}

/// A configuration that cannot be read, which leaves nothing else to look at.
pub(crate) fn unusable(error: &ConfigError) -> Finding {
    Finding::fail("configuration", error.to_string(), "correct the setting")
}

/// Everything that a start needs, in the order in which it needs it.
pub(crate) async fn all(config: &Config, file: &Path) -> Vec<Finding> {
    let now = SystemClock.now();
    let vault = Vault::new(config.secrets.clone(), Arc::new(SystemClock));
    let mut findings = configuration::look(config, file);
    findings.extend(certificate::look(config, now));
    findings.push(passwords::look(&config.identity));
    findings.extend(disk::look(config));
    findings.push(listening::port(config));
    let (secrets, database, outside) = tokio::join!(
        secrets::look(&vault),
        within("database", database::look(config, &vault)),
        network::look(config),
    );
    findings.push(secrets);
    findings.extend(database);
    findings.extend(outside);
    findings
}

/// What `revkeep doctor` looks at beside [`all`]: this machine.
pub(crate) fn machine(now: DateTime<Utc>) -> Vec<Finding> {
    vec![machine::updates(Path::new("/"), now)]
}

/// The process that asks, when it is the daemon.
pub(crate) fn own_process(config: &Config) -> Vec<Finding> {
    vec![listening::closed(config), unit::confined(config)]
}

/// What takes longer than [`PATIENCE`] is told as that.
async fn within(subject: &'static str, look: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    tokio::time::timeout(PATIENCE, look)
        .await
        .unwrap_or_else(|_| {
            vec![Finding::fail(
                subject,
                format!("no answer within {} s", PATIENCE.as_secs()),
                "look at that server's own log, and at what stands between",
            )]
        })
}

pub(crate) fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
