//! The auditor's door: reads the audit log and its evidence across tenants, as `revkeep_auditor`, and
//! can write nothing. For whoever verifies, and for the appliance's operator (LM-79, CX-31).
//!
//! Every table is named with its schema and the path holds `pg_catalog` alone, so that nothing an
//! intruder put in the way is read in its place.

use chrono::{DateTime, Utc};
use diesel::{
    Connection, OptionalExtension, PgConnection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_query,
    sql_types::{Array, BigInt, Bytea, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;

use crate::{
    config::DbConfig,
    error::DbError,
    evidence::{StoredHead, xid},
};

const ROLE: &str = "revkeep_auditor";

/// The columns that are hashed, in their order.
macro_rules! stored {
    () => {
        "record_send(ROW(a.tenant_id, a.at, a.audit_id, a.actor_kind, a.actor_id, a.action, a.outcome, a.resource_type, \
         a.resource_id, a.request_id, a.code, a.detail_sealed, a.origin_sealed, a.xid))"
    };
}

/// Leaves with the row of each. The row is looked up by its key for each leaf; OFFSET 0 keeps the planner
/// from comparing all with all.
macro_rules! leaves {
    ($condition:literal) => {
        concat!(
            "SELECT l.position, l.tenant_id, l.at, l.audit_id, l.hash, r.stored FROM public.audit_leaves l LEFT JOIN LATERAL (SELECT ",
            stored!(),
            " AS stored FROM public.audit_log a WHERE a.tenant_id = l.tenant_id AND a.at = l.at AND a.audit_id = l.audit_id OFFSET 0) r ON true WHERE ",
            $condition,
            " ORDER BY l.position"
        )
    };
}

/// A connection as `revkeep_auditor`.
pub struct Auditor {
    conn: PgConnection,
}

/// A leaf, and its row's stored bytes while the row is there.
#[derive(Debug, QueryableByName)]
pub struct LeafRow {
    #[diesel(sql_type = BigInt)]
    pub position: i64,
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    #[diesel(sql_type = SqlUuid)]
    pub audit_id: Uuid,
    #[diesel(sql_type = Bytea)]
    pub hash: Vec<u8>,
    #[diesel(sql_type = Nullable<Bytea>)]
    pub stored: Option<Vec<u8>>,
}

/// The root of a whole subtree of 2^level leaves.
#[derive(Debug, QueryableByName)]
pub struct NodeRow {
    #[diesel(sql_type = BigInt)]
    pub ordinal: i64,
    #[diesel(sql_type = Bytea)]
    pub hash: Vec<u8>,
}

/// A row that no leaf speaks of.
#[derive(Debug, QueryableByName)]
pub struct LooseRow {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    #[diesel(sql_type = SqlUuid)]
    pub audit_id: Uuid,
    #[diesel(sql_type = Text)]
    xid: String,
}

impl LooseRow {
    pub fn xid(&self) -> Result<u64, DbError> {
        xid(&self.xid)
    }
}

/// What the running server says of itself.
#[derive(Debug)]
pub struct Cluster {
    pub id: String,
    /// The first transaction that was not begun yet.
    pub next_xid: u64,
}

#[derive(QueryableByName)]
struct ClusterRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    next_xid: String,
}

#[derive(QueryableByName)]
struct Hash {
    #[diesel(sql_type = Bytea)]
    hash: Vec<u8>,
}

#[derive(QueryableByName)]
struct Edge {
    #[diesel(sql_type = Nullable<Text>)]
    edge: Option<String>,
}

#[derive(QueryableByName)]
struct Last {
    #[diesel(sql_type = Nullable<BigInt>)]
    last: Option<i64>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the auditor's reading: keys of a lateral join and the server's own bytes"
)]
impl Auditor {
    pub fn open(config: &DbConfig) -> Result<Self, DbError> {
        let mut conn = PgConnection::establish(&config.dsn_as(ROLE, &config.name)?)
            .map_err(|error| DbError::Unreachable(Box::new(error)))?;
        conn.batch_execute(
            "SET search_path = pg_catalog; SET default_transaction_read_only = on; \
             SET statement_timeout = '10min'; SET jit = off",
        )?;
        Ok(Self { conn })
    }

    /// For a person who waits: no statement takes longer than a request may.
    #[expect(clippy::disallowed_methods, reason = "a setting of the session")]
    pub(crate) fn hurry(&mut self) -> Result<(), DbError> {
        Ok(self.conn.batch_execute("SET statement_timeout = '30s'")?)
    }

    pub(crate) const fn conn(&mut self) -> &mut PgConnection {
        &mut self.conn
    }

    pub fn cluster(&mut self) -> Result<Cluster, DbError> {
        let row: ClusterRow = sql_query(
            "SELECT system_identifier::text AS id, pg_snapshot_xmax(pg_current_snapshot())::text AS next_xid FROM pg_control_system()",
        )
        .get_result(&mut self.conn)?;
        Ok(Cluster {
            next_xid: xid(&row.next_xid)?,
            id: row.id,
        })
    }

    /// The next `most` heads after `number`.
    pub fn heads_after(&mut self, number: i64, most: i64) -> Result<Vec<StoredHead>, DbError> {
        Ok(sql_query(
            "SELECT number, size, at, statement, signature, frontier FROM public.audit_heads WHERE number > $1 ORDER BY number LIMIT $2",
        )
        .bind::<BigInt, _>(number)
        .bind::<BigInt, _>(most)
        .load(&mut self.conn)?)
    }

    /// The heads of these numbers, as far as they are there.
    pub fn heads_of(&mut self, numbers: &[i64]) -> Result<Vec<StoredHead>, DbError> {
        Ok(sql_query(
            "SELECT number, size, at, statement, signature, frontier FROM public.audit_heads WHERE number = ANY ($1)",
        )
        .bind::<Array<BigInt>, _>(numbers)
        .load(&mut self.conn)?)
    }

    pub fn last_head(&mut self) -> Result<Option<StoredHead>, DbError> {
        Ok(sql_query(
            "SELECT number, size, at, statement, signature, frontier FROM public.audit_heads ORDER BY number DESC LIMIT 1",
        )
        .get_result(&mut self.conn)
        .optional()?)
    }

    /// Leaves of the positions `from..to`, in order.
    pub fn leaves(&mut self, from: i64, to: i64) -> Result<Vec<LeafRow>, DbError> {
        Ok(sql_query(leaves!("l.position >= $1 AND l.position < $2"))
            .bind::<BigInt, _>(from)
            .bind::<BigInt, _>(to)
            .load(&mut self.conn)?)
    }

    pub fn leaf_of(&mut self, audit_id: Uuid) -> Result<Option<LeafRow>, DbError> {
        Ok(sql_query(leaves!("l.audit_id = $1"))
            .bind::<SqlUuid, _>(audit_id)
            .get_result(&mut self.conn)
            .optional()?)
    }

    /// The hashes of the leaves `from..to`, in order, without their rows.
    pub fn hashes(&mut self, from: i64, to: i64) -> Result<Vec<Vec<u8>>, DbError> {
        let found: Vec<Hash> = sql_query(
            "SELECT hash FROM public.audit_leaves WHERE position >= $1 AND position < $2 ORDER BY position",
        )
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(to)
        .load(&mut self.conn)?;
        Ok(found.into_iter().map(|row| row.hash).collect())
    }

    /// Stored subtrees of one level, of the ordinals `from..to`, in order.
    pub fn nodes(&mut self, level: i32, from: i64, to: i64) -> Result<Vec<NodeRow>, DbError> {
        Ok(sql_query(
            "SELECT ordinal, hash FROM public.audit_nodes WHERE level = $1 AND ordinal >= $2 AND ordinal < $3 ORDER BY ordinal",
        )
        .bind::<Integer, _>(level)
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(to)
        .load(&mut self.conn)?)
    }

    /// The greatest position that has a leaf.
    pub fn last_position(&mut self) -> Result<Option<i64>, DbError> {
        let last: Last = sql_query("SELECT max(position) AS last FROM public.audit_leaves")
            .get_result(&mut self.conn)?;
        Ok(last.last)
    }

    /// Looks at the next rows from transaction `from` on, about `most` of them and always whole
    /// transactions. Answers those without a leaf and where to go on; `None` at the end.
    pub fn loose_rows(
        &mut self,
        from: u64,
        most: i64,
    ) -> Result<(Vec<LooseRow>, Option<u64>), DbError> {
        let edge: Edge = sql_query(
            "SELECT max(xid)::text AS edge FROM (SELECT xid FROM public.audit_log WHERE xid >= $1::xid8 ORDER BY xid LIMIT $2) page",
        )
        .bind::<Text, _>(from.to_string())
        .bind::<BigInt, _>(most)
        .get_result(&mut self.conn)?;
        let Some(edge) = edge.edge else {
            return Ok((Vec::new(), None));
        };
        let rows = sql_query(
            "SELECT a.tenant_id, a.at, a.audit_id, a.xid::text AS xid FROM public.audit_log a \
             WHERE a.xid >= $1::xid8 AND a.xid <= $2::xid8 AND NOT EXISTS (SELECT FROM public.audit_leaves l \
               WHERE l.audit_id = a.audit_id AND l.at = a.at AND l.tenant_id = a.tenant_id OFFSET 0) \
             ORDER BY a.xid, a.at, a.audit_id",
        )
        .bind::<Text, _>(from.to_string())
        .bind::<Text, _>(&edge)
        .load(&mut self.conn)?;
        Ok((rows, xid(&edge)?.checked_add(1)))
    }
}
