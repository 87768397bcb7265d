//! Keeps the server's certificate renewed (LM-31, LM-93): where `[acme]` names an authority, another one is
//! asked for when a third of the present one's life is left, and put in place without a restart.

mod order;
mod transport;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use audit::{AuditError, Entry};
use chrono::{DateTime, TimeDelta, Utc};
use db::Db;
use egress::{Egress, Purpose};
use http::Certificate;
use kernel::{Action, Actor, Principal, TenantId};
use openssl::x509::X509;
use serde_json::json;
use tokio::sync::watch;

use self::order::Asking;
use crate::{
    certificate::{
        CertificateError, bring::Brought, covers, fingerprint, host, period, signs_itself,
    },
    checks,
    config::{Acme, Config},
    setup::{SetupError, system},
};

/// How often it is looked whether one is due.
const LOOK: Duration = Duration::from_secs(60);
/// After a failure, doubled with each: authorities count failures by the hour.
const FIRST_PAUSE: TimeDelta = TimeDelta::minutes(5);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(6);

/// Why no certificate came.
#[derive(Debug, thiserror::Error)]
pub(super) enum RenewalError {
    #[error("the authority")]
    Acme(#[from] instant_acme::Error),
    #[error("the authority offers no tls-alpn-01, the one challenge that needs no further port")]
    NoChallenge,
    #[error("the authority did not believe that the name is ours: {0}")]
    Refused(String),
    #[error("{file} holds no account; remove it to make a new one", file = .0.display())]
    Account(PathBuf),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    File(#[from] SetupError),
}

impl From<openssl::error::ErrorStack> for RenewalError {
    fn from(error: openssl::error::ErrorStack) -> Self {
        CertificateError::from(error).into()
    }
}

impl From<http::HttpError> for RenewalError {
    fn from(error: http::HttpError) -> Self {
        CertificateError::from(error).into()
    }
}

/// How it went, for `revkeep check` and `status`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// In a row.
    pub(crate) failures: u32,
    pub(crate) error: Option<String>,
    /// When it is tried again.
    pub(crate) next: Option<DateTime<Utc>>,
}

/// The task that renews. Clones share what they know.
#[derive(Clone)]
pub(super) struct Renewal {
    acme: Acme,
    file: PathBuf,
    host: String,
    http: egress::Http,
    served: Arc<Certificate>,
    db: Db,
    standing: Arc<Mutex<Standing>>,
}

impl Renewal {
    /// `None` where the administrator brings certificates.
    pub(super) fn new(
        config: &Config,
        egress: &Egress,
        served: &Arc<Certificate>,
        db: &Db,
    ) -> Option<Self> {
        Some(Self {
            acme: config.acme.clone()?,
            file: config.server.certificate.clone(),
            host: host(&config.site.public_url).to_owned(),
            http: egress.http(Purpose::CertificateAuthority),
            served: Arc::clone(served),
            db: db.clone(),
            standing: Arc::default(),
        })
    }

    pub(super) fn standing(&self) -> Standing {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        loop {
            let now = self.db.clock().now();
            let waiting = self.standing().next.is_some_and(|next| now < next);
            if !waiting && self.is_due(now) {
                self.renew(now).await;
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.served
            .leaf()
            .and_then(|der| X509::from_der(&der).ok())
            .is_none_or(|leaf| due(&leaf, &self.host, now))
    }

    async fn renew(&self, now: DateTime<Utc>) {
        log::info!(REVKEEP_ACTION = Action::CertificateRenew.name(); "asking {} for a certificate for {}", self.acme.directory, self.host);
        let renewed = self.obtain(now).await;
        let (told, failed) = match &renewed {
            Ok(print) => {
                log::info!(REVKEEP_ACTION = Action::CertificateRenew.name(); "the certificate was renewed: sha256 {print}");
                *self.lock() = Standing::default();
                (json!({ "host": self.host, "fingerprint": print }), None)
            }
            Err(error) => {
                let why = checks::cause(error);
                log::error!(REVKEEP_ACTION = Action::CertificateRenew.name(); "no certificate for {}: {why}", self.host);
                self.failed(why);
                (json!({ "host": self.host }), Some("certificate_not_issued"))
            }
        };
        let who = Principal::system(TenantId::PLATFORM, None);
        let noted = self.db.run(&who, move |tx| {
            let entry = Entry::new(Action::CertificateRenew, "certificate", "server").after(told);
            match failed {
                None => entry.write(tx),
                Some(code) => entry.failed(code).write(tx),
            }
        });
        if let Err(error) = noted.await {
            log::warn!("that the certificate was renewed is not in the audit log: {error}");
        }
    }

    fn failed(&self, error: String) {
        let mut standing = self.lock();
        let next = self.db.clock().now() + pause(standing.failures);
        standing.failures = standing.failures.saturating_add(1);
        standing.error = Some(error);
        standing.next = Some(next);
    }

    /// The fingerprint of the one that is served now.
    async fn obtain(&self, now: DateTime<Utc>) -> Result<String, RenewalError> {
        let asking = Asking {
            http: self.http.clone(),
            acme: &self.acme,
            account: self.file.with_file_name("acme-account.json"),
            host: &self.host,
            served: &self.served,
        };
        let brought = asking.obtain().await?;
        brought.judge(&self.host, now)?;
        put(&self.file, &brought)?;
        self.served.reload()?;
        let leaf = brought.chain.first().ok_or(CertificateError::ForeignKey)?;
        Ok(fingerprint(leaf)?)
    }
}

/// Puts on record that an administrator had the files read again; the fingerprint of what is served since.
pub(super) async fn reloaded(
    db: &Db,
    asker: &Actor,
    served: &Certificate,
) -> Result<String, AuditError> {
    let print = served
        .leaf()
        .and_then(|der| fingerprint(X509::from_der(&der).ok()?.as_ref()).ok())
        .unwrap_or_default();
    let who = Principal::of_appliance(asker);
    let told = json!({ "fingerprint": print });
    db.run(&who, move |tx| {
        Entry::new(Action::CertificateReload, "certificate", "server")
            .after(told)
            .write(tx)
    })
    .await?;
    Ok(print)
}

/// Key and chain in one file, so that both change at once.
fn put(file: &Path, brought: &Brought) -> Result<(), RenewalError> {
    let mut both = brought.key_pem()?.expose().clone();
    both.extend(brought.certificate_pem()?);
    let both = kernel::Secret::new(both);
    let new = file.with_added_extension("try");
    system::write(&new, both.expose(), 0o600, system::own())?;
    Certificate::usable(&new, &new)?;
    std::fs::rename(&new, file).map_err(|error| SetupError::File(file.to_owned(), error))?;
    Ok(())
}

/// Two thirds of its life are over, or it was only to begin with, or it is for another name.
fn due(leaf: &X509, host: &str, now: DateTime<Utc>) -> bool {
    let third_left = period(leaf).map_or(true, |(from, until)| until - now <= (until - from) / 3);
    third_left || signs_itself(leaf) || !covers(leaf, host)
}

fn pause(failures: u32) -> TimeDelta {
    let doubled = 1_i32.checked_shl(failures.min(16)).unwrap_or(i32::MAX);
    FIRST_PAUSE
        .checked_mul(doubled)
        .map_or(LONGEST_PAUSE, |pause| pause.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::make;

    #[test]
    fn failures_are_answered_with_longer_pauses() {
        assert_eq!(pause(0), TimeDelta::minutes(5));
        assert_eq!(pause(3), TimeDelta::minutes(40));
        assert_eq!(pause(9), TimeDelta::hours(6));
        assert_eq!(pause(u32::MAX), TimeDelta::hours(6));
    }

    #[test]
    fn one_is_due_at_two_thirds_of_its_life_and_for_another_name() {
        let ca = stack::tls::TestCa::new().unwrap();
        let leaf = ca.leaf(&["revkeep.example"]).unwrap();
        let leaf = X509::from_pem(&leaf.certificate).unwrap();
        let (from, until) = period(&leaf).unwrap();
        let life = until - from;
        assert!(!due(&leaf, "revkeep.example", from + life / 2));
        assert!(due(
            &leaf,
            "revkeep.example",
            from + life / 3 * 2 + TimeDelta::minutes(1)
        ));
        assert!(due(&leaf, "other.example", from + life / 2));
        let own = make::self_signed("revkeep.example", &make::key().unwrap(), 90).unwrap();
        assert!(due(&own, "revkeep.example", from));
    }
}
