//! `ProbeTx`: what `revkeep verify` tries on the live database, as the roles that the daemon becomes
//! (OB-06). It may run hostile statements and make rows of scratch tenants, because its one transaction
//! is rolled back whatever happens. What was found comes back as lines that name the object.

mod attacks;
mod catalogue;

use diesel::{
    PgConnection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_query,
    sql_types::{Nullable, Text},
};
use kernel::{TenantId, UserId};

use crate::{context::ContextKey, error::DbError};

pub use attacks::{Looked, Side};
pub use catalogue::{Admission, TableStanding, admission, reachable};

/// A probe must not hold up the work of others: what takes longer is told as unknown.
const LIMITS: &str = "SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '1s'";

/// A transaction that never commits. Made by [`crate::Db::probe`] alone.
pub struct ProbeTx<'c> {
    conn: &'c mut PgConnection,
    key: &'c ContextKey,
    backend: i32,
}

/// How a hostile statement ended. It left nothing behind either way.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// It ran, and touched so many rows.
    Done(i64),
    /// The database's SQLSTATE.
    Refused(String),
}

/// What a statement leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Undone,
    /// Until the transaction is rolled back.
    Kept,
}

/// insufficient_privilege: what row security and missing grants answer with.
const FORBIDDEN: &str = "42501";

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Nullable<Text>)]
    line: Option<String>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "hostile statements are written by hand"
)]
impl<'c> ProbeTx<'c> {
    pub(crate) fn new(
        conn: &'c mut PgConnection,
        key: &'c ContextKey,
        backend: i32,
    ) -> Result<Self, DbError> {
        conn.batch_execute(LIMITS)?;
        Ok(Self { conn, key, backend })
    }

    /// The column `line` of each row.
    fn lines(&mut self, sql: &str) -> Result<Vec<String>, DbError> {
        let found: Vec<Line> = sql_query(sql).load(self.conn)?;
        Ok(found.into_iter().filter_map(|row| row.line).collect())
    }

    /// Goes on as somebody else. The kind `probe` opens no function that works across tenants.
    fn enter(&mut self, tenant: Option<TenantId>, user: Option<UserId>) -> Result<(), DbError> {
        let context = self.key.mint(tenant, user, "probe", self.backend);
        self.conn.batch_execute(&format!(
            "SELECT set_config('revkeep.context', '{context}', true)"
        ))?;
        Ok(())
    }

    /// Runs `statement` under a savepoint. The end is told by SQLSTATE, because messages are in the
    /// server's language.
    fn attempt(&mut self, statement: &str, effect: Effect) -> Result<Outcome, DbError> {
        let undo = match effect {
            Effect::Undone => "RAISE EXCEPTION USING ERRCODE = 'RK000', MESSAGE = n::text;",
            Effect::Kept => "",
        };
        self.conn.batch_execute(&format!(
            "DO $probe$ DECLARE n bigint := 0; BEGIN \
               BEGIN EXECUTE $attempt${statement}$attempt$; GET DIAGNOSTICS n = ROW_COUNT; \
                 PERFORM set_config('revkeep.probe', 'done ' || n, true); {undo} \
               EXCEPTION WHEN OTHERS THEN \
                 PERFORM set_config('revkeep.probe', CASE SQLSTATE WHEN 'RK000' THEN 'done ' || SQLERRM ELSE SQLSTATE END, true); \
               END; END $probe$"
        ))?;
        let told = self.lines("SELECT current_setting('revkeep.probe') AS line")?;
        let told = told.first().map(String::as_str).unwrap_or_default();
        Ok(told
            .strip_prefix("done ")
            .and_then(|rows| rows.parse().ok())
            .map_or_else(|| Outcome::Refused(told.to_owned()), Outcome::Done))
    }
}
