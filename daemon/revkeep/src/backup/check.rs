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
const BUFFER: usize = 1 << 20;

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
    let mut counted = Counting {
        from: file,
        told,
        read: 0,
    };
    let stated = folder::stated_checksum(archive);
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = counted
            .read(&mut buffer)
            .map_err(|error| failed(archive, error))?;
        if read == 0 {
            break;
        }
        hash.update(buffer.get(..read).unwrap_or_default());
    }
    if stated
        .as_ref()
        .is_some_and(|stated| *stated != hex(&hash.finalize()))
    {
        return Err(BackupError::Damaged(
            "it is not the file that was written: its checksum differs".to_owned(),
        ));
    }
    form(archive)?;
    Ok(Checked::Ciphertext {
        checksum: stated.is_some(),
    })
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
