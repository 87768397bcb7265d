//! Looking at an archive while it is being made: what goes to the disk is opened beside that, by a second
//! thread. What the disk gives back afterwards is compared by its digest alone.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use rustix::fs::{Advice, fadvise};

use super::{
    BackupError, Lock,
    check::{BUFFER, digest},
    manifest::Manifest,
    reader::{self, Nothing},
};

/// Buffers that were written and are not opened yet.
const BEHIND: usize = 8;

/// Runs `write` with an output that goes into `to`, and opens all of it meanwhile by the keys of `lock`.
/// Answers what `write` did, and what the archive says of itself.
pub(super) fn opened<W, T>(
    to: W,
    lock: &Lock,
    write: impl FnOnce(Both<W>) -> Result<T, BackupError>,
) -> Result<(T, Manifest), BackupError> {
    let (also, written) = sync_channel(BEHIND);
    thread::scope(|scope| {
        let looking = scope.spawn(move || {
            let written = Written {
                from: written,
                now: io::Cursor::default(),
            };
            let input = BufReader::with_capacity(BUFFER, written);
            reader::read(input, &lock.keys(), &mut Nothing)
        });
        let both = Both {
            to,
            also: Some(also),
        };
        let done = write(both)?;
        let seen = looking.join().map_err(|_| BackupError::Stopped)?;
        Ok((done, seen?))
    })
}

/// Writes to the disk, and to whoever looks.
pub(super) struct Both<W> {
    to: W,
    also: Option<SyncSender<Vec<u8>>>,
}

impl<W: Write> Write for Both<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        let copy = bytes.get(..written).unwrap_or_default().to_owned();
        if let Some(also) = &self.also
            && also.send(copy).is_err()
        {
            // It found something, and says so at the end.
            self.also = None;
        }
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What was written so far, and then what comes.
struct Written {
    from: Receiver<Vec<u8>>,
    now: io::Cursor<Vec<u8>>,
}

impl Read for Written {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.now.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.from.recv() {
                Ok(next) => self.now = io::Cursor::new(next),
                Err(_) => return Ok(0),
            }
        }
    }
}

/// Whether the disk gives back what was written. The file was brought there before; what memory still
/// has of it is let go, so that it is not asked instead.
pub(super) fn on_disk(file: &Path, sha256: &str, told: &dyn Fn(u64)) -> Result<(), BackupError> {
    let failed = |error| BackupError::File(file.to_owned(), error);
    let from = File::open(file).map_err(failed)?;
    // A filesystem in memory, such as tmpfs, has nothing to let go.
    let _ = fadvise(&from, 0, None, Advice::DontNeed);
    if digest(from, told).map_err(failed)? == sha256 {
        Ok(())
    } else {
        Err(BackupError::Damaged(
            "the disk does not give back what was written to it".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use age::x25519;

    use super::*;
    use crate::backup::{
        manifest::tests::manifest,
        writer::{MANIFEST, Writer},
    };

    fn lock() -> Lock {
        Lock::Recipients {
            theirs: Vec::new(),
            machine: x25519::Identity::generate(),
        }
    }

    fn made(to: impl Write, by: &Lock) -> Result<(), BackupError> {
        let mut archive = Writer::new(to, by)?;
        let text = serde_json::to_vec(&manifest()).unwrap();
        archive.part(MANIFEST, &text)?;
        archive.database(&[7; 3 << 20][..], &|_| ())?;
        archive.finish().map(drop)
    }

    #[test]
    fn what_is_written_is_opened_while_it_is() {
        let lock = lock();
        let mut file = Vec::new();
        let ((), seen) = opened(&mut file, &lock, |both| made(both, &lock)).unwrap();
        assert_eq!(seen.version, manifest().version);
        let again = reader::read(io::Cursor::new(&file), &lock.keys(), &mut Nothing);
        assert!(again.is_ok());
    }

    /// It is longer than all that may wait, so nobody waits for the other.
    #[test]
    fn what_does_not_open_is_told_and_what_is_not_written_to_its_end() {
        let (right, other) = (lock(), lock());
        let wrong = opened(io::sink(), &right, |both| made(both, &other)).unwrap_err();
        assert!(matches!(wrong, BackupError::WrongKey), "{wrong}");
        let cut = opened(io::sink(), &right, |mut both| {
            let mut whole = Vec::new();
            made(&mut whole, &right)?;
            both.write_all(&whole[..whole.len() / 2]).unwrap();
            Ok(())
        });
        assert!(matches!(cut, Err(BackupError::Damaged(_))));
        let failed = opened(io::sink(), &right, |both| {
            drop(both);
            Err::<(), _>(BackupError::Stopped)
        });
        assert!(matches!(failed, Err(BackupError::Stopped)));
    }

    #[test]
    fn a_disk_that_gives_back_something_else_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "what was written").unwrap();
        let digest = digest(&b"what was written"[..], &|_| ()).unwrap();
        on_disk(file.path(), &digest, &|_| ()).unwrap();
        std::fs::write(file.path(), "what was writteN").unwrap();
        let odd = on_disk(file.path(), &digest, &|_| ());
        assert!(matches!(odd, Err(BackupError::Damaged(_))));
    }
}
