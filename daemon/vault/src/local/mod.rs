//! A keystore on this machine as the backend, for a single machine and for evaluation (CX-21).
//!
//! Two files stand apart: the key file (a systemd credential, or mode 0600) and the keystore,
//! whose root key only the key file opens. Every call looks whether the keystore has changed, so
//! that several daemons of one machine agree, and a destroyed key is gone at once for all.

mod keystore;
mod recovery;
mod signing;

use std::{
    os::unix::fs::MetadataExt as _,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{Secret, TenantId};

use crate::{
    backend::{Backend, IfMissing},
    binding::append,
    cipher::{self, Key},
    config::{LocalConfig, PrivateFile},
    envelope::{Keeper, Wrapped},
    error::VaultError,
    signing::PublicKey,
};
use keystore::Keystore;
pub use keystore::{Created, create_keystore};
pub use recovery::{recover_key, renew_recovery_key};

pub(crate) struct Local {
    inner: Arc<Inner>,
}

struct Inner {
    config: LocalConfig,
    opened: Mutex<Option<Opened>>,
}

/// The keystore as it was read last.
struct Opened {
    keystore: Keystore,
    stamp: Stamp,
}

/// Tells one state of the file from the next: every change is a new file put in its place.
#[derive(PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    size: u64,
}

impl Local {
    pub(crate) fn new(config: LocalConfig) -> Self {
        Self {
            inner: Arc::new(Inner {
                config,
                opened: Mutex::new(None),
            }),
        }
    }

    fn read<T>(
        &self,
        act: impl FnOnce(&Keystore) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let mut opened = self
            .inner
            .opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.inner.refresh(&mut opened)?;
        match opened.as_ref() {
            Some(opened) => act(&opened.keystore),
            None => Err(VaultError::Sealed(String::from("the keystore is not open"))),
        }
    }

    /// Changes the keystore on disk and then in memory. Other threads and other daemons wait.
    async fn change<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Keystore) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || {
            let mut opened = inner.opened.lock().unwrap_or_else(PoisonError::into_inner);
            let _only_writer = keystore::lock(&inner.config.keystore)?;
            // What is in memory may be changed below and then not reach the disk: read it anew.
            *opened = None;
            let mut keystore = inner.load()?.keystore;
            let result = act(&mut keystore)?;
            keystore.write(&inner.config.keystore)?;
            inner.refresh(&mut opened)?;
            Ok(result)
        })
        .await
        .map_err(|error| VaultError::Backend(format!("a change of the keystore failed: {error}")))?
    }
}

impl Inner {
    fn refresh(&self, opened: &mut Option<Opened>) -> Result<(), VaultError> {
        let on_disk = std::fs::metadata(&self.config.keystore)
            .ok()
            .map(|found| Stamp::of(&found));
        match opened {
            Some(opened) if on_disk.as_ref() == Some(&opened.stamp) => {}
            _ => {
                *opened = None;
                *opened = Some(self.load()?);
            }
        }
        Ok(())
    }

    fn load(&self) -> Result<Opened, VaultError> {
        let file = PrivateFile::File(self.config.keystore.clone());
        let (content, metadata) = file.read_with_metadata()?;
        let keystore = Keystore::open(content.expose(), &self.config.key)?;
        Ok(Opened {
            keystore,
            stamp: Stamp::of(&metadata),
        })
    }
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            size: metadata.len(),
        }
    }
}

#[async_trait]
impl Backend for Local {
    async fn ensure_tenant_key(&self, tenant: TenantId) -> Result<(), VaultError> {
        if self.read(|keystore| Ok(keystore.has(tenant)))? {
            return Ok(());
        }
        self.change(move |keystore| keystore.ensure(tenant)).await
    }

    async fn data_key(
        &self,
        tenant: TenantId,
        context: &[u8],
    ) -> Result<(Key, Wrapped), VaultError> {
        self.read(|keystore| {
            let key = cipher::random_key()?;
            let wrapped = wrap(keystore, tenant, context, &key)?;
            Ok((key, wrapped))
        })
    }

    async fn unwrap_key(
        &self,
        tenant: TenantId,
        context: &[u8],
        wrapped: &Wrapped,
    ) -> Result<Key, VaultError> {
        self.read(|keystore| unwrap(keystore, tenant, context, wrapped))
    }

    async fn rewrap_key(
        &self,
        tenant: TenantId,
        context: &[u8],
        wrapped: &Wrapped,
    ) -> Result<Wrapped, VaultError> {
        self.read(|keystore| {
            let key = unwrap(keystore, tenant, context, wrapped)?;
            wrap(keystore, tenant, context, &key)
        })
    }

    async fn rotate_tenant_key(&self, tenant: TenantId) -> Result<(), VaultError> {
        self.change(move |keystore| keystore.rotate(tenant)).await
    }

    async fn destroy_tenant_key(&self, tenant: TenantId) -> Result<(), VaultError> {
        self.change(move |keystore| {
            keystore.destroy(tenant);
            Ok(())
        })
        .await
    }

    async fn named_secret(
        &self,
        name: &str,
        if_missing: IfMissing,
    ) -> Result<Secret<Vec<u8>>, VaultError> {
        match (self.read(|keystore| keystore.secret(name)), if_missing) {
            (Err(VaultError::NoSecret(_)), IfMissing::Generate(length)) => {
                let name = name.to_owned();
                self.change(move |keystore| keystore.secret_or_new(&name, length))
                    .await
            }
            (found, _) => found,
        }
    }

    async fn put_named_secret(
        &self,
        name: &str,
        value: &Secret<Vec<u8>>,
    ) -> Result<(), VaultError> {
        let (name, value) = (name.to_owned(), Secret::new(value.expose().clone()));
        self.change(move |keystore| keystore.put_secret(&name, value.expose()))
            .await
    }

    async fn ensure_signing_key(&self, name: &str) -> Result<(), VaultError> {
        if self.read(|keystore| Ok(keystore.has_signing_key(name)))? {
            return Ok(());
        }
        let name = name.to_owned();
        self.change(move |keystore| {
            if keystore.has_signing_key(&name) {
                return Ok(());
            }
            keystore.add_signing_seed(&name)
        })
        .await
    }

    async fn public_keys(&self, name: &str) -> Result<Vec<PublicKey>, VaultError> {
        self.read(|keystore| signing::public_keys(keystore, name))
    }

    async fn sign(&self, name: &str, version: u32, message: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.read(|keystore| signing::sign(keystore, name, version, message))
    }

    async fn rotate_signing_key(&self, name: &str) -> Result<(), VaultError> {
        let name = name.to_owned();
        self.change(move |keystore| {
            if !keystore.has_signing_key(&name) {
                return Err(VaultError::NoSecret(name));
            }
            keystore.add_signing_seed(&name)
        })
        .await
    }

    async fn probe(&self) -> Result<(), VaultError> {
        self.read(|_| Ok(()))
    }

    async fn server_time(&self) -> Result<Option<DateTime<Utc>>, VaultError> {
        Ok(None)
    }
}

fn wrap(
    keystore: &Keystore,
    tenant: TenantId,
    context: &[u8],
    key: &Key,
) -> Result<Wrapped, VaultError> {
    let (version, tenant_key) = keystore.newest_key(tenant)?;
    let message = cipher::seal(&tenant_key, &place(version, context), key.expose())?;
    Ok(Wrapped {
        keeper: Keeper::Local,
        version,
        message,
    })
}

fn unwrap(
    keystore: &Keystore,
    tenant: TenantId,
    context: &[u8],
    wrapped: &Wrapped,
) -> Result<Key, VaultError> {
    if wrapped.keeper != Keeper::Local {
        return Err(VaultError::Config(format!(
            "a value was sealed by secrets.backend = {:?} and the backend is now \"local\"",
            wrapped.keeper.name()
        )));
    }
    let tenant_key = keystore.key(tenant, wrapped.version)?;
    cipher::open_key(
        &tenant_key,
        &place(wrapped.version, context),
        &wrapped.message,
    )
}

fn place(version: u32, context: &[u8]) -> Vec<u8> {
    let mut place = b"revkeep.wrapped.1".to_vec();
    place.extend_from_slice(&version.to_be_bytes());
    append(&mut place, context);
    place
}
