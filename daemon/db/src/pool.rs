//! A bounded pool of connections for one database role.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use diesel::{Connection, PgConnection, RunQueryDsl, connection::SimpleConnection};

use crate::{config::DbConfig, error::DbError};

/// The roles that this daemon becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbRole {
    App,
    Auth,
    /// Machines: it sees the layer, and nothing else.
    Gateway,
}

impl DbRole {
    pub const fn name(self) -> &'static str {
        match self {
            Self::App => "revkeep_app",
            Self::Auth => "revkeep_auth",
            Self::Gateway => "revkeep_gateway",
        }
    }
}

/// Which server the connections lead to, counted: when one connection finds that its server is gone or
/// takes no writes any more, all of its time are given up, so that each need not find out by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reign(Arc<AtomicU64>);

impl Reign {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Ends the reign `of` which a connection is. Whoever says so second changes nothing.
    pub(crate) fn over(&self, of: u64) {
        let _ =
            self.0
                .compare_exchange(of, of.wrapping_add(1), Ordering::AcqRel, Ordering::Acquire);
    }
}

/// A connection with what `db` must know of it.
pub(crate) struct Session {
    pub(crate) conn: PgConnection,
    pub(crate) backend: i32,
    /// The reign in which it was made.
    pub(crate) reign: u64,
    /// Inside a transaction, or the server was lost: never handed out again.
    pub(crate) spoiled: bool,
}

pub(crate) struct Manager {
    dsn: String,
    reign: Reign,
}

diesel::define_sql_function!(fn pg_backend_pid() -> diesel::sql_types::Integer);

impl r2d2::ManageConnection for Manager {
    type Connection = Session;
    type Error = DbError;

    fn connect(&self) -> Result<Session, DbError> {
        // Asked before: a server that is lost while it answers is of the reign that ends.
        let reign = self.reign.now();
        let mut conn = PgConnection::establish(&self.dsn)
            .map_err(|error| DbError::Unreachable(Box::new(error)))?;
        let backend = diesel::select(pg_backend_pid()).get_result(&mut conn)?;
        Ok(Session {
            conn,
            backend,
            reign,
            spoiled: false,
        })
    }

    fn is_valid(&self, session: &mut Session) -> Result<(), DbError> {
        #[expect(clippy::disallowed_methods, reason = "the pool's own probe")]
        session
            .conn
            .batch_execute("SELECT 1")
            .map_err(DbError::from)
    }

    fn has_broken(&self, session: &mut Session) -> bool {
        session.spoiled || session.reign != self.reign.now()
    }
}

pub(crate) type Lent = r2d2::PooledConnection<Manager>;

#[derive(Clone)]
pub(crate) struct Pool {
    connections: r2d2::Pool<Manager>,
    pub(crate) reign: Reign,
}

impl Pool {
    pub(crate) fn open(config: &DbConfig, role: DbRole, reign: Reign) -> Result<Self, DbError> {
        let manager = Manager {
            dsn: config.dsn(role)?,
            reign: reign.clone(),
        };
        let connections = r2d2::Pool::builder()
            .max_size(config.connections(role).max(1))
            // Connections are made when they are needed, so that the daemon starts without a database.
            .min_idle(Some(0))
            // A dead connection shows when the transaction opens; a probe would cost a round trip.
            .test_on_check_out(false)
            .connection_timeout(config.patience())
            .error_handler(Box::new(Quiet))
            .build_unchecked(manager);
        Ok(Self { connections, reign })
    }

    /// A connection, or nothing when the one that lay there was of an earlier reign and is given up.
    pub(crate) fn lend(&self) -> Result<Option<Lent>, DbError> {
        let mut session = self
            .connections
            .get()
            .map_err(|error| DbError::Unreachable(Box::new(error)))?;
        if session.reign == self.reign.now() {
            return Ok(Some(session));
        }
        session.spoiled = true;
        Ok(None)
    }

    /// So many connections can lie in it.
    pub(crate) fn size(&self) -> u32 {
        self.connections.max_size()
    }
}

/// r2d2 logs each failed attempt; whoever asked for a connection gets the error and says it once.
#[derive(Debug)]
struct Quiet;

impl r2d2::HandleError<DbError> for Quiet {
    fn handle_error(&self, error: DbError) {
        log::debug!("a database connection could not be opened: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reign_ends_once_however_many_connections_find_out() {
        let reign = Reign::default();
        let of = reign.now();
        reign.over(of);
        reign.over(of);
        assert_eq!(reign.now(), of + 1);
    }
}
