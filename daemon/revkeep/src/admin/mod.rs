//! The administrator's socket. The command asks, the running daemon answers: the command itself holds
//! no credential of the database or of the secrets backend.

mod client;
mod peer;
mod server;

pub(crate) use client::ask;
pub(crate) use server::{Answers, serve};

use chrono::{DateTime, Utc};
use kernel::{Secret, TenantId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What may be asked, one JSON object on a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Question {
    Status,
    Check,
    /// As [`Question::Check`], and what only the running daemon can see.
    Doctor,
    /// Versions, counts and metrics for a support bundle.
    Facts,
    /// A one-time code for the first super_admin.
    SetupCode,
    /// Seal everything anew under the keys; `rotate` adds a version to each key first.
    KeysRewrap {
        rotate: bool,
    },
    /// How far a rewrap is.
    KeysProgress {
        run: Uuid,
    },
    /// Read the server's certificate from its files again.
    CertificateReload,
    /// The signing keys with their age.
    Keys,
    /// The next signing key becomes the current one.
    KeysRotate,
    /// End the sessions that are in a tenant, or every one.
    SessionsEnd {
        tenant: Option<TenantId>,
    },
    /// A new recovery key for the local keystore.
    RecoveryKey,
    /// The public keys whose signatures under the audit log count; that somebody reads it goes on record.
    AuditOpen {
        purpose: String,
    },
    /// What a verification said, to be put on record.
    AuditVerified {
        heads: u64,
        leaves: u64,
        findings: u64,
    },
    /// A backup was made, to be put on record.
    BackupMade {
        taken_at: DateTime<Utc>,
        size: u64,
        /// How it was looked at; nothing for a stream.
        checked: Option<String>,
    },
    /// A backup was restored on trial, to be put on record.
    BackupRehearsed {
        at: DateTime<Utc>,
        /// The moment of the archive, where it could be read.
        taken_at: Option<DateTime<Utc>>,
        seconds: i64,
        rows: i64,
        /// Why it does not restore; nothing when it does.
        code: Option<String>,
    },
    /// Sign that rows older than the retention may go.
    AuditPrune,
    /// Whether the appliance is in quarantine after a restore, and what came of that.
    Quarantine,
    /// End it.
    Resume,
    /// What machines can see.
    LayerDescribe {
        tenant: Option<TenantId>,
    },
    /// Try the controls `ids`, or all; the answer names the run.
    Verify {
        ids: Vec<String>,
    },
    /// How far a run is, and what it came to.
    VerifyProgress {
        run: Uuid,
    },
    /// Store a secret that Revkeep cannot make itself.
    SecretSet {
        name: String,
        value: Handed,
    },
}

/// A secret on its way from the command to the daemon: over this socket and nowhere else, so that it
/// can be written here although a [`Secret`] cannot.
#[derive(Debug, Deserialize)]
pub(crate) struct Handed(pub(crate) Secret<String>);

impl Serialize for Handed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

/// One line back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Answer(serde_json::Value),
    Refusal { code: String, message: String },
}
