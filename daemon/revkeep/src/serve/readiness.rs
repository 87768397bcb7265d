//! What keeps the daemon from its work, for `/health/ready`, the console and `revkeep status`.

use std::time::Duration;

use async_trait::async_trait;
use db::DbError;
use http::{Readiness, Reason};
use vault::Health;

use super::{parts::Parts, quarantine, schema::Found};

/// Longer than a healthy part ever takes, shorter than a load balancer's patience.
const PATIENCE: Duration = Duration::from_millis(900);

pub(super) struct DaemonReadiness {
    parts: Parts,
}

impl DaemonReadiness {
    pub(super) const fn new(parts: Parts) -> Self {
        Self { parts }
    }

    async fn secrets(&self) -> Option<Reason> {
        let (code, message) = match tokio::time::timeout(PATIENCE, self.parts.vault.health()).await
        {
            Ok(Health::Ready) => return None,
            Ok(Health::Sealed(_)) => (
                "sealed",
                "The secrets backend is sealed. Work that needs a secret waits until an administrator unseals it.",
            ),
            Ok(Health::Denied(_)) => (
                "denied",
                "The secrets backend does not admit this daemon. An administrator finds the reason with `revkeep check`.",
            ),
            Ok(Health::Unreachable(_)) | Err(_) => (
                "unreachable",
                "The secrets backend does not answer. Work that needs a secret waits until it does.",
            ),
        };
        Some(Reason {
            component: "secrets",
            code,
            message: message.to_owned(),
        })
    }

    async fn database(&self) -> Option<Reason> {
        let reason = |code, message: &str| {
            Some(Reason {
                component: "database",
                code,
                message: message.to_owned(),
            })
        };
        let locked = || {
            reason(
                "locked",
                "The keys that open the database and sign sessions were not told to this daemon yet.",
            )
        };
        let unreachable = || reason("unreachable", "The database does not answer.");
        // Asked first: the keys are missing as well while the database, which holds some, is away.
        match tokio::time::timeout(PATIENCE, self.parts.db.system(|_| Ok::<_, DbError>(()))).await {
            Ok(Ok(_)) if self.parts.identity.is_unlocked() => None,
            Ok(Err(DbError::NoContextKey)) => match self.parts.schema.found() {
                Found::Behind => reason(
                    "behind",
                    "The database has not been brought to this version yet. An administrator runs `revkeep migrate`.",
                ),
                Found::Away => unreachable(),
                Found::Unasked | Found::Current => locked(),
            },
            Ok(Ok(_)) => locked(),
            Ok(Err(_)) | Err(_) => unreachable(),
        }
    }
}

#[async_trait]
impl Readiness for DaemonReadiness {
    async fn reasons(&self) -> Vec<Reason> {
        let (secrets, database) = tokio::join!(self.secrets(), self.database());
        secrets.into_iter().chain(database).collect()
    }

    async fn notes(&self) -> Vec<Reason> {
        let note = tokio::time::timeout(PATIENCE, quarantine::note(&self.parts.db));
        note.await.ok().flatten().into_iter().collect()
    }
}
