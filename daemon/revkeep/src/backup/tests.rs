//! Archives in memory: what was written is read, and nothing else is.

use std::{cell::RefCell, io::Cursor};

use age::x25519;
use kernel::Secret;

use super::{
    BackupError, Keys, Lock,
    manifest::{Manifest, tests::manifest},
    reader::{self, Nothing, Sink},
    writer::{MANIFEST, PIECE, Writer},
};

fn lock() -> Lock {
    Lock::Recipients {
        theirs: vec![x25519::Identity::generate().to_public()],
        machine: x25519::Identity::generate(),
    }
}

fn archive(lock: &Lock, manifest: &Manifest, dump: &[u8]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut writer = Writer::new(&mut archive, lock).unwrap();
    let text = serde_json::to_vec(manifest).unwrap();
    writer.part(MANIFEST, &text).unwrap();
    writer
        .part("configuration/revkeep.toml", b"[site]\n")
        .unwrap();
    writer.database(dump, &|_| ()).unwrap();
    writer.finish().unwrap();
    archive
}

fn read(archive: &[u8], keys: &Keys) -> Result<Manifest, BackupError> {
    reader::read(Cursor::new(archive), keys, &mut Nothing)
}

#[derive(Default)]
struct Taken {
    parts: Vec<String>,
    dump: Vec<u8>,
}

impl Sink for Taken {
    fn part(&mut self, name: &str, _: &[u8]) -> Result<(), BackupError> {
        self.parts.push(name.to_owned());
        Ok(())
    }
    fn piece(&mut self, piece: &[u8]) -> Result<(), BackupError> {
        self.dump.extend_from_slice(piece);
        Ok(())
    }
}

#[test]
fn a_dump_of_any_size_comes_back_as_it_was() {
    for size in [0, 1, PIECE, PIECE + 1] {
        let dump: Vec<u8> = (0..size)
            .map(|at| u8::try_from(at % 251).unwrap())
            .collect();
        let lock = lock();
        let told = RefCell::new(0);
        let mut archive = Vec::new();
        let mut writer = Writer::new(&mut archive, &lock).unwrap();
        let text = serde_json::to_vec(&manifest()).unwrap();
        writer.part(MANIFEST, &text).unwrap();
        writer
            .database(dump.as_slice(), &|so_far| *told.borrow_mut() = so_far)
            .unwrap();
        let written = writer.finish().unwrap();
        assert_eq!(*told.borrow(), u64::try_from(size).unwrap());
        assert_eq!(written.size, u64::try_from(archive.len()).unwrap());
        let mut taken = Taken::default();
        reader::read(Cursor::new(&archive), &lock.keys(), &mut taken).unwrap();
        assert_eq!(taken.dump, dump);
        assert!(taken.parts.is_empty());
    }
}

#[test]
fn whatever_is_cut_off_or_changed_is_told() {
    let lock = lock();
    let whole = archive(&lock, &manifest(), &[7; 200_000]);
    assert!(read(&whole, &lock.keys()).is_ok());
    // By one byte, by a chunk of age's, in its header, and by everything.
    for left in [
        whole.len() - 1,
        whole.len() - 70_000,
        200_000,
        65_600,
        150,
        0,
    ] {
        let refused = read(&whole[..left], &lock.keys());
        assert!(
            matches!(refused, Err(BackupError::Damaged(_))),
            "{left}: {refused:?}"
        );
    }
    for at in [700, 65_000, 130_000, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        let refused = read(&flipped, &lock.keys());
        assert!(
            matches!(refused, Err(BackupError::Damaged(_))),
            "{at}: {refused:?}"
        );
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(matches!(
        read(&longer, &lock.keys()),
        Err(BackupError::Damaged(_))
    ));
}

/// Whoever has a public key can make an archive; what it states must still be what it holds.
#[test]
fn an_archive_whose_parts_are_not_those_it_states_is_refused() {
    let lock = lock();
    let text = serde_json::to_vec(&manifest()).unwrap();
    let refused = |write: &dyn Fn(&mut Writer<&mut Vec<u8>>)| {
        let mut archive = Vec::new();
        let mut writer = Writer::new(&mut archive, &lock).unwrap();
        write(&mut writer);
        writer.finish().unwrap();
        read(&archive, &lock.keys()).unwrap_err().code()
    };
    // No dump; no manifest; a manifest that comes late; two.
    assert_eq!(
        refused(&|to| to.part(MANIFEST, &text).unwrap()),
        "backup_damaged"
    );
    assert_eq!(
        refused(&|to| to.database(&b"x"[..], &|_| ()).unwrap()),
        "backup_not_one"
    );
    assert_eq!(
        refused(&|to| {
            to.part("keystore", b"{}").unwrap();
            to.part(MANIFEST, &text).unwrap();
        }),
        "backup_not_one"
    );
    assert_eq!(
        refused(&|to| {
            to.part(MANIFEST, &text).unwrap();
            to.part(MANIFEST, &text).unwrap();
        }),
        "backup_not_one"
    );
    // A piece under the name of a part, which no checksum states.
    assert_eq!(
        refused(&|to| {
            to.part(MANIFEST, &text).unwrap();
            to.part("database/00000000", b"x").unwrap();
        }),
        "backup_damaged"
    );
}

#[test]
fn another_key_and_another_passphrase_do_not_open_it() {
    let lock = lock();
    let whole = archive(&lock, &manifest(), b"dump");
    let other = super::locks::Lock::Recipients {
        theirs: Vec::new(),
        machine: x25519::Identity::generate(),
    };
    assert!(matches!(
        read(&whole, &other.keys()),
        Err(BackupError::WrongKey)
    ));
    let word = |text: &str| Secret::new(text.to_owned());
    let whole = archive(
        &Lock::passphrase(&word("correct horse")),
        &manifest(),
        b"dump",
    );
    assert!(read(&whole, &Keys::passphrase(&word("correct horse"))).is_ok());
    let wrong = read(&whole, &Keys::passphrase(&word("Correct horse")));
    assert!(matches!(wrong, Err(BackupError::WrongKey)), "{wrong:?}");
    assert!(matches!(
        read(&whole, &lock.keys()),
        Err(BackupError::WrongKey)
    ));
}

#[test]
fn one_of_a_newer_version_is_refused_before_anything_is_taken_from_it() {
    let lock = lock();
    let newer = Manifest {
        version: "9.0.0".to_owned(),
        ..manifest()
    };
    let whole = archive(&lock, &newer, b"dump");
    let mut taken = Taken::default();
    let refused = reader::read(Cursor::new(&whole), &lock.keys(), &mut taken);
    assert!(
        matches!(refused, Err(BackupError::Newer { .. })),
        "{refused:?}"
    );
    assert!(taken.parts.is_empty() && taken.dump.is_empty());
}
