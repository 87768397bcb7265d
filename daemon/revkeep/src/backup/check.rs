//! Whether an archive is whole: by opening it where there is a key, by the form and checksum of its
//! ciphertext where there is none.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use age::Decryptor;
use sha2::{Digest, Sha256};

use super::{
    BackupError, Keys, folder,
    manifest::Manifest,
    reader::{self, Nothing},
    writer::{hex, length},
};

/// Bytes of a chunk of age's payload and of the tag behind each (age's format, "Payload").
const CHUNK: u64 = 64 << 10;
const TAG: u64 = 16;
pub(super) const BUFFER: usize = 1 << 20;

/// What was found.
pub(crate) enum Checked {
    /// Every part was opened and is as its checksum says.
    Opened(Box<Manifest>),
    /// Nobody here can open it. What lies there has the form of an archive, and is what was written if the
    /// file of checksums says so.
    Ciphertext { checksum: bool },
}

/// `told` hears how many bytes of the file were read.
pub(crate) fn check(
    archive: &Path,
    keys: &Keys,
    told: &dyn Fn(u64),
) -> Result<Checked, BackupError> {
    if keys.is_empty() {
        let file = File::open(archive).map_err(|error| failed(archive, error))?;
        return ciphertext(archive, &file, told);
    }
    let input = counted(archive, told)?;
    let manifest = reader::read(input, keys, &mut Nothing)?;
    Ok(Checked::Opened(Box::new(manifest)))
}

/// An archive to read, which tells how much of it was read.
pub(super) fn counted<'a>(
    archive: &Path,
    told: &'a dyn Fn(u64),
) -> Result<impl BufRead + 'a, BackupError> {
    let from = File::open(archive).map_err(|error| failed(archive, error))?;
    let counting = Counting {
        from,
        told,
        read: 0,
    };
    Ok(BufReader::with_capacity(BUFFER, counting))
}

fn ciphertext(archive: &Path, file: &File, told: &dyn Fn(u64)) -> Result<Checked, BackupError> {
    let stated = folder::stated_checksum(archive);
    let found = digest(file, told).map_err(|error| failed(archive, error))?;
    if stated.as_ref().is_some_and(|stated| *stated != found) {
        return Err(BackupError::Damaged(
            "it is not the file that was written: its checksum differs".to_owned(),
        ));
    }
    form(archive)?;
    Ok(Checked::Ciphertext {
        checksum: stated.is_some(),
    })
}

/// SHA-256 of all that comes; `told` hears how much there was.
pub(super) fn digest(from: impl Read, told: &dyn Fn(u64)) -> std::io::Result<String> {
    let mut counted = Counting {
        from,
        told,
        read: 0,
    };
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = counted.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(buffer.get(..read).unwrap_or_default());
    }
}

/// The header of age, and a payload whose length it can have.
fn form(archive: &Path) -> Result<(), BackupError> {
    let mut file = File::open(archive).map_err(|error| failed(archive, error))?;
    Decryptor::new(&mut file)
        .map_err(|error| BackupError::NotABackup(format!("no age file ({error})")))?;
    let size = file
        .metadata()
        .map_err(|error| failed(archive, error))?
        .len();
    let at = std::io::Seek::stream_position(&mut file).map_err(|error| failed(archive, error))?;
    let last = size.saturating_sub(at) % (CHUNK + TAG);
    if size <= at || (last != 0 && last <= TAG) {
        return Err(BackupError::Damaged("it ends too early".to_owned()));
    }
    Ok(())
}

/// Tells how much was read through it.
struct Counting<'a, R> {
    from: R,
    told: &'a dyn Fn(u64),
    read: u64,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.read = self.read.saturating_add(length(read));
        (self.told)(self.read);
        Ok(read)
    }
}

fn failed(archive: &Path, error: std::io::Error) -> BackupError {
    BackupError::File(archive.to_owned(), error)
}
