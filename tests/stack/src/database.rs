//! A database per test, cloned from a template that was migrated once.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, Result};
use db::{ContextKey, DbConfig, setup::Setup};
use kernel::Secret;

use crate::postgres::{Durability, Postgres};

const TEMPLATE: &str = "revkeep_template";

/// The key of the tenant context in every database of a test cluster.
const CONTEXT_KEY: [u8; 32] = *b"the context key of a test stack.";

/// A cluster with a migrated template.
#[derive(Debug)]
pub struct Cluster {
    pub postgres: Postgres,
}

impl Cluster {
    pub fn start(durability: Durability) -> Result<Self> {
        let postgres = Postgres::start(durability)?;
        let cluster = Self { postgres };
        let mut admin = cluster.admin("postgres")?;
        admin.make_roles()?;
        admin.make_database(TEMPLATE, None)?;
        admin.grant_database(TEMPLATE)?;
        let mut owner = Setup::connect(&cluster.postgres.dsn("revkeep_owner", TEMPLATE))?;
        owner.migrate()?;
        owner.store_context_key(&context_key())?;
        Ok(cluster)
    }

    /// A new database with every table and no row.
    pub fn database(&self) -> Result<Database> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("revkeep_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut admin = self.admin("postgres")?;
        admin.make_database(&name, Some(TEMPLATE))?;
        admin.grant_database(&name)?;
        Ok(Database {
            name,
            socket_directory: self.postgres.socket_directory().display().to_string(),
            port: self.postgres.port(),
        })
    }

    fn admin(&self, database: &str) -> Result<Setup> {
        Setup::connect(&self.postgres.dsn("postgres", database))
            .context("the private cluster does not answer")
    }
}

/// One database of a cluster; dropped with this value.
#[derive(Debug)]
pub struct Database {
    pub name: String,
    pub socket_directory: String,
    pub port: u16,
}

impl Database {
    pub fn config(&self) -> DbConfig {
        DbConfig {
            host: self.socket_directory.clone(),
            port: self.port,
            name: self.name.clone(),
            tls_ca: None,
            tls_certificate: None,
            tls_key: None,
            app_connections: 8,
            auth_connections: 4,
            gateway_connections: 4,
        }
    }

    /// A connection string for a role.
    pub fn dsn(&self, role: &str) -> String {
        format!(
            "host={} port={} user={role} dbname={}",
            self.socket_directory, self.port, self.name
        )
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let dsn = format!(
            "host={} port={} user=postgres dbname=postgres",
            self.socket_directory, self.port
        );
        if let Ok(mut admin) = Setup::connect(&dsn) {
            let _ = admin.drop_database(&self.name);
        }
    }
}

impl Database {
    /// Everything in it, as `pg_dump` writes it for a superuser.
    pub fn dump(&self) -> Result<String> {
        shared()?.postgres.dump("postgres", &self.name, &[])
    }
}

/// The key that unlocks the databases of a test cluster.
pub const fn context_key() -> ContextKey {
    ContextKey::new(Secret::new(CONTEXT_KEY))
}

/// The same, as the secrets backend stores it.
pub const fn context_key_bytes() -> &'static [u8] {
    &CONTEXT_KEY
}

/// The cluster that the tests of one process share. It is stopped when the process ends.
pub fn shared() -> Result<&'static Cluster> {
    static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
    SHARED
        .get_or_init(|| Cluster::start(Durability::Tests).map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|error| anyhow::anyhow!("{error}"))
}
