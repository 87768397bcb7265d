//! The key by which this machine opens its newest archive, to look whether it is whole. Each
//! archive has one of its own, in place of the one before: whoever takes over this machine opens one
//! archive, of data that is here anyway, and none of what was since erased.

use std::{fs, path::Path};

use age::{secrecy::ExposeSecret, x25519};
use kernel::Secret;

use super::{BackupError, config::MachineKeyFile};
use crate::setup::system::{self, ROOT};

const CREDENTIAL: &str = "--name=revkeep.backup-identity";

pub(super) fn store(place: &MachineKeyFile, key: &x25519::Identity) -> Result<(), BackupError> {
    let text = key.to_string();
    let clear = text.expose_secret().as_bytes();
    match place {
        MachineKeyFile::Sealed(file) => {
            let sealed = system::run("systemd-creds", &["encrypt", CREDENTIAL, "-", "-"], clear)?;
            Ok(system::write(file, sealed.expose(), 0o600, ROOT)?)
        }
        MachineKeyFile::File(file) => Ok(system::write(file, clear, 0o600, system::own())?),
    }
}

pub(super) fn load(place: &MachineKeyFile) -> Result<Option<Secret<String>>, BackupError> {
    match place {
        MachineKeyFile::Sealed(file) if !file.exists() => Ok(None),
        MachineKeyFile::Sealed(file) => {
            let from = file.to_string_lossy();
            let clear = system::run("systemd-creds", &["decrypt", CREDENTIAL, &from, "-"], &[])?;
            Ok(Some(Secret::new(system::text(&clear))))
        }
        MachineKeyFile::File(file) => text(file),
    }
}

fn text(file: &Path) -> Result<Option<Secret<String>>, BackupError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(Secret::new(text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BackupError::File(file.to_owned(), error)),
    }
}
