//! The keystore's content and its file. A version of a tenant's key is derived from the root key
//! and a random salt that stands nowhere else: without the salt there is no key, so removing the
//! tenant's salts destroys it for whoever holds the key file, too.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use kernel::{Secret, TenantId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    binding::append,
    cipher::{self, Key},
    config::{LocalConfig, PrivateFile},
    error::VaultError,
    local::recovery::RecoveryKey,
};

const FORMAT: u32 = 1;
const ROOT_PLACE: &[u8] = b"revkeep.keystore.root.1";
const TENANT_PURPOSE: &[u8] = b"revkeep.keystore.tenant.1";
const SECRET_PURPOSE: &[u8] = b"revkeep.keystore.secret.1";
const SIGNING_PLACE: &[u8] = b"revkeep.keystore.signing.1";

pub(crate) struct Keystore {
    root: Key,
    content: Content,
}

/// The file, JSON. Byte strings are base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: u32,
    /// The root key, sealed by the key file's.
    root: String,
    /// Of each tenant the salts of its key, by version.
    tenants: BTreeMap<Uuid, BTreeMap<u32, String>>,
    /// Named secrets, sealed by a key of the root.
    secrets: BTreeMap<String, String>,
    /// Of each signing key the seeds by version, sealed by the same key as named secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    signing: BTreeMap<String, BTreeMap<u32, String>>,
    /// The key file's content, sealed by the recovery key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recovery: Option<String>,
}

/// The key file's content out of the keystore's bytes and a recovery key, proven by the root key that
/// it opens.
pub(super) fn recovered(bytes: &[u8], recovery: &RecoveryKey) -> Result<Key, VaultError> {
    let content: Content = serde_json::from_slice(bytes)
        .map_err(|error| VaultError::Backend(format!("the keystore is damaged: {error}")))?;
    let sealed = content
        .recovery
        .ok_or_else(|| VaultError::Config(String::from("this keystore has no recovery key")))?;
    let key = recovery.open(&decoded(&sealed)?)?;
    cipher::open_key(&key, ROOT_PLACE, &decoded(&content.root)?)?;
    Ok(key)
}

/// What [`create_keystore`] had to make.
#[derive(Debug)]
pub struct Created {
    pub key_file: bool,
    pub keystore: bool,
    /// Of a new keystore, to be shown once: it is kept nowhere.
    pub recovery: Option<Secret<String>>,
}

/// Makes the key file (unless it is a credential, which systemd brings) and the keystore, whichever
/// is missing. Nothing that exists is touched. For set-up alone: a daemon never makes a keystore,
/// since an empty one in place of a lost one would hide the loss.
pub fn create_keystore(config: &LocalConfig) -> Result<Created, VaultError> {
    let mut created = Created {
        key_file: false,
        keystore: false,
        recovery: None,
    };
    if config.keystore.exists() {
        return Ok(created);
    }
    if let PrivateFile::File(path) = &config.key
        && !path.exists()
    {
        let key = cipher::random_key()?;
        write_key(path, &key)?;
        created.key_file = true;
    }
    let _only_writer = lock(&config.keystore)?;
    if !config.keystore.exists() {
        let mut keystore = Keystore::empty(&config.key)?;
        created.recovery = Some(keystore.renew_recovery(&config.key)?.text());
        keystore.write(&config.keystore)?;
        created.keystore = true;
    }
    Ok(created)
}

/// Writes a key file that is not there yet.
pub(super) fn write_key(path: &Path, key: &Key) -> Result<(), VaultError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| failed(path, &error))?;
    file.write_all(key.expose())
        .and_then(|()| file.sync_all())
        .map_err(|error| failed(path, &error))
}

/// Held while the keystore changes; released when the file is closed.
pub(super) fn lock(keystore: &Path) -> Result<File, VaultError> {
    let path = keystore.with_added_extension("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| failed(&path, &error))?;
    file.lock().map_err(|error| failed(&path, &error))?;
    Ok(file)
}

impl Keystore {
    fn empty(key_file: &PrivateFile) -> Result<Self, VaultError> {
        let root = cipher::random_key()?;
        let sealed = cipher::seal(&key_of(key_file)?, ROOT_PLACE, root.expose())?;
        let content = Content {
            format: FORMAT,
            root: BASE64.encode(sealed),
            tenants: BTreeMap::new(),
            secrets: BTreeMap::new(),
            signing: BTreeMap::new(),
            recovery: None,
        };
        Ok(Self { root, content })
    }

    pub(super) fn open(bytes: &[u8], key_file: &PrivateFile) -> Result<Self, VaultError> {
        let content: Content = serde_json::from_slice(bytes)
            .map_err(|error| VaultError::Backend(format!("the keystore is damaged: {error}")))?;
        if content.format != FORMAT {
            return Err(VaultError::Backend(format!(
                "the keystore has format {}; this daemon knows {FORMAT}",
                content.format
            )));
        }
        let root = cipher::open_key(&key_of(key_file)?, ROOT_PLACE, &decoded(&content.root)?)
            .map_err(|_| {
                VaultError::Denied(format!(
                    "the key in {} does not open the keystore: it belongs to another one",
                    key_file.path().display()
                ))
            })?;
        Ok(Self { root, content })
    }

    /// Wraps the key file's content to a new recovery key; an earlier one is void from then on.
    pub(super) fn renew_recovery(
        &mut self,
        key_file: &PrivateFile,
    ) -> Result<RecoveryKey, VaultError> {
        let recovery = RecoveryKey::generate()?;
        let sealed = recovery.seal(&key_of(key_file)?)?;
        self.content.recovery = Some(BASE64.encode(sealed));
        Ok(recovery)
    }

    /// Puts a new file in the old one's place: after a crash there is the one or the other, whole.
    pub(super) fn write(&self, path: &Path) -> Result<(), VaultError> {
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or_else(|| Path::new("."));
        let bytes = serde_json::to_vec_pretty(&self.content).map_err(|error| {
            VaultError::Backend(format!("the keystore cannot be written: {error}"))
        })?;
        // A temporary file has mode 0600 from the start.
        let mut file = tempfile::NamedTempFile::new_in(directory)
            .map_err(|error| failed(directory, &error))?;
        file.write_all(&bytes)
            .and_then(|()| file.as_file().sync_all())
            .map_err(|error| failed(path, &error))?;
        file.persist(path)
            .map_err(|error| failed(path, &error.error))?;
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| failed(directory, &error))
    }

    pub(super) fn has(&self, tenant: TenantId) -> bool {
        self.content.tenants.contains_key(&tenant.uuid())
    }

    pub(super) fn ensure(&mut self, tenant: TenantId) -> Result<(), VaultError> {
        if self.has(tenant) {
            return Ok(());
        }
        let salt = new_salt()?;
        self.content
            .tenants
            .insert(tenant.uuid(), BTreeMap::from([(1, salt)]));
        Ok(())
    }

    pub(super) fn rotate(&mut self, tenant: TenantId) -> Result<(), VaultError> {
        let salt = new_salt()?;
        let versions = self
            .content
            .tenants
            .get_mut(&tenant.uuid())
            .ok_or(VaultError::NoKey(tenant))?;
        let newest = versions.last_key_value().map_or(0, |(version, _)| *version);
        versions.insert(newest.saturating_add(1), salt);
        Ok(())
    }

    pub(super) fn destroy(&mut self, tenant: TenantId) {
        self.content.tenants.remove(&tenant.uuid());
    }

    pub(super) fn newest_key(&self, tenant: TenantId) -> Result<(u32, Key), VaultError> {
        let versions = self
            .content
            .tenants
            .get(&tenant.uuid())
            .ok_or(VaultError::NoKey(tenant))?;
        let (version, salt) = versions.last_key_value().ok_or(VaultError::NoKey(tenant))?;
        Ok((*version, self.tenant_key(tenant, salt)?))
    }

    /// One version of the tenant's key. A version that never was is a ciphertext from elsewhere.
    pub(super) fn key(&self, tenant: TenantId, version: u32) -> Result<Key, VaultError> {
        let versions = self
            .content
            .tenants
            .get(&tenant.uuid())
            .ok_or(VaultError::NoKey(tenant))?;
        self.tenant_key(tenant, versions.get(&version).ok_or(VaultError::Refused)?)
    }

    fn tenant_key(&self, tenant: TenantId, salt: &str) -> Result<Key, VaultError> {
        let purpose = [TENANT_PURPOSE, tenant.uuid().as_bytes()].concat();
        cipher::derive(&self.root, &decoded(salt)?, &purpose)
    }

    pub(super) fn secret(&self, name: &str) -> Result<Secret<Vec<u8>>, VaultError> {
        let sealed = self
            .content
            .secrets
            .get(name)
            .ok_or_else(|| VaultError::NoSecret(name.to_owned()))?;
        cipher::open(&self.secrets_key()?, &secret_place(name), &decoded(sealed)?)
    }

    pub(super) fn secret_or_new(
        &mut self,
        name: &str,
        length: usize,
    ) -> Result<Secret<Vec<u8>>, VaultError> {
        if !self.content.secrets.contains_key(name) {
            let mut made = Zeroizing::new(vec![0; length]);
            cipher::fill_random(&mut made)?;
            self.put_secret(name, &made)?;
        }
        self.secret(name)
    }

    pub(super) fn put_secret(&mut self, name: &str, value: &[u8]) -> Result<(), VaultError> {
        let sealed = cipher::seal(&self.secrets_key()?, &secret_place(name), value)?;
        self.content
            .secrets
            .insert(name.to_owned(), BASE64.encode(sealed));
        Ok(())
    }

    pub(super) fn has_signing_key(&self, name: &str) -> bool {
        self.content.signing.contains_key(name)
    }

    /// The seeds of a signing key (RFC 8032 section 5.1.5), by version.
    pub(super) fn signing_seeds(&self, name: &str) -> Result<BTreeMap<u32, Key>, VaultError> {
        let sealed = self
            .content
            .signing
            .get(name)
            .ok_or_else(|| VaultError::NoSecret(name.to_owned()))?;
        let key = self.secrets_key()?;
        sealed
            .iter()
            .map(|(version, seed)| {
                let place = signing_place(name, *version);
                Ok((*version, cipher::open_key(&key, &place, &decoded(seed)?)?))
            })
            .collect()
    }

    /// Adds a version to a signing key; the first makes it.
    pub(super) fn add_signing_seed(&mut self, name: &str) -> Result<(), VaultError> {
        let key = self.secrets_key()?;
        let seeds = self.content.signing.entry(name.to_owned()).or_default();
        let version = seeds
            .last_key_value()
            .map_or(0, |(version, _)| *version)
            .saturating_add(1);
        let seed = cipher::random_key()?;
        let sealed = cipher::seal(&key, &signing_place(name, version), seed.expose())?;
        seeds.insert(version, BASE64.encode(sealed));
        Ok(())
    }

    fn secrets_key(&self) -> Result<Key, VaultError> {
        cipher::derive(&self.root, &[], SECRET_PURPOSE)
    }
}

fn signing_place(name: &str, version: u32) -> Vec<u8> {
    let mut place = SIGNING_PLACE.to_vec();
    append(&mut place, name.as_bytes());
    append(&mut place, &version.to_be_bytes());
    place
}

fn secret_place(name: &str) -> Vec<u8> {
    let mut place = SECRET_PURPOSE.to_vec();
    append(&mut place, name.as_bytes());
    place
}

fn key_of(file: &PrivateFile) -> Result<Key, VaultError> {
    let content = file.read()?;
    cipher::key_from(content.expose()).map_err(|_| VaultError::UnsafeFile {
        path: file.path().to_path_buf(),
        problem: format!(
            "it must hold exactly 32 random bytes and has {}",
            content.expose().len()
        ),
    })
}

fn new_salt() -> Result<String, VaultError> {
    cipher::random::<32>().map(|salt| BASE64.encode(salt))
}

fn decoded(text: &str) -> Result<Vec<u8>, VaultError> {
    BASE64
        .decode(text)
        .map_err(|_| VaultError::Backend(String::from("the keystore is damaged: not base64")))
}

fn failed(path: impl Into<PathBuf>, error: &std::io::Error) -> VaultError {
    VaultError::Backend(format!("{}: {error}", path.into().display()))
}
