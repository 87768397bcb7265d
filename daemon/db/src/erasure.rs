//! The erasure of a tenant, through definer functions that ask for themselves whether it is due.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{
        BigInt, Bool, Bytea, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
    },
};
use kernel::TenantId;
use serde_json::Value;
use uuid::Uuid;

use crate::{error::DbError, system::SystemTx};

/// How far an erasure is, as its certificate states it.
#[derive(Clone, Debug, QueryableByName)]
pub struct ErasureRow {
    #[diesel(sql_type = Text)]
    pub asked_by: String,
    #[diesel(sql_type = Bool)]
    pub by_operator: bool,
    #[diesel(sql_type = Timestamptz)]
    pub asked_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub begun_at: DateTime<Utc>,
    /// Erased rows by table.
    #[diesel(sql_type = Jsonb)]
    pub counts: Value,
    /// Rows of the audit log that stay.
    #[diesel(sql_type = BigInt)]
    pub audit_rows: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub finished_at: Option<DateTime<Utc>>,
}

/// A certificate, or an erasure that has none yet.
#[derive(Clone, Debug, QueryableByName)]
pub struct CertificateRow {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    pub asked_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub begun_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub finished_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Jsonb)]
    pub counts: Value,
    #[diesel(sql_type = Nullable<Text>)]
    pub statement: Option<String>,
    #[diesel(sql_type = Nullable<Bytea>)]
    pub signature: Option<Vec<u8>>,
}

#[derive(QueryableByName)]
struct TenantKey {
    #[diesel(sql_type = SqlUuid)]
    tenant_id: Uuid,
}

#[derive(QueryableByName)]
struct Begun {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    at: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct Batch {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    erased: i64,
}

#[derive(QueryableByName)]
struct People {
    #[diesel(sql_type = Nullable<BigInt>)]
    erased: Option<i64>,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[expect(
    clippy::disallowed_methods,
    reason = "definer functions of the golden list"
)]
impl SystemTx<'_> {
    /// Tenants that are to be erased at `at`, and those whose erasure is not finished.
    pub fn tenant_erasures_due(&mut self, at: DateTime<Utc>) -> Result<Vec<TenantId>, DbError> {
        let due: Vec<TenantKey> = sql_query("SELECT tenant_id FROM tenant_erasures_due($1)")
            .bind::<Timestamptz, _>(at)
            .load(self.conn())?;
        Ok(due
            .into_iter()
            .map(|row| TenantId::from_uuid(row.tenant_id))
            .collect())
    }

    /// Whether an operator of the appliance is a member of this tenant and of no other.
    pub fn tenant_is_operators_home(&mut self, target: TenantId) -> Result<bool, DbError> {
        let answer: Answer = sql_query("SELECT tenant_is_operators_home($1) AS yes")
            .bind::<SqlUuid, _>(target.uuid())
            .get_result(self.conn())?;
        Ok(answer.yes)
    }

    /// Shuts the tenant for good, if it is due; answers when that was.
    pub fn tenant_erase_begin(
        &mut self,
        target: TenantId,
        at: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, DbError> {
        let begun: Begun = sql_query("SELECT tenant_erase_begin($1, $2) AS at")
            .bind::<SqlUuid, _>(target.uuid())
            .bind::<Timestamptz, _>(at)
            .get_result(self.conn())?;
        Ok(begun.at)
    }

    /// Deletes up to `most` rows of one table: which, and how many. `None`: nothing is left.
    pub fn tenant_erase_batch(
        &mut self,
        target: TenantId,
        most: i32,
    ) -> Result<Option<(String, i64)>, DbError> {
        let batch: Option<Batch> = sql_query("SELECT * FROM tenant_erase_batch($1, $2)")
            .bind::<SqlUuid, _>(target.uuid())
            .bind::<Integer, _>(most)
            .get_result(self.conn())
            .optional()?;
        Ok(batch.map(|batch| (batch.name, batch.erased)))
    }

    /// Erases up to `most` people who belonged to the tenant alone; how many rows went. `None`: nobody is left.
    pub fn tenant_erase_people(
        &mut self,
        target: TenantId,
        most: i32,
    ) -> Result<Option<i64>, DbError> {
        let people: People = sql_query("SELECT tenant_erase_people($1, $2) AS erased")
            .bind::<SqlUuid, _>(target.uuid())
            .bind::<Integer, _>(most)
            .get_result(self.conn())?;
        Ok(people.erased)
    }

    pub fn tenant_erasure(&mut self, target: TenantId) -> Result<Option<ErasureRow>, DbError> {
        Ok(sql_query("SELECT * FROM tenant_erasure($1)")
            .bind::<SqlUuid, _>(target.uuid())
            .get_result(self.conn())
            .optional()?)
    }

    /// Ends the erasure with its certificate; `false` when rows are left.
    pub fn tenant_erase_end(
        &mut self,
        target: TenantId,
        at: DateTime<Utc>,
        statement: &str,
        signature: &[u8],
    ) -> Result<bool, DbError> {
        let answer: Answer = sql_query("SELECT tenant_erase_end($1, $2, $3, $4) AS yes")
            .bind::<SqlUuid, _>(target.uuid())
            .bind::<Timestamptz, _>(at)
            .bind::<Text, _>(statement)
            .bind::<Bytea, _>(signature)
            .get_result(self.conn())?;
        Ok(answer.yes)
    }

    /// Erasures, newest first, or the one of `target`.
    pub fn erasure_certificates(
        &mut self,
        target: Option<TenantId>,
        most: i32,
    ) -> Result<Vec<CertificateRow>, DbError> {
        Ok(sql_query("SELECT * FROM erasure_certificates($1, $2)")
            .bind::<Nullable<SqlUuid>, _>(target.map(TenantId::uuid))
            .bind::<Integer, _>(most)
            .load(self.conn())?)
    }
}
