//! Which daemons work on the database, and which server of the database takes writes.

use std::thread;

use chrono::{DateTime, Utc};
use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamptz},
};

use crate::{config::DbConfig, error::DbError, pool::DbRole, system::SystemTx};

/// A daemon that said lately that it is there.
#[derive(Debug, QueryableByName)]
pub struct DaemonNode {
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    pub version: String,
    #[diesel(sql_type = Timestamptz)]
    pub started_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub seen_at: DateTime<Utc>,
    /// What it holds now.
    #[diesel(sql_type = BigInt)]
    pub leases: i64,
    #[diesel(sql_type = BigInt)]
    pub jobs: i64,
}

impl SystemTx<'_> {
    /// Says that the daemon `name` is there.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn daemon_seen(
        &mut self,
        name: &str,
        version: &str,
        started_at: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<(), DbError> {
        sql_query("SELECT daemon_seen($1, $2, $3, $4)")
            .bind::<Text, _>(name)
            .bind::<Text, _>(version)
            .bind::<Timestamptz, _>(started_at)
            .bind::<Timestamptz, _>(at)
            .execute(self.conn())?;
        Ok(())
    }

    /// Says that the daemon `name` stops.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn daemon_gone(&mut self, name: &str) -> Result<(), DbError> {
        sql_query("SELECT daemon_gone($1)")
            .bind::<Text, _>(name)
            .execute(self.conn())?;
        Ok(())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn daemons_census(&mut self, at: DateTime<Utc>) -> Result<Vec<DaemonNode>, DbError> {
        Ok(sql_query("SELECT * FROM daemons_census($1)")
            .bind::<Timestamptz, _>(at)
            .load(self.conn())?)
    }
}

/// What a server of the database says of itself.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    Primary,
    Standby,
    /// It does not answer, or does not admit this daemon.
    Away(String),
}

/// A server of the configuration, by its name there.
#[derive(Debug)]
pub struct ServerNode {
    pub host: String,
    pub standing: Standing,
    /// Of PostgreSQL; unknown while the server is away.
    pub version: Option<String>,
    /// How far into the write-ahead log it is, in bytes: what it wrote, or replayed.
    pub position: Option<i64>,
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Bool)]
    standby: bool,
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    position: Option<i64>,
}

const TELL: &str = "SELECT pg_is_in_recovery() AS standby, current_setting('server_version') AS version, \
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, '0/0')::bigint AS position";

/// Asks each configured server, all at once. Blocks while they answer: call it off the async threads.
pub fn servers(config: &DbConfig) -> Vec<ServerNode> {
    let hosts: Vec<String> = config.servers().into_iter().map(str::to_owned).collect();
    let asked: Vec<_> = hosts
        .into_iter()
        .map(|host| {
            let dsn = config.dsn_at(&host, DbRole::App);
            (host, thread::spawn(move || tell(&dsn?)))
        })
        .collect();
    asked
        .into_iter()
        .map(|(host, answer)| match answer.join() {
            Ok(Ok(told)) => ServerNode {
                host,
                standing: if told.standby {
                    Standing::Standby
                } else {
                    Standing::Primary
                },
                version: Some(told.version),
                position: told.position,
            },
            Ok(Err(error)) => away(host, cause(&error)),
            Err(_) => away(host, DbError::Cut.to_string()),
        })
        .collect()
}

const fn away(host: String, why: String) -> ServerNode {
    ServerNode {
        host,
        standing: Standing::Away(why),
        version: None,
        position: None,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what a server says of itself, over a connection of its own"
)]
fn tell(dsn: &str) -> Result<Told, DbError> {
    let mut conn =
        PgConnection::establish(dsn).map_err(|error| DbError::Unreachable(Box::new(error)))?;
    Ok(sql_query(TELL).get_result(&mut conn)?)
}

/// What libpq said, on one line.
fn cause(error: &DbError) -> String {
    let said = std::error::Error::source(error)
        .map_or_else(|| error.to_string(), std::string::ToString::to_string);
    said.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
