//! What the streams of the audit log read across tenants, through definer functions.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Bytea, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;

use crate::{error::DbError, evidence::StoredHead, system::SystemTx};

/// A target that is to be streamed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct SiemTargetKey {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub target_id: Uuid,
    /// Another one when its settings have changed.
    #[diesel(sql_type = BigInt)]
    pub version: i64,
}

/// An entry of the audit log at its place in the tree, as far as it is in the clear.
#[derive(Clone, Debug, diesel::Queryable, QueryableByName)]
pub struct SealedEntry {
    #[diesel(sql_type = BigInt)]
    pub position: i64,
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    #[diesel(sql_type = SqlUuid)]
    pub audit_id: Uuid,
    /// Of its leaf.
    #[diesel(sql_type = Bytea)]
    pub hash: Vec<u8>,
    #[diesel(sql_type = Text)]
    pub actor_kind: String,
    #[diesel(sql_type = Text)]
    pub actor_id: String,
    #[diesel(sql_type = Text)]
    pub action: String,
    #[diesel(sql_type = Text)]
    pub outcome: String,
    #[diesel(sql_type = Text)]
    pub resource_type: String,
    #[diesel(sql_type = Text)]
    pub resource_id: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub request_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    pub code: Option<String>,
}

/// What comes next in the sealed log.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub struct LogEnd {
    #[diesel(sql_type = BigInt)]
    pub next_position: i64,
    #[diesel(sql_type = BigInt)]
    pub next_head: i64,
}

impl SystemTx<'_> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn siem_targets_enabled(&mut self) -> Result<Vec<SiemTargetKey>, DbError> {
        Ok(sql_query("SELECT * FROM siem_targets_enabled()").load(self.conn())?)
    }

    /// Up to `most` entries of every tenant, from position `low` on.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn siem_entries(&mut self, low: i64, most: i32) -> Result<Vec<SealedEntry>, DbError> {
        Ok(sql_query("SELECT * FROM siem_entries($1, $2)")
            .bind::<BigInt, _>(low)
            .bind::<Integer, _>(most)
            .load(self.conn())?)
    }

    /// Up to `most` heads from number `low` on, over no more than `covered` entries.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn siem_heads(
        &mut self,
        low: i64,
        covered: i64,
        most: i32,
    ) -> Result<Vec<StoredHead>, DbError> {
        Ok(sql_query("SELECT * FROM siem_heads($1, $2, $3)")
            .bind::<BigInt, _>(low)
            .bind::<BigInt, _>(covered)
            .bind::<Integer, _>(most)
            .load(self.conn())?)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn siem_log_end(&mut self) -> Result<LogEnd, DbError> {
        Ok(sql_query("SELECT * FROM siem_log_end()").get_result(self.conn())?)
    }
}
