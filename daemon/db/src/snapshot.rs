//! The backup's look at a database: one snapshot, which pg_dump then dumps. As `revkeep_backup`, which reads
//! every tenant and writes nothing.

use std::collections::BTreeMap;

use diesel::{
    Connection, OptionalExtension, PgConnection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_query,
    sql_types::{BigInt, Text, Uuid as SqlUuid},
};
use uuid::Uuid;

use crate::{config::DbConfig, error::DbError, evidence::StoredHead, setup::quote_identifier};

const ROLE: &str = "revkeep_backup";

/// The table that no dump holds: set-up and restore tell the key anew.
pub const NOT_DUMPED: &str = "public.context_keys";

impl DbConfig {
    /// libpq's connection string of the role that backs up. It names no secret.
    pub fn backup_dsn(&self) -> Result<String, DbError> {
        self.dsn_as(ROLE, &self.name)
    }

    /// The same of another role.
    pub fn dsn_for(&self, role: &str) -> Result<String, DbError> {
        self.dsn_as(role, &self.name)
    }
}

/// A moment of the database; it lasts as long as this does.
pub struct Snapshot {
    conn: PgConnection,
    id: String,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

#[derive(QueryableByName)]
struct TenantKey {
    #[diesel(sql_type = SqlUuid)]
    tenant_id: Uuid,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the catalogue, and counts of every table in it"
)]
impl Snapshot {
    /// By a libpq connection string.
    pub fn open(dsn: &str) -> Result<Self, DbError> {
        let mut conn =
            PgConnection::establish(dsn).map_err(|error| DbError::Unreachable(Box::new(error)))?;
        conn.batch_execute(
            "SET search_path = pg_catalog; SET jit = off; \
             BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
        )?;
        let id: Name = sql_query("SELECT pg_export_snapshot() AS name").get_result(&mut conn)?;
        Ok(Self { conn, id: id.name })
    }

    /// What `pg_dump --snapshot` takes.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How many rows each table has, partitions by themselves.
    pub fn rows(&mut self) -> Result<BTreeMap<String, i64>, DbError> {
        let tables: Vec<Name> = sql_query(
            "SELECT c.relname::text AS name FROM pg_class c \
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' \
               AND c.oid IS DISTINCT FROM to_regclass($1) ORDER BY 1",
        )
        .bind::<Text, _>(NOT_DUMPED)
        .load(&mut self.conn)?;
        let mut rows = BTreeMap::new();
        for table in tables {
            let name = quote_identifier(&table.name);
            let count: Count = sql_query(format!("SELECT count(*) AS rows FROM public.{name}"))
                .get_result(&mut self.conn)?;
            rows.insert(table.name, count.rows);
        }
        Ok(rows)
    }

    pub fn tenants(&mut self) -> Result<Vec<Uuid>, DbError> {
        let found: Vec<TenantKey> =
            sql_query("SELECT tenant_id FROM public.tenants ORDER BY tenant_id")
                .load(&mut self.conn)?;
        Ok(found.into_iter().map(|row| row.tenant_id).collect())
    }

    /// The newest migration that ran here.
    pub fn schema_version(&mut self) -> Result<String, DbError> {
        let newest: Name = sql_query(
            "SELECT coalesce(max(version), '')::text AS name FROM public.__diesel_schema_migrations",
        )
        .get_result(&mut self.conn)?;
        Ok(newest.name)
    }

    pub fn last_head(&mut self) -> Result<Option<StoredHead>, DbError> {
        Ok(sql_query(
            "SELECT number, size, at, statement, signature, frontier FROM public.audit_heads ORDER BY number DESC LIMIT 1",
        )
        .get_result(&mut self.conn)
        .optional()?)
    }
}
