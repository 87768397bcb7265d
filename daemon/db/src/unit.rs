//! `Db`: opens units of work and runs them off the async threads.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use diesel::{PgConnection, connection::SimpleConnection};
use kernel::{
    Principal, SharedClock, TenantId, UserId,
    port::{AuditKeyring, AuditSeals},
};
use tokio::sync::Semaphore;

use crate::{
    auditor::Auditor,
    auth::{AuthScope, AuthTx},
    config::DbConfig,
    context::ContextKey,
    error::DbError,
    machine::MachineTx,
    pool::{DbRole, Lent, Pool, Reign, Session},
    probe::ProbeTx,
    system::SystemTx,
    tenant::TenantTx,
};

/// Readers across tenants at a time: people of the operator's, who are few.
const AUDITORS: usize = 2;

/// What every unit of work that holds rows can say of itself. Audit, jobs and hints are written
/// through it.
pub trait Unit {
    fn conn(&mut self) -> &mut PgConnection;
    /// The time at which the unit began, by the daemon's clock.
    fn now(&self) -> DateTime<Utc>;
    /// The tenant of the context; `TenantId::PLATFORM` where there is none.
    fn tenant(&self) -> TenantId;
    fn clock(&self) -> &SharedClock;
    fn seals(&self) -> &AuditSeals;
}

/// The pools and the minter of contexts. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    app: Door,
    auth: Door,
    gateway: Door,
    /// Where the auditor connects, and how many of them at a time.
    config: DbConfig,
    auditors: Arc<Semaphore>,
    key: OnceLock<ContextKey>,
    keyring: OnceLock<Arc<dyn AuditKeyring>>,
    clock: SharedClock,
}

/// A pool, and a semaphore of its size that is awaited before a blocking thread is taken.
struct Door {
    pool: Pool,
    permits: Arc<Semaphore>,
}

impl Door {
    fn open(config: &DbConfig, role: DbRole, reign: &Reign) -> Result<Self, DbError> {
        let permits = usize::try_from(config.connections(role).max(1)).unwrap_or(1);
        Ok(Self {
            pool: Pool::open(config, role, reign.clone())?,
            permits: Arc::new(Semaphore::new(permits)),
        })
    }
}

/// Whose rows a context opens.
#[derive(Clone, Copy)]
pub(crate) struct Scope {
    pub(crate) tenant: Option<TenantId>,
    pub(crate) user: Option<UserId>,
    pub(crate) kind: &'static str,
}

impl Db {
    /// Opens no connection yet.
    pub fn new(config: &DbConfig, clock: SharedClock) -> Result<Self, DbError> {
        let reign = Reign::default();
        Ok(Self {
            inner: Arc::new(Inner {
                app: Door::open(config, DbRole::App, &reign)?,
                auth: Door::open(config, DbRole::Auth, &reign)?,
                gateway: Door::open(config, DbRole::Gateway, &reign)?,
                config: config.clone(),
                auditors: Arc::new(Semaphore::new(AUDITORS)),
                key: OnceLock::new(),
                keyring: OnceLock::new(),
                clock,
            }),
        })
    }

    /// Gives the key of the tenant context, once, as soon as the secrets backend has told it. Until
    /// then every unit of work is refused with [`DbError::NoContextKey`].
    pub fn unlock(&self, key: ContextKey) {
        let _ = self.inner.key.set(key);
    }

    pub fn is_unlocked(&self) -> bool {
        self.inner.key.get().is_some()
    }

    /// Registers the audit keys' source, once.
    pub fn set_audit_keyring(&self, keyring: Arc<dyn AuditKeyring>) {
        let _ = self.inner.keyring.set(keyring);
    }

    pub fn clock(&self) -> &SharedClock {
        &self.inner.clock
    }

    /// Runs `work` in one transaction that sees the principal's tenant alone. Commits when it
    /// returns `Ok`, else nothing happened.
    pub async fn run<T, E, F>(&self, who: &Principal, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut TenantTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let seals = self.seals(who.tenant, who.user()).await;
        self.run_with(who, seals, work).await
    }

    /// As [`Db::run`], without audit keys at hand: for the keyring itself, which fetches them.
    pub async fn run_unsealed<T, E, F>(&self, who: &Principal, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut TenantTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.run_with(who, AuditSeals::default(), work).await
    }

    async fn run_with<T, E, F>(&self, who: &Principal, seals: AuditSeals, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut TenantTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let scope = Scope {
            tenant: Some(who.tenant),
            user: who.user(),
            kind: who.actor.kind(),
        };
        let (who, clock) = (who.clone(), self.inner.clock.clone());
        self.unit(DbRole::App, scope, move |conn| {
            work(&mut TenantTx::new(conn, who, clock, seals))
        })
        .await
    }

    /// Runs `work` for a machine of the principal's tenant, which sees the layer and nothing else.
    pub async fn machine<T, E, F>(&self, who: &Principal, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut MachineTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let scope = Scope {
            tenant: Some(who.tenant),
            user: None,
            kind: "machine",
        };
        let (tenant, clock) = (who.tenant, self.inner.clock.clone());
        self.unit(DbRole::Gateway, scope, move |conn| {
            work(&mut MachineTx::new(conn, tenant, clock))
        })
        .await
    }

    /// Runs identity's `work`: for a person, for a tenant, for both, or for nobody yet.
    pub async fn auth<T, E, F>(&self, scope: AuthScope, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut AuthTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.auth_by(scope.user, scope, work).await
    }

    /// The same with rows of somebody else than who acts, whose audit key the entry is sealed with.
    pub async fn auth_by<T, E, F>(
        &self,
        actor: Option<UserId>,
        scope: AuthScope,
        work: F,
    ) -> Result<T, E>
    where
        F: FnOnce(&mut AuthTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let tenant = scope.tenant.unwrap_or(TenantId::PLATFORM);
        let seals = self.seals(tenant, actor).await;
        let context = Scope {
            tenant: Some(tenant),
            user: scope.user,
            kind: "human",
        };
        let clock = self.inner.clock.clone();
        self.unit(DbRole::Auth, context, move |conn| {
            work(&mut AuthTx::new(conn, scope, clock, seals))
        })
        .await
    }

    /// Runs `work` that may call the listed definer functions and see no table.
    pub async fn system<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut SystemTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let scope = Scope {
            tenant: None,
            user: None,
            kind: "worker",
        };
        self.unit(DbRole::App, scope, move |conn| {
            work(&mut SystemTx::new(conn))
        })
        .await
    }

    /// Runs `work`, which may be hostile, as one of the daemon's roles in a transaction that is rolled
    /// back whatever it answers.
    pub async fn probe<T, F>(&self, role: DbRole, work: F) -> Result<T, DbError>
    where
        F: FnOnce(&mut ProbeTx<'_>) -> Result<T, DbError> + Send + 'static,
        T: Send + 'static,
    {
        let door = self.door(role);
        let permit = Arc::clone(&door.permits)
            .acquire_owned()
            .await
            .map_err(|_| DbError::Cut)?;
        let (pool, inner) = (door.pool.clone(), Arc::clone(&self.inner));
        let joined = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let key = inner.key.get().ok_or(DbError::NoContextKey)?;
            let scope = Scope {
                tenant: None,
                user: None,
                kind: "probe",
            };
            let mut session = begin(&pool, Some(key), scope)?;
            let backend = session.backend;
            let found =
                ProbeTx::new(&mut session.conn, key, backend).and_then(|mut tx| work(&mut tx));
            undo(&pool, &mut session)?;
            found
        })
        .await;
        joined.unwrap_or(Err(DbError::Cut))
    }

    fn door(&self, role: DbRole) -> &Door {
        match role {
            DbRole::App => &self.inner.app,
            DbRole::Auth => &self.inner.auth,
            DbRole::Gateway => &self.inner.gateway,
        }
    }

    /// Runs `work` that reads the audit log and its evidence across tenants, on a connection of its own.
    /// Whoever calls has put the reading on record before (CX-31).
    pub async fn auditor<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Auditor) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let permit = Arc::clone(&self.inner.auditors)
            .acquire_owned()
            .await
            .map_err(|_| DbError::Cut)?;
        let inner = Arc::clone(&self.inner);
        let joined = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut auditor = Auditor::open(&inner.config)?;
            auditor.hurry()?;
            work(&mut auditor)
        })
        .await;
        joined.unwrap_or_else(|_| Err(DbError::Cut.into()))
    }

    async fn seals(&self, tenant: TenantId, user: Option<UserId>) -> AuditSeals {
        match self.inner.keyring.get() {
            Some(keyring) => keyring.seals(tenant, user).await,
            None => AuditSeals::default(),
        }
    }

    async fn unit<T, E, F>(&self, role: DbRole, scope: Scope, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut PgConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let door = self.door(role);
        let permit = Arc::clone(&door.permits)
            .acquire_owned()
            .await
            .map_err(|_| DbError::Cut)?;
        let (pool, inner) = (door.pool.clone(), Arc::clone(&self.inner));
        let joined = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut session = begin(&pool, inner.key.get(), scope)?;
            match work(&mut session.conn) {
                Ok(value) => {
                    commit(&pool, &mut session, scope)?;
                    Ok(value)
                }
                Err(error) => {
                    // The caller's error says more than a failed rollback would.
                    let _ = undo(&pool, &mut session);
                    Err(error)
                }
            }
        })
        .await;
        joined.unwrap_or_else(|_| Err(DbError::Cut.into()))
    }
}

/// Opens the transaction and its context in one round trip. What an earlier, hostile statement may
/// have left in the session (settings, cursors, channels, locks) goes first. A server that takes no
/// writes fails the first statement after BEGIN.
///
/// This is the one place where a lost connection is replaced by another without a word: nothing of the
/// caller's has run yet.
fn begin(pool: &Pool, key: Option<&ContextKey>, scope: Scope) -> Result<Lent, DbError> {
    let key = key.ok_or(DbError::NoContextKey)?;
    let mut last = None;
    // A server that restarted leaves dead connections; each turn discards one.
    for _ in 0..=pool.size() {
        let Some(mut session) = pool.lend()? else {
            continue;
        };
        let context = key.mint(scope.tenant, scope.user, scope.kind, session.backend);
        session.spoiled = true;
        #[expect(clippy::disallowed_methods, reason = "the door itself")]
        let opened = session.conn.batch_execute(&format!(
            "CLOSE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); RESET ALL; BEGIN; \
             SELECT 1 / (current_setting('transaction_read_only') = 'off')::integer; \
             SELECT set_config('revkeep.context', '{context}', true)"
        ));
        match opened {
            Ok(()) => return Ok(session),
            Err(error) => {
                pool.reign.over(session.reign);
                last = Some(error);
            }
        }
    }
    Err(last.map_or(DbError::Cut, |error| DbError::Unreachable(Box::new(error))))
}

/// COMMIT of a transaction that failed answers without an error and does nothing; and a context that
/// ran out of time has made later statements see no rows. Either must not pass for success, so a
/// statement that fails in both goes before, in the same round trip.
///
/// When the connection is gone instead of an answer, nobody knows whether the server committed.
fn commit(pool: &Pool, session: &mut Session, scope: Scope) -> Result<(), DbError> {
    let verb = match scope.tenant {
        Some(_) => "SELECT 1 / (current_tenant() IS NOT NULL)::integer; COMMIT",
        None => "SELECT 1; COMMIT",
    };
    #[expect(clippy::disallowed_methods, reason = "the door itself")]
    let Err(refusal) = session.conn.batch_execute(verb) else {
        session.spoiled = false;
        return Ok(());
    };
    // Whoever can still be told to roll back has refused; words do not tell, a server may speak any language.
    match undo(pool, session) {
        Ok(()) => Err(refusal.into()),
        Err(_) => Err(DbError::InDoubt(refusal)),
    }
}

/// Rolls back. A connection on which that fails leads nowhere any more.
fn undo(pool: &Pool, session: &mut Session) -> Result<(), DbError> {
    #[expect(clippy::disallowed_methods, reason = "the door itself")]
    let undone = session.conn.batch_execute("ROLLBACK");
    match undone {
        Ok(()) => {
            session.spoiled = false;
            Ok(())
        }
        Err(error) => {
            pool.reign.over(session.reign);
            Err(error.into())
        }
    }
}
