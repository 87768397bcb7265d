//! The quarantine of a restored database (CX-36): how it begins, before the database has its name, how it
//! stands, and how it ends.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use kernel::{Actor, Secret, TenantId};
use serde_json::Value;
use uuid::Uuid;

use crate::{census::Counted, error::DbError, setup::Setup, system::SystemTx};

const LEDGER: &str = include_str!("../sql/ledger.sql");

/// What a database knew last of who was erased and who may do what. Hashes of passwords stand in it, so it
/// goes from one database to the other and nowhere else.
pub struct Ledger(Secret<String>);

/// What a restore brought back, and what is known of what happened since.
pub struct Returned {
    /// The audit log's last head in the archive.
    pub head: Option<u64>,
    pub taken_at: DateTime<Utc>,
    /// `None` where nobody knows.
    pub ledger: Option<Ledger>,
    /// Tenants whose key is gone.
    pub erased: Vec<TenantId>,
}

/// How a quarantine stands.
#[derive(Clone, Debug, QueryableByName)]
pub struct Quarantine {
    #[diesel(sql_type = Nullable<BigInt>)]
    pub head: Option<i64>,
    #[diesel(sql_type = Timestamptz)]
    pub taken_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub restored_at: DateTime<Utc>,
    /// Whether what happened since was learned from the database that was replaced.
    #[diesel(sql_type = Bool)]
    pub replaced: bool,
    /// Routers that ran, and that begin anew.
    #[diesel(sql_type = BigInt)]
    pub routers: i64,
    /// How many of what was held, ended or taken away.
    #[diesel(sql_type = Jsonb)]
    pub told: Value,
}

#[derive(QueryableByName)]
struct Written {
    #[diesel(sql_type = Nullable<Text>)]
    ledger: Option<String>,
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Jsonb)]
    told: Value,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the ledger goes through tables of every tenant, and functions of a restore are the owner's"
)]
impl Setup {
    /// What this database knows, if the head with this statement is one of its audit log: else it is of
    /// another appliance, or of a time before.
    pub fn ledger(&mut self, head: &str) -> Result<Option<Ledger>, DbError> {
        let written: Written = sql_query(LEDGER)
            .bind::<Text, _>(head)
            .get_result(&mut self.conn)?;
        Ok(written.ledger.map(|text| Ledger(Secret::new(text))))
    }

    /// Puts this restored database into quarantine, as `revkeep_owner`; answers the counts.
    pub fn quarantine_begin(
        &mut self,
        returned: &Returned,
        by: &Actor,
        at: DateTime<Utc>,
    ) -> Result<Value, DbError> {
        let head = returned.head.and_then(|head| i64::try_from(head).ok());
        let ledger = returned.ledger.as_ref().map(|ledger| ledger.0.expose());
        let erased: Vec<Uuid> = returned.erased.iter().map(|tenant| tenant.uuid()).collect();
        let told: Told =
            sql_query("SELECT restore_quarantine($1, $2, $3::jsonb, $4, $5, $6) AS told")
                .bind::<Nullable<BigInt>, _>(head)
                .bind::<Timestamptz, _>(returned.taken_at)
                .bind::<Nullable<Text>, _>(ledger)
                .bind::<Array<SqlUuid>, _>(erased)
                .bind::<Text, _>(by.id())
                .bind::<Timestamptz, _>(at)
                .get_result(&mut self.conn)?;
        Ok(told.told)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "definer functions of the golden list"
)]
impl SystemTx<'_> {
    /// `None` where there is none.
    pub fn quarantine_standing(&mut self) -> Result<Option<Quarantine>, DbError> {
        Ok(sql_query("SELECT * FROM quarantine_standing()")
            .get_result(self.conn())
            .optional()?)
    }

    /// What of before the restore is in use although it is over, counted.
    pub fn quarantine_census(&mut self) -> Result<Vec<Counted>, DbError> {
        Ok(sql_query("SELECT * FROM quarantine_census()").load(self.conn())?)
    }

    /// Ends it, on record; false where there is none.
    pub fn quarantine_end(&mut self, by: &Actor, at: DateTime<Utc>) -> Result<bool, DbError> {
        let answer: Answer = sql_query("SELECT quarantine_end($1, $2) AS yes")
            .bind::<Text, _>(by.id())
            .bind::<Timestamptz, _>(at)
            .get_result(self.conn())?;
        Ok(answer.yes)
    }
}
