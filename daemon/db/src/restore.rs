//! What a restore does to databases as a whole: it fills a new one and gives it the name of the old one,
//! both in one step, so that there is one of that name at every moment.

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Bool, Text},
};

use crate::{
    config::DbConfig,
    error::DbError,
    setup::{Setup, quote_identifier},
};

const CONTEXT_KEYS: &str = include_str!("../sql/context_keys.sql");

/// The name under which the old database is kept begins with the appliance's own and this.
const BEFORE: &str = "_before_";

impl DbConfig {
    /// The same server, and the database that a restore fills.
    pub fn restoring(&self) -> Self {
        self.named(format!("{}_restoring", self.name))
    }

    /// The same server, and the scratch database of a rehearsal.
    pub fn rehearsal(&self) -> Self {
        self.named(format!("{}_rehearsal", self.name))
    }

    /// The name of the database that a restore replaces, from `moment` on.
    pub fn kept_name(&self, moment: &str) -> String {
        format!("{}{BEFORE}{moment}", self.name)
    }

    fn named(&self, name: String) -> Self {
        Self {
            name,
            ..self.clone()
        }
    }
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the catalogue, and statements about databases as a whole"
)]
impl Setup {
    /// Whether this connection alone does `what` from here on, for as long as it lasts.
    pub fn only_one(&mut self, what: &str) -> Result<bool, DbError> {
        let answer: Answer =
            sql_query("SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS yes")
                .bind::<Text, _>(what)
                .get_result(&mut self.conn)?;
        Ok(answer.yes)
    }

    /// Whether this database holds an appliance: an organisation or a person.
    pub fn holds_an_appliance(&mut self) -> Result<bool, DbError> {
        for table in ["public.tenants", "public.users"] {
            let answer: Answer = sql_query("SELECT to_regclass($1) IS NOT NULL AS yes")
                .bind::<Text, _>(table)
                .get_result(&mut self.conn)?;
            if !answer.yes {
                continue;
            }
            let answer: Answer = sql_query(format!("SELECT EXISTS (SELECT FROM {table}) AS yes"))
                .get_result(&mut self.conn)?;
            if answer.yes {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Sessions of clients on `database`.
    pub fn sessions(&mut self, database: &str) -> Result<i64, DbError> {
        let count: Count = sql_query(
            "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'",
        )
        .bind::<Text, _>(database)
        .get_result(&mut self.conn)?;
        Ok(count.n)
    }

    /// Makes the table of the tenant context's key in a restored database, as `revkeep_owner`.
    pub fn make_context_keys(&mut self) -> Result<(), DbError> {
        self.execute(CONTEXT_KEYS)
    }

    /// Counts rows and values for the planner, which knows nothing of a restored database.
    pub fn analyze(&mut self) -> Result<(), DbError> {
        self.execute("ANALYZE")
    }

    /// Gives `new` the name `name`; what had it is called `kept` from then on. Both or neither. The server
    /// refuses while anybody works on either.
    pub fn take_name(&mut self, new: &str, name: &str, kept: Option<&str>) -> Result<(), DbError> {
        let conn: &mut PgConnection = &mut self.conn;
        conn.transaction(|conn| {
            if let Some(kept) = kept {
                rename(conn, name, kept)?;
            }
            rename(conn, new, name)
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "a statement about a database")]
fn rename(conn: &mut PgConnection, from: &str, to: &str) -> Result<(), DbError> {
    let (from, to) = (quote_identifier(from), quote_identifier(to));
    sql_query(format!("ALTER DATABASE {from} RENAME TO {to}")).execute(conn)?;
    Ok(())
}
