//! A restore that is tried: the archive goes into a scratch database, which is looked at and dropped. So a
//! backup is known to restore, by this machine, before it is needed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use kernel::{Clock, SystemClock};
use serde::{Deserialize, Serialize};

use super::{BackupError, Keys, judge, scratch::Scratch};
use crate::{
    config::Config,
    setup::system::{self, own},
};

const RECORD: &str = "rehearsed.json";

/// What came of the last rehearsal, in the folder of the archives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rehearsed {
    pub(crate) at: DateTime<Utc>,
    pub(crate) archive: PathBuf,
    pub(crate) taken_at: Option<DateTime<Utc>>,
    pub(crate) seconds: i64,
    pub(crate) rows: i64,
    /// Migrations that the archive lacked, and that ran.
    pub(crate) migrations: Vec<String>,
    /// Code and message of what went wrong; `None` when the archive restores.
    pub(crate) problem: Option<(String, String)>,
}

impl Rehearsed {
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

/// Tries `archive`, and keeps what came of it. `told` hears a stage and how many bytes of it are done.
pub(crate) fn rehearse(
    place: (&Config, &Path),
    archive: &Path,
    keys: &Keys,
    told: &dyn Fn(&'static str, u64),
) -> Result<Rehearsed, BackupError> {
    let began = SystemClock.now();
    let mut outcome = Rehearsed {
        at: began,
        archive: archive.to_owned(),
        taken_at: None,
        seconds: 0,
        rows: 0,
        migrations: Vec::new(),
        problem: None,
    };
    if let Err(error) = attempt(place, archive, keys, told, &mut outcome) {
        outcome.problem = Some((error.code().to_owned(), error.to_string()));
    }
    outcome.seconds = (SystemClock.now() - began).num_seconds();
    outcome.keep(&place.0.backup.directory)?;
    Ok(outcome)
}

fn attempt(
    place: (&Config, &Path),
    archive: &Path,
    keys: &Keys,
    told: &dyn Fn(&'static str, u64),
    outcome: &mut Rehearsed,
) -> Result<(), BackupError> {
    let fitting = judge::fitting(place, archive, keys, &|read| told("looking at it", read))?;
    outcome.taken_at = Some(fitting.manifest.taken_at);
    let scratch = Scratch::make(place.0.database.rehearsal())?;
    scratch.fill(archive, keys, &|read| told("restoring it", read))?;
    outcome.migrations = fitting.judge(&scratch)?;
    outcome.rows = fitting.manifest.tables.values().sum();
    Ok(())
}
