//! Whom a person let in with an access token. What was read is believed for 5 seconds, as sessions are, so a
//! token that was revoked is refused everywhere within that time, with or without notifications.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use db::{AuthScope, OauthKind, OauthStanding};
use kernel::{
    ClientId, GrantId, Reach, Role, Roles, TenantId, UserId,
    port::{KeyRefusal, TokenCheck, TokenHolder},
};

use super::{exchange::lives, scope_by_name};
use crate::{
    config::STANDING_LIFE, error::IdentityError, identity::Identity, key_text, opaque::sha256,
    permission::allows, standing::tenant_state,
};

/// More tokens than this in 5 seconds only cost look-ups.
const MOST: usize = 10_000;

/// What was read of tokens, and when, by their hashes.
type Read = HashMap<Vec<u8>, (OauthStanding, DateTime<Utc>)>;

/// What a daemon remembers of the tokens that it saw.
#[derive(Default)]
pub(crate) struct TokenCache(Mutex<Read>);

impl TokenCache {
    fn get(&self, hash: &[u8], now: DateTime<Utc>) -> Option<OauthStanding> {
        let held = self.lock();
        let (standing, read) = held.get(hash)?;
        (*read <= now && now - *read < STANDING_LIFE).then(|| standing.clone())
    }

    fn keep(&self, hash: Vec<u8>, standing: OauthStanding, now: DateTime<Utc>) {
        let mut held = self.lock();
        if held.len() >= MOST {
            held.retain(|_, (_, read)| now - *read < STANDING_LIFE);
        }
        if held.len() < MOST {
            held.insert(hash, (standing, now));
        }
    }

    pub(crate) fn forget_tenant(&self, tenant: TenantId) {
        self.lock()
            .retain(|_, (standing, _)| standing.tenant_id != tenant.uuid());
    }

    pub(crate) fn forget_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Read> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TokenCheck for Identity {
    async fn check_token(
        &self,
        presented: &str,
        resource: &str,
    ) -> Result<TokenHolder, KeyRefusal> {
        if !key_text::is_access(presented) {
            return Err(KeyRefusal::Unknown);
        }
        match self.token_standing(presented).await {
            Ok(standing) => standing
                .and_then(|standing| holder(standing, resource, self.inner.clock.now()))
                .ok_or(KeyRefusal::Unknown),
            Err(error) => {
                log::debug!("an access token could not be checked: {error}");
                Err(KeyRefusal::Unavailable)
            }
        }
    }
}

impl Identity {
    async fn token_standing(
        &self,
        presented: &str,
    ) -> Result<Option<OauthStanding>, IdentityError> {
        let inner = &self.inner;
        let (hash, now) = (sha256(presented.as_bytes()), inner.clock.now());
        if let Some(standing) = inner.tokens.get(&hash, now) {
            return Ok(Some(standing));
        }
        let wanted = hash.clone();
        let read = inner
            .db
            .auth(AuthScope::default(), move |tx| {
                tx.oauth_standing(&wanted, OauthKind::Access)
            })
            .await?;
        if let Some(standing) = &read {
            inner.tokens.keep(hash, standing.clone(), now);
        }
        Ok(read)
    }

    /// A hint said that what somebody let a program do has ended.
    pub fn forget_tokens(&self, tenant: TenantId) {
        self.inner.tokens.forget_tenant(tenant);
    }
}

/// `None` where it is over, or another resource's. A scope whose right the person lost is gone with it.
fn holder(standing: OauthStanding, resource: &str, now: DateTime<Utc>) -> Option<TokenHolder> {
    if !lives(&standing, now) || standing.resource != resource {
        return None;
    }
    let state = tenant_state(&standing.tenant_state, standing.trial_ends_at, now);
    let reach = if state == "read_only" {
        Reach::TrialOver
    } else {
        Reach::Whole
    };
    let held = standing
        .roles
        .iter()
        .filter_map(|name| Role::from_name(name));
    // The flag on the person is the only source of this role, and no program acts by it.
    let held = held.filter(|role| *role != Role::SuperAdmin);
    let roles = Roles::new(held, standing.owner).within(reach);
    let may = |name: &String| scope_by_name(name).is_some_and(|scope| allows(&roles, scope.needs));
    Some(TokenHolder {
        tenant: TenantId::from_uuid(standing.tenant_id),
        grant: GrantId::from_uuid(standing.grant_id),
        client: ClientId::from_uuid(standing.client_id),
        user: UserId::from_uuid(standing.user_id),
        scopes: standing.scopes.into_iter().filter(may).collect(),
    })
}
