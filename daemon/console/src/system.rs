//! The appliance itself, as the console reaches it: how its parts stand, what needs a hand, and its load
//! over time.

use async_trait::async_trait;
use db::DbError;
use serde::Deserialize;
use serde_json::Value;

/// How far back a series reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    Hour,
    #[default]
    Day,
    Week,
}

/// Implemented by whoever composes the daemon.
#[async_trait]
pub trait SystemDesk: Send + Sync + 'static {
    /// Daemons, database, queue, disk, certificate and what goes on. What does not answer is `null`.
    async fn standing(&self) -> Value;
    /// `{ at, findings: [{ subject, verdict, detail, next_step }] }`, as `revkeep doctor` tells them.
    async fn findings(&self) -> Value;
    /// `{ from, to, step_seconds, points: [...] }`, oldest first.
    async fn series(&self, span: Span) -> Result<Value, DbError>;
}
