//! Reads files that hold a secret, and refuses one that others could have read or written.

use std::{
    fs::{File, Metadata},
    io::Read as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use kernel::Secret;

use crate::{config::PrivateFile, error::VaultError};

/// Far above any keystore: a tenant takes about 150 bytes.
const MOST_BYTES: u64 = 64 << 20;

impl PrivateFile {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Credential(path) | Self::File(path) => path,
        }
    }

    /// Whether it is there, and only this daemon could have read it.
    pub fn look(&self) -> Result<(), VaultError> {
        let path = self.path();
        let there = std::fs::metadata(path).map_err(|error| missing_or(path, &error))?;
        self.check(&there)
    }

    /// The file's content. [`VaultError::Sealed`] when it is not there, so that work waits for it.
    pub(crate) fn read(&self) -> Result<Secret<Vec<u8>>, VaultError> {
        self.read_with_metadata().map(|(content, _)| content)
    }

    /// The content, with the metadata of the very file that was read.
    pub(crate) fn read_with_metadata(&self) -> Result<(Secret<Vec<u8>>, Metadata), VaultError> {
        let path = self.path();
        let file = File::open(path).map_err(|error| missing_or(path, &error))?;
        let metadata = file.metadata().map_err(|error| missing_or(path, &error))?;
        self.check(&metadata)?;
        // The whole capacity is reserved first, so that no copy is left behind by a growing buffer.
        let size = usize::try_from(metadata.len().min(MOST_BYTES)).unwrap_or_default();
        let mut content = Vec::with_capacity(size.saturating_add(1));
        let read = file.take(MOST_BYTES).read_to_end(&mut content);
        let content = Secret::new(content);
        read.map_err(|error| missing_or(path, &error))?;
        Ok((content, metadata))
    }

    fn check(&self, metadata: &Metadata) -> Result<(), VaultError> {
        let unsafe_file = |problem: String| {
            Err(VaultError::UnsafeFile {
                path: self.path().to_path_buf(),
                problem,
            })
        };
        if !metadata.is_file() {
            return unsafe_file(String::from("this is not a regular file"));
        }
        let mode = metadata.permissions().mode() & 0o7777;
        let own = rustix::process::geteuid().as_raw();
        let (owners, foreign_bits, wanted) = match self {
            Self::File(_) => (vec![own], 0o7177, "0600"),
            Self::Credential(_) => (vec![own, 0], 0o7137, "0400"),
        };
        if !owners.contains(&metadata.uid()) {
            return unsafe_file(format!(
                "it belongs to user {} and must belong to user {own}; run `chown {own}` on it",
                metadata.uid()
            ));
        }
        if mode & foreign_bits != 0 {
            return unsafe_file(format!(
                "its mode is {mode:04o}, so others may have read it; make a new secret, then run \
                 `chmod {wanted}` on the file"
            ));
        }
        Ok(())
    }
}

pub(crate) fn missing_or(path: &Path, error: &std::io::Error) -> VaultError {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            VaultError::Sealed(format!("{} is not there", path.display()))
        }
        std::io::ErrorKind::PermissionDenied => {
            VaultError::Denied(format!("{} may not be read by this daemon", path.display()))
        }
        _ => VaultError::Unreachable(format!("{}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_of_mode(directory: &Path, mode: u32) -> std::path::PathBuf {
        let path = directory.join(format!("{mode:o}"));
        std::fs::write(&path, b"content").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_file_that_others_can_touch_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        for mode in [0o604, 0o640, 0o620, 0o660, 0o644, 0o602, 0o700, 0o4600] {
            let path = file_of_mode(directory.path(), mode);
            let refused = PrivateFile::File(path).read();
            assert!(
                matches!(refused, Err(VaultError::UnsafeFile { .. })),
                "{mode:o}"
            );
        }
        for mode in [0o600, 0o400] {
            let path = file_of_mode(directory.path(), mode);
            assert_eq!(PrivateFile::File(path).read().unwrap().expose(), b"content");
        }
    }

    #[test]
    fn a_credential_may_show_a_groups_read_bit_and_no_more() {
        let directory = tempfile::tempdir().unwrap();
        for mode in [0o400, 0o440] {
            let path = file_of_mode(directory.path(), mode);
            assert!(PrivateFile::Credential(path).read().is_ok());
        }
        for mode in [0o444, 0o460, 0o404] {
            let path = file_of_mode(directory.path(), mode);
            assert!(PrivateFile::Credential(path).read().is_err(), "{mode:o}");
        }
    }

    #[test]
    fn a_directory_a_device_and_a_missing_file_are_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let read = |path: &Path| PrivateFile::File(path.to_path_buf()).read();
        assert!(matches!(
            read(directory.path()),
            Err(VaultError::UnsafeFile { .. })
        ));
        assert!(matches!(
            read(Path::new("/dev/null")),
            Err(VaultError::UnsafeFile { .. })
        ));
        assert!(matches!(
            read(&directory.path().join("none")),
            Err(VaultError::Sealed(_))
        ));
    }
}
