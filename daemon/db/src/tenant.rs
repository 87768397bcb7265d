//! `TenantTx`: one tenant's rows.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kernel::{Principal, SharedClock, TenantId, port::AuditSeals};

use crate::unit::Unit;

/// A transaction that sees the rows of one tenant. Made by [`crate::Db::run`] alone.
pub struct TenantTx<'c> {
    conn: &'c mut PgConnection,
    principal: Principal,
    clock: SharedClock,
    now: DateTime<Utc>,
    seals: AuditSeals,
}

impl<'c> TenantTx<'c> {
    pub(crate) fn new(
        conn: &'c mut PgConnection,
        principal: Principal,
        clock: SharedClock,
        seals: AuditSeals,
    ) -> Self {
        let now = clock.now();
        Self {
            conn,
            principal,
            clock,
            now,
            seals,
        }
    }

    pub const fn principal(&self) -> &Principal {
        &self.principal
    }
}

impl Unit for TenantTx<'_> {
    fn conn(&mut self) -> &mut PgConnection {
        self.conn
    }
    fn now(&self) -> DateTime<Utc> {
        self.now
    }
    fn tenant(&self) -> TenantId {
        self.principal.tenant
    }
    fn clock(&self) -> &SharedClock {
        &self.clock
    }
    fn seals(&self) -> &AuditSeals {
        &self.seals
    }
}
