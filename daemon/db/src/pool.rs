//! A bounded pool of connections for one database role.

use diesel::{Connection, PgConnection, RunQueryDsl, connection::SimpleConnection};

use crate::{config::DbConfig, error::DbError};

/// The roles that this daemon becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbRole {
    App,
    Auth,
}

impl DbRole {
    pub const fn name(self) -> &'static str {
        match self {
            Self::App => "revkeep_app",
            Self::Auth => "revkeep_auth",
        }
    }
}

/// A connection with what `db` must know of it.
pub(crate) struct Session {
    pub(crate) conn: PgConnection,
    pub(crate) backend: i32,
    /// Inside a transaction, or the server was lost: never handed out again.
    pub(crate) spoiled: bool,
}

pub(crate) struct Manager {
    dsn: String,
}

diesel::define_sql_function!(fn pg_backend_pid() -> diesel::sql_types::Integer);

impl r2d2::ManageConnection for Manager {
    type Connection = Session;
    type Error = DbError;

    fn connect(&self) -> Result<Session, DbError> {
        let mut conn = PgConnection::establish(&self.dsn)
            .map_err(|error| DbError::Unreachable(Box::new(error)))?;
        let backend = diesel::select(pg_backend_pid()).get_result(&mut conn)?;
        Ok(Session {
            conn,
            backend,
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
        session.spoiled
    }
}

pub(crate) type Pool = r2d2::Pool<Manager>;

pub(crate) fn open(config: &DbConfig, role: DbRole) -> Result<Pool, DbError> {
    let manager = Manager {
        dsn: config.dsn(role)?,
    };
    Ok(r2d2::Pool::builder()
        .max_size(config.connections(role).max(1))
        // Connections are made when they are needed, so that the daemon starts without a database.
        .min_idle(Some(0))
        // A dead connection shows when the transaction opens; a probe would cost a round trip.
        .test_on_check_out(false)
        .connection_timeout(std::time::Duration::from_secs(5))
        .error_handler(Box::new(Quiet))
        .build_unchecked(manager))
}

/// r2d2 logs each failed attempt; whoever asked for a connection gets the error and says it once.
#[derive(Debug)]
struct Quiet;

impl r2d2::HandleError<DbError> for Quiet {
    fn handle_error(&self, error: DbError) {
        log::debug!("a database connection could not be opened: {error}");
    }
}
