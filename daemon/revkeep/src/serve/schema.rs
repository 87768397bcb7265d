//! Whether the database has had every migration that this program rests on. Asked before the daemon is told
//! the key of the tenant context: without it nothing is read or written in a form that the program does not know.

use std::sync::{Arc, Mutex, PoisonError};

use db::{ContextKey, Db, DbConfig, DbError};
use kernel::SharedClock;

/// What came of asking last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Found {
    /// The key to ask with is not there yet.
    #[default]
    Unasked,
    /// The database did not answer.
    Away,
    Behind,
    Current,
}

#[derive(Clone)]
pub(super) struct Schema {
    database: DbConfig,
    clock: SharedClock,
    found: Arc<Mutex<Found>>,
}

impl Schema {
    pub(super) fn new(database: &DbConfig, clock: SharedClock) -> Self {
        Self {
            database: database.clone(),
            clock,
            found: Arc::default(),
        }
    }

    pub(super) fn found(&self) -> Found {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks by a connection of its own.
    pub(super) async fn look(&self, key: ContextKey) -> Result<Found, DbError> {
        let asked = self.ask(key).await;
        let found = *asked.as_ref().unwrap_or(&Found::Away);
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
        asked
    }

    async fn ask(&self, key: ContextKey) -> Result<Found, DbError> {
        let db = Db::new(&self.database, Arc::clone(&self.clock))?;
        db.unlock(key);
        match db.system(|tx| tx.migrations_run()).await {
            Ok(run) => {
                let brought = db::schema_versions();
                Ok(if brought.iter().all(|version| run.contains(version)) {
                    Found::Current
                } else {
                    Found::Behind
                })
            }
            // A database from before there was something to ask.
            Err(DbError::Query(_)) => Ok(Found::Behind),
            Err(error) => Err(error),
        }
    }
}
