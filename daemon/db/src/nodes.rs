//! Which daemons work on the database, and which server of the database takes writes.

use std::thread;

use chrono::{DateTime, Utc};
use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Text, Timestamptz},
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
}

diesel::define_sql_function!(fn pg_is_in_recovery() -> diesel::sql_types::Bool);

/// Asks each configured server, all at once. Blocks while they answer: call it off the async threads.
pub fn servers(config: &DbConfig) -> Vec<ServerNode> {
    let hosts: Vec<String> = config.servers().into_iter().map(str::to_owned).collect();
    let asked: Vec<_> = hosts
        .into_iter()
        .map(|host| {
            let dsn = config.dsn_at(&host, DbRole::App);
            (host, thread::spawn(move || standing(&dsn?)))
        })
        .collect();
    asked
        .into_iter()
        .map(|(host, answer)| ServerNode {
            host,
            standing: match answer.join() {
                Ok(Ok(standing)) => standing,
                Ok(Err(error)) => Standing::Away(cause(&error)),
                Err(_) => Standing::Away(DbError::Cut.to_string()),
            },
        })
        .collect()
}

fn standing(dsn: &str) -> Result<Standing, DbError> {
    let mut conn =
        PgConnection::establish(dsn).map_err(|error| DbError::Unreachable(Box::new(error)))?;
    let standby: bool = diesel::select(pg_is_in_recovery()).get_result(&mut conn)?;
    Ok(if standby {
        Standing::Standby
    } else {
        Standing::Primary
    })
}

/// What libpq said, on one line.
fn cause(error: &DbError) -> String {
    let said = std::error::Error::source(error)
        .map_or_else(|| error.to_string(), std::string::ToString::to_string);
    said.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
