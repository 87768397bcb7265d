//! The handle that faces hold: its keys, and who is behind an access token.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwapOption;
use chrono::{DateTime, TimeDelta, Utc};
use db::{AuthScope, Db, SessionStanding};
use egress::Egress;
use kernel::{
    Actor, Principal, RequestId, Secret, SessionId, SharedClock, TenantId, principal::Origin,
};
use tokio::sync::Mutex;
use vault::{IfMissing, Vault};

use crate::{
    breach::Breaches,
    config::Config,
    error::IdentityError,
    factor::{FactorStanding, Site},
    key_check::KeyCache,
    keys::KeySet,
    oauth::TokenCache,
    password::Passwords,
    standing::{self, StandingCache},
    store,
    token::Presented,
};

/// Names of the platform's secrets that identity needs in memory.
/// The secrets without which no password and no address can be compared.
pub const KEYS: [&str; 2] = [PEPPER, INDEX_KEY];
const PEPPER: &str = "password-pepper";
const INDEX_KEY: &str = "email-index-key";
/// A token with an unknown key id makes the keys be read again, this often at most.
const RELOAD_GAP: TimeDelta = TimeDelta::seconds(10);
/// How stale `last_used_at` may be: a write a minute for a session in use.
const TOUCH_GAP: TimeDelta = TimeDelta::seconds(60);

/// Where a request comes from.
#[derive(Clone, Debug)]
pub struct Caller {
    pub address: IpAddr,
    pub user_agent: String,
    pub request: Option<RequestId>,
}

impl Caller {
    pub fn origin(&self) -> Origin {
        Origin {
            address: self.address.to_string(),
            user_agent: self.user_agent.clone(),
        }
    }
}

/// Cheap to clone; clones share keys, threads and cache.
#[derive(Clone)]
pub struct Identity {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) vault: Vault,
    pub(crate) clock: SharedClock,
    pub(crate) config: Config,
    pub(crate) standings: StandingCache,
    pub(crate) breaches: Breaches,
    pub(crate) api_keys: KeyCache,
    pub(crate) tokens: TokenCache,
    /// Where passkeys are bound to; nothing inside where there are none.
    pub(crate) site: OnceLock<Option<Arc<Site>>>,
    secrets: OnceLock<Secrets>,
    pub(crate) keys: ArcSwapOption<KeySet>,
    /// When the keys were last read; held while they are read, so that one reader is enough.
    loading: Mutex<Option<DateTime<Utc>>>,
}

/// What is kept in memory once the secrets backend has told it.
pub(crate) struct Secrets {
    pub(crate) passwords: Passwords,
    pub(crate) index_key: Secret<Vec<u8>>,
}

impl Identity {
    pub fn new(db: Db, vault: Vault, config: Config) -> Self {
        let clock = Arc::clone(db.clock());
        let breaches = Breaches::new(config.breach.clone());
        Self {
            inner: Arc::new(Inner {
                db,
                vault,
                clock,
                config,
                standings: StandingCache::default(),
                breaches,
                api_keys: KeyCache::default(),
                tokens: TokenCache::default(),
                site: OnceLock::new(),
                secrets: OnceLock::new(),
                keys: ArcSwapOption::empty(),
                loading: Mutex::new(None),
            }),
        }
    }

    /// Gives the way out to the mirror of breached passwords, once. Without it a mirror that is
    /// configured counts as one that does not answer.
    pub fn set_egress(&self, egress: &Egress) {
        self.inner.breaches.set_egress(egress);
    }

    /// How many passwords were hashed or checked since start, for metrics: an answer may not depend
    /// on it.
    pub fn passwords_worked(&self) -> u64 {
        self.inner
            .secrets
            .get()
            .map_or(0, |secrets| secrets.passwords.worked())
    }

    /// Reads the pepper, the index key and the signing keys, and makes what is missing. Until it has
    /// worked once every verb answers `sealed`; calling it again is harmless.
    pub async fn unlock(&self) -> Result<(), IdentityError> {
        let inner = &self.inner;
        let mut read = inner.loading.lock().await;
        if inner.secrets.get().is_none() {
            inner.vault.ensure_tenant_key(TenantId::PLATFORM).await?;
            let pepper = inner
                .vault
                .named_secret(PEPPER, IfMissing::Generate(32))
                .await?;
            let index_key = inner
                .vault
                .named_secret(INDEX_KEY, IfMissing::Generate(32))
                .await?;
            let passwords = Passwords::start(pepper, inner.config.bcrypt_cost).await?;
            let _ = inner.secrets.set(Secrets {
                passwords,
                index_key,
            });
        }
        inner.load_keys().await?;
        *read = Some(inner.clock.now());
        Ok(())
    }

    pub fn is_unlocked(&self) -> bool {
        self.inner.secrets.get().is_some() && self.inner.keys.load().is_some()
    }

    /// The public keys for `/.well-known/jwks.json` (RFC 7517).
    pub fn jwks(&self) -> Result<serde_json::Value, IdentityError> {
        Ok(self.inner.keys()?.jwks().clone())
    }

    /// Who acts with this access token, in which tenant and as what.
    pub async fn authenticate(
        &self,
        access_token: &str,
        caller: &Caller,
    ) -> Result<Principal, IdentityError> {
        Ok(self.session_of(access_token, caller).await?.0)
    }

    /// The same, and how the session stands with second factors.
    pub async fn session_of(
        &self,
        access_token: &str,
        caller: &Caller,
    ) -> Result<(Principal, FactorStanding), IdentityError> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let presented = Presented::read(access_token)?;
        let keys = inner.keys_for(presented.key_id()).await?;
        let claims = presented.verify(&keys, now)?;
        let scope = AuthScope {
            tenant: Some(claims.tid),
            user: Some(claims.sub),
        };
        let mut standing = inner.standing(scope, claims.sid).await?;
        if standing
            .as_ref()
            .is_none_or(|read| standing::check_claims(read, &claims, now).is_err())
        {
            // The token may be newer than what was read: the session has just moved, or a role has.
            inner.standings.forget(claims.sid);
            standing = inner.standing(scope, claims.sid).await?;
        }
        let standing = standing.ok_or(IdentityError::SessionRevoked)?;
        standing::check_alive(&standing, inner.config.inactivity(), now)?;
        standing::check_claims(&standing, &claims, now)?;
        let principal = Principal {
            tenant: claims.tid,
            actor: Actor::Human {
                user: claims.sub,
                session: claims.sid,
            },
            roles: standing::roles(&standing, now),
            request: caller.request,
            origin: Some(caller.origin()),
        };
        Ok((principal, FactorStanding::of(&standing)))
    }

    /// A hint said that something about the tenant's sessions or members changed. What is the
    /// platform's is everybody's.
    pub fn forget_tenant(&self, tenant: TenantId) {
        if tenant == TenantId::PLATFORM {
            self.inner.standings.forget_all();
            self.inner.tokens.forget_all();
        } else {
            self.inner.standings.forget_tenant(tenant);
            self.inner.tokens.forget_tenant(tenant);
        }
    }

    /// Hints were lost: nothing that was read is believed any more.
    pub fn forget_all(&self) {
        self.inner.standings.forget_all();
        self.inner.api_keys.forget_all();
        self.inner.tokens.forget_all();
    }
}

impl Inner {
    pub(crate) fn secrets(&self) -> Result<&Secrets, IdentityError> {
        self.secrets.get().ok_or(IdentityError::Locked)
    }

    pub(crate) fn keys(&self) -> Result<Arc<KeySet>, IdentityError> {
        self.keys.load_full().ok_or(IdentityError::Locked)
    }

    /// The keys in memory; read again when they do not know `kid`, because another daemon may have
    /// rotated them.
    pub(crate) async fn keys_for(&self, kid: &str) -> Result<Arc<KeySet>, IdentityError> {
        let keys = self.keys()?;
        if keys.verifier(kid).is_some() {
            return Ok(keys);
        }
        let mut read = self.loading.lock().await;
        let now = self.clock.now();
        if read.is_none_or(|read| now - read >= RELOAD_GAP) {
            *read = Some(now);
            self.load_keys().await?;
        }
        self.keys()
    }

    /// How the principal's session stands.
    pub(crate) async fn standing_of(
        &self,
        who: &Principal,
        session: SessionId,
    ) -> Result<SessionStanding, IdentityError> {
        let scope = AuthScope {
            tenant: Some(who.tenant),
            user: who.user(),
        };
        self.standing(scope, session)
            .await?
            .ok_or(IdentityError::SessionRevoked)
    }

    /// From the cache, or read; a session in use is marked as such while it is read.
    async fn standing(
        &self,
        scope: AuthScope,
        session: SessionId,
    ) -> Result<Option<SessionStanding>, IdentityError> {
        let now = self.clock.now();
        if let Some(standing) = self.standings.get(session, now) {
            return Ok(standing);
        }
        let inactivity = self.config.inactivity();
        let standing = self
            .db
            .auth(scope, move |tx| {
                let standing = tx.session_standing(session.uuid())?;
                let in_use = standing.as_ref().is_some_and(|standing| {
                    standing::check_alive(standing, inactivity, now).is_ok()
                        && now - standing.last_used_at >= TOUCH_GAP
                });
                if in_use {
                    store::session_touch(tx, session)?;
                }
                Ok::<_, IdentityError>(standing)
            })
            .await?;
        self.standings.keep(session, standing.clone(), now);
        Ok(standing)
    }
}
