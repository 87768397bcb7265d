//! Ports: what a lower crate needs and a higher one provides, registered by `revkeep`.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::id::{ApiKeyId, ClientId, GrantId, RequestId, TenantId, UserId};

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
    /// Of the person who acts, and of nobody else: an entry of somebody else finds no key here.
    pub person: Option<(UserId, Arc<dyn Sealer>)>,
}

/// Fetches audit keys before a transaction begins, because none is held across a call (CX-35).
#[async_trait]
pub trait AuditKeyring: Send + Sync {
    async fn seals(&self, tenant: TenantId, person: Option<UserId>) -> AuditSeals;
}

/// Who is behind an interface key: the gateway's only way to know (LR-33).
#[async_trait]
pub trait KeyCheck: Send + Sync {
    /// Whose key the text is. A key that is malformed, unknown, wrong, revoked or expired is refused
    /// alike.
    async fn check(&self, presented: &str) -> Result<KeyHolder, KeyRefusal>;
}

/// One tenant, and what the key may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHolder {
    pub tenant: TenantId,
    pub key: ApiKeyId,
    pub scopes: Vec<String>,
    /// The tenant's trial is over: nothing may be changed with the key (CX-27).
    pub read_only: bool,
}

/// Why there is no holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRefusal {
    /// No valid key.
    Unknown,
    /// It could not be checked just now.
    Unavailable,
}

/// Where programs of people reach the data layer: with the appliance's address in front of it, whom their tokens
/// are for (RFC 8707).
pub const MCP_PATH: &str = "/mcp";

/// Whom a person let in with an access token (OB-20): the gateway's only way to know.
#[async_trait]
pub trait TokenCheck: Send + Sync {
    /// Whose token the text is, if it was issued for `resource` and nothing that it hangs on has ended. A token
    /// that is malformed, unknown, expired, revoked or another resource's is refused alike.
    async fn check_token(&self, presented: &str, resource: &str)
    -> Result<TokenHolder, KeyRefusal>;
}

/// A program that acts for one person in one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHolder {
    pub tenant: TenantId,
    pub grant: GrantId,
    pub client: ClientId,
    pub user: UserId,
    /// What the person let it do, as far as the person may do it themselves at this moment.
    pub scopes: Vec<String>,
}

/// What each interface key asks for: how much it has left, counted for all daemons together (LR-33), and what
/// it asked, on record (LR-34).
#[async_trait]
pub trait KeyLedger: Send + Sync {
    /// Takes one request from what the key has left in this minute.
    async fn take(&self, tenant: TenantId, key: ApiKeyId) -> Result<KeyLeft, KeySpent>;

    /// Keeps a request for the record. It never waits; what cannot be kept is counted.
    fn note(&self, request: KeyRequest);
}

/// What a key has left, by the standard's words (draft-ietf-httpapi-ratelimit-headers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLeft {
    pub quota: u32,
    pub window: Duration,
    pub remaining: u32,
    /// Until the quota is whole again.
    pub resets_in: Duration,
}

/// Why a key gets no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySpent {
    /// The minute's requests are used up.
    Spent(KeyLeft),
    /// It could not be counted just now, so it is refused.
    Unavailable,
}

/// One request of a key, without its query: filters name people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRequest {
    pub tenant: TenantId,
    pub key: ApiKeyId,
    pub request: RequestId,
    pub at: DateTime<Utc>,
    pub method: String,
    pub path: String,
    /// `None`: it ended before there was an answer.
    pub status: Option<u16>,
    pub address: String,
    pub took: Duration,
}
