//! What a secrets backend does, whoever it is. Both backends pass the same contract test
//! (`tests/contract.rs`).

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{Secret, TenantId};

use crate::{cipher::Key, envelope::Wrapped, error::VaultError, signing::PublicKey};

/// Whether secrets can be used right now, with the reason when they cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Ready,
    Sealed(String),
    Unreachable(String),
    Denied(String),
}

/// What [`crate::Vault::named_secret`] does about a secret that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMissing {
    /// Make one of that many random bytes. Of several daemons that try, one wins and all get its
    /// value.
    Generate(usize),
    Fail,
}

/// `context` is the place that a data key belongs to ([`crate::Binding`]): unwrapping with another
/// one fails with [`VaultError::Refused`].
#[async_trait]
pub(crate) trait Backend: Send + Sync + 'static {
    /// Makes the tenant's key unless there is one.
    async fn ensure_tenant_key(&self, tenant: TenantId) -> Result<(), VaultError>;
    /// A fresh random data key, and the same key wrapped by the newest version of the tenant's.
    async fn data_key(
        &self,
        tenant: TenantId,
        context: &[u8],
    ) -> Result<(Key, Wrapped), VaultError>;
    async fn unwrap_key(
        &self,
        tenant: TenantId,
        context: &[u8],
        wrapped: &Wrapped,
    ) -> Result<Key, VaultError>;
    /// The same data key, wrapped by the newest version of the tenant's.
    async fn rewrap_key(
        &self,
        tenant: TenantId,
        context: &[u8],
        wrapped: &Wrapped,
    ) -> Result<Wrapped, VaultError>;
    /// Adds a version to the tenant's key. Older versions still unwrap.
    async fn rotate_tenant_key(&self, tenant: TenantId) -> Result<(), VaultError>;
    /// Destroys every version of the tenant's key. A key that is not there is destroyed already.
    async fn destroy_tenant_key(&self, tenant: TenantId) -> Result<(), VaultError>;
    async fn named_secret(
        &self,
        name: &str,
        if_missing: IfMissing,
    ) -> Result<Secret<Vec<u8>>, VaultError>;
    /// Stores `value` under `name`, in place of what was there.
    async fn put_named_secret(&self, name: &str, value: &Secret<Vec<u8>>)
    -> Result<(), VaultError>;
    /// Makes the Ed25519 key `name` unless there is one.
    async fn ensure_signing_key(&self, name: &str) -> Result<(), VaultError>;
    /// The public half of every version of the key.
    async fn public_keys(&self, name: &str) -> Result<Vec<PublicKey>, VaultError>;
    /// Ed25519 (RFC 8032) over `message` itself, by one version of the key.
    async fn sign(&self, name: &str, version: u32, message: &[u8]) -> Result<Vec<u8>, VaultError>;
    /// Adds a version to the key.
    async fn rotate_signing_key(&self, name: &str) -> Result<(), VaultError>;
    /// Succeeds when secrets can be used.
    async fn probe(&self) -> Result<(), VaultError>;
    /// The server's time; `None` when the backend has no clock of its own.
    async fn server_time(&self) -> Result<Option<DateTime<Utc>>, VaultError>;
}

impl From<Result<(), VaultError>> for Health {
    fn from(probed: Result<(), VaultError>) -> Self {
        match probed {
            Ok(()) => Self::Ready,
            Err(error) => match &error {
                VaultError::Sealed(_) => Self::Sealed(error.to_string()),
                VaultError::Unreachable(_) | VaultError::Backend(_) => {
                    Self::Unreachable(error.to_string())
                }
                VaultError::Denied(_)
                | VaultError::UnsafeFile { .. }
                | VaultError::NoKey(_)
                | VaultError::NoSecret(_)
                | VaultError::Refused
                | VaultError::Malformed(_)
                | VaultError::Config(_) => Self::Denied(error.to_string()),
            },
        }
    }
}
