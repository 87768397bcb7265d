//! What an archive is closed with, and what opens it.

use std::{fs, iter, path::Path, str::FromStr};

use age::{Encryptor, Identity, Recipient, scrypt, secrecy::SecretString, x25519};
use kernel::Secret;

use super::{
    BackupError, Config,
    secret_file::{self, MACHINE_KEY},
};

/// 2^22 rounds of scrypt: 4 GiB of memory, and some seconds.
const MOST_WORK: u8 = 22;

/// Whom an archive is for. age has a passphrase stand alone.
pub(crate) enum Lock {
    /// The administrator's keys, and one of this machine made for this archive.
    Recipients {
        theirs: Vec<x25519::Recipient>,
        machine: x25519::Identity,
    },
    Passphrase(SecretString),
}

impl Lock {
    pub(crate) fn recipients(config: &Config) -> Result<Self, BackupError> {
        if config.recipients.is_empty() {
            return Err(BackupError::NoRecipients);
        }
        Self::with_or_without_recipients(config)
    }

    /// For an archive that nobody asked for: this machine opens it, and the administrator where
    /// there is a key of theirs.
    pub(crate) fn with_or_without_recipients(config: &Config) -> Result<Self, BackupError> {
        let theirs = config
            .recipients
            .iter()
            .map(|text| {
                x25519::Recipient::from_str(text)
                    .map_err(|_| BackupError::BadRecipient(text.clone()))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self::Recipients {
            theirs,
            machine: x25519::Identity::generate(),
        })
    }

    pub(crate) fn passphrase(text: &Secret<String>) -> Self {
        Self::Passphrase(SecretString::from(text.expose().clone()))
    }

    pub(super) fn encryptor(&self) -> Result<Encryptor, BackupError> {
        match self {
            Self::Passphrase(text) => Ok(Encryptor::with_user_passphrase(text.clone())),
            Self::Recipients { theirs, machine } => {
                let own = machine.to_public();
                let all = theirs.iter().chain(iter::once(&own));
                let all = all.map(|recipient| -> &dyn Recipient { recipient });
                Encryptor::with_recipients(all).map_err(|_| BackupError::NoRecipients)
            }
        }
    }

    /// What opens it again at once, to look whether it is whole.
    pub(super) fn keys(&self) -> Keys {
        match self {
            Self::Passphrase(text) => Keys::of_passphrase(text.clone()),
            Self::Recipients { machine, .. } => Keys(vec![Box::new(machine.clone())]),
        }
    }
}

/// Keys that are tried on an archive.
pub(crate) struct Keys(Vec<Box<dyn Identity>>);

impl Keys {
    pub(crate) fn passphrase(text: &Secret<String>) -> Self {
        Self::of_passphrase(SecretString::from(text.expose().clone()))
    }

    fn of_passphrase(text: SecretString) -> Self {
        let mut identity = scrypt::Identity::new(text);
        // An archive of a faster machine takes longer here.
        identity.set_max_work_factor(MOST_WORK);
        Self(vec![Box::new(identity)])
    }

    /// The identities of a file as `age-keygen` writes it.
    pub(crate) fn file(file: &Path) -> Result<Self, BackupError> {
        let text = fs::read_to_string(file)
            .map(Secret::new)
            .map_err(|error| BackupError::File(file.to_owned(), error))?;
        let keys = Self::from_text(&text);
        if keys.0.is_empty() {
            return Err(BackupError::BadIdentity(file.to_owned()));
        }
        Ok(keys)
    }

    /// This machine's own; empty where it has none.
    pub(crate) fn machine(config: &Config) -> Result<Self, BackupError> {
        Ok(secret_file::load(&config.machine_key, MACHINE_KEY)?
            .map_or_else(|| Self(Vec::new()), |text| Self::from_text(&text)))
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &dyn Identity> {
        self.0.iter().map(AsRef::as_ref)
    }

    fn from_text(text: &Secret<String>) -> Self {
        let lines = text.expose().lines().map(str::trim);
        let found = lines.filter_map(|line| x25519::Identity::from_str(line).ok());
        Self(
            found
                .map(|key| -> Box<dyn Identity> { Box::new(key) })
                .collect(),
        )
    }
}
