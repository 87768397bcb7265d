//! Whether an archive belongs here, and whether what was restored is what it states.

use std::{collections::BTreeMap, path::Path};

use audit::{Hash, Head, HeadLine};
use db::{Auditor, Snapshot};
use kernel::TenantId;
use vault::{Difference, Fingerprint};

use super::{
    BackupError, Checked, Keys, check,
    child::{self, Differing},
    error::database,
    manifest::Manifest,
    scratch::Scratch,
};
use crate::config::Config;

/// An archive that can be restored here.
pub(super) struct Fitting {
    pub(super) manifest: Manifest,
    /// The keys whose signatures under the audit log count.
    trusted: Vec<Hash>,
    /// Organisations whose key is gone from the secrets backend: they were erased since.
    pub(super) erased: Vec<TenantId>,
}

/// Reads all of it, and compares its keys with those that are here. Nothing is changed by it.
pub(super) fn fitting(
    place: (&Config, &Path),
    archive: &Path,
    keys: &Keys,
    told: &dyn Fn(u64),
) -> Result<Fitting, BackupError> {
    let Checked::Opened(manifest) = check(archive, keys, told)? else {
        return Err(BackupError::WrongKey);
    };
    let here = child::compare(place, manifest.keys.clone())?;
    let (erased, differing): (Vec<_>, Vec<_>) = here
        .differing
        .into_iter()
        .partition(|found| erased(found).is_some());
    if !differing.is_empty() {
        let named: Vec<_> = differing.iter().map(named).collect();
        return Err(BackupError::KeysDiffer(named.join("; ")));
    }
    Ok(Fitting {
        manifest: *manifest,
        trusted: here.audit_keys,
        erased: erased.iter().filter_map(self::erased).collect(),
    })
}

fn named(found: &Differing) -> String {
    let how = match found.how {
        Difference::Missing => "is not here",
        Difference::Other => "is another one here",
    };
    format!("{} {how}", found.key.of())
}

/// The organisation of a key that is not here any more. That is no difference: erasure destroys the key,
/// and its data stays closed.
fn erased(found: &Differing) -> Option<TenantId> {
    match &found.key {
        Fingerprint::Tenant { tenant, .. }
            if *tenant != TenantId::PLATFORM && found.how == Difference::Missing =>
        {
            Some(*tenant)
        }
        Fingerprint::Secret { .. } | Fingerprint::Signing { .. } | Fingerprint::Tenant { .. } => {
            None
        }
    }
}

impl Fitting {
    /// Whether the database is the one of the manifest; then runs the migrations that it lacks, and answers
    /// which.
    pub(super) fn judge(&self, restored: &Scratch) -> Result<Vec<String>, BackupError> {
        let mut snapshot = Snapshot::open(&restored.dsn()?).map_err(database)?;
        same_rows(&self.manifest.tables, &snapshot.rows().map_err(database)?)?;
        drop(snapshot);
        self.evidence(restored)?;
        restored.owner()?.migrate().map_err(database)
    }

    /// The audit log as it was sealed, up to the head that the manifest names.
    fn evidence(&self, restored: &Scratch) -> Result<(), BackupError> {
        let mut auditor = Auditor::open(restored.config()).map_err(database)?;
        let report = audit::verify(&mut auditor, &self.trusted, |_, _, _| {}).map_err(database)?;
        if !report.holds() {
            return Err(BackupError::NotRestored(
                "the audit log is not as it was sealed: `revkeep audit verify` tells whether the appliance's own is".to_owned(),
            ));
        }
        let last = auditor.last_head().map_err(database)?;
        let last = last.and_then(|row| Some(Head::stored(&row)?.line()));
        let statement = |line: &Option<HeadLine>| line.as_ref().map(|line| line.statement.clone());
        if statement(&last) == statement(&self.manifest.head) {
            return Ok(());
        }
        Err(BackupError::NotRestored(
            "the audit log does not end with the head of the manifest".to_owned(),
        ))
    }
}

fn same_rows(
    stated: &BTreeMap<String, i64>,
    found: &BTreeMap<String, i64>,
) -> Result<(), BackupError> {
    if stated == found {
        return Ok(());
    }
    let odd = stated
        .iter()
        .find(|(table, rows)| found.get(*table) != Some(*rows));
    Err(BackupError::NotRestored(match odd {
        Some((table, rows)) => {
            let there = found.get(table).copied().unwrap_or(0);
            format!("{table} had {rows} rows and has {there}")
        }
        None => "there are tables that the manifest does not name".to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(of: &[(&str, i64)]) -> BTreeMap<String, i64> {
        of.iter()
            .map(|(name, rows)| ((*name).to_owned(), *rows))
            .collect()
    }

    #[test]
    fn a_table_that_is_not_as_it_was_is_named() {
        let stated = tables(&[("jobs", 2), ("users", 3)]);
        assert!(same_rows(&stated, &stated).is_ok());
        let odd =
            |found: &[(&str, i64)]| same_rows(&stated, &tables(found)).unwrap_err().to_string();
        assert!(odd(&[("jobs", 2), ("users", 1)]).contains("users had 3 rows and has 1"));
        assert!(odd(&[("jobs", 2)]).contains("users had 3 rows and has 0"));
        assert!(odd(&[("jobs", 2), ("users", 3), ("more", 0)]).contains("does not name"));
    }
}
