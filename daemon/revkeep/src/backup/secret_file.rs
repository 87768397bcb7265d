//! A secret of the backups, kept on this machine: sealed to it, or in a file that its owner alone reads. One is the
//! key that opens the newest archive, to look whether it is whole. Each archive has one of its own, in place of the
//! one before: whoever takes over this machine opens one archive, of data that is here anyway, and none of what was
//! since erased. The other is the secret part of a bucket's key.

use std::{fs, path::Path};

use kernel::Secret;

use super::{BackupError, config::SecretFile};
use crate::setup::system::{self, ROOT};

/// The names under which systemd-creds seals them.
pub(super) const MACHINE_KEY: &str = "revkeep.backup-identity";
pub(super) const BUCKET_KEY: &str = "revkeep.backup-bucket";

pub(super) fn store(
    place: &SecretFile,
    name: &str,
    clear: &Secret<String>,
) -> Result<(), BackupError> {
    let clear = clear.expose().as_bytes();
    match place {
        SecretFile::Sealed(file) => {
            let name = format!("--name={name}");
            let sealed = system::run("systemd-creds", &["encrypt", &name, "-", "-"], clear)?;
            Ok(system::write(file, sealed.expose(), 0o600, ROOT)?)
        }
        SecretFile::File(file) => Ok(system::write(file, clear, 0o600, system::own())?),
    }
}

/// Nothing where the file is not there.
pub(super) fn load(place: &SecretFile, name: &str) -> Result<Option<Secret<String>>, BackupError> {
    match place {
        SecretFile::Sealed(file) if !file.exists() => Ok(None),
        SecretFile::Sealed(file) => {
            let from = file.to_string_lossy();
            let name = format!("--name={name}");
            let clear = system::run("systemd-creds", &["decrypt", &name, &from, "-"], &[])?;
            Ok(Some(Secret::new(system::text(&clear))))
        }
        SecretFile::File(file) => text(file),
    }
}

fn text(file: &Path) -> Result<Option<Secret<String>>, BackupError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(Secret::new(text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BackupError::File(file.to_owned(), error)),
    }
}
