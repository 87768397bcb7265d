//! Access tokens for connectors: given out, and refreshed once for everybody who needs it.
//!
//! A refresh is three steps. *Load*: take the lease, mark `refresh_started_at`, commit. *Call*: present
//! the refresh token, once. *Store*: the new pair and the lifted mark in one transaction, before the
//! new access token is used (LR-21). Who finds the mark set and the lease free knows that a refresh
//! began and never ended: the token on file may be used up, so it is never presented again, and the
//! connection asks to be reconnected.

mod refresh;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use db::{Db, TenantTx};
use jobs::Fence;
use kernel::{Action, Actor, ConnectionId, Event, Principal, Secret};
use vault::Vault;

use crate::{
    endings::Endings,
    error::ConnectionError,
    model::{BrokenCode, State},
    provider::Provider,
    seal::{Seals, Token},
    store::{self, Row},
};

/// More than twice [`crate::CALL_TIMEOUT`].
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often another daemon's refresh is looked after, and for how long: until its lease has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(150);
const LOOKS: u32 = 240;

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
    endings: Endings,
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
        let endings = Endings {
            db: db.clone(),
            vault: vault.clone(),
            provider: Arc::clone(&provider),
            redirect_uri: redirect_uri.clone(),
        };
        Self {
            inner: Arc::new(Inner {
                endings,
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
        let (own, who) = (self.clone(), daemon(who));
        let (id, generation) = (refused.connection, refused.generation);
        // Whoever asked may be given up on (a request's time-out): a refresh that began goes on to its
        // end, because half of one costs the connection.
        tokio::spawn(async move { own.refresh_alone(&who, id, generation).await })
            .await
            .unwrap_or(Err(ConnectionError::Refreshing))
    }

    async fn refresh_alone(
        &self,
        who: &Principal,
        id: ConnectionId,
        generation: i64,
    ) -> Result<AccessToken, ConnectionError> {
        let flight = self.flight(id);
        let _alone = flight.lock().await;
        for _ in 0..LOOKS {
            match self.load(who, id, generation).await? {
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

    async fn load(
        &self,
        who: &Principal,
        id: ConnectionId,
        generation: i64,
    ) -> Result<Load, ConnectionError> {
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

/// Tokens are the daemon's own business, whoever's request made a refresh necessary.
fn daemon(who: &Principal) -> Principal {
    match who.actor {
        Actor::System { job } => Principal::system(who.tenant, job),
        Actor::Human { .. }
        | Actor::Local { .. }
        | Actor::Provisioner { .. }
        | Actor::Program { .. }
        | Actor::Client { .. } => Principal::system(who.tenant, None),
    }
}

/// The lease of whoever refreshes a connection.
pub(crate) fn lease(id: ConnectionId) -> String {
    format!("refresh {id}")
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
