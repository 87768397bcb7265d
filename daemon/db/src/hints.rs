//! Hints between daemons by LISTEN and NOTIFY: "something of this kind changed, look again". Any role
//! can forge one, so a hint carries a topic and a tenant's id and nothing that is believed.

use diesel::{
    Connection, PgConnection, RunQueryDsl, connection::SimpleConnection, sql_types::Text,
};

use crate::{config::DbConfig, error::DbError, pool::DbRole, unit::Unit};

const CHANNEL: &str = "revkeep_hint";

diesel::define_sql_function!(fn pg_notify(channel: Text, payload: Text) -> diesel::sql_types::Nullable<Text>);

/// Tells every daemon, when the unit commits, that `topic` changed in the unit's tenant.
pub fn hint<U: Unit + ?Sized>(unit: &mut U, topic: &str) -> Result<(), DbError> {
    let payload = format!("{topic}|{}", unit.tenant());
    diesel::select(pg_notify(CHANNEL, payload)).execute(unit.conn())?;
    Ok(())
}

/// A connection of its own that listens.
pub struct Hints {
    conn: PgConnection,
}

impl Hints {
    /// Blocks while it connects; call it off the async threads.
    pub fn listen(config: &DbConfig) -> Result<Self, DbError> {
        let mut conn = PgConnection::establish(&config.dsn(DbRole::App)?)
            .map_err(|error| DbError::Unreachable(Box::new(error)))?;
        #[expect(
            clippy::disallowed_methods,
            reason = "LISTEN has no place in the query builder"
        )]
        conn.batch_execute("LISTEN revkeep_hint")?;
        Ok(Self { conn })
    }

    /// What arrived since the last call, as (topic, tenant). An error means that the connection is
    /// gone: drop every cache, then listen anew.
    pub fn poll(&mut self) -> Result<Vec<(String, kernel::TenantId)>, DbError> {
        // A statement makes libpq read what the server has sent; an empty one diesel refuses.
        #[expect(
            clippy::disallowed_methods,
            reason = "LISTEN has no place in the query builder"
        )]
        self.conn.batch_execute("SELECT 1")?;
        let mut heard = Vec::new();
        for notification in self.conn.notifications_iter() {
            let notification = notification?;
            let parsed = notification
                .payload
                .split_once('|')
                .and_then(|(topic, tenant)| Some((topic.to_owned(), tenant.parse().ok()?)));
            heard.extend(parsed);
        }
        Ok(heard)
    }
}
