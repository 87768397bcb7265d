//! One refresh by the holder of the lease: mark, call, store.

use std::sync::Arc;

use db::{TenantTx, Unit};
use jobs::Fence;
use kernel::{Action, ConnectionId, Principal, Secret};
use vault::DataKey;

use super::{AccessToken, AccessTokens, break_in, lease};
use crate::{
    error::ConnectionError,
    model::{BrokenCode, State},
    patience::until_stored,
    provider::{App, CALL_TIMEOUT, Grant, ProviderError},
    seal::{Token, seal_token},
    store::{self, Refreshed, Row},
};

impl AccessTokens {
    /// Holds the lease. Everything that can fail without having presented the token comes first.
    pub(super) async fn refresh(
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
                let row = store::row_locked(tx, id)?.ok_or(ConnectionError::NotConfigured)?;
                held(tx, id, &owner, fence)?;
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
                store::row_locked(tx, id)?;
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
                // The connection was ended or made anew meanwhile, so the pair has no place.
                let endings = &self.inner.endings;
                log::info!("a refreshed pair of {} is not stored: {error}", row.id());
                if let (Some(token), Some(sealed)) = (&grant.refresh, refresh) {
                    endings.drop_grant(who, row, sealed, token).await;
                }
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
                let row = store::row_locked(tx, id)?.ok_or(ConnectionError::NotConfigured)?;
                if row.access_sealed.as_ref() == Some(&fresh.access) {
                    // An earlier try reached the database although its answer did not reach us.
                    return Ok(row.generation);
                }
                held(tx, id, &owner, fence)?;
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
}

/// What a refresh needs in the clear, and the keys under which its answer will be sealed.
struct Prepared {
    app: App,
    token: Secret<String>,
    access_key: Arc<DataKey>,
    refresh_key: Arc<DataKey>,
}

/// Whether the lease is still ours. Everyone locks the connection first and its lease second.
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
