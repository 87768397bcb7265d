//! The quarantine of a restored appliance, as the daemon tells it.

use db::{Db, DbError, Quarantine};
use http::Reason;
use kernel::{Actor, Classified, ErrorKind};
use serde_json::{Value, json};

/// Why a quarantine could not be ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum QuarantineError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("there is no quarantine")]
    None,
}

impl Classified for QuarantineError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Db(error) => error.kind(),
            Self::None => ErrorKind::Conflict,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::None => "not_quarantined",
        }
    }
    fn message(&self) -> String {
        match self {
            Self::Db(error) => error.message(),
            Self::None => self.to_string(),
        }
    }
}

pub(super) async fn standing(db: &Db) -> Result<Value, DbError> {
    let found = db.system(|tx| tx.quarantine_standing()).await?;
    Ok(found.map_or_else(|| json!({ "quarantined": false }), |found| shown(&found)))
}

fn shown(found: &Quarantine) -> Value {
    json!({
        "quarantined": true,
        "head": found.head,
        "taken_at": found.taken_at.to_rfc3339(),
        "restored_at": found.restored_at.to_rfc3339(),
        "replaced": found.replaced,
        "routers": found.routers,
        "told": found.told,
    })
}

pub(super) async fn resume(db: &Db, asker: &Actor) -> Result<Value, QuarantineError> {
    let (asker, at) = (asker.clone(), db.clock().now());
    if !db.system(move |tx| tx.quarantine_end(&asker, at)).await? {
        return Err(QuarantineError::None);
    }
    log::warn!("the quarantine has ended: work goes on");
    Ok(json!({ "quarantined": false }))
}

/// For `/health/ready`, which anyone on the network can read.
pub(super) async fn note(db: &Db) -> Option<Reason> {
    let found = db.system(|tx| tx.quarantine_standing()).await;
    found.ok().flatten().map(|_| Reason {
        component: "restore",
        code: "quarantined",
        message: "The appliance was restored from a backup. Routing, schedules, mail, webhooks and streams are held until an administrator has looked and runs `revkeep resume`.".to_owned(),
    })
}
