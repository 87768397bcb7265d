//! What the database says of itself: tables, policies, grants, functions, roles, triggers. Each line is
//! written as the golden lists of the release write it, so that the two can be compared.

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Bool, Text},
};

use super::ProbeTx;
use crate::{config::DbConfig, error::DbError};

/// A table or partition, and whether row security binds everybody in it.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct TableStanding {
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Enabled, and forced upon the owner too.
    #[diesel(sql_type = Bool)]
    pub forced: bool,
    #[diesel(sql_type = Bool)]
    pub partition: bool,
    /// Some runtime role has a right on it.
    #[diesel(sql_type = Bool)]
    pub granted: bool,
}

const RUNTIME: &str =
    "('revkeep_app', 'revkeep_auth', 'revkeep_gateway', 'revkeep_agents', 'revkeep_auditor')";

/// Partitions of months come and go; the release's lists name none of them.
const LASTING: &str = "c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') \
     AND c.relname !~ '_[0-9]{4}_[0-9]{2}$' AND c.relname NOT LIKE '\\_\\_diesel%'";

/// Whether this process may become `role`, by the way that the daemon itself takes.
#[must_use]
pub fn reachable(config: &DbConfig, role: &str) -> bool {
    config
        .dsn_as(role, &config.name)
        .is_ok_and(|dsn| PgConnection::establish(&dsn).is_ok())
}

/// What a server answers to somebody who shows no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// In, by the account of this machine or a client's certificate.
    WithoutPassword,
    PasswordAsked,
    Refused(String),
}

/// Knocks as `role` with no password, whatever libpq would find in its environment or in a file
/// (libpq's manual, 33.1.2, 33.15 and 33.16).
#[must_use]
pub fn admission(config: &DbConfig, role: &str) -> Admission {
    let knocked = config.dsn_as(role, &config.name).and_then(|dsn| {
        let dsn = format!("{dsn} password='' passfile='/nonexistent/revkeep'");
        PgConnection::establish(&dsn).map_err(|error| DbError::Unreachable(Box::new(error)))
    });
    match knocked {
        Ok(_) => Admission::WithoutPassword,
        Err(DbError::Unreachable(error)) if error.to_string().contains(NO_PASSWORD) => {
            Admission::PasswordAsked
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            Admission::Refused(cause.unwrap_or_else(|| error.to_string()))
        }
    }
}

/// libpq's own words, in every language that the server may speak.
const NO_PASSWORD: &str = "no password supplied";

#[expect(
    clippy::disallowed_methods,
    reason = "the catalogue has no place in the query builder"
)]
impl ProbeTx<'_> {
    pub fn tables(&mut self) -> Result<Vec<TableStanding>, DbError> {
        Ok(sql_query(format!(
            "SELECT c.relname::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced, c.relispartition AS partition, \
               EXISTS (SELECT FROM aclexplode(c.relacl) a JOIN pg_roles g ON g.oid = a.grantee WHERE g.rolname IN {RUNTIME}) AS granted \
             FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') \
               AND c.relname NOT LIKE '\\_\\_diesel%' ORDER BY 1"
        ))
        .load(self.conn)?)
    }

    pub fn policies(&mut self) -> Result<Vec<String>, DbError> {
        self.lines(
            "SELECT tablename || ' ' || policyname || ' ' || cmd || CASE permissive WHEN 'RESTRICTIVE' THEN ' restrictive' ELSE '' END || ' to ' || array_to_string(roles, ',') || ' using ' || coalesce(qual, '-') || ' check ' || coalesce(with_check, '-') AS line \
             FROM pg_policies WHERE schemaname = 'public' AND tablename !~ '_[0-9]{4}_[0-9]{2}$'",
        )
    }

    /// Rights of every role but the owner: of whole tables, and of single columns where they say more.
    pub fn grants(&mut self) -> Result<Vec<String>, DbError> {
        let whole = "CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a LEFT JOIN pg_roles g ON g.oid = a.grantee";
        self.lines(&format!(
            "SELECT coalesce(g.rolname, 'PUBLIC') || ' ' || c.relname || ' ' || string_agg(a.privilege_type, ',' ORDER BY a.privilege_type) AS line \
             FROM pg_class c {whole} \
             WHERE {LASTING} AND g.rolname IS DISTINCT FROM 'revkeep_owner' AND a.privilege_type <> 'MAINTAIN' \
             GROUP BY g.rolname, c.relname \
             UNION ALL \
             SELECT coalesce(g.rolname, 'PUBLIC') || ' ' || c.relname || ' ' || a.privilege_type || ' of ' || string_agg(t.attname::text, ',' ORDER BY t.attname) \
             FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped \
             CROSS JOIN LATERAL aclexplode(t.attacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee \
             WHERE {LASTING} AND g.rolname IS DISTINCT FROM 'revkeep_owner' \
               AND NOT EXISTS (SELECT FROM aclexplode(c.relacl) w WHERE w.grantee = a.grantee AND w.privilege_type = a.privilege_type) \
             GROUP BY g.rolname, c.relname, a.privilege_type"
        ))
    }

    /// Every function: with whose rights it runs, who may call it, and what it does.
    pub fn functions(&mut self) -> Result<Vec<String>, DbError> {
        self.lines(
            "SELECT p.oid::regprocedure || CASE WHEN p.prosecdef THEN ' as' ELSE ' of' END || ' owner ' || p.proowner::regrole || ' ' || coalesce(array_to_string(p.proconfig, ';'), 'NO SEARCH PATH') \
             || ' execute ' || coalesce((SELECT string_agg(a.grantee::regrole::text, ',' ORDER BY a.grantee::regrole::text) FROM aclexplode(p.proacl) a WHERE a.grantee <> p.proowner), '-') \
             || ' body ' || left(encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex'), 16) AS line \
             FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace",
        )
    }

    /// Powers and memberships that no runtime role may have, a line each.
    pub fn excess_powers(&mut self) -> Result<Vec<String>, DbError> {
        self.lines(&format!(
            "SELECT rolname || ' ' || power AS line FROM pg_roles, LATERAL (VALUES \
               ('is a superuser', rolsuper), ('bypasses row security', rolbypassrls), ('creates databases', rolcreatedb), \
               ('creates roles', rolcreaterole), ('replicates', rolreplication), \
               ('may create temporary tables', has_database_privilege(oid, current_database(), 'TEMP')), \
               ('may create schemas', has_database_privilege(oid, current_database(), 'CREATE')), \
               ('may create in the schema', has_schema_privilege(oid, 'public', 'CREATE'))) AS p(power, has) \
             WHERE rolname IN {RUNTIME} AND has \
             UNION ALL \
             SELECT r.rolname || ' is a member of ' || m.roleid::regrole FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member \
             WHERE r.rolname IN {RUNTIME} ORDER BY 1"
        ))
    }

    /// Tables of the audit log, partitions among them, whose guards against change and truncation are not both there and on.
    pub fn unguarded_audit(&mut self) -> Result<Vec<String>, DbError> {
        self.lines(
            "SELECT c.relname || ' has no working trigger ' || w.rel || w.suffix AS line \
             FROM (SELECT r.rel, s.suffix FROM unnest(ARRAY['audit_log', 'audit_leaves', 'audit_nodes', 'audit_heads']) r(rel), \
               unnest(ARRAY['_no_change', '_no_truncate']) s(suffix)) w \
             JOIN pg_class p ON p.relnamespace = 'public'::regnamespace AND p.relname = w.rel \
             CROSS JOIN LATERAL (SELECT p.oid UNION ALL SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = p.oid) own(oid) \
             JOIN pg_class c ON c.oid = own.oid \
             WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = w.rel || w.suffix \
               AND t.tgenabled IN ('O', 'A') AND t.tgfoid = 'public.refuse_audit_change()'::regprocedure) \
             ORDER BY 1",
        )
    }
}
