//! Access tokens for connectors: given out, and refreshed once for everybody who needs it.
//!
//! A refresh is three steps. *Load*: take the lease, mark `refresh_started_at`, commit. *Call*: present
//! the refresh token, once. *Store*: the new pair and the lifted mark in one transaction, before the
//! new access token is used (LR-21). Who finds the mark set and the lease free knows that a refresh
//! began and never ended: the token on file may be used up, so it is never presented again, and the
//! connection asks to be reconnected.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use db::{Db, TenantTx, Unit};
use jobs::Fence;
use kernel::{Action, Actor, ConnectionId, Event, Principal, Secret};
use vault::{DataKey, Vault};

use crate::{
    error::ConnectionError,
    model::{BrokenCode, State},
    provider::{App, CALL_TIMEOUT, Grant, Provider, ProviderError},
    seal::{Seals, Token, seal_token},
    store::{self, Refreshed, Row},
};

/// More than twice [`CALL_TIMEOUT`].
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often another daemon's refresh is looked after, and for how long: until its lease has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(150);
const LOOKS: u32 = 240;
/// How often a pair that could not be stored is tried again.
const STORE_AGAIN: Duration = Duration::from_millis(500);

/// An access token in the clear, for the length of one piece of work.
#[derive(Debug)]
pub struct AccessToken {
    pub secret: Secret<String>,
    /// Grows with each stored pair; says which token the provider refused.
    pub generation: i64,
    pub connection: ConnectionId,
    /// `https://host[:port]`, checked against the provider's domains.
    pub instance_url: String,
}

/// Gives out access tokens of the tenants' connections. Cheap to clone.
#[derive(Clone)]
pub struct AccessTokens {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    vault: Vault,
    provider: Arc<dyn Provider>,
    /// Tells this process from other daemons in the lease.
    owner: String,
    redirect_uri: String,
    flights: Mutex<HashMap<ConnectionId, Arc<tokio::sync::Mutex<()>>>>,
}

/// What the load step decided.
enum Load {
    /// Somebody refreshed already.
    Fresh(Row),
    /// This call refreshes.
    Ours(Row, Fence),
    /// Another daemon is at it.
    Theirs,
    /// An earlier refresh never ended.
    InDoubt(Row),
}

impl AccessTokens {
    /// `daemon` is unique to this process.
    pub fn new(
        db: Db,
        vault: Vault,
        provider: Arc<dyn Provider>,
        daemon: &str,
        redirect_uri: String,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                db,
                vault,
                provider,
                owner: format!("{daemon}:tokens"),
                redirect_uri,
                flights: Mutex::default(),
            }),
        }
    }

    /// The access token of the tenant's routing connection. A broken connection answers
    /// [`ConnectionError::Broken`] without a call to anybody (LR-23).
    pub async fn for_routing(&self, who: &Principal) -> Result<AccessToken, ConnectionError> {
        let provider = self.inner.provider.name();
        let row = self
            .inner
            .db
            .run(who, move |tx| store::routing_row(tx, provider))
            .await?
            .ok_or(ConnectionError::NotConfigured)?;
        self.give(who, &row).await
    }

    /// A token newer than `refused`, which the provider did not accept any more. Fifty callers at
    /// once cause one call.
    pub async fn refresh_after(
        &self,
        who: &Principal,
        refused: &AccessToken,
    ) -> Result<AccessToken, ConnectionError> {
        let who = &daemon(who);
        let flight = self.flight(refused.connection);
        let _alone = flight.lock().await;
        for _ in 0..LOOKS {
            match self.load(who, refused).await? {
                Load::Fresh(row) => return self.give(who, &row).await,
                Load::Ours(row, fence) => return self.refresh(who, &row, fence).await,
                Load::InDoubt(row) => {
                    let code = BrokenCode::RefreshInDoubt;
                    self.break_off(who, row.id(), row.generation, code).await?;
                    return Err(ConnectionError::Broken(code));
                }
                Load::Theirs => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
        Err(ConnectionError::Refreshing)
    }

    /// Marks the connection broken, for a reason that only its user of the API can see.
    pub async fn give_up(
        &self,
        who: &Principal,
        token: &AccessToken,
        code: BrokenCode,
    ) -> Result<(), ConnectionError> {
        self.break_off(&daemon(who), token.connection, token.generation, code)
            .await
    }

    fn flight(&self, id: ConnectionId) -> Arc<tokio::sync::Mutex<()>> {
        let mut flights = self
            .inner
            .flights
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(flights.entry(id).or_default())
    }

    fn seals(&self, who: &Principal) -> Seals<'_> {
        Seals {
            vault: &self.inner.vault,
            tenant: who.tenant,
            provider: self.inner.provider.name(),
        }
    }

    async fn give(&self, who: &Principal, row: &Row) -> Result<AccessToken, ConnectionError> {
        if let Some(broken) = row.broken() {
            return Err(ConnectionError::Broken(broken.code));
        }
        let (Some(sealed), Some(instance_url)) = (&row.access_sealed, &row.instance_url) else {
            return Err(ConnectionError::NotConnected);
        };
        if !self.inner.provider.instance_allowed(instance_url) {
            return Err(ConnectionError::HostRefused);
        }
        let secret = self
            .seals(who)
            .open_token(row.id(), Token::Access, sealed)
            .await?;
        Ok(AccessToken {
            secret,
            generation: row.generation,
            connection: row.id(),
            instance_url: instance_url.clone(),
        })
    }

    async fn load(&self, who: &Principal, refused: &AccessToken) -> Result<Load, ConnectionError> {
        let (id, generation) = (refused.connection, refused.generation);
        let owner = self.inner.owner.clone();
        self.inner
            .db
            .run(who, move |tx| {
                let row = store::row_locked(tx, id)?.ok_or(ConnectionError::NotConfigured)?;
                if let Some(broken) = row.broken() {
                    return Err(ConnectionError::Broken(broken.code));
                }
                if row.refresh_sealed.is_none() {
                    return Err(ConnectionError::NotConnected);
                }
                if row.generation > generation {
                    return Ok(Load::Fresh(row));
                }
                let Some(fence) = jobs::lease_acquire(tx, &lease(id), &owner, LEASE)? else {
                    return Ok(Load::Theirs);
                };
                if row.refresh_started_at.is_some() {
                    jobs::lease_release(tx, &lease(id), &owner, fence)?;
                    return Ok(Load::InDoubt(row));
                }
                Ok(Load::Ours(row, fence))
            })
            .await
    }

    /// Holds the lease. Everything that can fail without having presented the token comes first.
    async fn refresh(
        &self,
        who: &Principal,
        row: &Row,
        fence: Fence,
    ) -> Result<AccessToken, ConnectionError> {
        let prepared = match self.prepare(who, row).await {
            Ok(prepared) => prepared,
            Err(error) => {
                self.release(who, row.id(), fence).await;
                return Err(error);
            }
        };
        if let Err(error) = self.mark(who, row, fence).await {
            // The commit may have reached the database although its answer did not reach us.
            self.unmark(who, row.id(), fence).await?;
            return Err(error);
        }
        fail::fail_point!("before_refresh_call");
        let provider = &self.inner.provider;
        let call = provider.refresh(&prepared.app, &prepared.token);
        let answer = tokio::time::timeout(CALL_TIMEOUT, call)
            .await
            .unwrap_or_else(|_| Err(ProviderError::InDoubt("no answer in time".to_owned())));
        fail::fail_point!("after_refresh_answer");
        match answer {
            Ok(grant) => self.keep(who, row, fence, &prepared, grant).await,
            Err(ProviderError::NotDone(detail)) => {
                self.unmark(who, row.id(), fence).await?;
                Err(ConnectionError::Provider(ProviderError::NotDone(detail)))
            }
            Err(error @ (ProviderError::InDoubt(_) | ProviderError::Refused { .. })) => {
                let code = match &error {
                    ProviderError::Refused { code, .. } => *code,
                    _ => BrokenCode::RefreshInDoubt,
                };
                log::warn!(REVKEEP_TENANT = who.tenant.to_string().as_str(); "{}: the refresh of {} did not work: {error}", provider.name(), row.id());
                until_stored(|| self.break_off(who, row.id(), row.generation, code)).await?;
                self.release(who, row.id(), fence).await;
                Err(ConnectionError::Broken(code))
            }
        }
    }

    async fn prepare(&self, who: &Principal, row: &Row) -> Result<Prepared, ConnectionError> {
        let seals = self.seals(who);
        let sealed = row
            .refresh_sealed
            .as_deref()
            .ok_or(ConnectionError::NotConnected)?;
        let client_secret = match &row.consumer_secret_sealed {
            Some(stored) => Some(seals.open_consumer_secret(row.id(), stored).await?),
            None => None,
        };
        Ok(Prepared {
            token: seals.open_token(row.id(), Token::Refresh, sealed).await?,
            access_key: seals.fresh_key(row.id(), Token::Access).await?,
            refresh_key: seals.fresh_key(row.id(), Token::Refresh).await?,
            app: App {
                login_host: row.login_host.clone(),
                client_id: row.consumer_key.clone(),
                client_secret,
                redirect_uri: self.inner.redirect_uri.clone(),
            },
        })
    }

    async fn mark(&self, who: &Principal, row: &Row, fence: Fence) -> Result<(), ConnectionError> {
        let (id, generation, owner) = (row.id(), row.generation, self.inner.owner.clone());
        self.inner
            .db
            .run(who, move |tx| {
                held(tx, id, &owner, fence)?;
                let row = store::row_locked(tx, id)?.ok_or(ConnectionError::NotConfigured)?;
                if row.generation != generation || row.state() == State::Broken {
                    return Err(ConnectionError::Refreshing);
                }
                let now = tx.now();
                store::refresh_mark(tx, id, Some(now))
            })
            .await
    }

    async fn unmark(
        &self,
        who: &Principal,
        id: ConnectionId,
        fence: Fence,
    ) -> Result<(), ConnectionError> {
        until_stored(|| {
            let owner = self.inner.owner.clone();
            self.inner.db.run(who, move |tx| {
                held(tx, id, &owner, fence)?;
                store::refresh_mark(tx, id, None)?;
                Ok(jobs::lease_release(tx, &lease(id), &owner, fence)?)
            })
        })
        .await
    }

    async fn release(&self, who: &Principal, id: ConnectionId, fence: Fence) {
        let owner = self.inner.owner.clone();
        let released = self
            .inner
            .db
            .run(who, move |tx| {
                jobs::lease_release(tx, &lease(id), &owner, fence)
            })
            .await;
        if let Err(error) = released {
            log::debug!("the lease of {id} was not given back and runs out by itself: {error}");
        }
    }

    /// Stores the new pair, then hands out the new access token. A pair that the database does not
    /// take now is kept and tried again, because the old one is worth nothing any more.
    async fn keep(
        &self,
        who: &Principal,
        row: &Row,
        fence: Fence,
        prepared: &Prepared,
        grant: Grant,
    ) -> Result<AccessToken, ConnectionError> {
        let verdict = self.verdict(row, &grant);
        let access = seal_token(&prepared.access_key, &grant.access)?;
        let refresh = grant
            .refresh
            .as_ref()
            .map(|token| seal_token(&prepared.refresh_key, token))
            .transpose()?;
        let instance_url = verdict.is_none().then(|| grant.instance_url.clone());
        let generation = until_stored(|| {
            let fresh = Refreshed {
                access: access.clone(),
                refresh: refresh.clone(),
                instance_url: instance_url.clone(),
            };
            self.store(who, row, fence, fresh, verdict)
        })
        .await;
        let generation = match generation {
            Ok(generation) => generation,
            Err(error) => {
                self.drop_pair(&prepared.app, &grant, &error).await;
                self.release(who, row.id(), fence).await;
                return Err(error);
            }
        };
        fail::fail_point!("after_refresh_store");
        if let Some(code) = verdict {
            return Err(ConnectionError::Broken(code));
        }
        Ok(AccessToken {
            secret: grant.access,
            generation,
            connection: row.id(),
            instance_url: grant.instance_url,
        })
    }

    /// The connection was ended or made anew meanwhile: the pair has no place, so its grant must not
    /// live on unseen.
    async fn drop_pair(&self, app: &App, grant: &Grant, why: &ConnectionError) {
        let token = grant.refresh.as_ref().unwrap_or(&grant.access);
        let call = self.inner.provider.revoke(app, token);
        match tokio::time::timeout(CALL_TIMEOUT, call).await {
            Ok(Ok(())) => log::info!("a refreshed pair was not stored ({why}) and is revoked"),
            Ok(Err(error)) => log::warn!(
                "a refreshed pair was not stored ({why}), nor could it be revoked: {error}"
            ),
            Err(_) => {
                log::warn!("a refreshed pair was not stored ({why}); revoking it had no answer")
            }
        }
    }

    /// Why a pair that was given must not be used.
    fn verdict(&self, row: &Row, grant: &Grant) -> Option<BrokenCode> {
        if !self.inner.provider.instance_allowed(&grant.instance_url) {
            return Some(BrokenCode::HostRefused);
        }
        let moved = row.org_id.as_deref() != Some(grant.organisation.as_str());
        moved.then_some(BrokenCode::OrganisationChanged)
    }

    async fn store(
        &self,
        who: &Principal,
        row: &Row,
        fence: Fence,
        fresh: Refreshed,
        verdict: Option<BrokenCode>,
    ) -> Result<i64, ConnectionError> {
        let (id, generation, owner) = (row.id(), row.generation, self.inner.owner.clone());
        self.inner
            .db
            .run(who, move |tx| {
                held(tx, id, &owner, fence)?;
                let row = store::row_locked(tx, id)?.ok_or(ConnectionError::NotConfigured)?;
                if row.access_sealed.as_ref() == Some(&fresh.access) {
                    // An earlier try reached the database although its answer did not reach us.
                    return Ok(row.generation);
                }
                if row.generation != generation {
                    return Err(ConnectionError::Moved);
                }
                store::refreshed_store(tx, &row, fresh)?;
                audit::Entry::new(Action::ConnectionRefresh, "connection", id).write(tx)?;
                if let Some(code) = verdict {
                    break_in(tx, id, code)?;
                }
                jobs::lease_release(tx, &lease(id), &owner, fence)?;
                Ok(generation.saturating_add(1))
            })
            .await
    }

    /// Opens the circuit: once, with one audit entry and one event (LR-23). A connection that has
    /// moved on since `generation` is left alone.
    async fn break_off(
        &self,
        who: &Principal,
        id: ConnectionId,
        generation: i64,
        code: BrokenCode,
    ) -> Result<(), ConnectionError> {
        self.inner
            .db
            .run(who, move |tx| {
                let Some(row) = store::row_locked(tx, id)? else {
                    return Ok(());
                };
                if row.state() == State::Broken || row.generation != generation {
                    return Ok(());
                }
                break_in(tx, id, code)
            })
            .await
    }
}

/// What a refresh needs in the clear, and the keys under which its answer will be sealed.
struct Prepared {
    app: App,
    token: Secret<String>,
    access_key: Arc<DataKey>,
    refresh_key: Arc<DataKey>,
}

/// Tokens are the daemon's own business, whoever's request made a refresh necessary.
fn daemon(who: &Principal) -> Principal {
    match who.actor {
        Actor::System { job } => Principal::system(who.tenant, job),
        Actor::Human { .. } | Actor::Local { .. } => Principal::system(who.tenant, None),
    }
}

/// Tries again while the database is away. What is to be stored exists nowhere else.
async fn until_stored<T, Work, Run>(work: Work) -> Result<T, ConnectionError>
where
    Work: Fn() -> Run,
    Run: Future<Output = Result<T, ConnectionError>>,
{
    loop {
        match work().await {
            Err(error) if error.is_outage() => tokio::time::sleep(STORE_AGAIN).await,
            other => return other,
        }
    }
}

fn lease(id: ConnectionId) -> String {
    format!("refresh {id}")
}

fn held(
    tx: &mut TenantTx<'_>,
    id: ConnectionId,
    owner: &str,
    fence: Fence,
) -> Result<(), ConnectionError> {
    if jobs::lease_check(tx, &lease(id), owner, fence)? {
        Ok(())
    } else {
        Err(ConnectionError::Refreshing)
    }
}

fn break_in(
    tx: &mut TenantTx<'_>,
    id: ConnectionId,
    code: BrokenCode,
) -> Result<(), ConnectionError> {
    store::broken_store(tx, id, code)?;
    audit::Entry::new(Action::ConnectionBreak, "connection", id)
        .failed(code.name())
        .write(tx)?;
    let event = Event::ConnectionBroken {
        connection: id,
        reason: code.name().to_owned(),
    };
    jobs::publish(tx, &event)?;
    db::hint(tx, "connection")?;
    Ok(())
}
