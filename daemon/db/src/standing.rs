//! How the database and the queue stand, for the System page: sizes, counts and times, and nobody's data.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Double, Jsonb, Nullable, Text, Timestamptz},
};
use serde_json::Value;

use crate::{error::DbError, system::SystemTx};

/// Jobs of one kind in one state, done ones aside.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct QueueCount {
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = BigInt)]
    pub jobs: i64,
    /// Of those queued, how many might run now.
    #[diesel(sql_type = BigInt)]
    pub due: i64,
    /// Since when the oldest has been due, has been there, or was given up.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub oldest: Option<DateTime<Utc>>,
}

/// Leases of one holder and purpose.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct LeaseCount {
    #[diesel(sql_type = Text)]
    pub owner: String,
    #[diesel(sql_type = Text)]
    pub purpose: String,
    #[diesel(sql_type = BigInt)]
    pub leases: i64,
}

/// A rewrap that goes on: of how many organisations, and how many are through.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct RewrapOpen {
    #[diesel(sql_type = BigInt)]
    pub total: i64,
    #[diesel(sql_type = BigInt)]
    pub done: i64,
    #[diesel(sql_type = Timestamptz)]
    pub since: DateTime<Utc>,
}

/// When upkeep that the daemon does not do itself was last done.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct UpkeepMark {
    #[diesel(sql_type = Text)]
    pub what: String,
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    #[diesel(sql_type = Jsonb)]
    pub detail: Value,
}

/// The server and this database, as their statistics tell.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct DatabaseFacts {
    #[diesel(sql_type = Text)]
    pub version: String,
    #[diesel(sql_type = Timestamptz)]
    pub up_since: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    pub bytes: i64,
    /// To the whole server, and as many as it takes.
    #[diesel(sql_type = BigInt)]
    pub connections: i64,
    #[diesel(sql_type = BigInt)]
    pub most_connections: i64,
    /// How long the oldest open transaction of the daemons' own role has been open.
    #[diesel(sql_type = Double)]
    pub longest_seconds: f64,
    /// Of the pages that were read, the share that was in memory. `None` before any was.
    #[diesel(sql_type = Nullable<Double>)]
    pub cached: Option<f64>,
    #[diesel(sql_type = BigInt)]
    pub deadlocks: i64,
}

/// A large table, its partitions and indexes included.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct TableStand {
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = BigInt)]
    pub bytes: i64,
    /// As the statistics estimate them.
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
    /// Old versions of rows that wait for a vacuum.
    #[diesel(sql_type = BigInt)]
    pub dead: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub vacuumed_at: Option<DateTime<Utc>>,
}

const DATABASE: &str = "SELECT current_setting('server_version') AS version, pg_postmaster_start_time() AS up_since, \
       pg_database_size(current_database()) AS bytes, current_setting('max_connections')::bigint AS most_connections, \
       (SELECT count(*) FROM pg_stat_activity a WHERE a.datname IS NOT NULL) AS connections, \
       (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - a.xact_start)), 0)::float8 FROM pg_stat_activity a \
          WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()) AS longest_seconds, \
       (d.blks_hit::float8 / nullif(d.blks_hit + d.blks_read, 0)) AS cached, d.deadlocks \
     FROM pg_stat_database d WHERE d.datname = current_database()";

/// Partitions count with their parent, which holds nothing itself.
const LARGEST: &str = "SELECT coalesce(p.relname, c.relname)::text AS name, sum(pg_total_relation_size(c.oid))::bigint AS bytes, \
       sum(greatest(c.reltuples, 0))::bigint AS rows, coalesce(sum(s.n_dead_tup), 0)::bigint AS dead, \
       max(greatest(s.last_vacuum, s.last_autovacuum)) AS vacuumed_at \
     FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent \
       LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid \
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 8";

#[expect(
    clippy::disallowed_methods,
    reason = "statistics, the catalogue and definer functions of the golden list"
)]
impl SystemTx<'_> {
    pub fn queue_census(&mut self, at: DateTime<Utc>) -> Result<Vec<QueueCount>, DbError> {
        Ok(sql_query("SELECT * FROM queue_census($1)")
            .bind::<Timestamptz, _>(at)
            .load(self.conn())?)
    }

    /// Leases that are held at `at`.
    pub fn leases_census(&mut self, at: DateTime<Utc>) -> Result<Vec<LeaseCount>, DbError> {
        Ok(sql_query("SELECT * FROM leases_census($1)")
            .bind::<Timestamptz, _>(at)
            .load(self.conn())?)
    }

    pub fn rewraps_open(&mut self) -> Result<Vec<RewrapOpen>, DbError> {
        Ok(sql_query("SELECT * FROM rewraps_open()").load(self.conn())?)
    }

    /// Writes down that `what` was done. An older mark than the one that stands changes nothing.
    pub fn upkeep_mark(
        &mut self,
        what: &str,
        at: DateTime<Utc>,
        detail: &Value,
    ) -> Result<(), DbError> {
        sql_query("SELECT upkeep_mark($1, $2, $3)")
            .bind::<Text, _>(what)
            .bind::<Timestamptz, _>(at)
            .bind::<Jsonb, _>(detail)
            .execute(self.conn())?;
        Ok(())
    }

    pub fn upkeep_marked(&mut self) -> Result<Vec<UpkeepMark>, DbError> {
        Ok(sql_query("SELECT * FROM upkeep_marked()").load(self.conn())?)
    }

    pub fn database_facts(&mut self) -> Result<DatabaseFacts, DbError> {
        Ok(sql_query(DATABASE).get_result(self.conn())?)
    }

    pub fn largest_tables(&mut self) -> Result<Vec<TableStand>, DbError> {
        Ok(sql_query(LARGEST).load(self.conn())?)
    }
}
