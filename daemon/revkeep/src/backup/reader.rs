//! Reading an archive from its beginning to its end, in bounded memory. Nothing of it counts before the end
//! was reached: only then is it known that nothing is missing.

use std::io::{self, BufRead, Read};

use age::{DecryptError, Decryptor, stream::StreamReader};
use custody::tar::{self, BLOCK};
use sha2::{Digest, Sha256};

use super::{
    BackupError, Keys,
    manifest::Manifest,
    writer::{CHECKSUMS, DATABASE, MANIFEST, PIECE, Sum, hex, length},
};

/// Far above any manifest, configuration or keystore.
const MOST_OF_A_PART: u64 = 256 << 20;

/// What becomes of the members.
pub(super) trait Sink {
    /// The first member, which says whether the rest can be read.
    fn manifest(&mut self, _manifest: &Manifest) -> Result<(), BackupError> {
        Ok(())
    }
    fn part(&mut self, _name: &str, _content: &[u8]) -> Result<(), BackupError> {
        Ok(())
    }
    /// The next piece of the dump.
    fn piece(&mut self, _piece: &[u8]) -> Result<(), BackupError> {
        Ok(())
    }
}

/// Only looks.
pub(super) struct Nothing;
impl Sink for Nothing {}

/// Reads all of `input` and gives its members to `sink`; answers the manifest when the archive is whole.
pub(super) fn read<R: BufRead>(
    input: R,
    keys: &Keys,
    sink: &mut dyn Sink,
) -> Result<Manifest, BackupError> {
    let archive = Decryptor::new_buffered(input).map_err(not_opened)?;
    let input = archive.decrypt(keys.iter()).map_err(not_opened)?;
    Members {
        input,
        manifest: None,
        sums: Vec::new(),
        database: Database::default(),
    }
    .read(sink)
}

#[derive(Default)]
struct Database {
    hash: Sha256,
    size: u64,
    pieces: u32,
}

struct Members<R: Read> {
    input: StreamReader<R>,
    manifest: Option<Manifest>,
    /// Of what was read.
    sums: Vec<Sum>,
    database: Database,
}

impl<R: Read> Members<R> {
    fn read(mut self, sink: &mut dyn Sink) -> Result<Manifest, BackupError> {
        let stated = loop {
            let (name, size) = self.header()?;
            if size > MOST_OF_A_PART {
                return Err(BackupError::Damaged(format!("{name} is too large")));
            }
            let content = self.content(size)?;
            if name == CHECKSUMS {
                break content;
            }
            self.member(&name, &content, sink)?;
        };
        self.end()?;
        self.compare(&stated)
    }

    fn member(
        &mut self,
        name: &str,
        content: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), BackupError> {
        if (name == MANIFEST) != self.manifest.is_none() {
            return Err(BackupError::NotABackup(format!("{name} is out of place")));
        }
        if name == MANIFEST {
            let manifest = Manifest::read(content)?;
            sink.manifest(&manifest)?;
            self.manifest = Some(manifest);
        } else if let Some(number) = name.strip_prefix("database/") {
            if number != format!("{:08}", self.database.pieces) || content.len() > PIECE {
                return Err(BackupError::Damaged(format!("{name} is out of place")));
            }
            self.database.pieces = self.database.pieces.saturating_add(1);
            self.database.size = self.database.size.saturating_add(length(content.len()));
            self.database.hash.update(content);
            return sink.piece(content);
        } else {
            sink.part(name, content)?;
        }
        self.sums.push(Sum {
            name: name.to_owned(),
            size: length(content.len()),
            sha256: hex(&Sha256::digest(content)),
        });
        Ok(())
    }

    fn header(&mut self) -> Result<(String, u64), BackupError> {
        let mut block = [0; BLOCK];
        self.input.read_exact(&mut block).map_err(cut)?;
        tar::read(&block).ok_or_else(|| BackupError::NotABackup("no tar of ours".to_owned()))
    }

    fn content(&mut self, size: u64) -> Result<Vec<u8>, BackupError> {
        let mut content = Vec::new();
        let read = self.input.by_ref().take(size).read_to_end(&mut content);
        if length(read.map_err(cut)?) != size {
            return Err(BackupError::Damaged("it ends too early".to_owned()));
        }
        let mut padding = tar::padding(size);
        self.input.read_exact(&mut padding).map_err(cut)?;
        Ok(content)
    }

    /// The very end: age says by it that nothing was cut off.
    fn end(&mut self) -> Result<(), BackupError> {
        let mut rest = Vec::new();
        let most = length(tar::END.len()).saturating_add(1);
        self.input
            .by_ref()
            .take(most)
            .read_to_end(&mut rest)
            .map_err(cut)?;
        if rest == tar::END {
            Ok(())
        } else {
            Err(BackupError::Damaged(
                "its end is not as it should be".to_owned(),
            ))
        }
    }

    fn compare(mut self, stated: &[u8]) -> Result<Manifest, BackupError> {
        let stated: Vec<Sum> = serde_json::from_slice(stated)
            .map_err(|error| BackupError::Damaged(format!("checksums: {error}")))?;
        self.sums.push(Sum {
            name: DATABASE.to_owned(),
            size: self.database.size,
            sha256: hex(&self.database.hash.finalize()),
        });
        if stated != self.sums {
            return Err(BackupError::Damaged(
                "its parts are not those that its checksums state".to_owned(),
            ));
        }
        self.manifest
            .ok_or_else(|| BackupError::NotABackup("it has no manifest".to_owned()))
    }
}

fn cut(error: io::Error) -> BackupError {
    BackupError::Damaged(error.to_string())
}

fn not_opened(error: DecryptError) -> BackupError {
    match error {
        DecryptError::NoMatchingKeys
        | DecryptError::KeyDecryptionFailed
        | DecryptError::DecryptionFailed => BackupError::WrongKey,
        DecryptError::UnknownFormat => BackupError::NotABackup("no age file".to_owned()),
        // Not every version of age knows the same ones.
        other => BackupError::Damaged(other.to_string()),
    }
}
