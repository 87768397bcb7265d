//! Archives in their folder. A name says when the archive was made, so that names in order are archives in
//! order; the file of checksums beside it is for `sha256sum -c`, on a machine that cannot open the archive.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use chrono::{DateTime, NaiveDateTime, Utc};

use super::BackupError;

const BEGIN: &str = "revkeep-";
const END: &str = ".age";
const TIME: &str = "%Y%m%dT%H%M%S%.3fZ";
const UNFINISHED: &str = ".part";

/// An archive that was finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) file: PathBuf,
    pub(crate) taken_at: DateTime<Utc>,
    pub(crate) size: u64,
}

/// The folder while an archive is being made in it; others wait.
pub(super) struct Folder {
    path: PathBuf,
    _only_one: File,
}

impl Folder {
    /// Makes it if it is not there, and takes away what an earlier command left unfinished.
    pub(super) fn enter(path: &Path) -> Result<Self, BackupError> {
        let failed = |error| BackupError::File(path.to_owned(), error);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(".lock"))
            .map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => BackupError::Busy(path.to_owned()),
            fs::TryLockError::Error(error) => failed(error),
        })?;
        for entry in fs::read_dir(path).map_err(failed)? {
            let left = entry.map_err(failed)?.path();
            if left.to_string_lossy().ends_with(UNFINISHED) {
                fs::remove_file(&left).map_err(failed)?;
            }
        }
        Ok(Self {
            path: path.to_owned(),
            _only_one: lock,
        })
    }

    /// Where an archive of this moment goes when it is finished, and a file for it meanwhile.
    pub(super) fn begin(&self, at: DateTime<Utc>) -> Result<Unfinished, BackupError> {
        let file = self.path.join(format!("{BEGIN}{}{END}", at.format(TIME)));
        let part = file.with_added_extension("part");
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)
            .map_err(|error| BackupError::File(part.clone(), error))?;
        Ok(Unfinished { part, file, opened })
    }

    /// Removes the oldest beyond the `keep` newest; answers which. Called once a new one is there that was
    /// looked at, so that a good one is always left.
    pub(super) fn retain(&self, keep: usize) -> Result<Vec<PathBuf>, BackupError> {
        let mut gone = Vec::new();
        for old in kept(&self.path)?.into_iter().skip(keep.max(1)) {
            fs::remove_file(&old.file)
                .map_err(|error| BackupError::File(old.file.clone(), error))?;
            let _ = fs::remove_file(checksum_file(&old.file));
            gone.push(old.file);
        }
        Ok(gone)
    }
}

/// An archive that is being made; its file is gone if it does not come to an end.
pub(super) struct Unfinished {
    part: PathBuf,
    file: PathBuf,
    opened: File,
}

impl Unfinished {
    pub(super) fn path(&self) -> &Path {
        &self.part
    }

    /// The name that it will have.
    pub(super) fn final_path(&self) -> &Path {
        &self.file
    }

    pub(super) const fn file(&self) -> &File {
        &self.opened
    }

    pub(super) fn sync(&self) -> Result<(), BackupError> {
        self.opened
            .sync_all()
            .map_err(|error| BackupError::File(self.part.clone(), error))
    }

    /// Gives it its name, on disk, too.
    pub(super) fn finish(self, sha256: &str) -> Result<PathBuf, BackupError> {
        let failed = |error| BackupError::File(self.file.clone(), error);
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        fs::write(checksum_file(&self.file), format!("{sha256}  {name}\n"))
            .and_then(|()| fs::rename(&self.part, &self.file))
            .and_then(|()| File::open(self.file.parent().unwrap_or(Path::new("/")))?.sync_all())
            .map_err(failed)?;
        Ok(self.file.clone())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.part);
    }
}

/// The archives of a folder, newest first; none where there is no folder.
pub(crate) fn kept(folder: &Path) -> Result<Vec<Kept>, BackupError> {
    let failed = |error| BackupError::File(folder.to_owned(), error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if let Some(taken_at) = time_of(&entry.file_name().to_string_lossy()) {
            found.push(Kept {
                size: entry.metadata().map_err(failed)?.len(),
                file: entry.path(),
                taken_at,
            });
        }
    }
    found.sort_by_key(|archive| std::cmp::Reverse(archive.taken_at));
    Ok(found)
}

/// When the archive of this name was made; nothing for a name that is none's.
pub(super) fn time_of(name: &str) -> Option<DateTime<Utc>> {
    let text = name.strip_prefix(BEGIN)?.strip_suffix(END)?;
    Some(NaiveDateTime::parse_from_str(text, TIME).ok()?.and_utc())
}

fn checksum_file(archive: &Path) -> PathBuf {
    archive.with_added_extension("sha256")
}

/// The digest that the file of checksums beside an archive states.
pub(super) fn stated_checksum(archive: &Path) -> Option<String> {
    let text = fs::read_to_string(checksum_file(archive)).ok()?;
    text.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    #[test]
    fn the_newest_stay_and_other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let inside = Folder::enter(folder.path()).unwrap();
        for second in [3, 1, 2, 4] {
            inside.begin(at(second)).unwrap().finish("00").unwrap();
        }
        for other in ["revkeep-yesterday.age", "notes.txt"] {
            fs::write(folder.path().join(other), "theirs").unwrap();
        }
        assert_eq!(inside.retain(2).unwrap().len(), 2);
        let left: Vec<_> = kept(folder.path()).unwrap();
        assert_eq!(
            left.iter().map(|kept| kept.taken_at).collect::<Vec<_>>(),
            [at(4), at(3)]
        );
        assert_eq!(stated_checksum(&left[0].file).as_deref(), Some("00"));
        // Two archives, two files of checksums, the lock, and what is not ours.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 7);
        assert_eq!(inside.retain(0).unwrap().len(), 1);
        assert_eq!(kept(folder.path()).unwrap().len(), 1);
    }

    #[test]
    fn one_at_a_time_and_what_was_cut_off_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let inside = Folder::enter(folder.path()).unwrap();
        let again = Folder::enter(folder.path());
        assert!(matches!(again, Err(BackupError::Busy(_))));
        drop(inside);
        let left = folder.path().join("revkeep-x.age.part");
        fs::write(&left, "half").unwrap();
        let inside = Folder::enter(folder.path()).unwrap();
        assert!(!left.exists());
        drop(inside.begin(at(1)).unwrap());
        assert!(kept(folder.path()).unwrap().is_empty());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
