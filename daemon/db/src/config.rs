//! Where the database is, and how many connections each role may hold.

use serde::Deserialize;

use crate::{error::DbError, pool::DbRole};

/// `[database]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DbConfig {
    /// Directories of Unix sockets, or host names (then TLS with verification is used), with commas
    /// between: whichever takes writes is used.
    pub host: String,
    pub port: u16,
    pub name: String,
    /// Authorities that may sign the server's certificate; needed when `host` is a name.
    pub tls_ca: Option<String>,
    /// What this daemon shows the server, and its key, where the server asks for it.
    pub tls_certificate: Option<String>,
    pub tls_key: Option<String>,
    pub app_connections: u32,
    pub auth_connections: u32,
    pub gateway_connections: u32,
}

impl DbConfig {
    /// libpq's connection string for a role. Values are quoted as libpq's manual says (33.1.1.1).
    pub(crate) fn dsn(&self, role: DbRole) -> Result<String, DbError> {
        self.dsn_as(role.name(), &self.name)
    }

    /// To the server that takes writes: a standby, or a primary that was fenced, is passed over.
    pub(crate) fn dsn_as(&self, user: &str, database: &str) -> Result<String, DbError> {
        self.dsn_of_primary(&self.servers(), user, database)
    }

    /// The same among these servers.
    pub(crate) fn dsn_of_primary(
        &self,
        servers: &[&str],
        user: &str,
        database: &str,
    ) -> Result<String, DbError> {
        let dsn = self.dsn_of(servers, user, database)?;
        Ok(format!("{dsn} target_session_attrs=read-write"))
    }

    /// To one of the servers, whatever it is now.
    pub(crate) fn dsn_at(&self, server: &str, role: DbRole) -> Result<String, DbError> {
        self.dsn_of(&[server], role.name(), &self.name)
    }

    /// The servers, in the order in which they are tried.
    pub(crate) fn servers(&self) -> Vec<&str> {
        self.host.split(',').map(str::trim).collect()
    }

    /// How long a connection may take to be made, whichever server it leads to in the end.
    pub(crate) fn patience(&self) -> std::time::Duration {
        let servers = u64::try_from(self.servers().len()).unwrap_or(1);
        std::time::Duration::from_secs(5.max(servers.saturating_mul(CONNECT_SOON)))
    }

    fn dsn_of(&self, servers: &[&str], user: &str, database: &str) -> Result<String, DbError> {
        let connect = if self.servers().len() > 1 {
            CONNECT_SOON
        } else {
            5
        };
        let mut dsn = format!(
            "host={} port={} dbname={} user={} application_name=revkeep connect_timeout={connect}",
            quote(&servers.join(",")),
            self.port,
            quote(database),
            quote(user)
        );
        let sockets = servers.iter().filter(|one| one.starts_with('/')).count();
        if sockets == servers.len() {
            return Ok(dsn);
        }
        if sockets > 0 || servers.iter().any(|one| one.is_empty()) {
            return Err(DbError::Setup(
                "database.host must be socket directories alone, or host names alone".to_owned(),
            ));
        }
        dsn.push_str(&self.tls()?);
        dsn.push_str(if self.servers().len() > 1 {
            LIVENESS_OF_SEVERAL
        } else {
            LIVENESS
        });
        Ok(dsn)
    }

    fn tls(&self) -> Result<String, DbError> {
        let ca = self.tls_ca.as_deref().ok_or_else(|| {
            DbError::Setup(
                "database.host is not a socket directory, so database.tls_ca must name the file of the authorities that sign the server's certificate".to_owned(),
            )
        })?;
        let mut tls = format!(" sslmode=verify-full sslrootcert={}", quote(ca));
        match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => tls.push_str(&format!(
                " sslcert={} sslkey={}",
                quote(certificate),
                quote(key)
            )),
            (None, None) => {}
            _ => {
                return Err(DbError::Setup(
                    "database.tls_certificate and database.tls_key go together".to_owned(),
                ));
            }
        }
        Ok(tls)
    }

    pub(crate) const fn connections(&self, role: DbRole) -> u32 {
        match role {
            DbRole::App => self.app_connections,
            DbRole::Auth => self.auth_connections,
            DbRole::Gateway => self.gateway_connections,
        }
    }
}

/// Seconds for each of several servers: one that lost its power must not use up the time of the others.
const CONNECT_SOON: u64 = 2;

/// Over a network a server can go without a word. Its silence is noticed within a minute, idle or not
/// (libpq's manual, 33.1.2); a Unix socket tells by itself.
const LIVENESS: &str = " keepalives=1 keepalives_idle=30 keepalives_interval=10 keepalives_count=3 tcp_user_timeout=60000";

/// Where another server takes over, the silence of the first is noticed by the time that it has.
const LIVENESS_OF_SEVERAL: &str = " keepalives=1 keepalives_idle=5 keepalives_interval=2 keepalives_count=3 tcp_user_timeout=10000";

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
            tls_certificate: None,
            tls_key: None,
            app_connections: 1,
            auth_connections: 1,
            gateway_connections: 1,
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
            "target_session_attrs=read-write",
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

    #[test]
    fn of_several_servers_each_is_verified_and_none_waited_for_long() {
        let several = config("a.corp, b.corp,c.corp", Some("/ca.pem"));
        let dsn = several.dsn(DbRole::App).unwrap();
        for setting in [
            "host='a.corp,b.corp,c.corp'",
            "sslmode=verify-full",
            "connect_timeout=2",
            "tcp_user_timeout=10000",
            "target_session_attrs=read-write",
        ] {
            assert!(dsn.contains(setting), "{setting}: {dsn}");
        }
        assert_eq!(several.patience().as_secs(), 6);
        let one = several.dsn_at("b.corp", DbRole::App).unwrap();
        assert!(one.contains("host='b.corp'") && one.contains("sslmode=verify-full"));
        assert!(!one.contains("target_session_attrs"), "{one}");
        // An unverified server must not slip in beside a socket.
        for mixed in ["/run/postgresql,b.corp", "a.corp,", "a.corp,,b.corp"] {
            assert!(
                config(mixed, Some("/ca.pem")).dsn(DbRole::App).is_err(),
                "{mixed}"
            );
        }
    }

    #[test]
    fn the_daemons_own_certificate_is_named_with_its_key_or_not_at_all() {
        let mut shown = config("db.corp", Some("/ca.pem"));
        shown.tls_certificate = Some("/own.pem".to_owned());
        assert!(shown.dsn(DbRole::App).is_err());
        shown.tls_key = Some("/own'key".to_owned());
        let dsn = shown.dsn(DbRole::App).unwrap();
        assert!(
            dsn.contains("sslcert='/own.pem' sslkey='/own\\'key'"),
            "{dsn}"
        );
    }
}
