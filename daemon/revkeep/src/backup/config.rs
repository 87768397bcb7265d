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
    #[serde(default)]
    pub(crate) machine_key: MachineKeyFile,
}

/// Where the machine's own key lies.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MachineKeyFile {
    /// Encrypted to this machine by `systemd-creds`.
    Sealed(PathBuf),
    /// A file of mode 0600.
    File(PathBuf),
}

impl Default for MachineKeyFile {
    fn default() -> Self {
        Self::Sealed(PathBuf::from(
            "/etc/credstore.encrypted/revkeep.backup-identity",
        ))
    }
}
