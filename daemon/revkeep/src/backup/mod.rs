//! Backups: one encrypted file with all that a machine needs to become this appliance (LM-95, CX-36).
//!
//! | Module | What it is |
//! |---|---|
//! | `config` | `[backup]` of the configuration |
//! | `manifest` | what an archive says of itself, and which of them this program reads |
//! | `locks` | what an archive is closed with and opened by |
//! | `secret_file` | the key by which this machine opens its newest archive and no other, and a bucket's |
//! | `bucket` | archives in a bucket elsewhere |
//! | `writer`, `reader` | the archive: members of a tar, each with a checksum, in an age file |
//! | `child` | what runs under other accounts of the machine: the dump, and the look at the keys |
//! | `folder` | archives in their folder, and how many are kept |
//! | `create`, `check` | making one, and looking whether it is whole |
//! | `along` | looking at one while it is made |
//! | `scratch`, `load` | a database beside the appliance's own, filled from an archive |
//! | `judge` | whether an archive belongs here, and whether what was restored is what it states |
//! | `rehearse`, `restore` | trying one, and putting it in place of the appliance's database |
//! | `files` | configuration and keystore of an archive, and those that are here |
//! | `standing` | what `revkeep check`, `doctor` and `status` say of archives |

mod along;
mod bucket;
mod check;
pub(crate) mod child;
mod config;
mod create;
mod error;
mod files;
mod folder;
mod judge;
mod load;
mod locks;
mod manifest;
mod reader;
mod rehearse;
mod restore;
mod scratch;
mod secret_file;
mod standing;
mod writer;

pub(crate) use bucket::{Place as Bucket, Sent};
pub(crate) use check::{Checked, check};
pub(crate) use config::Config;
pub(crate) use create::{Made, Place, create};
pub(crate) use error::BackupError;
pub(crate) use files::{Changed, Differing, Files};
pub(crate) use folder::kept;
pub(crate) use locks::{Keys, Lock};
pub(crate) use rehearse::{Rehearsed, rehearse};
pub(crate) use restore::{Restored, restore};
pub(crate) use standing::standing;

#[cfg(test)]
mod tests;
