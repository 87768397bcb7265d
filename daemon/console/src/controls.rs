//! The table of controls and its runs on this appliance, as the console reaches them.

use async_trait::async_trait;
use db::DbError;
use kernel::Actor;
use serde_json::Value;
use uuid::Uuid;

/// Implemented by whoever composes the daemon.
#[async_trait]
pub trait ControlDesk: Send + Sync + 'static {
    /// `{ running: { done, total, started_at } | null, last: { run, finished_at, controls, ... } | null }`.
    async fn standing(&self) -> Result<Value, DbError>;
    /// How many controls the last run found failing.
    async fn failing(&self) -> Result<i64, DbError>;
    /// Begins a run, which goes on by itself and is put on record under `asker` when it ends.
    async fn controls_verify(&self, asker: &Actor) -> Result<Uuid, DbError>;
    /// `matrix`, `questionnaire` or `annex` (to a data processing agreement), as `csv` or `markdown`. `None` for another, and before the first run.
    async fn paper(&self, name: &str, format: &str) -> Result<Option<String>, DbError>;
}
