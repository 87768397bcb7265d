//! The face of the crate: seal, open, rewrap, and the keys behind them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kernel::{Secret, SharedClock, TenantId};

use crate::{
    backend::{Backend, Health, IfMissing},
    binding::Binding,
    cache::Cache,
    cipher,
    config::{Choice, Config},
    data_key::DataKey,
    envelope::{Sealed, Wrapped},
    error::VaultError,
    local::Local,
    remote::Remote,
};

/// A handle; clones share the connection and the cache.
#[derive(Clone)]
pub struct Vault {
    pub(crate) backend: Arc<dyn Backend>,
    cache: Arc<Cache>,
}

impl Vault {
    /// Prepares the backend without contacting it: a sealed or absent backend is no reason not to
    /// start. Fails with [`VaultError::Config`] only.
    pub fn new(config: Config, clock: SharedClock) -> Result<Self, VaultError> {
        let backend: Arc<dyn Backend> = match config.backend {
            Choice::Vault => {
                let config = config.vault.ok_or_else(|| no_section("vault"))?;
                Arc::new(Remote::new(config, Arc::clone(&clock))?)
            }
            Choice::Local => Arc::new(Local::new(config.local.ok_or_else(|| no_section("local"))?)),
        };
        Ok(Self {
            backend,
            cache: Arc::new(Cache::new(clock)),
        })
    }

    pub async fn health(&self) -> Health {
        self.backend.probe().await.into()
    }

    /// What time it is for the backend's server; `None` when it is this machine.
    pub async fn server_time(&self) -> Result<Option<DateTime<Utc>>, VaultError> {
        self.backend.server_time().await
    }

    /// Makes the tenant's key unless there is one. [`TenantId::PLATFORM`] has a key like any other.
    pub async fn ensure_tenant_key(&self, tenant: TenantId) -> Result<(), VaultError> {
        self.backend.ensure_tenant_key(tenant).await
    }

    /// Adds a version to the tenant's key: new values use it, older ones still open, and
    /// [`Vault::rewrap`] moves them over.
    pub async fn rotate_tenant_key(&self, tenant: TenantId) -> Result<(), VaultError> {
        self.backend.rotate_tenant_key(tenant).await
    }

    /// Destroys the tenant's key, and with it every value that was sealed for the tenant. The
    /// platform's key is refused.
    pub async fn destroy_tenant_key(&self, tenant: TenantId) -> Result<(), VaultError> {
        if tenant == TenantId::PLATFORM {
            return Err(VaultError::Denied(String::from(
                "the platform's key is never destroyed",
            )));
        }
        let destroyed = self.backend.destroy_tenant_key(tenant).await;
        self.cache.forget(tenant);
        destroyed
    }

    /// Seals `clear` for its place under a fresh data key.
    pub async fn seal(
        &self,
        tenant: TenantId,
        binding: &Binding<'_>,
        clear: &[u8],
    ) -> Result<Sealed, VaultError> {
        let context = binding.context(tenant);
        let (key, wrapped) = self.backend.data_key(tenant, &context).await?;
        let message = cipher::seal(&key, &context, clear)?;
        Ok(Sealed {
            key: wrapped,
            message,
        })
    }

    /// Opens what was sealed for the same place.
    pub async fn open(
        &self,
        tenant: TenantId,
        binding: &Binding<'_>,
        sealed: &Sealed,
    ) -> Result<Secret<Vec<u8>>, VaultError> {
        let context = binding.context(tenant);
        let key = self
            .backend
            .unwrap_key(tenant, &context, &sealed.key)
            .await?;
        cipher::open(&key, &context, &sealed.message)
    }

    /// The same value with its data key wrapped by the newest version of the tenant's key. The
    /// value itself is neither opened nor changed.
    pub async fn rewrap(
        &self,
        tenant: TenantId,
        binding: &Binding<'_>,
        sealed: &Sealed,
    ) -> Result<Sealed, VaultError> {
        let key = self
            .backend
            .rewrap_key(tenant, &binding.context(tenant), &sealed.key)
            .await?;
        Ok(Sealed {
            key,
            message: sealed.message.clone(),
        })
    }

    /// The newest version of the tenant's key.
    pub async fn newest_version(&self, tenant: TenantId) -> Result<u32, VaultError> {
        let (_, wrapped) = self.backend.data_key(tenant, VERSION_PLACE).await?;
        Ok(wrapped.version)
    }

    /// [`Vault::rewrap`] of a stored value; `None` when it has `newest` already.
    pub async fn rewrap_stored(
        &self,
        tenant: TenantId,
        binding: &Binding<'_>,
        stored: &[u8],
        newest: u32,
    ) -> Result<Option<Vec<u8>>, VaultError> {
        let sealed = Sealed::parse(stored)?;
        if sealed.key_version() >= newest {
            return Ok(None);
        }
        Ok(Some(
            self.rewrap(tenant, binding, &sealed).await?.to_bytes(),
        ))
    }

    /// A new data key for many values; the caller stores [`DataKey::wrapped`].
    pub async fn new_data_key(
        &self,
        tenant: TenantId,
        binding: &Binding<'_>,
    ) -> Result<Arc<DataKey>, VaultError> {
        let context = binding.context(tenant);
        let (key, wrapped) = self.backend.data_key(tenant, &context).await?;
        Ok(self.cache.keep(DataKey {
            key,
            wrapped,
            tenant,
            context,
        }))
    }

    /// The data key that was stored as `wrapped`, from memory or from the backend. It stays in
    /// memory for ten minutes.
    pub async fn data_key(
        &self,
        tenant: TenantId,
        binding: &Binding<'_>,
        wrapped: &Wrapped,
    ) -> Result<Arc<DataKey>, VaultError> {
        if let Some(key) = self.data_key_in_memory(tenant, binding, wrapped) {
            return Ok(key);
        }
        let context = binding.context(tenant);
        let key = self.backend.unwrap_key(tenant, &context, wrapped).await?;
        Ok(self.cache.keep(DataKey {
            key,
            wrapped: wrapped.clone(),
            tenant,
            context,
        }))
    }

    /// [`Vault::data_key`] for code that cannot wait: the key if it is in memory.
    pub fn data_key_in_memory(
        &self,
        tenant: TenantId,
        binding: &Binding<'_>,
        wrapped: &Wrapped,
    ) -> Option<Arc<DataKey>> {
        self.cache.get(binding.context(tenant), wrapped)
    }

    /// `wrapped` in the wrapping of the newest version of the tenant's key.
    pub async fn rewrap_data_key(
        &self,
        tenant: TenantId,
        binding: &Binding<'_>,
        wrapped: &Wrapped,
    ) -> Result<Wrapped, VaultError> {
        self.backend
            .rewrap_key(tenant, &binding.context(tenant), wrapped)
            .await
    }

    /// A secret of the platform that is needed in the clear: the database context key, the
    /// password pepper, the key of the e-mail index. `name` is lower-case letters, digits and `-`.
    pub async fn named_secret(
        &self,
        name: &str,
        if_missing: IfMissing,
    ) -> Result<Secret<Vec<u8>>, VaultError> {
        check_name(name)?;
        self.backend.named_secret(name, if_missing).await
    }

    /// Stores a named secret in place of what was there.
    pub async fn put_named_secret(
        &self,
        name: &str,
        value: &Secret<Vec<u8>>,
    ) -> Result<(), VaultError> {
        check_name(name)?;
        self.backend.put_named_secret(name, value).await
    }
}

/// No value has this place: the data key that is made for it tells its version and is dropped.
const VERSION_PLACE: &[u8] = b"revkeep.version.1";

fn no_section(name: &str) -> VaultError {
    VaultError::Config(format!(
        "secrets.backend is {name:?} and there is no [secrets.{name}]"
    ))
}

/// A name becomes a path in Vault, so `/` and `..` must not be in it.
pub(crate) fn check_name(name: &str) -> Result<(), VaultError> {
    let well_formed = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if well_formed {
        Ok(())
    } else {
        Err(VaultError::Config(format!(
            "{name:?} is no name for a secret"
        )))
    }
}
