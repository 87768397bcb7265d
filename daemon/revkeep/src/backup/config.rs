//! `[backup]` of the configuration. It names places and public keys, never a secret.

use std::{num::NonZeroUsize, path::PathBuf};

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where archives are put.
    pub(crate) directory: PathBuf,
    /// As many of the newest archives stay.
    pub(crate) keep: NonZeroUsize,
    /// Public keys of age: whoever holds the private part of one opens every archive.
    pub(crate) recipients: Vec<String>,
    /// The account that pg_ident.conf lets become revkeep_backup; pg_dump runs as it.
    pub(crate) account: String,
    /// Opens the newest archive on this machine. The built-in file does not say it, since files are
    /// joined key by key, and this one has two names.
    #[serde(default = "machine_key")]
    pub(crate) machine_key: SecretFile,
    /// Where what is in `directory` is sent as well.
    pub(crate) bucket: Option<BucketConfig>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BucketConfig {
    /// `https://host` or `https://host:port`. One of the intranet stands in egress.private_endpoints too.
    pub(crate) endpoint: String,
    pub(crate) name: String,
    /// As the bucket's own settings say; servers other than Amazon's mostly take any.
    pub(crate) region: String,
    /// What the name of each object begins with.
    #[serde(default)]
    pub(crate) prefix: String,
    /// The public part of the key.
    pub(crate) access_key: String,
    /// Its secret part.
    pub(crate) secret_key: SecretFile,
    /// As many of the newest archives stay in the bucket.
    pub(crate) keep: NonZeroUsize,
}

/// Where a secret lies.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SecretFile {
    /// Encrypted to this machine by `systemd-creds`.
    Sealed(PathBuf),
    /// A file of mode 0600.
    File(PathBuf),
}

fn machine_key() -> SecretFile {
    SecretFile::Sealed(PathBuf::from(
        "/etc/credstore.encrypted/revkeep.backup-identity",
    ))
}
