//! Signing in to Vault by AppRole, and staying signed in: one token for all, renewed before it
//! ends, replaced when it can be renewed no more or the server has forgotten it.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use kernel::SharedClock;
use tokio::sync::{Mutex, MutexGuard};
use vaultrs::{
    api::{AuthInfo, EndpointMiddleware},
    auth::approle,
    client::{VaultClient, VaultClientSettingsBuilder},
    token,
};
use zeroize::Zeroize as _;

use super::{
    fault::{fault, status},
    seconds,
};
use crate::{config::VaultConfig, error::VaultError};

/// A signed-in client. Its token is wiped when the last user lets go.
pub(super) struct Session {
    pub(super) client: VaultClient,
    /// None when the token has no end.
    life: Option<Life>,
}

#[derive(Clone, Copy)]
struct Life {
    renew_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    /// What the login gave. A renewal that gives less than half of it has met the token's
    /// greatest age.
    granted: TimeDelta,
    renewable: bool,
}

pub(super) struct Sessions {
    config: VaultConfig,
    clock: SharedClock,
    http: reqwest::Client,
    current: Mutex<Option<Arc<Session>>>,
}

impl Sessions {
    pub(super) fn new(config: VaultConfig, clock: SharedClock) -> Result<Self, VaultError> {
        let http = http_client(&config)?;
        Ok(Self {
            config,
            clock,
            http,
            current: Mutex::new(None),
        })
    }

    /// A session whose token is good for a while yet, as far as the clock can tell.
    pub(super) async fn current(&self) -> Result<Arc<Session>, VaultError> {
        let mut current = self.lock().await?;
        let now = self.clock.now();
        let session = match current.take() {
            Some(session) if session.life.is_none_or(|life| now < life.renew_at) => session,
            Some(session) => self.renewed(&session, now).await.inspect_err(|_| {
                // Kept while it lives, so that the next call tries to renew it again.
                current.replace(Arc::clone(&session));
            })?,
            None => self.login().await?,
        };
        *current = Some(Arc::clone(&session));
        Ok(session)
    }

    /// After a refusal in `session`: a new session when the server no longer knows the token, and
    /// nothing when the token is good, so that the refusal stands.
    pub(super) async fn replace_if_dead(
        &self,
        session: Arc<Session>,
    ) -> Result<Option<Arc<Session>>, VaultError> {
        let mut current = self.lock().await?;
        if let Some(newer) = current
            .as_ref()
            .filter(|newer| !Arc::ptr_eq(newer, &session))
        {
            return Ok(Some(Arc::clone(newer)));
        }
        match token::lookup_self(&session.client).await {
            Ok(_) => Ok(None),
            Err(error) if status(&error) == Some(403) => {
                *current = None;
                let session = self.login().await?;
                *current = Some(Arc::clone(&session));
                Ok(Some(session))
            }
            Err(error) => Err(fault(&error)),
        }
    }

    /// Callers queue while one of them signs in, and give up together when the server is mute.
    async fn lock(&self) -> Result<MutexGuard<'_, Option<Arc<Session>>>, VaultError> {
        tokio::time::timeout(seconds(&self.config), self.current.lock())
            .await
            .map_err(|_| VaultError::Unreachable(String::from("signing in takes too long")))
    }

    async fn renewed(
        &self,
        session: &Session,
        now: DateTime<Utc>,
    ) -> Result<Arc<Session>, VaultError> {
        let Some(life) = session
            .life
            .filter(|life| life.renewable && now < life.ends_at)
        else {
            return self.login().await;
        };
        match token::renew_self(&session.client, None).await {
            Ok(mut auth) => {
                let next = Life::starting(now, &auth, Some(life.granted));
                let session = match next {
                    Some(next) if next.ends_at - now < life.granted / 2 => self.login().await,
                    next => Ok(Arc::new(self.session(&auth.client_token, next)?)),
                };
                auth.client_token.zeroize();
                session
            }
            Err(error) if matches!(status(&error), Some(400 | 403)) => self.login().await,
            Err(error) => Err(fault(&error)),
        }
    }

    async fn login(&self) -> Result<Arc<Session>, VaultError> {
        let secret_id = self.config.secret_id.read()?;
        let secret_id = std::str::from_utf8(secret_id.expose())
            .map(str::trim)
            .map_err(|_| VaultError::Denied(String::from("the secret id is not text")))?;
        let anonymous = self.session("", None)?;
        let now = self.clock.now();
        let (mount, role) = (&self.config.approle_mount, &self.config.role_id);
        let mut auth = match approle::login(&anonymous.client, mount, role, secret_id).await {
            Ok(auth) => auth,
            Err(error) if matches!(status(&error), Some(400 | 403)) => {
                return Err(VaultError::Denied(format!(
                    "AppRole login failed ({error}); is secrets.vault.role_id right, and the \
                     secret id in {} still valid?",
                    self.config.secret_id.path().display()
                )));
            }
            Err(error) => return Err(fault(&error)),
        };
        let session = self.session(&auth.client_token, Life::starting(now, &auth, None));
        auth.client_token.zeroize();
        log::info!(action = "vault_login"; "signed in to the secrets backend");
        session.map(Arc::new)
    }

    fn session(&self, token: &str, life: Option<Life>) -> Result<Session, VaultError> {
        let address = self.config.address.as_str().trim_end_matches('/');
        // Every setting is given, since one that is left out is taken from the environment.
        let settings = VaultClientSettingsBuilder::default()
            .address(address)
            .ca_certs(Vec::new())
            .identity(None)
            .token(token)
            .verify(true)
            .build()
            .map_err(|error| VaultError::Config(error.to_string()))?;
        let middle = EndpointMiddleware {
            token: token.to_owned(),
            version: String::from("v1"),
            wrap: None,
            namespace: self.config.namespace.clone(),
        };
        let http = rustify::clients::reqwest::Client::new(address, self.http.clone());
        Ok(Session {
            client: VaultClient {
                http,
                middle,
                settings,
            },
            life,
        })
    }
}

impl Life {
    /// Renewal is due after two thirds of the lease.
    fn starting(now: DateTime<Utc>, auth: &AuthInfo, granted: Option<TimeDelta>) -> Option<Self> {
        let lease = i64::try_from(auth.lease_duration)
            .ok()
            .filter(|seconds| *seconds > 0)?;
        let lease = TimeDelta::try_seconds(lease)?;
        Some(Self {
            renew_at: now + lease * 2 / 3,
            ends_at: now + lease,
            granted: granted.unwrap_or(lease),
            renewable: auth.renewable,
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.client.middle.token.zeroize();
        self.client.settings.token.zeroize();
    }
}

/// The client that reaches Vault: the configured authority alone when there is one, no redirect
/// (it would carry the token along), no proxy from the environment.
fn http_client(config: &VaultConfig) -> Result<reqwest::Client, VaultError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that another thread was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "vaultrs is the named exception to the rule that egress makes every client"
    )]
    let mut builder = reqwest::Client::builder();
    if let Some(path) = &config.ca_file {
        let unusable = |why: String| {
            VaultError::Config(format!("secrets.vault.ca_file {}: {why}", path.display()))
        };
        let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let authorities = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|error| unusable(error.to_string()))?;
        builder = builder.tls_certs_only(authorities);
    }
    builder
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(5).min(seconds(config)))
        .timeout(seconds(config))
        .build()
        .map_err(|error| VaultError::Config(format!("no HTTP client for Vault: {error}")))
}
