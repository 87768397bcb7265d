//! What the server and the whole appliance are asked for `revkeep check` and `doctor`: settings, versions
//! and counts across tenants, and nobody's data.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamptz},
};

use crate::{census::Counted, error::DbError, system::SystemTx};

/// What the server says of itself and of this connection.
#[derive(Clone, Debug, QueryableByName)]
pub struct ServerFacts {
    #[diesel(sql_type = Text)]
    pub version: String,
    #[diesel(sql_type = Text)]
    pub fsync: String,
    #[diesel(sql_type = Text)]
    pub full_page_writes: String,
    /// Whether this connection is encrypted.
    #[diesel(sql_type = Bool)]
    pub encrypted: bool,
    /// The server's own address, as this connection leads to it; none over a socket.
    #[diesel(sql_type = Nullable<Text>)]
    pub address: Option<String>,
    /// A standby takes no change.
    #[diesel(sql_type = Bool)]
    pub standby: bool,
    #[diesel(sql_type = Timestamptz)]
    pub now: DateTime<Utc>,
}

/// How large a table is, its partitions and indexes included.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct TableSize {
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = BigInt)]
    pub bytes: i64,
    /// As the statistics estimate them.
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
}

/// Partitions count with their parent, which holds nothing itself.
pub(crate) const TABLE_SIZES: &str = "SELECT coalesce(p.relname, c.relname)::text AS name, sum(pg_total_relation_size(c.oid))::bigint AS bytes, \
       sum(greatest(c.reltuples, 0))::bigint AS rows \
     FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent \
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY 1 ORDER BY 2 DESC, 1";

/// Records of routing in one state.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct RecordCount {
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = BigInt)]
    pub records: i64,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

#[expect(
    clippy::disallowed_methods,
    reason = "settings, the catalogue and definer functions of the golden list"
)]
impl SystemTx<'_> {
    pub fn server_facts(&mut self) -> Result<ServerFacts, DbError> {
        Ok(sql_query(
            "SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync, \
               current_setting('full_page_writes') AS full_page_writes, pg_is_in_recovery() AS standby, host(inet_server_addr()) AS address, clock_timestamp() AS now, \
               coalesce((SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()), false) AS encrypted",
        )
        .get_result(self.conn())?)
    }

    pub fn table_sizes(&mut self) -> Result<Vec<TableSize>, DbError> {
        Ok(sql_query(TABLE_SIZES).load(self.conn())?)
    }

    /// The versions of the migrations that this database has had, oldest first.
    pub fn migrations_run(&mut self) -> Result<Vec<String>, DbError> {
        let found: Vec<Version> =
            sql_query("SELECT version FROM migrations_run()").load(self.conn())?;
        Ok(found.into_iter().map(|row| row.version).collect())
    }

    /// What needs a hand at `at`, counted.
    pub fn upkeep_census(&mut self, at: DateTime<Utc>) -> Result<Vec<Counted>, DbError> {
        Ok(sql_query("SELECT * FROM upkeep_census($1)")
            .bind::<Timestamptz, _>(at)
            .load(self.conn())?)
    }

    /// Records that are on their way or need a hand, across tenants.
    pub fn routing_census(&mut self) -> Result<Vec<RecordCount>, DbError> {
        Ok(sql_query("SELECT * FROM routing_census()").load(self.conn())?)
    }
}
