//! Writing an archive: a tar in an age file, so that it can be opened without Revkeep, too
//! (`age -d ... | tar x`). The database's dump comes in pieces, since its size is not known beforehand; what
//! is kept in memory is a few of them.

use std::{
    io::{self, Read, Write},
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

use age::stream::StreamWriter;
use custody::tar;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BackupError, Lock};

/// Bytes of one piece of the dump.
pub(super) const PIECE: usize = 4 << 20;
/// Pieces that were read and are not encrypted yet. A pipe holds 64 KiB, so pg_dump would stand still
/// while a piece is.
const AHEAD: usize = 3;
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
        dump: impl Read + Send,
        told: &dyn Fn(u64),
    ) -> Result<(), BackupError> {
        let (to, from) = sync_channel(AHEAD);
        let sum = thread::scope(|scope| {
            let reading = scope.spawn(move || pieces(dump, &to));
            let mut size = 0_u64;
            for (number, piece) in from.into_iter().enumerate() {
                self.member(&format!("{DATABASE}/{number:08}"), &piece)?;
                size = size.saturating_add(length(piece.len()));
                told(size);
            }
            let read = reading.join().map_err(|_| BackupError::Stopped)?;
            read.map_err(failed)
        })?;
        self.sums.push(sum);
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

/// Reads the dump to its end, ahead of whoever encrypts it.
fn pieces(mut dump: impl Read, to: &SyncSender<Vec<u8>>) -> io::Result<Sum> {
    let (mut hash, mut size) = (Sha256::new(), 0_u64);
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        dump.by_ref().take(length(PIECE)).read_to_end(&mut piece)?;
        if piece.is_empty() {
            break;
        }
        hash.update(&piece);
        size = size.saturating_add(length(piece.len()));
        if to.send(piece).is_err() {
            // Writing has failed, and says why.
            break;
        }
    }
    Ok(Sum {
        name: DATABASE.to_owned(),
        size,
        sha256: hex(&hash.finalize()),
    })
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
