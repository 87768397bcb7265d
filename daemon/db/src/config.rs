//! Where the database is, and how many connections each role may hold.

use serde::Deserialize;

use crate::{error::DbError, pool::DbRole};

/// `[database]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DbConfig {
    /// The directory of the Unix socket, or a host name (then TLS with verification is used).
    pub host: String,
    pub port: u16,
    pub name: String,
    /// Authorities that may sign the server's certificate; needed when `host` is a name.
    pub tls_ca: Option<String>,
    pub app_connections: u32,
    pub auth_connections: u32,
}

impl DbConfig {
    /// libpq's connection string for a role. Values are quoted as libpq's manual says (33.1.1.1).
    pub(crate) fn dsn(&self, role: DbRole) -> Result<String, DbError> {
        self.dsn_as(role.name(), &self.name)
    }

    pub(crate) fn dsn_as(&self, user: &str, database: &str) -> Result<String, DbError> {
        let mut dsn = format!(
            "host={} port={} dbname={} user={} application_name=revkeep connect_timeout=5",
            quote(&self.host),
            self.port,
            quote(database),
            quote(user)
        );
        if !self.host.starts_with('/') {
            let ca = self.tls_ca.as_deref().ok_or_else(|| {
                DbError::Setup(
                    "database.host is not a socket directory, so database.tls_ca must name the file of the authorities that sign the server's certificate".to_owned(),
                )
            })?;
            dsn.push_str(&format!(" sslmode=verify-full sslrootcert={}", quote(ca)));
        }
        Ok(dsn)
    }

    pub(crate) const fn connections(&self, role: DbRole) -> u32 {
        match role {
            DbRole::App => self.app_connections,
            DbRole::Auth => self.auth_connections,
        }
    }
}

fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}
