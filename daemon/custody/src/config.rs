//! `[export]` and `[erasure]` of the configuration.

use std::path::PathBuf;

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportConfig {
    /// Where archives wait for their download. Several daemons share one directory.
    pub directory: PathBuf,
    /// Days after which an archive is gone, downloaded or not.
    pub keep_days: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureConfig {
    /// Days in which a deletion can be taken back.
    pub cooling_off_days: u32,
    /// Days for which the customer keeps backups, as certificates state it.
    pub backups_kept_days: u32,
}
