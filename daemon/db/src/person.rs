//! The erasure of one person, through definer functions that look for themselves whether a case says so.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Bool, Integer, Nullable, Timestamptz, Uuid as SqlUuid},
};
use kernel::{CaseId, TenantId};

use crate::{error::DbError, system::SystemTx};

#[derive(QueryableByName)]
struct Whole {
    #[diesel(sql_type = Nullable<Bool>)]
    whole: Option<bool>,
}

#[derive(QueryableByName)]
struct Settled {
    #[diesel(sql_type = Nullable<Integer>)]
    settled: Option<i32>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "definer functions of the golden list"
)]
impl SystemTx<'_> {
    /// Erases what the tenant holds of a member who was shut out; answers whether the account itself is gone
    /// as well. `None`: no case says so, or the person is in.
    pub fn account_erase(
        &mut self,
        target: TenantId,
        case: CaseId,
        at: DateTime<Utc>,
    ) -> Result<Option<bool>, DbError> {
        let erased: Whole = sql_query("SELECT account_erase($1, $2, $3) AS whole")
            .bind::<SqlUuid, _>(target.uuid())
            .bind::<SqlUuid, _>(case.uuid())
            .bind::<Timestamptz, _>(at)
            .get_result(self.conn())?;
        Ok(erased.whole)
    }

    /// Erases up to `most` places of what a search found; how many were settled, `None` when no case says so.
    pub fn finds_erase(
        &mut self,
        target: TenantId,
        case: CaseId,
        at: DateTime<Utc>,
        most: i32,
    ) -> Result<Option<i32>, DbError> {
        let erased: Settled = sql_query("SELECT finds_erase($1, $2, $3, $4) AS settled")
            .bind::<SqlUuid, _>(target.uuid())
            .bind::<SqlUuid, _>(case.uuid())
            .bind::<Timestamptz, _>(at)
            .bind::<Integer, _>(most)
            .get_result(self.conn())?;
        Ok(erased.settled)
    }
}
