//! Writing an archive: a tar in an age file, so that it can be opened without Revkeep, too
//! (`age -d ... | tar x`). The database's dump comes in pieces, since its size is not known beforehand; what
//! is kept in memory is one piece.

use std::io::{self, Read, Write};

use age::stream::StreamWriter;
use custody::tar;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BackupError, Lock};

/// Bytes of one piece of the dump.
pub(super) const PIECE: usize = 4 << 20;
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const CHECKSUMS: &str = "checksums.json";
pub(super) const DATABASE: &str = "database";

/// The last member says what the others were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sum {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: String,
}

/// Counts and hashes what goes through: the archive as it lies on disk.
pub(super) struct Hashing<W> {
    to: W,
    hash: Sha256,
    size: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.size = self.size.saturating_add(length(written));
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

pub(super) struct Writer<W: Write> {
    out: StreamWriter<Hashing<W>>,
    sums: Vec<Sum>,
}

/// A finished archive.
pub(super) struct Written {
    pub(super) size: u64,
    pub(super) sha256: String,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(to: W, lock: &Lock) -> Result<Self, BackupError> {
        let to = Hashing {
            to,
            hash: Sha256::new(),
            size: 0,
        };
        let out = lock.encryptor()?.wrap_output(to).map_err(failed)?;
        Ok(Self {
            out,
            sums: Vec::new(),
        })
    }

    /// A small member, whole.
    pub(super) fn part(&mut self, name: &str, content: &[u8]) -> Result<(), BackupError> {
        self.member(name, content)?;
        self.sums.push(Sum {
            name: name.to_owned(),
            size: length(content.len()),
            sha256: hex(&Sha256::digest(content)),
        });
        Ok(())
    }

    /// The dump, piece by piece; `told` hears how much there was so far.
    pub(super) fn database(
        &mut self,
        mut dump: impl Read,
        told: &dyn Fn(u64),
    ) -> Result<(), BackupError> {
        let mut piece = Vec::with_capacity(PIECE);
        let (mut hash, mut size) = (Sha256::new(), 0_u64);
        for number in 0_u32.. {
            piece.clear();
            let read = dump.by_ref().take(length(PIECE)).read_to_end(&mut piece);
            if read.map_err(failed)? == 0 {
                break;
            }
            self.member(&format!("{DATABASE}/{number:08}"), &piece)?;
            hash.update(&piece);
            size = size.saturating_add(length(piece.len()));
            told(size);
        }
        self.sums.push(Sum {
            name: DATABASE.to_owned(),
            size,
            sha256: hex(&hash.finalize()),
        });
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Written, BackupError> {
        let sums = serde_json::to_vec(&self.sums).map_err(|error| failed(error.into()))?;
        self.member(CHECKSUMS, &sums)?;
        self.out.write_all(&tar::END).map_err(failed)?;
        let mut hashed = self.out.finish().map_err(failed)?;
        hashed.flush().map_err(failed)?;
        Ok(Written {
            size: hashed.size,
            sha256: hex(&hashed.hash.finalize()),
        })
    }

    fn member(&mut self, name: &str, content: &[u8]) -> Result<(), BackupError> {
        let size = length(content.len());
        self.out
            .write_all(&tar::header(name, size))
            .and_then(|()| self.out.write_all(content))
            .and_then(|()| self.out.write_all(&tar::padding(size)))
            .map_err(failed)
    }
}

pub(super) fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn failed(error: io::Error) -> BackupError {
    BackupError::Program("writing the archive".to_owned(), error.to_string())
}
