//! What an archive says of itself, before anything else in it.

use std::collections::BTreeMap;

use audit::HeadLine;
use chrono::{DateTime, Utc};
use db::setup;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vault::Fingerprint;

use super::BackupError;

const FORMAT: u64 = 1;
pub(super) const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u64,
    /// Of the program that made it.
    pub(crate) version: String,
    /// The newest migration of the database.
    pub(crate) schema: String,
    pub(crate) taken_at: DateTime<Utc>,
    /// The digest of the first key that signed the audit log: no two appliances have the same.
    pub(crate) appliance: Option<String>,
    /// `vault` or `local`.
    pub(crate) backend: String,
    /// Of every key that the database's contents rest on.
    pub(crate) keys: Vec<Fingerprint>,
    /// Where the audit log was.
    pub(crate) head: Option<HeadLine>,
    /// Rows of each table.
    pub(crate) tables: BTreeMap<String, i64>,
}

impl Manifest {
    pub(super) const fn format() -> u64 {
        FORMAT
    }

    /// An archive that this program can read; one of a newer is refused by name.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, BackupError> {
        let damaged = |error: serde_json::Error| BackupError::Damaged(format!("manifest: {error}"));
        let value: Value = serde_json::from_slice(bytes).map_err(damaged)?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let format = value.get("format").and_then(Value::as_u64).unwrap_or(0);
        let own_schema = setup::schema_version();
        let newer = format > FORMAT
            || numbers(text("version")) > numbers(OWN_VERSION)
            || text("schema") > own_schema.as_str();
        if newer {
            return Err(BackupError::Newer {
                version: text("version").to_owned(),
                schema: text("schema").to_owned(),
                own: OWN_VERSION,
                own_schema,
            });
        }
        serde_json::from_value(value).map_err(damaged)
    }
}

/// A version's numbers, which compare as it does.
fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split(['.', '-', '+']);
    parts.map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn manifest() -> Manifest {
        Manifest {
            format: FORMAT,
            version: OWN_VERSION.to_owned(),
            schema: setup::schema_version(),
            taken_at: DateTime::UNIX_EPOCH,
            appliance: None,
            backend: "local".to_owned(),
            keys: Vec::new(),
            head: None,
            tables: BTreeMap::new(),
        }
    }

    fn refused(manifest: &Manifest) -> bool {
        let read = Manifest::read(&serde_json::to_vec(manifest).unwrap());
        matches!(read, Err(BackupError::Newer { .. }))
    }

    #[test]
    fn an_archive_of_a_newer_version_is_refused() {
        assert!(!refused(&manifest()));
        for version in ["0.1.1", "0.10.0", "1.0.0"] {
            let version = version.to_owned();
            assert!(refused(&Manifest {
                version,
                ..manifest()
            }));
        }
        let version = "0.0.9".to_owned();
        assert!(!refused(&Manifest {
            version,
            ..manifest()
        }));
        let schema = "99999999999999".to_owned();
        assert!(refused(&Manifest {
            schema,
            ..manifest()
        }));
        assert!(refused(&Manifest {
            format: FORMAT + 1,
            ..manifest()
        }));
    }
}
