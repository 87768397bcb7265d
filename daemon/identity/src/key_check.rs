//! Who is behind an interface key (LR-33, CX-19): found by the id in it, proven by bcrypt once, then
//! recognised for 60 seconds by a keyed hash that lives in this daemon's memory alone. Whether the key
//! still stands is read again after 5 seconds at most, and at once after a hint, so a revoked key is
//! refused everywhere within that time, with or without notifications.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use db::{ApiKeyStanding, AuthScope, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, update};
use kernel::{
    ApiKeyId, Secret, TenantId,
    port::{KeyCheck, KeyHolder, KeyRefusal},
};
use schema::api_keys;

use crate::{
    config::STANDING_LIFE, email::keyed_hash, error::IdentityError, identity::Identity, key_text,
    opaque::random, standing::tenant_state,
};

/// CX-19.
const PROVEN_LIFE: TimeDelta = TimeDelta::seconds(60);
/// More keys than this in use at once only cost a bcrypt more.
const MOST: usize = 10_000;

/// What a daemon remembers of the keys that it saw.
#[derive(Default)]
pub(crate) struct KeyCache {
    /// Made at its first use.
    mac_key: OnceLock<Secret<Vec<u8>>>,
    held: Mutex<HashMap<ApiKeyId, Held>>,
}

#[derive(Clone)]
struct Held {
    /// Of the secret, under a key that no other daemon has.
    mac: Vec<u8>,
    proven_at: DateTime<Utc>,
    standing: ApiKeyStanding,
    read_at: DateTime<Utc>,
}

impl KeyCache {
    fn mac(&self, secret: &Secret<String>) -> Result<Vec<u8>, IdentityError> {
        let new = Secret::new(random::<32>()?.to_vec());
        let mac_key = self.mac_key.get_or_init(|| new);
        keyed_hash(mac_key, &[b"api key", secret.expose().as_bytes()])
    }

    /// What was proven of this very secret within the last 60 seconds.
    fn get(&self, key: ApiKeyId, mac: &[u8], now: DateTime<Utc>) -> Option<Held> {
        let held = self.lock().get(&key).cloned()?;
        let same = held.mac.len() == mac.len() && openssl::memcmp::eq(&held.mac, mac);
        (same && fresh(held.proven_at, PROVEN_LIFE, now)).then_some(held)
    }

    fn keep(&self, key: ApiKeyId, new: Held, now: DateTime<Utc>) {
        let mut held = self.lock();
        if held.len() >= MOST {
            held.retain(|_, old| fresh(old.proven_at, PROVEN_LIFE, now));
        }
        if held.len() < MOST {
            held.insert(key, new);
        }
    }

    fn forget(&self, key: ApiKeyId) {
        self.lock().remove(&key);
    }

    pub(crate) fn forget_tenant(&self, tenant: TenantId) {
        self.lock()
            .retain(|_, held| held.standing.tenant_id != tenant.uuid());
    }

    pub(crate) fn forget_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ApiKeyId, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fresh(since: DateTime<Utc>, life: TimeDelta, now: DateTime<Utc>) -> bool {
    since <= now && now - since < life
}

#[async_trait]
impl KeyCheck for Identity {
    async fn check(&self, presented: &str) -> Result<KeyHolder, KeyRefusal> {
        let Some((key, secret)) = key_text::parse(presented) else {
            return Err(KeyRefusal::Unknown);
        };
        match self.key_holder(key, &secret).await {
            Ok(holder) => holder.ok_or(KeyRefusal::Unknown),
            Err(error) => {
                log::debug!("an interface key could not be checked: {error}");
                Err(KeyRefusal::Unavailable)
            }
        }
    }
}

impl Identity {
    async fn key_holder(
        &self,
        key: ApiKeyId,
        secret: &Secret<String>,
    ) -> Result<Option<KeyHolder>, IdentityError> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let mac = inner.api_keys.mac(secret)?;
        let held = inner.api_keys.get(key, &mac, now);
        if let Some(held) = &held
            && fresh(held.read_at, STANDING_LIFE, now)
        {
            return Ok(holder(key, &held.standing, now));
        }
        let read = inner
            .db
            .auth(AuthScope::default(), move |tx| tx.api_key_by_id(key.uuid()))
            .await?;
        let live = read.filter(|read| holder(key, read, now).is_some());
        let Some(standing) = live else {
            inner.api_keys.forget(key);
            return Ok(None);
        };
        let proven_at = match held {
            Some(held) => held.proven_at,
            None => {
                let stored = Some(standing.secret_hash.as_str());
                if !inner.secrets()?.passwords.verify(secret, stored).await? {
                    return Ok(None);
                }
                self.key_touch(TenantId::from_uuid(standing.tenant_id), key)
                    .await?;
                now
            }
        };
        let found = holder(key, &standing, now);
        let held = Held {
            mac,
            proven_at,
            standing,
            read_at: now,
        };
        inner.api_keys.keep(key, held, now);
        Ok(found)
    }

    /// Notes the use: once a minute and daemon, since that is how often a secret is proven.
    async fn key_touch(&self, tenant: TenantId, key: ApiKeyId) -> Result<(), IdentityError> {
        let scope = AuthScope {
            tenant: Some(tenant),
            user: None,
        };
        self.inner
            .db
            .auth(scope, move |tx| {
                let now = tx.now();
                update(api_keys::table.find((tenant.uuid(), key.uuid())))
                    .set(api_keys::last_used_at.eq(now))
                    .execute(tx.conn())?;
                Ok(())
            })
            .await
    }

    /// A hint said that a key of the tenant changed.
    pub fn forget_api_keys(&self, tenant: TenantId) {
        self.inner.api_keys.forget_tenant(tenant);
    }
}

/// `None` for a key that was revoked or has expired.
fn holder(key: ApiKeyId, standing: &ApiKeyStanding, now: DateTime<Utc>) -> Option<KeyHolder> {
    if standing.revoked_at.is_some() || standing.expires_at.is_some_and(|end| end <= now) {
        return None;
    }
    let state = tenant_state(&standing.tenant_state, standing.trial_ends_at, now);
    Some(KeyHolder {
        tenant: TenantId::from_uuid(standing.tenant_id),
        key,
        scopes: standing.scopes.clone(),
        read_only: state == "read_only",
    })
}
