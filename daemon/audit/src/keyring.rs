//! The audit keys in memory: one per tenant, one per person in a tenant.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError, Unit};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};
use kernel::{
    Classified, ErrorKind, Principal, SharedClock, TenantId, UserId,
    port::{AuditKeyring, AuditSeals, Sealer},
};
use schema::audit_keys;
use uuid::Uuid;
use vault::{Binding, DataKey, Vault, VaultError, Wrapped};

use crate::entry::subject;

/// How long a key is used before the backend is asked again. A destroyed key stops working within it.
const KEPT: TimeDelta = TimeDelta::minutes(10);
/// How long a backend that did not give a key is left alone, so that no request waits for it twice.
const REFUSED: TimeDelta = TimeDelta::seconds(2);
/// How long a unit of work waits for its keys. Work that writes no audit entry goes on without.
const PATIENCE: Duration = Duration::from_secs(3);
const MOST: usize = 10_000;

/// Why an audit key is not at hand.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the audit key could not be read or stored")]
    Db(#[from] DbError),
    #[error("the audit key could not be opened")]
    Vault(#[from] VaultError),
}

impl Classified for KeyError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Db(error) => error.kind(),
            Self::Vault(error) => error.kind(),
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Vault(error) => error.code(),
        }
    }
    fn message(&self) -> String {
        match self {
            Self::Db(error) => error.message(),
            Self::Vault(error) => error.message(),
        }
    }
}

/// Fetches audit keys and keeps them for a bounded time.
pub struct Keyring {
    db: Db,
    vault: Vault,
    clock: SharedClock,
    kept: Mutex<HashMap<(TenantId, Uuid), Kept>>,
}

struct Kept {
    key: Option<Arc<DataKey>>,
    until: DateTime<Utc>,
}

impl Keyring {
    pub fn new(db: Db, vault: Vault) -> Self {
        let clock = Arc::clone(db.clock());
        Self {
            db,
            vault,
            clock,
            kept: Mutex::default(),
        }
    }

    /// The key to write with; made at the first use.
    async fn key(&self, tenant: TenantId, subject: Uuid) -> Option<Arc<DataKey>> {
        if let Some(kept) = self.kept(tenant, subject) {
            return kept;
        }
        let key = patiently(tenant, self.fetch(tenant, subject)).await;
        self.keep(tenant, subject, key.clone());
        key
    }

    /// The key to read with, if there is one. None is made: whoever was erased would have a key again
    /// because somebody looked at what they did.
    async fn key_of_old(&self, tenant: TenantId, subject: Uuid) -> Option<Arc<DataKey>> {
        if let Some(kept) = self.kept(tenant, subject) {
            return kept;
        }
        let key = patiently(tenant, self.fetch_stored(tenant, subject)).await;
        // That there is none is not kept, because the first who writes makes it.
        if key.is_some() {
            self.keep(tenant, subject, key.clone());
        }
        key
    }

    /// What is in memory of a key: also that it was not to be had a moment ago.
    fn kept(&self, tenant: TenantId, subject: Uuid) -> Option<Option<Arc<DataKey>>> {
        let now = self.clock.now();
        self.lock()
            .get(&(tenant, subject))
            .filter(|kept| kept.until > now)
            .map(|kept| kept.key.clone())
    }

    fn keep(&self, tenant: TenantId, subject: Uuid, key: Option<Arc<DataKey>>) {
        let now = self.clock.now();
        let until = now + if key.is_some() { KEPT } else { REFUSED };
        let mut kept = self.lock();
        if kept.len() >= MOST {
            kept.retain(|_, kept| kept.until > now);
        }
        kept.insert((tenant, subject), Kept { key, until });
    }

    /// What was sealed for a place, while its key is there. A key that was destroyed opens nothing (CX-35).
    pub(crate) async fn open(
        &self,
        tenant: TenantId,
        person: Option<UserId>,
        place: &[u8],
        sealed: &[u8],
    ) -> Option<Vec<u8>> {
        let key = self.key_of_old(tenant, subject(person)).await?;
        Some(key.open_with(place, sealed).ok()?.expose().clone())
    }

    /// The stored key, opened.
    async fn fetch_stored(
        &self,
        tenant: TenantId,
        subject: Uuid,
    ) -> Result<Option<Arc<DataKey>>, KeyError> {
        let Some(wrapped) = self.stored(tenant, subject).await? else {
            return Ok(None);
        };
        let owner = subject.to_string();
        let key = self
            .vault
            .data_key(tenant, &binding(&owner), &Wrapped::parse(&wrapped)?)
            .await?;
        Ok(Some(key))
    }

    /// The stored key, opened; made at the first use, unless the tenant is being erased or was: whatever still
    /// runs then would bring back what the certificate says is destroyed.
    async fn fetch(
        &self,
        tenant: TenantId,
        subject: Uuid,
    ) -> Result<Option<Arc<DataKey>>, KeyError> {
        if let Some(key) = self.fetch_stored(tenant, subject).await? {
            return Ok(Some(key));
        }
        if self.is_ending(tenant).await? {
            return Ok(None);
        }
        let owner = subject.to_string();
        let binding = binding(&owner);
        self.vault.ensure_tenant_key(tenant).await?;
        let fresh = self.vault.new_data_key(tenant, &binding).await?;
        // Another daemon may have been first; whichever key was stored is the key.
        let stored = self
            .store(tenant, subject, fresh.wrapped().to_bytes())
            .await?;
        let key = self
            .vault
            .data_key(tenant, &binding, &Wrapped::parse(&stored)?)
            .await?;
        Ok(Some(key))
    }

    /// Whether the tenant's erasure was begun. What is known of that stays when the tenant is gone. A new
    /// tenant gets its key before its row, so that the row is not there says nothing.
    async fn is_ending(&self, tenant: TenantId) -> Result<bool, DbError> {
        let erasure = self.db.system(move |tx| tx.tenant_erasure(tenant)).await?;
        Ok(erasure.is_some())
    }

    async fn stored(&self, tenant: TenantId, subject: Uuid) -> Result<Option<Vec<u8>>, DbError> {
        self.db
            .run_unsealed(&Principal::system(tenant, None), move |tx| {
                Ok(audit_keys::table
                    .filter(audit_keys::tenant_id.eq(tenant.uuid()))
                    .filter(audit_keys::subject.eq(subject))
                    .select(audit_keys::wrapped)
                    .first(tx.conn())
                    .optional()?)
            })
            .await
    }

    async fn store(
        &self,
        tenant: TenantId,
        subject: Uuid,
        wrapped: Vec<u8>,
    ) -> Result<Vec<u8>, DbError> {
        self.db
            .run_unsealed(&Principal::system(tenant, None), move |tx| {
                diesel::insert_into(audit_keys::table)
                    .values((
                        audit_keys::tenant_id.eq(tenant.uuid()),
                        audit_keys::subject.eq(subject),
                        audit_keys::wrapped.eq(wrapped),
                    ))
                    .on_conflict_do_nothing()
                    .execute(tx.conn())?;
                Ok(audit_keys::table
                    .filter(audit_keys::tenant_id.eq(tenant.uuid()))
                    .filter(audit_keys::subject.eq(subject))
                    .select(audit_keys::wrapped)
                    .first(tx.conn())?)
            })
            .await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(TenantId, Uuid), Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AuditKeyring for Keyring {
    async fn seals(&self, tenant: TenantId, person: Option<UserId>) -> AuditSeals {
        let of_tenant = self.key(tenant, subject(None)).await;
        let of_person = match person {
            Some(user) if of_tenant.is_some() => {
                let key = self.key(tenant, subject(person)).await;
                key.map(|key| (user, sealer(key)))
            }
            _ => None,
        };
        AuditSeals {
            tenant: of_tenant.map(sealer),
            person: of_person,
        }
    }
}

struct KeySealer(Arc<DataKey>);

impl Sealer for KeySealer {
    fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
        self.0.seal_with(aad, plaintext).ok()
    }
}

fn sealer(key: Arc<DataKey>) -> Arc<dyn Sealer> {
    Arc::new(KeySealer(key))
}

/// What `fetching` answers within the patience that a unit of work has for it.
async fn patiently(
    tenant: TenantId,
    fetching: impl Future<Output = Result<Option<Arc<DataKey>>, KeyError>>,
) -> Option<Arc<DataKey>> {
    match tokio::time::timeout(PATIENCE, fetching).await {
        Ok(Ok(key)) => key,
        Ok(Err(error)) => {
            log::warn!("no audit key for {tenant}: {error}: {}", cause(&error));
            None
        }
        Err(_) => None,
    }
}

/// The place of an audit key; `owner` is its subject.
pub(crate) fn binding(owner: &str) -> Binding<'_> {
    Binding {
        provider: "audit",
        owner,
        column: "audit_keys.wrapped",
    }
}

fn cause(error: &dyn std::error::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}
