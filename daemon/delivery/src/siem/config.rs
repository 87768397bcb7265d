//! `[siem]` of the configuration.

use std::path::PathBuf;

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SiemConfig {
    /// Where targets of the kind `file` write.
    pub directory: PathBuf,
    /// A file that is larger is put aside.
    pub file_megabytes: u64,
    /// How many that were put aside are kept.
    pub files_kept: u32,
}

impl Default for SiemConfig {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/var/lib/revkeep/siem"),
            file_megabytes: 100,
            files_kept: 10,
        }
    }
}
