//! Into the files that the daemon reads, with the former ones kept beside them, and back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use openssl::pkey::{PKey, Private};

use super::{CertificateError, bring::Brought};
use crate::setup::system::{self, Account};

/// Where a certificate stands and who may read it.
pub(crate) struct Place {
    pub(crate) certificate: PathBuf,
    pub(crate) private_key: PathBuf,
    pub(crate) owner: Account,
}

/// Readable by the daemon's group, where that is how the machine is set up.
const MODE: u32 = 0o640;

impl Place {
    /// The key that the last request was made with, until a certificate for it is here.
    pub(crate) fn next_key(&self) -> PathBuf {
        self.private_key.with_added_extension("next")
    }

    pub(crate) fn request(&self) -> PathBuf {
        self.certificate.with_file_name("request.csr")
    }

    /// The keys that are here: the next one first, then the one in use.
    pub(crate) fn keys(&self) -> Vec<PKey<Private>> {
        [self.next_key(), self.private_key.clone()]
            .iter()
            .filter_map(|file| PKey::private_key_from_pem(&fs::read(file).ok()?).ok())
            .collect()
    }

    /// Puts `brought` in place; the former pair is kept for [`Place::back`]. The key's file goes first: if
    /// this ends between the two, the running daemon keeps what it has, and doing it again mends the files.
    pub(crate) fn put(&self, brought: &Brought) -> Result<(), CertificateError> {
        let (certificate, key) = (brought.certificate_pem()?, brought.key_pem()?);
        self.usable(&certificate, key.expose())?;
        for file in [&self.private_key, &self.certificate] {
            if file.exists() {
                self.write(&former(file), &read(file)?)?;
            }
        }
        self.write(&self.private_key, key.expose())?;
        self.write(&self.certificate, &certificate)?;
        remove(&self.next_key())?;
        remove(&self.request())
    }

    /// The former pair takes its place again.
    pub(crate) fn back(&self) -> Result<(), CertificateError> {
        let (key, certificate) = (former(&self.private_key), former(&self.certificate));
        if !key.exists() || !certificate.exists() {
            return Err(CertificateError::NothingBefore);
        }
        let pair = (read(&certificate)?, read(&key)?);
        self.usable(&pair.0, &pair.1)?;
        self.write(&self.private_key, &pair.1)?;
        self.write(&self.certificate, &pair.0)?;
        remove(&key)?;
        remove(&certificate)
    }

    /// As the daemon will read them, before anything is replaced.
    fn usable(&self, certificate: &[u8], key: &[u8]) -> Result<(), CertificateError> {
        let names =
            ["certificate.try", "key.try"].map(|name| self.private_key.with_file_name(name));
        let [certificate_file, key_file] = &names;
        self.write(certificate_file, certificate)?;
        self.write(key_file, key)?;
        let judged = http::Certificate::usable(certificate_file, key_file);
        for name in &names {
            remove(name)?;
        }
        Ok(judged?)
    }

    pub(crate) fn write(&self, file: &Path, content: &[u8]) -> Result<(), CertificateError> {
        system::write(file, content, MODE, self.owner)
            .map_err(|error| CertificateError::File(file.to_owned(), error.to_string()))
    }
}

fn former(file: &Path) -> PathBuf {
    file.with_added_extension("former")
}

fn read(file: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, CertificateError> {
    fs::read(file)
        .map(zeroize::Zeroizing::new)
        .map_err(CertificateError::of(file))
}

fn remove(file: &Path) -> Result<(), CertificateError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(CertificateError::of(file)(error))
        }
        _ => Ok(()),
    }
}
