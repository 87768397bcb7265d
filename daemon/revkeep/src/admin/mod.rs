//! The administrator's socket. The command asks, the running daemon answers: the command itself holds
//! no credential of the database or of the secrets backend.

mod client;
mod peer;
mod server;

pub(crate) use client::ask;
pub(crate) use server::{Answers, serve};

use std::fmt;

use chrono::{DateTime, Utc};
use kernel::{Secret, TenantId};
use layer::Object;
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
    /// Why a record went where it went.
    RoutingExplain {
        tenant: Option<TenantId>,
        id: String,
    },
    /// The rules that decide, as a file.
    RoutingExport {
        tenant: Option<TenantId>,
        object: Object,
    },
    /// What a file of rules would change.
    RoutingPlan {
        tenant: Option<TenantId>,
        object: Object,
        text: Written,
    },
    /// Publish a file of rules over the draft that was planned against.
    RoutingApply {
        tenant: Option<TenantId>,
        object: Object,
        text: Written,
        draft: i64,
        note: Written,
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

/// What a person wrote, which may name people: the daemon's log, where questions are noted, says only how
/// long it is.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Written(pub(crate) String);

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// One line back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Answer(serde_json::Value),
    Refusal { code: String, message: String },
}
