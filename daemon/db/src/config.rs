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
            dsn.push_str(LIVENESS);
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

/// Over a network a server can go without a word. Its silence is noticed within a minute, idle or not
/// (libpq's manual, 33.1.2); a Unix socket tells by itself.
const LIVENESS: &str = " keepalives=1 keepalives_idle=30 keepalives_interval=10 keepalives_count=3 tcp_user_timeout=60000";

fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(host: &str, tls_ca: Option<&str>) -> DbConfig {
        DbConfig {
            host: host.to_owned(),
            port: 5432,
            name: "revkeep".to_owned(),
            tls_ca: tls_ca.map(str::to_owned),
            app_connections: 1,
            auth_connections: 1,
        }
    }

    #[test]
    fn over_a_network_the_server_is_verified_and_its_silence_noticed() {
        let dsn = config("db.corp", Some("/ca.pem")).dsn(DbRole::App).unwrap();
        for setting in [
            "sslmode=verify-full",
            "sslrootcert='/ca.pem'",
            "connect_timeout=5",
            "keepalives=1",
            "keepalives_idle=30",
            "tcp_user_timeout=60000",
        ] {
            assert!(dsn.contains(setting), "{setting}: {dsn}");
        }
        assert!(config("db.corp", None).dsn(DbRole::App).is_err());
    }

    #[test]
    fn a_socket_needs_none_of_it() {
        let dsn = config("/run/postgresql", None).dsn(DbRole::Auth).unwrap();
        assert!(!dsn.contains("keepalives") && !dsn.contains("ssl"), "{dsn}");
        assert!(dsn.contains("connect_timeout=5"), "{dsn}");
    }
}
