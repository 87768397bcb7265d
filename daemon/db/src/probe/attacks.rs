//! Attacks across tenants and persons, on the log and on the schema, each of which must fail. The tables
//! come from the catalogue, so a table that was added yesterday is attacked today.

use diesel::{
    QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_query,
    sql_types::{Bool, Nullable, Text},
};
use kernel::{Clock, SystemClock, TenantId, UserId, id::uuid_at};
use uuid::Uuid;

use super::{Effect, FORBIDDEN, Outcome, ProbeTx};
use crate::error::DbError;

/// What a series of attacks came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Tables, or statements where there is no table.
    pub tried: usize,
    /// Tables in which a row of the other side was really there to be found.
    pub witnessed: usize,
    /// What was reached that must not be.
    pub findings: Vec<String>,
}

/// Between whom the wall stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Tenant,
    Person,
}

impl Side {
    const fn column(self) -> &'static str {
        match self {
            Self::Tenant => "tenant_id",
            Self::Person => "user_id",
        }
    }
}

/// What the present role may do with a table.
#[derive(Debug, QueryableByName)]
struct Reach {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    reads: bool,
    #[diesel(sql_type = Bool)]
    inserts: bool,
    #[diesel(sql_type = Bool)]
    deletes: bool,
    /// One column that it may update.
    #[diesel(sql_type = Nullable<Text>)]
    updates: Option<String>,
    /// A statement that may make a row of `{id}`; constraints refuse it in many tables.
    #[diesel(sql_type = Text)]
    makes: String,
}

/// Rows need others to point at: each pass makes those whose parents the last one made.
const PASSES: usize = 4;

impl ProbeTx<'_> {
    /// Two scratch sides in this transaction: whatever the one makes, the other neither sees, changes,
    /// deletes nor writes; and without a context nobody sees anything. Tables in `skip` are of another
    /// class.
    pub fn sides_apart(&mut self, side: Side, skip: &[String]) -> Result<Looked, DbError> {
        let (ours, theirs) = (scratch(), scratch());
        let tables = self.reaches(side, skip)?;
        self.step_in(side, Some(theirs))?;
        self.make_rows(&tables, theirs)?;
        let mut looked = Looked::default();
        for table in &tables {
            looked.tried += 1;
            self.step_in(side, Some(theirs))?;
            let own = format!(
                "SELECT 1 FROM public.{} WHERE {} = '{theirs}'",
                table.name,
                side.column()
            );
            let there = table.reads
                && matches!(self.attempt(&own, Effect::Undone)?, Outcome::Done(rows) if rows > 0);
            looked.witnessed += usize::from(there);
            self.step_in(side, Some(ours))?;
            let found = self.attack(side, table, theirs)?;
            looked.findings.extend(found);
            self.step_in(side, None)?;
            if table.reads && self.sees(table)? {
                looked
                    .findings
                    .push(format!("{}: rows are seen without a context", table.name));
            }
        }
        Ok(looked)
    }

    /// Another's context, copied or invented, opens nothing.
    pub fn forged_contexts(&mut self) -> Result<Looked, DbError> {
        let (ours, theirs) = (scratch(), scratch());
        self.step_in(Side::Tenant, Some(theirs))?;
        let row = format!(
            "INSERT INTO public.leases (tenant_id, name, owner, fence, until) VALUES ('{theirs}', 'probe', 'probe', 1, now())"
        );
        let made = self.attempt(&row, Effect::Kept)?;
        let look = format!("SELECT 1 FROM public.leases WHERE tenant_id = '{theirs}'");
        let mut looked = Looked {
            witnessed: usize::from(self.attempt(&look, Effect::Undone)? == Outcome::Done(1)),
            ..Looked::default()
        };
        if looked.witnessed == 0 {
            looked.findings.push(format!(
                "a genuine context does not show its own row ({made:?})"
            ));
        }
        let changed = format!("replace(current_setting('revkeep.context'), '{ours}', '{theirs}')");
        let invented = format!("'{theirs}||system|' || pg_backend_pid() || '|9999999999|00'");
        for (what, context) in [
            ("with the tenant exchanged", changed.as_str()),
            ("with an invented code", invented.as_str()),
            ("that is empty", "''"),
            ("of other text", "'a|b|c|d|e|f'"),
        ] {
            looked.tried += 1;
            self.step_in(Side::Tenant, Some(ours))?;
            self.run(&format!(
                "SELECT set_config('revkeep.context', {context}, true)"
            ))?;
            if self.attempt(&look, Effect::Undone)? != Outcome::Done(0) {
                looked
                    .findings
                    .push(format!("a context {what} opens another tenant's rows"));
            }
        }
        Ok(looked)
    }

    /// Functions that work across tenants find nothing inside a tenant's own unit of work.
    pub fn worker_functions(&mut self) -> Result<Looked, DbError> {
        self.step_in(Side::Tenant, Some(scratch()))?;
        let mut looked = Looked::default();
        for (name, call) in [
            ("jobs_census", "SELECT 1 FROM public.jobs_census()"),
            (
                "daemons_census",
                "SELECT 1 FROM public.daemons_census(now())",
            ),
            ("tenants_all", "SELECT 1 FROM public.tenants_all()"),
            ("verify_census", "SELECT 1 FROM public.verify_census()"),
            ("migrations_run", "SELECT 1 FROM public.migrations_run()"),
            ("upkeep_census", "SELECT 1 FROM public.upkeep_census(now())"),
            ("queue_census", "SELECT 1 FROM public.queue_census(now())"),
            ("leases_census", "SELECT 1 FROM public.leases_census(now())"),
            ("upkeep_marked", "SELECT 1 FROM public.upkeep_marked()"),
            (
                "daemon_series",
                "SELECT 1 FROM public.daemon_series('-infinity', 60)",
            ),
            ("audit_last_head", "SELECT 1 FROM public.audit_last_head()"),
        ] {
            looked.tried += 1;
            if matches!(self.attempt(call, Effect::Undone)?, Outcome::Done(rows) if rows > 0) {
                looked
                    .findings
                    .push(format!("{name} answers inside a tenant's unit of work"));
            }
        }
        Ok(looked)
    }

    /// Changes of the schema and of one's own power, each of which must be refused for lack of rights.
    pub fn schema_changes(&mut self) -> Result<Looked, DbError> {
        self.all_forbidden(&[
            "CREATE TABLE public.probe (x integer)",
            "CREATE TEMPORARY TABLE probe (x integer)",
            "CREATE SCHEMA probe",
            "CREATE FUNCTION public.probe() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            "CREATE ROLE probe",
            "ALTER TABLE public.leases DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE public.leases NO FORCE ROW LEVEL SECURITY",
            "DROP POLICY tenant ON public.leases",
            "DROP TABLE public.leases",
            "TRUNCATE public.leases",
            "GRANT SELECT ON public.context_keys TO CURRENT_USER",
            "GRANT revkeep_owner TO CURRENT_USER",
            "SET LOCAL ROLE revkeep_owner",
            "SET LOCAL SESSION AUTHORIZATION revkeep_owner",
            "SELECT * FROM public.context_keys",
            "SELECT pg_read_file('/etc/passwd')",
        ])
    }

    /// Changes of the audit log and of its evidence.
    pub fn audit_changes(&mut self) -> Result<Looked, DbError> {
        self.all_forbidden(&[
            "UPDATE public.audit_log SET action = 'probe' WHERE false",
            "DELETE FROM public.audit_log WHERE false",
            "TRUNCATE public.audit_log",
            "UPDATE public.audit_leaves SET hash = '' WHERE false",
            "DELETE FROM public.audit_leaves WHERE false",
            "INSERT INTO public.audit_leaves (position) VALUES (-1)",
            "TRUNCATE public.audit_leaves",
            "UPDATE public.audit_nodes SET hash = '' WHERE false",
            "DELETE FROM public.audit_nodes WHERE false",
            "INSERT INTO public.audit_nodes (level) VALUES (-1)",
            "UPDATE public.audit_heads SET statement = '' WHERE false",
            "DELETE FROM public.audit_heads WHERE false",
            "INSERT INTO public.audit_heads (number) VALUES (-1)",
            "TRUNCATE public.audit_heads",
        ])
    }

    fn all_forbidden(&mut self, statements: &[&str]) -> Result<Looked, DbError> {
        let mut looked = Looked::default();
        for statement in statements {
            looked.tried += 1;
            match self.attempt(statement, Effect::Undone)? {
                Outcome::Refused(code) if code == FORBIDDEN => {}
                Outcome::Refused(code) => looked.findings.push(format!(
                    "not refused for lack of rights, but with {code}: {statement}"
                )),
                Outcome::Done(_) => looked.findings.push(format!("allowed: {statement}")),
            }
        }
        Ok(looked)
    }

    /// What `ours`, who is stepped in, reaches of `theirs`.
    fn attack(&mut self, side: Side, table: &Reach, theirs: Uuid) -> Result<Vec<String>, DbError> {
        let (name, column) = (&table.name, side.column());
        let mut found = Vec::new();
        if table.reads && self.sees(table)? {
            found.push(format!("{name}: another's rows are read"));
        }
        let mut changes = Vec::new();
        if table.reads && table.deletes {
            changes.push(format!(
                "DELETE FROM public.{name} WHERE {column} = '{theirs}'"
            ));
        }
        if let Some(updates) = table.updates.as_ref().filter(|_| table.reads) {
            changes.push(format!(
                "UPDATE public.{name} SET {updates} = {updates} WHERE {column} = '{theirs}'"
            ));
        }
        for change in changes {
            if matches!(self.attempt(&change, Effect::Undone)?, Outcome::Done(rows) if rows > 0) {
                found.push(format!("{name}: another's rows are changed"));
            }
        }
        // Row security judges a new row before its constraints do, so any other end than a refusal
        // for lack of rights means that the row was let through.
        let insert = format!("INSERT INTO public.{name} ({column}) VALUES ('{theirs}')");
        if table.inserts
            && self.attempt(&insert, Effect::Undone)? != Outcome::Refused(FORBIDDEN.to_owned())
        {
            found.push(format!("{name}: a row is written for another"));
        }
        Ok(found)
    }

    fn sees(&mut self, table: &Reach) -> Result<bool, DbError> {
        let look = format!("SELECT 1 FROM public.{} LIMIT 1", table.name);
        Ok(self.attempt(&look, Effect::Undone)? != Outcome::Done(0))
    }

    fn make_rows(&mut self, tables: &[Reach], theirs: Uuid) -> Result<(), DbError> {
        let mut waiting: Vec<&Reach> = tables.iter().filter(|table| table.inserts).collect();
        for _ in 0..PASSES {
            let mut left = Vec::new();
            for table in &waiting {
                let statement = table.makes.replace("{id}", &theirs.to_string());
                if let Outcome::Refused(_) = self.attempt(&statement, Effect::Kept)? {
                    left.push(*table);
                }
            }
            if left.len() == waiting.len() {
                break;
            }
            waiting = left;
        }
        Ok(())
    }

    fn step_in(&mut self, side: Side, who: Option<Uuid>) -> Result<(), DbError> {
        match side {
            Side::Tenant => self.enter(who.map(TenantId::from_uuid), None),
            Side::Person => self.enter(None, who.map(UserId::from_uuid)),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "an attack's own statement")]
    fn run(&mut self, statement: &str) -> Result<(), DbError> {
        Ok(self.conn.batch_execute(statement)?)
    }

    /// Every id in a made row is `{id}`, so that rows of one side point at each other.
    #[expect(
        clippy::disallowed_methods,
        reason = "the catalogue has no place in the query builder"
    )]
    fn reaches(&mut self, side: Side, skip: &[String]) -> Result<Vec<Reach>, DbError> {
        let key = side.column();
        let mut tables: Vec<Reach> = sql_query(format!(
            "SELECT c.relname::text AS name, has_table_privilege(c.oid, 'SELECT') AS reads, \
               has_column_privilege(c.oid, k.attnum, 'INSERT') AS inserts, has_table_privilege(c.oid, 'DELETE') AS deletes, \
               (SELECT min(u.attname::text) FROM pg_attribute u WHERE u.attrelid = c.oid AND u.attnum > 0 AND NOT u.attisdropped \
                 AND has_column_privilege(c.oid, u.attnum, 'UPDATE')) AS updates, \
               (SELECT format('INSERT INTO public.%I (%s) VALUES (%s)', c.relname, string_agg(quote_ident(n.attname), ', ' ORDER BY n.attnum), \
                 string_agg(CASE n.atttypid::regtype::text WHEN 'uuid' THEN '''{{id}}''' WHEN 'text' THEN '''probe''' WHEN 'jsonb' THEN '''{{}}''' \
                   WHEN 'bytea' THEN 'sha256(''{{id}}'')' WHEN 'timestamp with time zone' THEN 'now()' WHEN 'date' THEN 'current_date' \
                   WHEN 'boolean' THEN 'false' WHEN 'text[]' THEN '''{{probe}}''' WHEN 'integer[]' THEN '''{{1}}''' ELSE '1' END, ', ' ORDER BY n.attnum)) \
                FROM pg_attribute n WHERE n.attrelid = c.oid AND n.attnum > 0 AND NOT n.attisdropped AND n.attnotnull \
                  AND (NOT n.atthasdef OR n.attnum = k.attnum) AND n.attidentity = '') AS makes \
             FROM pg_class c JOIN pg_attribute k ON k.attrelid = c.oid AND k.attname = '{key}' AND NOT k.attisdropped \
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1"
        ))
        .load(self.conn)?;
        tables.retain(|table| !skip.contains(&table.name));
        Ok(tables)
    }
}

fn scratch() -> Uuid {
    let clock: &dyn Clock = &SystemClock;
    uuid_at(clock)
}
