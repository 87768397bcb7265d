//! Vault or OpenBao as the backend: transit for the tenants' keys, KV version 2 for named
//! secrets. What the daemon may do there is `config/vault/revkeep-policy.hcl` and nothing more.

mod fault;
mod session;
mod signing;
mod transit;

use std::time::Duration;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use kernel::{Secret, SharedClock, TenantId};
use serde::{Deserialize, Serialize};
use vaultrs::{api::kv2::requests::SetSecretRequestOptions, error::ClientError, kv2};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    backend::{Backend, IfMissing},
    cipher::{Key, fill_random},
    config::VaultConfig,
    envelope::Wrapped,
    error::VaultError,
    signing::PublicKey,
};
use fault::{fault, status};
use session::{Session, Sessions};

/// The folder of the KV engine that holds the platform's secrets.
const FOLDER: &str = "revkeep";

pub(crate) struct Remote {
    sessions: Sessions,
    transit_mount: String,
    kv_mount: String,
}

/// What stands under one path of the KV engine.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Stored {
    /// Base64.
    value: String,
}

impl Remote {
    pub(crate) fn new(config: VaultConfig, clock: SharedClock) -> Result<Self, VaultError> {
        check_address(&config)?;
        let (transit_mount, kv_mount) = (config.transit_mount.clone(), config.kv_mount.clone());
        Ok(Self {
            sessions: Sessions::new(config, clock)?,
            transit_mount,
            kv_mount,
        })
    }

    /// Runs `operation` in the current session. A token that the server no longer knows is
    /// replaced once; a refusal with a good token is a matter of policy and final.
    async fn call<T, F>(
        &self,
        operation: impl Fn(std::sync::Arc<Session>) -> F + Send + Sync,
    ) -> Result<Result<T, ClientError>, VaultError>
    where
        F: Future<Output = Result<T, ClientError>> + Send,
        T: Send,
    {
        let session = self.sessions.current().await?;
        let answer = operation(std::sync::Arc::clone(&session)).await;
        match &answer {
            Err(error) if status(error) == Some(403) => {
                match self.sessions.replace_if_dead(session).await? {
                    Some(session) => Ok(operation(session).await),
                    None => Ok(answer),
                }
            }
            _ => Ok(answer),
        }
    }

    async fn read_secret(&self, name: &str) -> Result<Option<Secret<Vec<u8>>>, VaultError> {
        let path = format!("{FOLDER}/{name}");
        let (mount, path) = (self.kv_mount.as_str(), path.as_str());
        let read = self
            .call(|session| async move { kv2::read::<Stored>(&session.client, mount, path).await })
            .await?;
        match read {
            Ok(stored) => BASE64
                .decode(&stored.value)
                .map(|value| Some(Secret::new(value)))
                .map_err(|_| VaultError::Backend(format!("the secret {name} is not base64"))),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(fault(&error)),
        }
    }

    /// Stores a secret that must not be there yet; false when it is.
    async fn create_secret(&self, name: &str, value: &Secret<Vec<u8>>) -> Result<bool, VaultError> {
        let path = format!("{FOLDER}/{name}");
        let (mount, path) = (self.kv_mount.as_str(), path.as_str());
        let stored = &Stored {
            value: BASE64.encode(value.expose()),
        };
        let written = self
            .call(|session| async move {
                let absent = SetSecretRequestOptions { cas: 0 };
                kv2::set_with_options(&session.client, mount, path, stored, absent).await
            })
            .await?;
        match written {
            Ok(_) => Ok(true),
            // "check-and-set parameter did not match the current version"
            Err(error) if status(&error) == Some(400) => Ok(false),
            Err(error) => Err(fault(&error)),
        }
    }
}

#[async_trait]
impl Backend for Remote {
    async fn ensure_tenant_key(&self, tenant: TenantId) -> Result<(), VaultError> {
        self.create_key(tenant).await
    }

    async fn data_key(
        &self,
        tenant: TenantId,
        context: &[u8],
    ) -> Result<(Key, Wrapped), VaultError> {
        self.transit_data_key(tenant, context).await
    }

    async fn unwrap_key(
        &self,
        tenant: TenantId,
        context: &[u8],
        wrapped: &Wrapped,
    ) -> Result<Key, VaultError> {
        self.transit_decrypt(tenant, context, wrapped).await
    }

    async fn rewrap_key(
        &self,
        tenant: TenantId,
        context: &[u8],
        wrapped: &Wrapped,
    ) -> Result<Wrapped, VaultError> {
        self.transit_rewrap(tenant, context, wrapped).await
    }

    async fn rotate_tenant_key(&self, tenant: TenantId) -> Result<(), VaultError> {
        self.rotate_key(tenant).await
    }

    async fn destroy_tenant_key(&self, tenant: TenantId) -> Result<(), VaultError> {
        self.delete_key(tenant).await
    }

    async fn named_secret(
        &self,
        name: &str,
        if_missing: IfMissing,
    ) -> Result<Secret<Vec<u8>>, VaultError> {
        if let Some(value) = self.read_secret(name).await? {
            return Ok(value);
        }
        let IfMissing::Generate(length) = if_missing else {
            return Err(VaultError::NoSecret(name.to_owned()));
        };
        let mut made = vec![0; length];
        fill_random(&mut made)?;
        let made = Secret::new(made);
        if self.create_secret(name, &made).await? {
            return Ok(made);
        }
        // Another daemon was first, or somebody deleted the secret: then it must be restored, for
        // a new value would make everything unusable that was made with the old one.
        self.read_secret(name).await?.ok_or_else(|| {
            VaultError::Backend(format!(
                "the secret {name} was deleted; undelete it in Vault"
            ))
        })
    }

    async fn put_named_secret(
        &self,
        name: &str,
        value: &Secret<Vec<u8>>,
    ) -> Result<(), VaultError> {
        let path = format!("{FOLDER}/{name}");
        let (mount, path) = (self.kv_mount.as_str(), path.as_str());
        let stored = &Stored {
            value: BASE64.encode(value.expose()),
        };
        self.call(|session| async move { kv2::set(&session.client, mount, path, stored).await })
            .await?
            .map(drop)
            .map_err(|error| fault(&error))
    }

    async fn ensure_signing_key(&self, name: &str) -> Result<(), VaultError> {
        self.transit_signing_key(name).await
    }

    async fn public_keys(&self, name: &str) -> Result<Vec<PublicKey>, VaultError> {
        self.transit_public_keys(name).await
    }

    async fn sign(&self, name: &str, version: u32, message: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.transit_sign(name, version, message).await
    }

    async fn rotate_signing_key(&self, name: &str) -> Result<(), VaultError> {
        self.transit_rotate_signing_key(name).await
    }

    async fn probe(&self) -> Result<(), VaultError> {
        self.call(|session| async move { vaultrs::token::lookup_self(&session.client).await })
            .await?
            .map(drop)
            .map_err(|error| fault(&error))
    }

    async fn server_time(&self) -> Result<Option<DateTime<Utc>>, VaultError> {
        let health = self
            .call(|session| async move { vaultrs::sys::health(&session.client).await })
            .await?
            .map_err(|error| fault(&error))?;
        Ok(DateTime::from_timestamp(health.server_time_utc, 0))
    }
}

fn check_address(config: &VaultConfig) -> Result<(), VaultError> {
    let loopback = match config.address.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match config.address.scheme() {
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        _ => Err(VaultError::Config(format!(
            "secrets.vault.address is {}; it must be https (http on loopback only)",
            config.address
        ))),
    }
}

fn seconds(config: &VaultConfig) -> Duration {
    Duration::from_secs(config.timeout_seconds.clamp(1, 120))
}
