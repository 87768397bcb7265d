//! What a program does at the token endpoint: it exchanges a code once, renews its tokens with a refresh token that
//! is good once, and hands them back (RFC 6749, RFC 7009, RFC 7636, RFC 8707).
//!
//! A code or a refresh token that comes back is in two hands, one of which is not the program's; so what hangs on
//! it ends for both.

use std::time::Duration;

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthScope, AuthTx, OauthKind, OauthStanding, Unit};
use kernel::{Action, Actor, ClientId, GrantId, Secret, TenantId, UserId};
use openssl::memcmp;

use super::{
    ACCESS_LIFE,
    store::{self, CodeRow, TokenRow},
};
use crate::{
    authorization_request::is_verifier,
    error::IdentityError,
    identity::{Caller, Identity},
    key_text,
    opaque::{RefreshToken, sha256},
    sso::browser::challenge,
};

type Outcome<T> = Result<T, IdentityError>;

/// What a program presents for its first tokens.
pub struct ClientCode {
    pub code: Secret<String>,
    pub client_id: String,
    pub redirect_uri: String,
    pub verifier: Secret<String>,
    pub resource: Option<String>,
}

/// What a program presents for the next ones.
pub struct ClientRenewal {
    pub refresh_token: Secret<String>,
    pub client_id: String,
    pub resource: Option<String>,
    pub scope: Option<String>,
}

/// What a program gets.
pub struct ClientTokens {
    pub access_token: Secret<String>,
    pub refresh_token: Secret<String>,
    pub expires_in: Duration,
    pub scopes: Vec<String>,
}

/// What came of it. A refusal is an outcome and no error: what it ended is committed.
type Judged = Result<ClientTokens, &'static str>;

const fn refused(code: &'static str) -> IdentityError {
    IdentityError::DeviceGrant(code)
}

impl Identity {
    /// The program presents its code and the verifier, and gets its tokens.
    pub async fn client_exchange(
        &self,
        presented: ClientCode,
        caller: &Caller,
    ) -> Outcome<ClientTokens> {
        let code = RefreshToken::parse(presented.code.expose());
        let hash = code.ok_or(refused("invalid_grant"))?.hash();
        let found = self.oauth_found(hash.clone(), OauthKind::Code).await?;
        let from = caller.clone();
        self.oauth_step(found, move |tx, found| {
            let Some(code) = store::code_locked(tx, &hash)? else {
                return Ok(Err("invalid_grant"));
            };
            if code.used_at.is_some() {
                return end(tx, found, &from, (Action::GrantReplay, "code_replayed"));
            }
            if !lives(found, tx.now()) {
                return Ok(Err("invalid_grant"));
            }
            store::code_spend(tx, &hash)?;
            if let Err(why) = code_fits(&code, found, &presented) {
                stop(tx, found, &from, (Action::GrantRefuse, "code_refused"))?;
                return Ok(Err(why));
            }
            issue(tx, found, true).map(Ok)
        })
        .await
    }

    /// The program presents its refresh token, and gets the next two.
    pub async fn client_renew(
        &self,
        presented: ClientRenewal,
        caller: &Caller,
    ) -> Outcome<ClientTokens> {
        let text = presented.refresh_token.expose();
        if !key_text::is_refresh(text) {
            return Err(refused("invalid_grant"));
        }
        let hash = sha256(text.as_bytes());
        let found = self.oauth_found(hash.clone(), OauthKind::Refresh).await?;
        let from = caller.clone();
        self.oauth_step(found, move |tx, found| {
            let Some(used) = store::token_locked(tx, &hash)? else {
                return Ok(Err("invalid_grant"));
            };
            if used.is_some() {
                return end(tx, found, &from, (Action::GrantReplay, "refresh_replayed"));
            }
            if !lives(found, tx.now()) {
                return Ok(Err("invalid_grant"));
            }
            if !is_client(found, &presented.client_id) {
                return end(tx, found, &from, (Action::GrantRefuse, "refresh_refused"));
            }
            if !is_resource(found, presented.resource.as_deref()) {
                return Ok(Err("invalid_target"));
            }
            let mut wanted = presented.scope.iter().flat_map(|s| s.split_whitespace());
            if !wanted.all(|name| found.scopes.iter().any(|held| held == name)) {
                return Ok(Err("invalid_scope"));
            }
            store::token_spend(tx, &hash)?;
            issue(tx, found, false).map(Ok)
        })
        .await
    }

    /// The program hands a token back, of either kind: everything that it holds of the person ends. A token that is
    /// no token is no matter (RFC 7009 section 2.2).
    pub async fn client_token_revoke(
        &self,
        token: &Secret<String>,
        client_id: &str,
        caller: &Caller,
    ) -> Outcome<()> {
        let text = token.expose();
        let kind = match (key_text::is_refresh(text), key_text::is_access(text)) {
            (true, _) => OauthKind::Refresh,
            (_, true) => OauthKind::Access,
            _ => return Ok(()),
        };
        let found = match self.oauth_found(sha256(text.as_bytes()), kind).await {
            Ok(found) => found,
            Err(IdentityError::DeviceGrant(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        if !is_client(&found, client_id) {
            return Err(refused("invalid_client"));
        }
        let from = caller.clone();
        let ended = self
            .oauth_step(found, move |tx, found| {
                end(tx, found, &from, (Action::GrantRevoke, "handed_back"))
            })
            .await;
        match ended {
            Ok(_) | Err(IdentityError::DeviceGrant(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn oauth_found(&self, hash: Vec<u8>, kind: OauthKind) -> Outcome<OauthStanding> {
        self.inner
            .db
            .auth(AuthScope::default(), move |tx| {
                tx.oauth_standing(&hash, kind)
            })
            .await?
            .ok_or(refused("invalid_grant"))
    }

    /// One step in the scope of the grant's person. What it refused is an error once it is committed.
    async fn oauth_step<F>(&self, found: OauthStanding, step: F) -> Outcome<ClientTokens>
    where
        F: FnOnce(&mut AuthTx<'_>, &OauthStanding) -> Outcome<Judged> + Send + 'static,
    {
        let tenant = TenantId::from_uuid(found.tenant_id);
        let scope = AuthScope {
            tenant: Some(tenant),
            user: Some(UserId::from_uuid(found.user_id)),
        };
        let judged = self
            .inner
            .db
            .auth(scope, move |tx| step(tx, &found))
            .await?;
        if judged.is_err() {
            self.inner.tokens.forget_tenant(tenant);
        }
        judged.map_err(refused)
    }
}

/// Neither its own time nor the grant's is past, and nobody ended the grant or the program.
pub(super) fn lives(found: &OauthStanding, now: DateTime<Utc>) -> bool {
    found.ended_at.is_none()
        && found.client_revoked_at.is_none()
        && now < found.token_expires_at
        && now < found.expires_at
}

fn is_client(found: &OauthStanding, presented: &str) -> bool {
    ClientId::from_uuid(found.client_id).to_string() == presented
}

/// A program that names a resource names the one that the person approved (RFC 8707 section 2.2).
fn is_resource(found: &OauthStanding, presented: Option<&str>) -> bool {
    presented.is_none_or(|resource| resource == found.resource)
}

fn code_fits(
    code: &CodeRow,
    found: &OauthStanding,
    presented: &ClientCode,
) -> Result<(), &'static str> {
    let fits = is_client(found, &presented.client_id)
        && code.redirect_uri == presented.redirect_uri
        && is_verifier(presented.verifier.expose())
        && memcmp::eq(
            challenge(&presented.verifier).as_bytes(),
            code.challenge.as_bytes(),
        );
    if !fits {
        return Err("invalid_grant");
    }
    if is_resource(found, presented.resource.as_deref()) {
        Ok(())
    } else {
        Err("invalid_target")
    }
}

fn end(
    tx: &mut AuthTx<'_>,
    found: &OauthStanding,
    caller: &Caller,
    what: (Action, &'static str),
) -> Outcome<Judged> {
    stop(tx, found, caller, what)?;
    Ok(Err("invalid_grant"))
}

/// Ends the grant. That it happened is on record, whoever presented what.
fn stop(
    tx: &mut AuthTx<'_>,
    found: &OauthStanding,
    caller: &Caller,
    (action, why): (Action, &'static str),
) -> Outcome<()> {
    let grant = GrantId::from_uuid(found.grant_id);
    if !store::grant_end(tx, grant, why)? {
        return Ok(());
    }
    let entry = Entry::new(action, "grant", grant);
    let entry = match action {
        Action::GrantRefuse => entry.refused("invalid_grant"),
        _ => entry,
    };
    entry.write_auth(
        tx,
        &Actor::System { job: None },
        Some(&caller.origin()),
        caller.request,
    )?;
    Ok(())
}

fn issue(tx: &mut AuthTx<'_>, found: &OauthStanding, begins: bool) -> Outcome<ClientTokens> {
    let (grant, now) = (GrantId::from_uuid(found.grant_id), tx.now());
    let (access, refresh) = (key_text::new_access(grant)?, key_text::new_refresh(grant)?);
    let ends = found.expires_at.min(now + ACCESS_LIFE);
    let row = |text: &Secret<String>, kind: OauthKind, expires_at| TokenRow {
        tenant_id: found.tenant_id,
        hash: sha256(text.expose().as_bytes()),
        grant_id: found.grant_id,
        kind: kind.name(),
        expires_at,
    };
    let rows = [
        row(&access, OauthKind::Access, ends),
        row(&refresh, OauthKind::Refresh, found.expires_at),
    ];
    store::tokens_insert(tx, grant, &rows, begins)?;
    Ok(ClientTokens {
        access_token: access,
        refresh_token: refresh,
        expires_in: (ends - now).to_std().unwrap_or_default(),
        scopes: found.scopes.clone(),
    })
}
