//! The bucket that archives are sent to: what is in the folder and not there goes up, and is read back. The file of
//! checksums goes last, so that an archive without one is an archive that has not arrived.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, BufReader, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use egress::{Egress, Purpose};
use kernel::{Clock, SystemClock};
use objects::{Bucket, BucketPlace, Object, ObjectError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

use super::{
    BackupError,
    config::BucketConfig,
    folder::{self, Folder, Kept, kept},
    secret_file::{self, BUCKET_KEY},
    writer::{hex, length},
};
use crate::{
    config::Config,
    setup::system::{self, own},
};

const RECORD: &str = "sent.json";
const CHECKSUM: &str = ".sha256";

/// What came of the last time that archives were sent, in their folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) at: DateTime<Utc>,
    /// Archives that arrived this time.
    pub(crate) names: Vec<String>,
    /// Older ones that went from the bucket.
    pub(crate) removed: Vec<String>,
    /// Code and message of what went wrong.
    pub(crate) problem: Option<(String, String)>,
}

impl Sent {
    /// Of the folder of the archives, where there was one.
    pub(crate) fn last(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(RECORD)).ok()?).ok()
    }

    fn keep(&self, folder: &Path) -> Result<(), BackupError> {
        let failed = |why: String| BackupError::Program(RECORD.to_owned(), why);
        let text = serde_json::to_vec(self).map_err(|error| failed(error.to_string()))?;
        system::write(&folder.join(RECORD), &text, 0o600, own())
            .map_err(|error| failed(error.to_string()))
    }
}

/// An archive that has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Elsewhere {
    pub(crate) name: String,
    pub(crate) taken_at: DateTime<Utc>,
    pub(crate) size: u64,
}

/// The bucket of the configuration, and what asks it.
pub(crate) struct Place {
    name: String,
    keep: usize,
    folder: PathBuf,
    bucket: Bucket,
    runtime: Runtime,
}

impl Place {
    /// Nothing where the configuration names none.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, BackupError> {
        let Some(bucket) = &config.backup.bucket else {
            return Ok(None);
        };
        let failed = |error| BackupError::Bucket(bucket.name.clone(), error);
        let secret = secret_file::load(&bucket.secret_key, BUCKET_KEY)?
            .ok_or_else(|| BackupError::NoBucketKey(bucket.name.clone()))?;
        let egress = Egress::new(config.egress.clone()).map_err(|error| failed(error.into()))?;
        let http = egress.http(Purpose::Backup);
        Ok(Some(Self {
            name: bucket.name.clone(),
            keep: bucket.keep.get(),
            folder: config.backup.directory.clone(),
            bucket: Bucket::new(&place(bucket), &secret, http, Arc::new(SystemClock))
                .map_err(failed)?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| failed(error.into()))?,
        }))
    }

    /// What has arrived, newest first.
    pub(crate) fn list(&self) -> Result<Vec<Elsewhere>, BackupError> {
        let objects = self.runtime.block_on(self.bucket.list());
        Ok(arrived(&objects.map_err(|error| self.failed(error))?))
    }

    /// Sends what is in the folder and has not arrived, and takes away what is older than the newest `keep`. What
    /// came of it is kept, whatever it is. `told` hears a stage and how many bytes of it are done.
    pub(crate) fn send(&self, told: &dyn Fn(&'static str, u64)) -> Result<Sent, BackupError> {
        // Nobody makes or sends archives meanwhile.
        let _folder = Folder::enter(&self.folder)?;
        let mut sent = Sent {
            at: SystemClock.now(),
            names: Vec::new(),
            removed: Vec::new(),
            problem: None,
        };
        let done = self.attempt(told, &mut sent);
        if let Err(error) = &done {
            sent.problem = Some((error.code().to_owned(), error.to_string()));
        }
        sent.keep(&self.folder)?;
        done.map(|()| sent)
    }

    fn attempt(
        &self,
        told: &dyn Fn(&'static str, u64),
        sent: &mut Sent,
    ) -> Result<(), BackupError> {
        let mut there = self.list()?;
        let mut missing: Vec<Kept> = kept(&self.folder)?
            .into_iter()
            .take(self.keep)
            .filter(|kept| !there.iter().any(|one| one.taken_at == kept.taken_at))
            .collect();
        // The oldest first: whatever cuts this short, no gap is left that nobody fills.
        missing.reverse();
        for archive in missing {
            let arrived = self.send_one(&archive, told)?;
            sent.names.push(arrived.name.clone());
            there.push(arrived);
        }
        there.sort_by_key(|one| std::cmp::Reverse(one.taken_at));
        for old in there.iter().skip(self.keep) {
            self.remove(&old.name)?;
            sent.removed.push(old.name.clone());
        }
        Ok(())
    }

    fn send_one(
        &self,
        archive: &Kept,
        told: &dyn Fn(&'static str, u64),
    ) -> Result<Elsewhere, BackupError> {
        let file = &archive.file;
        let unread = |error| BackupError::File(file.clone(), error);
        let name = file_name(file);
        let digest = folder::stated_checksum(file).ok_or_else(|| {
            BackupError::Damaged(format!("{name} has no file of checksums beside it"))
        })?;
        let from = File::open(file).map_err(unread)?;
        let mut from = BufReader::new(from);
        self.wait(self.bucket.put(&name, &mut from, archive.size, &|done| {
            told("sending it", done);
        }))?;
        fail::fail_point!("backup_sent");
        let mut back = Hashing::default();
        self.wait(self.bucket.get(&name, archive.size, &mut back, &|done| {
            told("looking at what arrived", done);
        }))?;
        if back.digest() != digest {
            return Err(BackupError::Damaged(format!(
                "{name} is another in the bucket than here"
            )));
        }
        let text = format!("{digest}  {name}\n");
        let checksum = format!("{name}{CHECKSUM}");
        self.wait(
            self.bucket
                .put(&checksum, &mut text.as_bytes(), length(text.len()), &|_| ()),
        )?;
        Ok(Elsewhere {
            name,
            taken_at: archive.taken_at,
            size: archive.size,
        })
    }

    /// The checksum first: what is left of an archive that goes is none.
    fn remove(&self, name: &str) -> Result<(), BackupError> {
        self.wait(self.bucket.delete(&format!("{name}{CHECKSUM}")))?;
        self.wait(self.bucket.delete(name))
    }

    /// Brings an archive back into the folder, the newest if none is named. `told` hears how many bytes are here.
    pub(crate) fn fetch(
        &self,
        name: Option<&str>,
        told: &dyn Fn(u64),
    ) -> Result<PathBuf, BackupError> {
        let there = self.list()?;
        let found = match name {
            Some(name) => there.iter().find(|one| one.name == name),
            None => there.first(),
        };
        let found = found.ok_or_else(|| BackupError::NotInBucket(self.name.clone()))?;
        let folder = Folder::enter(&self.folder)?;
        let new = folder.begin(found.taken_at)?;
        if new.final_path().exists() {
            return Err(BackupError::HereAlready(new.final_path().to_owned()));
        }
        let mut stated = Vec::new();
        let checksum = format!("{}{CHECKSUM}", found.name);
        self.wait(self.bucket.get(
            &checksum,
            CHECKSUM_SIZE.saturating_add(length(found.name.len())),
            &mut stated,
            &|_| (),
        ))?;
        let stated = String::from_utf8_lossy(&stated);
        let mut to = Hashing {
            to: Some(new.file()),
            ..Hashing::default()
        };
        self.wait(self.bucket.get(&found.name, found.size, &mut to, told))?;
        let digest = to.digest();
        if stated.split_whitespace().next() != Some(digest.as_str()) {
            return Err(BackupError::Damaged(format!(
                "{} is another in the bucket than was sent",
                found.name
            )));
        }
        new.sync()?;
        new.finish(&digest)
    }

    fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, ObjectError>>,
    ) -> Result<T, BackupError> {
        self.runtime
            .block_on(work)
            .map_err(|error| self.failed(error))
    }

    fn failed(&self, error: ObjectError) -> BackupError {
        BackupError::Bucket(self.name.clone(), error)
    }
}

/// 64 digits, two blanks and the end of the line: what a file of checksums has beside the name.
const CHECKSUM_SIZE: u64 = 67;

fn place(config: &BucketConfig) -> BucketPlace {
    BucketPlace {
        endpoint: config.endpoint.clone(),
        name: config.name.clone(),
        region: config.region.clone(),
        prefix: config.prefix.clone(),
        access_key: config.access_key.clone(),
    }
}

/// Archives by their names, each with its file of checksums; whatever else lies there is not ours.
fn arrived(objects: &[Object]) -> Vec<Elsewhere> {
    let whole: HashSet<&str> = objects
        .iter()
        .filter_map(|object| object.name.strip_suffix(CHECKSUM))
        .collect();
    let mut found: Vec<_> = objects
        .iter()
        .filter_map(|object| {
            Some(Elsewhere {
                taken_at: folder::time_of(&object.name)?,
                name: object.name.clone(),
                size: object.size,
            })
        })
        .filter(|one| whole.contains(one.name.as_str()))
        .collect();
    found.sort_by_key(|one| std::cmp::Reverse(one.taken_at));
    found
}

fn file_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The digest of what goes through, into a file where there is one.
#[derive(Default)]
struct Hashing<'a> {
    hash: Sha256,
    to: Option<&'a File>,
}

impl Hashing<'_> {
    fn digest(self) -> String {
        hex(&self.hash.finalize())
    }
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(mut to) = self.to {
            to.write_all(bytes)?;
        }
        self.hash.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> Object {
        Object {
            name: name.to_owned(),
            size: 1,
        }
    }

    #[test]
    fn what_has_not_wholly_arrived_and_what_is_not_ours_is_no_archive() {
        let found = arrived(&[
            object("revkeep-20261122T010203.000Z.age"),
            object("revkeep-20261122T010203.000Z.age.sha256"),
            object("revkeep-20261123T010203.000Z.age"),
            object("../../etc/cron.d/revkeep-20261124T010203.000Z.age"),
            object("../../etc/cron.d/revkeep-20261124T010203.000Z.age.sha256"),
            object("notes.txt"),
        ]);
        let names: Vec<_> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["revkeep-20261122T010203.000Z.age"]);
    }
}
