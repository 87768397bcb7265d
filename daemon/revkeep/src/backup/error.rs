//! Why a backup could not be made or read, with a code that scripts may rely on.

use std::{io, path::PathBuf};

use objects::ObjectError;

use crate::setup::SetupError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    #[error("{file}: {why}", file = .0.display(), why = .1)]
    File(PathBuf, #[source] io::Error),
    #[error(
        "there is nobody to encrypt for. Next step: make a key on another machine (`age-keygen -o key.txt`), put its public part in backup.recipients and keep the file apart from here; or give a passphrase with --passphrase-file"
    )]
    NoRecipients,
    #[error("backup.recipients has {0:?}, which is no public key of age (age1...)")]
    BadRecipient(String),
    #[error("{file} holds no identity of age (AGE-SECRET-KEY-1...)", file = .0.display())]
    BadIdentity(PathBuf),
    #[error("another backup is being made in {folder}", folder = .0.display())]
    Busy(PathBuf),
    #[error(
        "this command becomes the account {0}, so it is root's to run, or that account's: try it with sudo"
    )]
    NotPermitted(String),
    #[error("`{0}` failed: {1}")]
    Program(String, String),
    #[error("a part of this command stopped")]
    Stopped,
    #[error("the keys could not be looked at: {0}")]
    Keys(#[from] SetupError),
    #[error("this is no backup of Revkeep: {0}")]
    NotABackup(String),
    #[error("the archive is damaged: {0}")]
    Damaged(String),
    #[error(
        "none of the keys at hand opens this archive, or its head is damaged. Next step: give the identity with --identity FILE, or the passphrase with --passphrase-file FILE"
    )]
    WrongKey,
    #[error(
        "the archive was made under other keys than those of this machine: {0}. Next step: bring back the keystore or Vault that belongs to it"
    )]
    KeysDiffer(String),
    #[error("it was restored, and is not what it should be: {0}")]
    NotRestored(String),
    #[error("there is no archive in {folder}. Next step: `revkeep backup create`", folder = .0.display())]
    NoArchive(PathBuf),
    #[error(
        "the database {0} holds an appliance already. Next step: --replace keeps it under another name and puts the archive in its place"
    )]
    NotEmpty(String),
    #[error(
        "the database {database} has {sessions} sessions. Next step: `systemctl stop revkeep` on each machine that works on it"
    )]
    InUse { database: String, sessions: i64 },
    #[error(
        "the configuration or the keystore here is not the archive's: {0}. Next step: --differing keep leaves what is here, --differing take puts the archive's in place and keeps what is here beside it"
    )]
    FilesDiffer(String),
    #[error("the archive's configuration cannot be used here, so nothing was put in place. {0}")]
    Unfit(String),
    #[error(
        "the bucket {0}: {1}. Next step: when that is mended, `revkeep backup send`; the archives are in their folder"
    )]
    Bucket(String, #[source] ObjectError),
    #[error(
        "the bucket {0} has no key: the file of backup.bucket.secret_key is not there. Next step: write the secret part of the key into it (docs/backup.md)"
    )]
    NoBucketKey(String),
    #[error(
        "the configuration names no bucket. Next step: say where it is in [backup.bucket] (docs/backup.md)"
    )]
    NoBucket,
    #[error("no such archive has arrived in the bucket {0}. Next step: `revkeep backup list`")]
    NotInBucket(String),
    #[error("{file} is here already", file = .0.display())]
    HereAlready(PathBuf),
    #[error("another restore is under way")]
    Restoring,
    #[error(
        "the archive was made by Revkeep {version} (schema {schema}), which is newer than this program: {own} (schema {own_schema}). Next step: install that version first"
    )]
    Newer {
        version: String,
        schema: String,
        own: &'static str,
        own_schema: String,
    },
}

impl BackupError {
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::File(..) => "backup_file",
            Self::NoRecipients => "backup_no_recipients",
            Self::BadRecipient(_) => "backup_bad_recipient",
            Self::BadIdentity(_) => "backup_bad_identity",
            Self::Busy(_) => "backup_busy",
            Self::NotPermitted(_) => "backup_not_permitted",
            Self::Program(..) => "backup_program_failed",
            Self::Stopped => "backup_stopped",
            Self::Keys(_) => "backup_keys",
            Self::NotABackup(_) => "backup_not_one",
            Self::Damaged(_) => "backup_damaged",
            Self::WrongKey => "backup_wrong_key",
            Self::KeysDiffer(_) => "backup_keys_differ",
            Self::NotRestored(_) => "backup_not_restored",
            Self::NoArchive(_) => "backup_none",
            Self::NotEmpty(_) => "restore_not_empty",
            Self::InUse { .. } => "restore_in_use",
            Self::FilesDiffer(_) => "restore_files_differ",
            Self::Unfit(_) => "restore_files_unfit",
            Self::Bucket(..) => "backup_bucket",
            Self::NoBucketKey(_) => "backup_bucket_no_key",
            Self::NoBucket => "backup_no_bucket",
            Self::NotInBucket(_) => "backup_not_in_bucket",
            Self::HereAlready(_) => "backup_here_already",
            Self::Restoring => "restore_busy",
            Self::Newer { .. } => "backup_newer",
        }
    }

    /// Whether the archive itself is what is wrong.
    pub(crate) const fn is_of_the_archive(&self) -> bool {
        matches!(
            self,
            Self::NotABackup(_) | Self::Damaged(_) | Self::WrongKey | Self::Newer { .. }
        )
    }
}

pub(super) fn database(error: db::DbError) -> BackupError {
    BackupError::Program("the database".to_owned(), crate::commands::reason(&error))
}
