//! `MachineTx`: what machines may see of one tenant (LR-01). A type of its own, so that no function that
//! reads the tables of a [`crate::TenantTx`] can be called for a machine, not even by mistake.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Bool, Integer, Text, Timestamptz, Uuid as SqlUuid},
};
use kernel::{ApiKeyId, GrantId, SharedClock, TenantId, port::AuditSeals};

use crate::{error::DbError, unit::Unit};

/// A transaction as `revkeep_gateway`. Made by [`crate::Db::machine`] alone.
pub struct MachineTx<'c> {
    conn: &'c mut PgConnection,
    tenant: TenantId,
    clock: SharedClock,
    now: DateTime<Utc>,
    seals: AuditSeals,
}

/// On relations by verb, and on functions of ours.
const RIGHTS: &str = "SELECT * FROM (\
      SELECT c.relname::text AS name, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END AS kind, string_agg(p.verb, ', ' ORDER BY p.verb) AS verbs \
      FROM pg_class c CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (verb) \
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_table_privilege(c.oid, p.verb) GROUP BY 1, 2 \
      UNION ALL \
      SELECT f.proname::text, 'function', 'EXECUTE' FROM pg_proc f \
      WHERE f.pronamespace = 'public'::regnamespace AND has_function_privilege(f.oid, 'EXECUTE')\
    ) AS found ORDER BY kind DESC, name";

/// A right of the role on a view, a table or a function.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct MachineRight {
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Text)]
    pub verbs: String,
}

/// Requests that this daemon may let a key have until the minute ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct RateBlock {
    #[diesel(sql_type = Integer)]
    pub granted: i32,
    /// What is left of the minute beside the block, for any daemon.
    #[diesel(sql_type = Integer)]
    pub remaining: i32,
    #[diesel(sql_type = Timestamptz)]
    pub ends_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Room {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

impl<'c> MachineTx<'c> {
    pub(crate) fn new(conn: &'c mut PgConnection, tenant: TenantId, clock: SharedClock) -> Self {
        let now = clock.now();
        Self {
            conn,
            tenant,
            clock,
            now,
            seals: AuditSeals::default(),
        }
    }

    /// What the role may do, as the database says it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the catalogue is asked what the role may do"
    )]
    pub fn rights(&mut self) -> Result<Vec<MachineRight>, DbError> {
        Ok(sql_query(RIGHTS).load(self.conn)?)
    }

    /// A block of the key's minute; nothing for a key that is not the tenant's.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn rate_lease(&mut self, key: ApiKeyId) -> Result<Option<RateBlock>, DbError> {
        let block = sql_query("SELECT * FROM api_rate_lease($1, $2)")
            .bind::<SqlUuid, _>(key.uuid())
            .bind::<Timestamptz, _>(self.now)
            .get_result(self.conn)
            .optional()?;
        Ok(block)
    }

    /// Whether the grant, one of the tenant's, may put one more proposal before its people.
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn intent_room(&mut self, grant: GrantId) -> Result<bool, DbError> {
        let room: Room = sql_query("SELECT intent_room($1) AS yes")
            .bind::<SqlUuid, _>(grant.uuid())
            .get_result(self.conn)?;
        Ok(room.yes)
    }
}

impl Unit for MachineTx<'_> {
    fn conn(&mut self) -> &mut PgConnection {
        self.conn
    }
    fn now(&self) -> DateTime<Utc> {
        self.now
    }
    fn tenant(&self) -> TenantId {
        self.tenant
    }
    fn clock(&self) -> &SharedClock {
        &self.clock
    }
    fn seals(&self) -> &AuditSeals {
        &self.seals
    }
}
