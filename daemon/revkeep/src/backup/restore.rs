//! A restore: into a new database, which takes the name of the old one at its end. Until then nothing of the
//! appliance is touched, so whatever goes wrong leaves it as it was.

use std::{path::Path, time::Duration};

use chrono::{DateTime, Utc};
use db::{DbConfig, Ledger, Returned, setup::Setup};
use kernel::{Actor, Clock, SystemClock};
use serde_json::Value;

use super::{BackupError, Keys, child, error::database, judge, scratch::Scratch};
use crate::{config::Config, setup::system};

/// As long as PostgreSQL itself waits before it refuses to rename.
const LOOKS: u32 = 50;
const AGAIN: Duration = Duration::from_millis(100);

/// What a restore brought back.
pub(crate) struct Restored {
    /// The moment of the archive.
    pub(crate) taken_at: DateTime<Utc>,
    /// The audit log's last head in it.
    pub(crate) head: Option<u64>,
    pub(crate) rows: i64,
    /// Migrations that the archive lacked, and that ran.
    pub(crate) migrations: Vec<String>,
    /// Whether what happened since was learned from the database that was replaced.
    pub(crate) replaced: bool,
    /// How many of what was held, ended or taken away.
    pub(crate) told: Value,
    /// The name of the database that was replaced.
    pub(crate) kept: Option<String>,
}

/// What has the name now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Nothing,
    /// A database without an organisation or a person: set-up made it.
    Empty,
    Appliance,
}

/// `told` hears a stage and how many bytes of it are done. An appliance that is there is kept under another
/// name with `replace`, and is a reason to refuse without.
pub(crate) fn restore(
    place: (&Config, &Path),
    archive: &Path,
    keys: &Keys,
    replace: bool,
    told: &dyn Fn(&'static str, u64),
) -> Result<Restored, BackupError> {
    let config = &place.0.database;
    let fitting = judge::fitting(place, archive, keys, &|read| told("looking at it", read))?;
    let mut scratch = Scratch::make(config.restoring())?;
    let there = standing(config, scratch.admin())?;
    if there == Standing::Appliance && !replace {
        return Err(BackupError::NotEmpty(config.name.clone()));
    }
    unused(config, scratch.admin())?;
    scratch.fill(archive, keys, &|read| told("restoring it", read))?;
    fail::fail_point!("restore_filled");
    told("looking at what was restored", 0);
    let migrations = fitting.judge(&scratch)?;
    let key = child::context_key(place)?;
    scratch.owner()?.store_context_key(&key).map_err(database)?;
    let ledger = match (there, &fitting.manifest.head) {
        (Standing::Appliance, Some(head)) => ledger(config, &head.statement)?,
        _ => None,
    };
    let returned = Returned {
        head: fitting.manifest.head.as_ref().map(|head| head.number),
        taken_at: fitting.manifest.taken_at,
        ledger,
        erased: fitting.erased,
    };
    let by = Actor::Local {
        os_user: system::own_name(),
    };
    let told = scratch
        .owner()?
        .quarantine_begin(&returned, &by, SystemClock.now())
        .map_err(database)?;
    scratch.analyze()?;
    unused(config, scratch.admin())?;
    fail::fail_point!("restore_before_name");
    let kept = take_name(config, scratch, there)?;
    fail::fail_point!("restore_named");
    Ok(Restored {
        taken_at: returned.taken_at,
        head: returned.head,
        rows: fitting.manifest.tables.values().sum(),
        migrations,
        replaced: returned.ledger.is_some(),
        told,
        kept,
    })
}

fn standing(config: &DbConfig, admin: &mut Setup) -> Result<Standing, BackupError> {
    if !admin.has_database(&config.name).map_err(database)? {
        return Ok(Standing::Nothing);
    }
    let holds = Setup::open(config, "postgres", &config.name)
        .and_then(|mut inside| inside.holds_an_appliance())
        .map_err(database)?;
    Ok(if holds {
        Standing::Appliance
    } else {
        Standing::Empty
    })
}

/// What the database that is replaced knows of what happened after the archive. It is out of use from here on.
fn ledger(config: &DbConfig, head: &str) -> Result<Option<Ledger>, BackupError> {
    Setup::open(config, "postgres", &config.name)
        .and_then(|mut old| old.ledger(head))
        .map_err(database)
}

/// Whoever works on the old database would lose what they do meanwhile. A session that has just ended is
/// listed for a moment longer.
fn unused(config: &DbConfig, admin: &mut Setup) -> Result<(), BackupError> {
    let mut sessions = 0;
    for _ in 0..LOOKS {
        sessions = admin.sessions(&config.name).map_err(database)?;
        if sessions == 0 {
            return Ok(());
        }
        std::thread::park_timeout(AGAIN);
    }
    Err(BackupError::InUse {
        database: config.name.clone(),
        sessions,
    })
}

/// Answers the name under which an appliance that was there is kept.
fn take_name(
    config: &DbConfig,
    scratch: Scratch,
    there: Standing,
) -> Result<Option<String>, BackupError> {
    let moment = SystemClock.now().format("%Y%m%dt%H%M%S").to_string();
    let before = (there != Standing::Nothing).then(|| config.kept_name(&moment));
    scratch.take_name(config, before.as_deref())?;
    if there == Standing::Appliance {
        return Ok(before);
    }
    if let Some(empty) = before {
        Setup::open(config, "postgres", "postgres")
            .and_then(|mut admin| admin.drop_database(&empty))
            .map_err(database)?;
    }
    Ok(None)
}
