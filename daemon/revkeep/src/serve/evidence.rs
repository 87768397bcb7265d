//! What the administrator's command asks about the audit log. Who reads or prunes it is in the log itself.

use audit::{AuditError, Entry};
use chrono::{DateTime, Utc};
use db::DbError;
use kernel::{Action, Actor, Classified, ErrorKind, Principal};
use serde_json::{Value, json};

use super::{
    parts::Parts,
    sealing::{self, SealingError},
};

#[derive(Debug, thiserror::Error)]
pub(super) enum EvidenceError {
    #[error("the audit log could not be sealed")]
    Sealing(#[from] SealingError),
    #[error("it could not be put on record")]
    Audit(#[from] AuditError),
    #[error("nothing is older than what is kept")]
    Nothing,
}

impl From<DbError> for EvidenceError {
    fn from(error: DbError) -> Self {
        Self::Audit(error.into())
    }
}

impl Classified for EvidenceError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Sealing(SealingError::Seal(error)) => error.kind(),
            Self::Sealing(SealingError::Lease(error)) => error.kind(),
            Self::Sealing(SealingError::Busy) | Self::Nothing => ErrorKind::Conflict,
            Self::Audit(error) => error.kind(),
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Sealing(SealingError::Seal(error)) => error.code(),
            Self::Sealing(SealingError::Lease(error)) => error.code(),
            Self::Sealing(SealingError::Busy) => "audit_seal_busy",
            Self::Audit(error) => error.code(),
            Self::Nothing => "audit_nothing_to_prune",
        }
    }
    fn message(&self) -> String {
        match self {
            Self::Sealing(error) => error.to_string(),
            Self::Audit(error) => error.message(),
            Self::Nothing => self.to_string(),
        }
    }
}

/// The trusted public keys, oldest first.
pub(super) async fn open(
    parts: &Parts,
    asker: &Actor,
    purpose: &str,
) -> Result<Value, EvidenceError> {
    let keys = parts.sealer.keys().await.map_err(SealingError::from)?;
    let purpose: String = purpose.chars().take(20).collect();
    let entry = of_log(Action::AuditRead, json!({ "for": purpose }));
    note(parts, asker, entry).await?;
    let keys: Vec<_> = keys
        .iter()
        .map(|key| json!({ "version": key.version, "public_key": audit::hex(&key.bytes) }))
        .collect();
    Ok(json!({ "keys": keys }))
}

pub(super) async fn verified(
    parts: &Parts,
    asker: &Actor,
    told: Value,
    holds: bool,
) -> Result<Value, EvidenceError> {
    let entry = of_log(Action::AuditVerify, told);
    let entry = if holds {
        entry
    } else {
        entry.failed("audit_findings")
    };
    note(parts, asker, entry).await?;
    Ok(json!({ "recorded": true }))
}

/// Signs that rows older than the retention may go; the command drops their partitions then.
pub(super) async fn prune(
    parts: &Parts,
    asker: &Actor,
    config: &audit::Config,
) -> Result<Value, EvidenceError> {
    let before = config
        .kept_from(parts.db.clock().now())
        .ok_or(EvidenceError::Nothing)?;
    let told = json!({ "before": before.to_rfc3339() });
    note(parts, asker, of_log(Action::AuditPrune, told)).await?;
    let sealed = sealing::prune(&parts.db, &parts.sealer, before).await?;
    Ok(json!({
        "before": before.to_rfc3339(),
        "head": sealed.head.line(),
    }))
}

/// That a backup was made, which another process does: on record, and where the System page finds it.
pub(super) async fn backup_made(
    parts: &Parts,
    asker: &Actor,
    taken_at: DateTime<Utc>,
    told: Value,
) -> Result<Value, EvidenceError> {
    let entry = Entry::new(Action::BackupCreate, "backup", taken_at.timestamp());
    note(parts, asker, entry.after(told.clone())).await?;
    parts
        .db
        .system(move |tx| tx.upkeep_mark("backup", taken_at, &told))
        .await?;
    Ok(json!({ "recorded": true }))
}

/// That one was restored on trial, and what came of it.
pub(super) async fn backup_rehearsed(
    parts: &Parts,
    asker: &Actor,
    at: DateTime<Utc>,
    told: Value,
    code: Option<String>,
) -> Result<Value, EvidenceError> {
    let mut entry =
        Entry::new(Action::BackupRehearse, "backup", at.timestamp()).after(told.clone());
    if let Some(code) = code {
        entry = entry.failed(&code);
    }
    note(parts, asker, entry).await?;
    parts
        .db
        .system(move |tx| tx.upkeep_mark("rehearsal", at, &told))
        .await?;
    Ok(json!({ "recorded": true }))
}

/// For `revkeep status`.
pub(super) async fn standing(parts: &Parts) -> Value {
    let now = parts.db.clock().now();
    match parts.sealer.standing().await {
        Ok(standing) => json!({
            "head": standing.head.as_ref().map(|head| head.statement.number),
            "size": standing.head.as_ref().map(|head| head.statement.size),
            "age_seconds": standing.head.as_ref().map(|head| (now - head.statement.at).num_seconds()),
            "waiting": standing.waiting,
            "waiting_seconds": standing.waiting_since.map(|since| (now - since).num_seconds()),
        }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

fn of_log(action: Action, told: Value) -> Entry {
    Entry::new(action, "audit_log", "log").after(told)
}

async fn note(parts: &Parts, asker: &Actor, entry: Entry) -> Result<(), EvidenceError> {
    let who = Principal::of_appliance(asker);
    parts.db.run(&who, move |tx| Ok(entry.write(tx)?)).await
}
