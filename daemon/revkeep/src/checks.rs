//! What `revkeep check` looks at.

use std::{borrow::Cow, fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError};
use identity::SigningKeys;
use kernel::{Classified, Clock, SystemClock};
use openssl::{asn1::Asn1Time, x509::X509};
use serde::{Deserialize, Serialize};
use vault::{Health, Vault};

use crate::config::{Config, ConfigError};

/// Rows wait for seconds; so long only when sealing does not go on.
const SEALED_WITHIN: TimeDelta = TimeDelta::minutes(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub subject: Cow<'static, str>,
    pub verdict: Verdict,
    pub detail: String,
    pub next_step: Option<String>,
}

impl Finding {
    fn pass(subject: &'static str, detail: impl Into<String>) -> Self {
        Self {
            subject: Cow::Borrowed(subject),
            verdict: Verdict::Pass,
            detail: detail.into(),
            next_step: None,
        }
    }
    fn fail(subject: &'static str, detail: impl Into<String>, next_step: &str) -> Self {
        Self {
            subject: Cow::Borrowed(subject),
            verdict: Verdict::Fail,
            detail: detail.into(),
            next_step: Some(next_step.to_owned()),
        }
    }
}

/// A configuration that cannot be read, which leaves nothing else to look at.
pub(crate) fn unusable(error: &ConfigError) -> Finding {
    Finding::fail("configuration", error.to_string(), "correct the setting")
}

/// Everything, in the order in which a start needs it.
pub(crate) async fn all(config: &Config) -> Vec<Finding> {
    vec![
        Finding::pass("configuration", "is complete and has no unknown key"),
        certificate(&config.server.certificate, &config.server.private_key),
        key_mode(&config.server.private_key),
        passwords(&config.identity),
        secrets(config).await,
        database(config).await,
    ]
}

/// The age of the key that signs (LM-67); the running daemon knows it.
pub(crate) fn signing_keys(keys: &SigningKeys) -> Finding {
    let days = keys
        .items
        .iter()
        .find(|key| key.state == "current")
        .map_or(0, |key| key.age_days);
    if keys.due {
        return Finding {
            subject: Cow::Borrowed("signing key"),
            verdict: Verdict::Warn,
            detail: format!(
                "has signed for {days} days; {} are the most",
                keys.rotate_every_days
            ),
            next_step: Some("`revkeep keys rotate`; nobody is signed out by it".to_owned()),
        };
    }
    Finding::pass("signing key", format!("has signed for {days} days"))
}

/// Whether the audit log is sealed as it grows (LM-77); the running daemon knows it.
pub(crate) fn audit_log(standing: &audit::Standing, now: DateTime<Utc>) -> Finding {
    let behind = standing
        .waiting_since
        .map_or(TimeDelta::zero(), |since| now - since);
    let detail = match &standing.head {
        Some(head) => format!(
            "head {} over {} rows; {} wait to be sealed",
            head.statement.number, head.statement.size, standing.waiting
        ),
        None => format!("no head yet; {} rows wait to be sealed", standing.waiting),
    };
    if behind > SEALED_WITHIN {
        return Finding {
            subject: Cow::Borrowed("audit log"),
            verdict: Verdict::Warn,
            detail: format!("{detail}, the oldest for {} minutes", behind.num_minutes()),
            next_step: Some(
                "`journalctl -u revkeep REVKEEP_ACTION=audit_seal` says why; a long transaction in the cluster holds it back too".to_owned(),
            ),
        };
    }
    Finding::pass("audit log", detail)
}

/// Which rules run (CX-16), and whether the list of breached passwords can be searched (CX-17).
fn passwords(config: &identity::Config) -> Finding {
    if let Some(path) = &config.breach.hash_file
        && let Err(why) = identity::breach_list_check(path)
    {
        return Finding::fail(
            "passwords",
            format!("{}: {why}", path.display()),
            "put the SHA-1 list ordered by hash there, or remove identity.breach.hash_file: no password can be set meanwhile",
        );
    }
    let breaches = match (&config.breach.hash_file, &config.breach.mirror) {
        (None, None) => "the built-in list of common ones",
        (Some(_), None) => "the hash file",
        (None, Some(_)) => "the mirror",
        (Some(_), Some(_)) => "the hash file and the mirror",
    };
    Finding::pass(
        "passwords",
        format!(
            "profile {}, bcrypt cost {}, breaches from {breaches}",
            config.password_profile.name(),
            config.bcrypt_cost
        ),
    )
}

/// Days before its end at which a certificate is warned of.
const RENEW_WITHIN: i64 = 14;

fn certificate(certificate: &Path, key: &Path) -> Finding {
    if let Err(error) = http::Certificate::load(certificate, key) {
        return Finding::fail(
            "certificate",
            cause(&error),
            "correct server.certificate and server.private_key",
        );
    }
    match days_left(certificate) {
        Ok(days) if days < 0 => Finding::fail(
            "certificate",
            format!("{} has expired", certificate.display()),
            "put the renewed certificate in its place, then `systemctl reload revkeep`",
        ),
        Ok(days) if days < RENEW_WITHIN => Finding {
            subject: Cow::Borrowed("certificate"),
            verdict: Verdict::Warn,
            detail: format!("ends in {days} days"),
            next_step: Some("renew it; a reload picks the new files up".to_owned()),
        },
        Ok(days) => Finding::pass("certificate", format!("is valid for {days} more days")),
        Err(error) => Finding::fail(
            "certificate",
            error.to_string(),
            "correct server.certificate",
        ),
    }
}

/// Days until the first certificate of the file ends; negative when it has.
fn days_left(certificate: &Path) -> Result<i64, Box<dyn std::error::Error>> {
    let first = X509::from_pem(&fs::read(certificate)?)?;
    let today = Asn1Time::from_unix(SystemClock.now().timestamp())?;
    Ok(i64::from(today.diff(first.not_after())?.days))
}

fn key_mode(key: &Path) -> Finding {
    match fs::metadata(key).map(|meta| meta.permissions().mode() & 0o777) {
        Ok(mode) if mode & 0o007 == 0 => Finding::pass("key file", format!("mode {mode:o}")),
        Ok(mode) => Finding::fail(
            "key file",
            format!("{} can be read by everyone (mode {mode:o})", key.display()),
            "chmod 0600 it, and have the certificate issued anew: the key may be known",
        ),
        Err(error) => Finding::fail(
            "key file",
            format!("{}: {error}", key.display()),
            "correct server.private_key",
        ),
    }
}

async fn secrets(config: &Config) -> Finding {
    let vault = match Vault::new(config.secrets.clone(), Arc::new(SystemClock)) {
        Ok(vault) => vault,
        Err(error) => return Finding::fail("secrets", error.to_string(), "correct [secrets]"),
    };
    match vault.health().await {
        Health::Ready => Finding::pass("secrets", "the backend answers and admits this daemon"),
        Health::Sealed(why) => {
            Finding::fail("secrets", why, "unseal Vault; the daemon goes on by itself")
        }
        Health::Unreachable(why) => Finding::fail(
            "secrets",
            why,
            "check secrets.vault.address and that the server runs",
        ),
        Health::Denied(why) => Finding::fail(
            "secrets",
            why,
            "renew the AppRole's secret id, and compare its policy with config/vault/",
        ),
    }
}

async fn database(config: &Config) -> Finding {
    let next = "run `revkeep setup` once, and check [database] and pg_ident.conf";
    let found = async {
        let vault = Vault::new(config.secrets.clone(), Arc::new(SystemClock))
            .map_err(|error| error.to_string())?;
        let key = crate::unlock::context_key(&vault)
            .await
            .map_err(|error| error.to_string())?;
        let db =
            Db::new(&config.database, Arc::new(SystemClock)).map_err(|error| error.message())?;
        db.unlock(key);
        db.system(|tx| tx.jobs_census())
            .await
            .map_err(|error: DbError| cause(&error))
    };
    match found.await {
        Ok(_) => Finding::pass(
            "database",
            "answers as revkeep_app, and its schema is there",
        ),
        Err(why) => Finding::fail("database", why, next),
    }
}

fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
