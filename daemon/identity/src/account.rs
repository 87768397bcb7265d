//! A person's own account: a new password, and the sessions that it has.

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthScope, AuthTx, TenantName};
use kernel::{Action, Event, Principal, Secret, SessionId, TenantId, UserId};
use vault::Sealed;

use crate::{
    attempts::{self, AttemptScope, Limit},
    device::{Device, Origin, device},
    error::IdentityError,
    grant::{device_binding, email_binding},
    identity::{Caller, Identity, Inner},
    policy::{self, PasswordProfile, Strength, Whose},
    session::{human, rate_limited, refusal_code},
    store,
};

/// Wrong current passwords of one person from one network in 15 minutes.
const FAILURES: u32 = 5;

/// One of a person's sessions, as they see it.
#[derive(Clone, Debug)]
pub struct SessionItem {
    pub id: SessionId,
    /// The one that asks.
    pub current: bool,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// Where it was opened; absent while the secrets backend cannot tell.
    pub address: Option<String>,
    pub device: Option<Device>,
    /// `web` or `command_line`.
    pub client: String,
    pub tenant: Option<TenantName>,
}

/// Where a session was opened, for a mail about it.
#[derive(Clone, Debug)]
pub struct SessionOrigin {
    pub address: Option<String>,
    pub device: Option<Device>,
    pub at: DateTime<Utc>,
}

impl Identity {
    /// Which rules a new password must meet.
    pub fn password_profile(&self) -> PasswordProfile {
        self.inner.config.password_profile
    }

    /// What a form shows while somebody types. The mirror is not asked: anyone may call this.
    pub async fn password_strength(
        &self,
        password: &Secret<String>,
        email: &str,
        name: &str,
    ) -> Result<Strength, IdentityError> {
        let mut strength = self.inner.judge(password, email, name).await?;
        if !strength.problems.contains(&"password_breached")
            && self.inner.breaches.file_contains(password).await?
        {
            strength.problems.push("password_breached");
        }
        Ok(strength)
    }

    /// Replaces the person's password. Every other session ends, and the person is told.
    pub async fn password_change(
        &self,
        who: &Principal,
        current: &Secret<String>,
        new: &Secret<String>,
        caller: &Caller,
    ) -> Result<(), IdentityError> {
        let inner = &self.inner;
        let (user, session) = human(who)?;
        let scope = AuthScope {
            tenant: Some(who.tenant),
            user: Some(user),
        };
        let stored = inner.check_current(scope, who, current, caller).await?;
        let (email, name) = inner.person(user).await?;
        inner.check_new_password("new", new, &email, &name).await?;
        inner.refuse_reused(scope, user, "new", new).await?;
        let hash = inner.secrets()?.passwords.hash(new).await?;
        let (actor, origin, request) = (who.actor.clone(), who.origin.clone(), who.request);
        inner
            .db
            .auth(scope, move |tx| {
                if !store::password_replace(tx, user, stored.as_deref(), &hash)? {
                    return Err(IdentityError::CurrentPassword);
                }
                store::reset_links_void(tx, user)?;
                store::sessions_end_others(tx, user, session, "password_changed")?;
                Entry::new(Action::PasswordChange, "user", user).write_auth(
                    tx,
                    &actor,
                    origin.as_ref(),
                    request,
                )?;
                jobs::publish(tx, &Event::PasswordChanged { user })?;
                Ok(db::hint(tx, "sessions")?)
            })
            .await?;
        inner.standings.forget_user(user);
        Ok(())
    }

    /// The person's sessions that can act, the latest used first.
    pub async fn session_list(&self, who: &Principal) -> Result<Vec<SessionItem>, IdentityError> {
        let inner = &self.inner;
        let (user, current) = human(who)?;
        let scope = AuthScope {
            tenant: Some(who.tenant),
            user: Some(user),
        };
        let idle = inner.clock.now() - inner.config.inactivity();
        let (rows, tenants) = inner
            .db
            .auth(scope, move |tx| {
                Ok::<_, IdentityError>((store::sessions_alive(tx, user, idle)?, tx.own_tenants()?))
            })
            .await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            let id = SessionId::from_uuid(row.session_id);
            let origin = inner.open_origin(id, row.device_sealed.as_deref()).await?;
            items.push(SessionItem {
                id,
                current: id == current,
                created_at: row.created_at,
                last_used_at: row.last_used_at,
                expires_at: row.expires_at,
                device: origin
                    .as_ref()
                    .and_then(|origin| device(&origin.user_agent)),
                address: origin.map(|origin| origin.address),
                client: row.client,
                tenant: tenants
                    .iter()
                    .find(|own| own.tenant_id == row.tenant_id)
                    .cloned(),
            });
        }
        Ok(items)
    }

    /// Ends one of the person's sessions.
    pub async fn session_revoke(
        &self,
        who: &Principal,
        session: SessionId,
    ) -> Result<(), IdentityError> {
        let ended = self
            .end_sessions(who, move |tx, user| {
                Ok(usize::from(store::session_end_own(tx, user, session)?))
            })
            .await?;
        if ended == 0 {
            return Err(IdentityError::UnknownSession);
        }
        Ok(())
    }

    /// Ends all of the person's sessions but the one that asks; answers how many.
    pub async fn session_revoke_others(&self, who: &Principal) -> Result<usize, IdentityError> {
        let (_, current) = human(who)?;
        self.end_sessions(who, move |tx, user| {
            store::sessions_end_others(tx, user, current, "revoked")
        })
        .await
    }

    /// Who has a second factor has just proven it (ASVS 7.5.2): whoever found a session open must not
    /// lock its owner out of the others.
    async fn end_sessions(
        &self,
        who: &Principal,
        end: impl FnOnce(&mut AuthTx<'_>, UserId) -> Result<usize, IdentityError> + Send + 'static,
    ) -> Result<usize, IdentityError> {
        self.factor_fresh(who).await?;
        let (user, _) = human(who)?;
        let scope = AuthScope {
            tenant: Some(who.tenant),
            user: Some(user),
        };
        let (actor, origin, request) = (who.actor.clone(), who.origin.clone(), who.request);
        let ended = self
            .inner
            .db
            .auth(scope, move |tx| {
                let ended = end(tx, user)?;
                if ended > 0 {
                    Entry::new(Action::SessionRevoke, "user", user)
                        .after(serde_json::json!({ "sessions": ended }))
                        .write_auth(tx, &actor, origin.as_ref(), request)?;
                    db::hint(tx, "sessions")?;
                }
                Ok::<_, IdentityError>(ended)
            })
            .await?;
        self.inner.standings.forget_user(user);
        Ok(ended)
    }

    /// Where a person's session was opened, for a mail about it.
    pub async fn session_origin(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<Option<SessionOrigin>, IdentityError> {
        let found = self
            .inner
            .db
            .auth(mine(user), move |tx| store::session_device(tx, session))
            .await?;
        let Some((sealed, at)) = found else {
            return Ok(None);
        };
        let origin = self.inner.open_origin(session, sealed.as_deref()).await?;
        Ok(Some(SessionOrigin {
            device: origin
                .as_ref()
                .and_then(|origin| device(&origin.user_agent)),
            address: origin.map(|origin| origin.address),
            at,
        }))
    }

    /// The address of an active person, for a mail that is being sent.
    pub async fn person_address(
        &self,
        user: UserId,
    ) -> Result<Option<Secret<String>>, IdentityError> {
        let found = self
            .inner
            .db
            .auth(mine(user), move |tx| store::account(tx, user))
            .await?;
        match found.filter(|account| account.state == "active") {
            Some(account) => Ok(Some(
                crate::people_address(&self.inner.vault, user, &account.email_sealed).await?,
            )),
            None => Ok(None),
        }
    }

    /// Whose account has this keyed hash of an address, if it is active.
    pub async fn person_by_account(&self, account: &str) -> Result<Option<UserId>, IdentityError> {
        let Some(hash) = from_hex(account) else {
            return Ok(None);
        };
        let found = self
            .inner
            .db
            .auth(AuthScope::default(), move |tx| tx.user_by_email(&hash))
            .await?;
        Ok(found
            .filter(|login| login.state == "active")
            .map(|login| UserId::from_uuid(login.user_id)))
    }
}

impl Inner {
    /// Everything that a new password must be. `field` is the input that the refusal names.
    pub(crate) async fn check_new_password(
        &self,
        field: &'static str,
        password: &Secret<String>,
        email: &str,
        name: &str,
    ) -> Result<(), IdentityError> {
        let strength = self.judge(password, email, name).await?;
        if let Some(code) = strength.problems.first() {
            return Err(IdentityError::input(field, code));
        }
        if self.breaches.contains(password).await? {
            return Err(IdentityError::input(field, "password_breached"));
        }
        Ok(())
    }

    /// LM-15. Each comparison is a whole bcrypt: a hash cannot be looked up.
    pub(crate) async fn refuse_reused(
        &self,
        scope: AuthScope,
        user: UserId,
        field: &'static str,
        password: &Secret<String>,
    ) -> Result<(), IdentityError> {
        let recent = self
            .db
            .auth(scope, move |tx| store::passwords_recent(tx, user))
            .await?;
        for stored in recent {
            let passwords = &self.secrets()?.passwords;
            if passwords.verify(password, Some(&stored)).await? {
                return Err(IdentityError::input(field, "password_reused"));
            }
        }
        Ok(())
    }

    /// Address and name of a person.
    pub(crate) async fn person(&self, user: UserId) -> Result<(String, String), IdentityError> {
        let account = self
            .db
            .auth(mine(user), move |tx| store::account(tx, user))
            .await?
            .ok_or(IdentityError::SessionRevoked)?;
        let owner = user.to_string();
        let sealed = Sealed::parse(&account.email_sealed)?;
        let clear = self
            .vault
            .open(TenantId::PLATFORM, &email_binding(&owner), &sealed)
            .await?;
        Ok((
            String::from_utf8_lossy(clear.expose()).into_owned(),
            account.name,
        ))
    }

    /// Off the async threads: an estimate may take some milliseconds.
    async fn judge(
        &self,
        password: &Secret<String>,
        email: &str,
        name: &str,
    ) -> Result<Strength, IdentityError> {
        let profile = self.config.password_profile;
        let password = Secret::new(password.expose().clone());
        let (email, name) = (email.to_owned(), name.to_owned());
        let judged = tokio::task::spawn_blocking(move || {
            let whose = Whose {
                email: &email,
                name: &name,
            };
            policy::judge(profile, password.expose(), whose)
        });
        judged
            .await
            .map_err(|_| IdentityError::Crypto("judging a password"))
    }

    /// The stored hash, once the current password was proven. Failures count as those of sign-in do.
    async fn check_current(
        &self,
        scope: AuthScope,
        who: &Principal,
        current: &Secret<String>,
        caller: &Caller,
    ) -> Result<Option<String>, IdentityError> {
        let (user, _) = human(who)?;
        let secrets = self.secrets()?;
        let limits = [Limit::new(
            &secrets.index_key,
            AttemptScope::PasswordChange,
            caller.address,
            user.uuid().as_bytes(),
            FAILURES,
        )?];
        let charged = limits.clone();
        let (wait, account) = self
            .db
            .auth(scope, move |tx| {
                let wait = attempts::charge(tx, &charged)?;
                Ok::<_, IdentityError>((wait, store::account(tx, user)?))
            })
            .await?;
        if let Some(wait) = wait {
            return Err(rate_limited(wait));
        }
        let stored = account.and_then(|account| account.password_hash);
        let matches = secrets.passwords.verify(current, stored.as_deref()).await?;
        let (actor, origin, request) = (who.actor.clone(), who.origin.clone(), who.request);
        self.db
            .auth(scope, move |tx| {
                if matches {
                    return attempts::settle_success(tx, &limits);
                }
                let locked = attempts::settle_failure(tx, &limits)?;
                let code = refusal_code(&locked);
                Ok(Entry::new(Action::PasswordChange, "user", user)
                    .refused(code)
                    .write_auth(tx, &actor, origin.as_ref(), request)?)
            })
            .await?;
        if matches {
            Ok(stored)
        } else {
            Err(IdentityError::CurrentPassword)
        }
    }

    /// What was sealed with a session; nothing while the secrets backend is away.
    pub(crate) async fn open_origin(
        &self,
        session: SessionId,
        sealed: Option<&[u8]>,
    ) -> Result<Option<Origin>, IdentityError> {
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let owner = session.to_string();
        let opened = self
            .vault
            .open(
                TenantId::PLATFORM,
                &device_binding(&owner),
                &Sealed::parse(sealed)?,
            )
            .await;
        match opened {
            Ok(clear) => Ok(serde_json::from_slice(clear.expose()).ok()),
            Err(error) if error.is_waiting() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

pub(crate) fn mine(user: UserId) -> AuthScope {
    AuthScope {
        tenant: None,
        user: Some(user),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at.saturating_add(2))?, 16).ok())
        .collect()
}
