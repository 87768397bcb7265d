//! Signing in, signing out, and moving to another tenant.

use std::time::Duration;

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthScope, AuthTx, SessionStanding, TenantName, Unit, UserLogin};
use kernel::{Action, Actor, Principal, Roles, Secret, SessionId, TenantId, UserId, uuid_at};
use vault::{Binding, Sealed};

use crate::{
    attempts::{self, AttemptScope, Limit},
    config::{ACCESS_LIFE, SESSION_LIFE},
    email::Email,
    error::IdentityError,
    identity::{Caller, Identity, Inner, Secrets},
    opaque::RefreshToken,
    permission::{Permission, permissions_of},
    standing,
    store::{self, NewRefreshToken, NewSession, ViewRows},
    token::{self, Claims},
};

/// What a person types to sign in.
pub struct SignIn {
    pub email: String,
    pub password: Secret<String>,
    /// Which of the person's tenants; the first by name when absent.
    pub tenant: Option<TenantId>,
}

/// A session as the web app shows it.
#[derive(Clone, Debug)]
pub struct SessionView {
    pub user: UserId,
    pub name: String,
    /// Absent while the secrets backend cannot open it.
    pub email: Option<String>,
    pub tenant: TenantName,
    pub roles: Roles,
    pub tenants: Vec<TenantName>,
    pub permissions: Vec<Permission>,
}

/// What a browser gets to act with.
pub struct Grant {
    pub access_token: String,
    /// Of the access token.
    pub expires_in: Duration,
    /// `None`: the browser keeps the refresh token that it has (CX-02).
    pub refresh: Option<RefreshGrant>,
    pub view: SessionView,
}

pub struct RefreshGrant {
    pub token: Secret<String>,
    /// Until the session's absolute end.
    pub expires_in: Duration,
}

/// A session that was just opened or changed, before it is shown.
pub(crate) struct Opened {
    pub(crate) session: SessionId,
    pub(crate) rows: ViewRows,
    pub(crate) refresh: Option<RefreshToken>,
}

impl Identity {
    /// Checks address and password, and opens a session. Unknown addresses, wrong passwords and
    /// deactivated accounts cost the same and get the same answer (LR-12).
    pub async fn sign_in(&self, input: SignIn, caller: &Caller) -> Result<Grant, IdentityError> {
        let inner = &self.inner;
        let secrets = inner.secrets()?;
        let email = Email::parse(&input.email)?;
        let hash = email.hash(&secrets.index_key)?;
        let limits = sign_in_limits(inner, secrets, caller, &hash)?;

        let charged = limits.clone();
        let wanted = hash.clone();
        let (wait, login) = inner
            .db
            .auth(AuthScope::default(), move |tx| {
                let wait = attempts::charge(tx, &charged)?;
                Ok::<_, IdentityError>((wait, tx.user_by_email(&wanted)?))
            })
            .await?;
        if let Some(wait) = wait {
            return Err(rate_limited(wait));
        }
        let login = login.filter(|login| login.state == "active");
        let stored = login
            .as_ref()
            .and_then(|login| login.password_hash.as_deref());
        let matches = secrets.passwords.verify(&input.password, stored).await?;
        match login.filter(|_| matches) {
            Some(login) => self.let_in(&login, input.tenant, caller, limits).await,
            None => Err(self.turn_away(caller, &hash, limits).await?),
        }
    }

    /// Ends the principal's session.
    pub async fn sign_out(&self, who: &Principal) -> Result<(), IdentityError> {
        let (user, session) = human(who)?;
        let scope = AuthScope {
            tenant: Some(who.tenant),
            user: Some(user),
        };
        let (actor, origin, request) = (who.actor.clone(), who.origin.clone(), who.request);
        self.inner
            .db
            .auth(scope, move |tx| {
                if store::session_end(tx, session, "sign_out")? > 0 {
                    Entry::new(Action::SignOut, "session", session).write_auth(
                        tx,
                        &actor,
                        origin.as_ref(),
                        request,
                    )?;
                    db::hint(tx, "sessions")?;
                }
                Ok::<_, IdentityError>(())
            })
            .await?;
        self.inner.standings.forget(session);
        Ok(())
    }

    /// Moves the session to another tenant of the person. The refresh token stays; the new access
    /// token is for the new tenant alone.
    pub async fn tenant_switch(
        &self,
        who: &Principal,
        tenant: TenantId,
    ) -> Result<Grant, IdentityError> {
        let inner = &self.inner;
        let (user, session) = human(who)?;
        let scope = AuthScope {
            tenant: Some(tenant),
            user: Some(user),
        };
        let (actor, origin, request) = (who.actor.clone(), who.origin.clone(), who.request);
        let opened = inner
            .db
            .auth(scope, move |tx| {
                let member = tx
                    .own_tenants()?
                    .iter()
                    .any(|own| own.tenant_id == tenant.uuid());
                if !member {
                    return Err(IdentityError::NotMember);
                }
                store::session_lock(tx, session)?;
                store::session_move(tx, session, tenant)?;
                Entry::new(Action::TenantSwitch, "session", session).write_auth(
                    tx,
                    &actor,
                    origin.as_ref(),
                    request,
                )?;
                db::hint(tx, "sessions")?;
                opened(tx, session, None)
            })
            .await?;
        inner.standings.forget(session);
        inner.grant(opened, None).await
    }

    /// The principal's session as the web app shows it.
    pub async fn session_show(&self, who: &Principal) -> Result<SessionView, IdentityError> {
        let (user, session) = human(who)?;
        let scope = AuthScope {
            tenant: Some(who.tenant),
            user: Some(user),
        };
        let rows = self
            .inner
            .db
            .auth(scope, move |tx| store::view_rows(tx, session))
            .await?;
        self.inner
            .view(rows.ok_or(IdentityError::SessionRevoked)?, None)
            .await
    }

    async fn let_in(
        &self,
        login: &UserLogin,
        wanted: Option<TenantId>,
        caller: &Caller,
        limits: Vec<Limit>,
    ) -> Result<Grant, IdentityError> {
        let inner = &self.inner;
        let user = UserId::from_uuid(login.user_id);
        let mine = AuthScope {
            tenant: None,
            user: Some(user),
        };
        let own = inner.db.auth(mine, |tx| tx.own_tenants()).await?;
        let tenant = own
            .iter()
            .map(|own| TenantId::from_uuid(own.tenant_id))
            .find(|own| wanted.is_none_or(|wanted| wanted == *own))
            .ok_or(IdentityError::NotMember)?;
        let new = inner.new_session(user, tenant, caller).await?;
        let caller = caller.clone();
        let scope = AuthScope {
            tenant: Some(tenant),
            user: Some(user),
        };
        let opened = inner
            .db
            .auth(scope, move |tx| {
                attempts::settle_success(tx, &limits)?;
                store::tokens_forget(tx, user, tx.now() - SESSION_LIFE)?;
                open_session(tx, new, Action::SignIn, &caller)
            })
            .await?;
        inner.grant(opened, None).await
    }

    /// Writes down the failure and answers what the person is told. The audit row names nobody: an
    /// address that no account has and one that some account has leave the same trace.
    async fn turn_away(
        &self,
        caller: &Caller,
        email_hash: &[u8],
        limits: Vec<Limit>,
    ) -> Result<IdentityError, IdentityError> {
        let account = short_hex(email_hash);
        let caller = caller.clone();
        let locked = self
            .inner
            .db
            .auth(AuthScope::default(), move |tx| {
                let locked = attempts::settle_failure(tx, &limits)?;
                let code = if locked {
                    "locked_out"
                } else {
                    "invalid_credentials"
                };
                Entry::new(Action::SignInRefuse, "account", account)
                    .refused(code)
                    .write_auth(
                        tx,
                        &Actor::System { job: None },
                        Some(&caller.origin()),
                        caller.request,
                    )?;
                Ok::<_, IdentityError>(locked)
            })
            .await?;
        if locked {
            log::warn!(REVKEEP_ACTION = "sign_in_refuse"; "an account or a network was locked out of sign-in for 15 minutes");
        }
        Ok(IdentityError::InvalidCredentials)
    }
}

impl Inner {
    /// Everything that needs the secrets backend, before the transaction begins.
    pub(crate) async fn new_session(
        &self,
        user: UserId,
        tenant: TenantId,
        caller: &Caller,
    ) -> Result<NewSession, IdentityError> {
        let session = SessionId::generate(self.clock.as_ref());
        let owner = session.to_string();
        let binding = Binding {
            provider: "identity",
            owner: &owner,
            column: "sessions.device_sealed",
        };
        let device = serde_json::json!({
            "address": caller.address.to_string(),
            "user_agent": caller.user_agent,
        });
        let sealed = self
            .vault
            .seal(TenantId::PLATFORM, &binding, device.to_string().as_bytes())
            .await?;
        let now = self.clock.now();
        Ok(NewSession {
            session_id: session.uuid(),
            user_id: user.uuid(),
            tenant_id: tenant.uuid(),
            created_at: now,
            expires_at: now + SESSION_LIFE,
            last_used_at: now,
            device_sealed: Some(sealed.to_bytes()),
        })
    }

    /// Signs the access token and makes the view.
    pub(crate) async fn grant(
        &self,
        opened: Opened,
        email: Option<String>,
    ) -> Result<Grant, IdentityError> {
        let now = self.clock.now();
        let ends = opened.rows.standing.expires_at;
        let expires = ends.min(now + ACCESS_LIFE);
        let standing = &opened.rows.standing;
        let ids = (
            UserId::from_uuid(standing.user_id),
            opened.session,
            TenantId::from_uuid(standing.tenant_id),
        );
        let keys = self.keys()?;
        let access_token = token::sign(&keys, &Claims::new(ids, standing.epoch, now, expires))?;
        let refresh = opened.refresh.map(|token| RefreshGrant {
            token: token.into_text(),
            expires_in: until(ends, now),
        });
        Ok(Grant {
            access_token,
            expires_in: until(expires, now),
            refresh,
            view: self.view(opened.rows, email).await?,
        })
    }

    /// An address that cannot be opened just now is left out: a running session does not end because
    /// the secrets backend was sealed.
    pub(crate) async fn view(
        &self,
        rows: ViewRows,
        email: Option<String>,
    ) -> Result<SessionView, IdentityError> {
        let user = UserId::from_uuid(rows.standing.user_id);
        let email = match email {
            Some(email) => Some(email),
            None => self.open_email(user, &rows.email_sealed).await?,
        };
        let tenant = current_tenant(&rows.standing, &rows.tenants)?;
        let roles = standing::roles(&rows.standing);
        Ok(SessionView {
            user,
            name: rows.name,
            email,
            tenant,
            permissions: permissions_of(&roles),
            roles,
            tenants: rows.tenants,
        })
    }

    async fn open_email(
        &self,
        user: UserId,
        sealed: &[u8],
    ) -> Result<Option<String>, IdentityError> {
        let owner = user.to_string();
        let sealed = Sealed::parse(sealed)?;
        let opened = self
            .vault
            .open(TenantId::PLATFORM, &email_binding(&owner), &sealed)
            .await;
        match opened {
            Ok(clear) => Ok(String::from_utf8(clear.expose().clone()).ok()),
            Err(error) if error.is_waiting() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

pub(crate) fn email_binding(owner: &str) -> Binding<'_> {
    Binding {
        provider: "identity",
        owner,
        column: "users.email_sealed",
    }
}

/// Stores the session with its first refresh token, and audits `action`.
pub(crate) fn open_session(
    tx: &mut AuthTx<'_>,
    new: NewSession,
    action: Action,
    caller: &Caller,
) -> Result<Opened, IdentityError> {
    let session = SessionId::from_uuid(new.session_id);
    let user = UserId::from_uuid(new.user_id);
    let refresh = RefreshToken::generate()?;
    store::session_insert(tx, &new)?;
    let first = NewRefreshToken {
        token_id: uuid_at(tx.clock().as_ref()),
        session_id: new.session_id,
        user_id: new.user_id,
        hash: refresh.hash(),
        issued_at: tx.now(),
    };
    store::token_insert(tx, &first)?;
    Entry::new(action, "session", session).write_auth(
        tx,
        &Actor::Human { user, session },
        Some(&caller.origin()),
        caller.request,
    )?;
    opened(tx, session, Some(refresh))
}

pub(crate) fn opened(
    tx: &mut AuthTx<'_>,
    session: SessionId,
    refresh: Option<RefreshToken>,
) -> Result<Opened, IdentityError> {
    let rows = store::view_rows(tx, session)?.ok_or(IdentityError::SessionRevoked)?;
    Ok(Opened {
        session,
        rows,
        refresh,
    })
}

fn current_tenant(
    standing: &SessionStanding,
    tenants: &[TenantName],
) -> Result<TenantName, IdentityError> {
    tenants
        .iter()
        .find(|own| own.tenant_id == standing.tenant_id)
        .cloned()
        .ok_or(IdentityError::SessionRevoked)
}

fn sign_in_limits(
    inner: &Inner,
    secrets: &Secrets,
    caller: &Caller,
    email_hash: &[u8],
) -> Result<Vec<Limit>, IdentityError> {
    let (key, address, config) = (&secrets.index_key, caller.address, &inner.config);
    Ok(vec![
        Limit::new(
            key,
            AttemptScope::SignInAddress,
            address,
            b"",
            config.failures_per_address,
        )?,
        Limit::new(
            key,
            AttemptScope::SignInAccount,
            address,
            email_hash,
            config.failures_per_account,
        )?,
    ])
}

pub(crate) fn rate_limited(wait: chrono::TimeDelta) -> IdentityError {
    let seconds = u64::try_from(wait.num_seconds())
        .unwrap_or(0)
        .saturating_add(1);
    IdentityError::RateLimited {
        retry_after: Duration::from_secs(seconds),
    }
}

fn human(who: &Principal) -> Result<(UserId, SessionId), IdentityError> {
    match who.actor {
        Actor::Human { user, session } => Ok((user, session)),
        Actor::System { .. } | Actor::Local { .. } => {
            Err(IdentityError::InvalidToken("no person is signed in"))
        }
    }
}

fn until(end: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (end - now).to_std().unwrap_or_default()
}

/// Enough of a keyed hash to tie audit rows together, and too little to be looked up by.
fn short_hex(hash: &[u8]) -> String {
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
