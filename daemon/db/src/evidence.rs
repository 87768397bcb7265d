//! What the sealer of the audit log reads and stores, across tenants, through definer functions.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, PgConnection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_query,
    sql_types::{Array, BigInt, Bool, Bytea, Integer, Text, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;

use crate::{error::DbError, system::SystemTx};

/// A head of the audit log as it is stored.
#[derive(Clone, Debug, QueryableByName)]
pub struct StoredHead {
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    #[diesel(sql_type = BigInt)]
    pub size: i64,
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    pub statement: String,
    #[diesel(sql_type = Bytea)]
    pub signature: Vec<u8>,
    /// Hashes of the whole subtrees that make up the tree, largest first.
    #[diesel(sql_type = Bytea)]
    pub frontier: Vec<u8>,
}

/// Which cluster this is, and the first transaction that may still run in it.
#[derive(Clone, Debug, QueryableByName)]
pub struct Horizon {
    #[diesel(sql_type = Text)]
    pub cluster: String,
    #[diesel(sql_type = Text)]
    horizon: String,
}

impl Horizon {
    pub fn xid(&self) -> Result<u64, DbError> {
        xid(&self.horizon)
    }
}

/// A row that has no position yet, with the bytes that are hashed.
#[derive(Clone, Debug, QueryableByName)]
pub struct UnsealedRow {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    #[diesel(sql_type = SqlUuid)]
    pub audit_id: Uuid,
    #[diesel(sql_type = Text)]
    xid: String,
    #[diesel(sql_type = Bytea)]
    pub stored: Vec<u8>,
}

impl UnsealedRow {
    pub fn xid(&self) -> Result<u64, DbError> {
        xid(&self.xid)
    }
}

/// What is stored at once: leaves, the subtrees that they completed, and the head over them.
#[derive(Debug)]
pub struct NewHead {
    pub head: StoredHead,
    pub first_position: i64,
    pub tenants: Vec<Uuid>,
    pub ats: Vec<DateTime<Utc>>,
    pub ids: Vec<Uuid>,
    pub hashes: Vec<Vec<u8>>,
    pub levels: Vec<i32>,
    pub ordinals: Vec<i64>,
    pub nodes: Vec<Vec<u8>>,
}

#[derive(QueryableByName)]
struct Done {
    #[diesel(sql_type = Bool)]
    done: bool,
}

/// A number of a transaction, as PostgreSQL writes an xid8.
pub(crate) fn xid(text: &str) -> Result<u64, DbError> {
    text.parse()
        .map_err(|_| DbError::Setup(format!("{text:?} is no number of a transaction")))
}

/// The first look after a restore compares every row: more than the time-out of a request.
#[expect(clippy::disallowed_methods, reason = "a setting of the transaction")]
fn patience(conn: &mut PgConnection) -> Result<(), DbError> {
    Ok(conn.batch_execute("SET LOCAL statement_timeout = '10min'")?)
}

impl SystemTx<'_> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn audit_last_head(&mut self) -> Result<Option<StoredHead>, DbError> {
        Ok(sql_query("SELECT * FROM audit_last_head()")
            .get_result(self.conn())
            .optional()?)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn audit_horizon(&mut self) -> Result<Horizon, DbError> {
        Ok(sql_query("SELECT * FROM audit_horizon()").get_result(self.conn())?)
    }

    /// Up to `most` rows of the transactions from `low` up to and without `high` that have no leaf.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn audit_unsealed(
        &mut self,
        low: u64,
        high: u64,
        most: i32,
    ) -> Result<Vec<UnsealedRow>, DbError> {
        patience(self.conn())?;
        Ok(sql_query("SELECT * FROM audit_unsealed($1, $2, $3)")
            .bind::<Text, _>(low.to_string())
            .bind::<Text, _>(high.to_string())
            .bind::<Integer, _>(most)
            .load(self.conn())?)
    }

    /// Stores a head and what it is over; false when another sealer was faster or holds the lease now.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn audit_seal(&mut self, holder: &str, fence: i64, new: &NewHead) -> Result<bool, DbError> {
        let head = &new.head;
        let done: Done = sql_query(
            "SELECT audit_seal($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) AS done",
        )
        .bind::<Text, _>(holder)
        .bind::<BigInt, _>(fence)
        .bind::<BigInt, _>(head.number)
        .bind::<BigInt, _>(new.first_position)
        .bind::<Array<SqlUuid>, _>(&new.tenants)
        .bind::<Array<Timestamptz>, _>(&new.ats)
        .bind::<Array<SqlUuid>, _>(&new.ids)
        .bind::<Array<Bytea>, _>(&new.hashes)
        .bind::<Array<Integer>, _>(&new.levels)
        .bind::<Array<BigInt>, _>(&new.ordinals)
        .bind::<Array<Bytea>, _>(&new.nodes)
        .bind::<BigInt, _>(head.size)
        .bind::<Timestamptz, _>(head.at)
        .bind::<Text, _>(&head.statement)
        .bind::<Bytea, _>(&head.signature)
        .bind::<Bytea, _>(&head.frontier)
        .get_result(self.conn())?;
        Ok(done.done)
    }
}
