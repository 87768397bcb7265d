//! Ports: what a lower crate needs and a higher one provides, registered by `revkeep`.

use std::sync::Arc;

use async_trait::async_trait;

use crate::id::{TenantId, UserId};

/// Seals bytes under one key that is already in memory, so that it can be called inside a
/// transaction.
pub trait Sealer: Send + Sync {
    /// `aad` binds the ciphertext to its row; the result opens with the same `aad` only. `None`
    /// when the cipher fails: the caller gives up, it never stores clear text.
    fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Option<Vec<u8>>;
}

/// The audit keys at hand for one unit of work. A missing key (the secrets backend is sealed) makes
/// an audit entry that needs it fail, and with it the change: closed, never silent.
#[derive(Clone, Default)]
pub struct AuditSeals {
    pub tenant: Option<Arc<dyn Sealer>>,
    pub person: Option<Arc<dyn Sealer>>,
}

/// Fetches audit keys before a transaction begins, because none is held across a call (CX-35).
#[async_trait]
pub trait AuditKeyring: Send + Sync {
    async fn seals(&self, tenant: TenantId, person: Option<UserId>) -> AuditSeals;
}
