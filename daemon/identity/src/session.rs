//! Signing in, signing out, and moving to another tenant.

use std::time::Duration;

use audit::Entry;
use db::{AuthScope, AuthTx, Unit, UserLogin};
use kernel::{Action, Actor, Event, Principal, Secret, SessionId, TenantId, UserId};

use crate::{
    attempts::{self, AttemptScope, Limit},
    config::SESSION_LIFE,
    email::Email,
    error::IdentityError,
    factor::{self, FactorChallenge, FactorStanding},
    grant::{Grant, SessionView, open_session, opened},
    identity::{Caller, Identity, Inner, Secrets},
    opaque::RefreshToken,
    sso::only,
    store,
};

/// What a person types to sign in.
pub struct SignIn {
    pub email: String,
    pub password: Secret<String>,
    /// Which of the person's tenants; the first by name when absent.
    pub tenant: Option<TenantId>,
}

/// What a right password brings.
pub enum SignInStep {
    /// A session: the account has no second factor.
    Done(Box<Grant>),
    /// A question for one (LM-10).
    Factor(Box<FactorChallenge>),
}

impl Identity {
    /// Checks address and password, and opens a session, or a challenge where the account has a
    /// factor. Unknown addresses, wrong passwords and deactivated accounts cost the same and get the
    /// same answer (LR-12).
    pub async fn sign_in(
        &self,
        input: SignIn,
        caller: &Caller,
    ) -> Result<SignInStep, IdentityError> {
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
        let outdated =
            matches && stored.is_some_and(|stored| secrets.passwords.is_outdated(stored));
        let renewed = if outdated {
            Some(secrets.passwords.hash(&input.password).await?)
        } else {
            None
        };
        match login.filter(|_| matches) {
            Some(login) => {
                let opening = Opening {
                    login,
                    renewed,
                    tenant: input.tenant,
                };
                self.let_in(opening, caller, limits).await
            }
            None => Err(self.turn_away(caller, &hash, limits).await?),
        }
    }

    /// Ends the principal's session.
    pub async fn sign_out(&self, who: &Principal) -> Result<(), IdentityError> {
        self.visit_close(who).await?;
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

    /// Ends the session whose refresh token came along with a sign-in: a browser holds one session,
    /// and the one before must not outlive it unseen (ASVS 7.2.4). A token of no session is no error.
    pub async fn session_supersede(
        &self,
        presented: &str,
        caller: &Caller,
    ) -> Result<(), IdentityError> {
        let Some(token) = RefreshToken::parse(presented) else {
            return Ok(());
        };
        let found = match self.look_up(&token, caller).await {
            Ok(found) => found,
            Err(IdentityError::SessionRevoked | IdentityError::RateLimited { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let (user, session) = (
            UserId::from_uuid(found.user_id),
            SessionId::from_uuid(found.session_id),
        );
        let scope = AuthScope {
            tenant: Some(TenantId::from_uuid(found.tenant_id)),
            user: Some(user),
        };
        let caller = caller.clone();
        self.inner
            .db
            .auth(scope, move |tx| {
                if store::session_end(tx, session, "signed_in_again")? > 0 {
                    Entry::new(Action::SignOut, "session", session).write_auth(
                        tx,
                        &Actor::Human { user, session },
                        Some(&caller.origin()),
                        caller.request,
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
    /// token is for the new tenant alone. Where the target asks for a factor, this session must have
    /// proven one.
    pub async fn tenant_switch(
        &self,
        who: &Principal,
        tenant: TenantId,
    ) -> Result<Grant, IdentityError> {
        let inner = &self.inner;
        self.visit_close(who).await?;
        let (user, session) = human(who)?;
        // In the person's own scope first: whoever has no business in a tenant leaves no trace there,
        // not even the audit key that its scope would make.
        let here = AuthScope {
            tenant: Some(who.tenant),
            user: Some(user),
        };
        let own = inner.db.auth(here, |tx| tx.own_tenants()).await?;
        if !own.iter().any(|own| own.tenant_id == tenant.uuid()) {
            return Err(IdentityError::NotMember);
        }
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
                only::check_move(tx, session, tenant)?;
                store::session_move(tx, session, tenant)?;
                let moved = opened(tx, session, None)?;
                FactorStanding::of(&moved.rows.standing).check_entry()?;
                Entry::new(Action::TenantSwitch, "session", session).write_auth(
                    tx,
                    &actor,
                    origin.as_ref(),
                    request,
                )?;
                db::hint(tx, "sessions")?;
                Ok(moved)
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
        opening: Opening,
        caller: &Caller,
        limits: Vec<Limit>,
    ) -> Result<SignInStep, IdentityError> {
        let inner = &self.inner;
        let Opening {
            login,
            renewed,
            tenant: wanted,
        } = opening;
        let user = UserId::from_uuid(login.user_id);
        let mine = AuthScope {
            tenant: None,
            user: Some(user),
        };
        let (own, factors) = inner
            .db
            .auth(mine, move |tx| {
                if let Some(hash) = renewed {
                    upgrade(tx, user, &hash)?;
                }
                let own = tx.own_tenants()?;
                let own = only::open_to_password(tx, own)?;
                Ok::<_, IdentityError>((own, Inner::factors_offered(tx, user)?))
            })
            .await?;
        let tenant = own
            .iter()
            .map(|own| TenantId::from_uuid(own.tenant_id))
            .find(|own| wanted.is_none_or(|wanted| wanted == *own))
            .ok_or(IdentityError::NotMember)?;
        if !factors.is_empty() {
            let challenge =
                factor::challenge(inner, &login, tenant, factors, caller, limits).await?;
            return Ok(SignInStep::Factor(Box::new(challenge)));
        }
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
        let grant = inner.grant(opened, None).await?;
        Ok(SignInStep::Done(Box::new(grant)))
    }

    /// Writes down the failure and answers what the person is told. The audit row names nobody: an
    /// address that no account has and one that some account has leave the same trace.
    async fn turn_away(
        &self,
        caller: &Caller,
        email_hash: &[u8],
        limits: Vec<Limit>,
    ) -> Result<IdentityError, IdentityError> {
        let (account, told) = (short_hex(email_hash), hex(email_hash));
        let caller = caller.clone();
        let locked = self
            .inner
            .db
            .auth(AuthScope::default(), move |tx| {
                let locked = attempts::settle_failure(tx, &limits)?;
                if locked.contains(&AttemptScope::SignInAccount) {
                    jobs::publish(tx, &Event::AccountLocked { account: told })?;
                }
                Entry::new(Action::SignInRefuse, "account", account)
                    .refused(refusal_code(&locked))
                    .write_auth(
                        tx,
                        &Actor::System { job: None },
                        Some(&caller.origin()),
                        caller.request,
                    )?;
                Ok::<_, IdentityError>(!locked.is_empty())
            })
            .await?;
        if locked {
            log::warn!(REVKEEP_ACTION = "sign_in_refuse"; "an account or a network was locked out of sign-in for 15 minutes");
        }
        Ok(IdentityError::InvalidCredentials)
    }
}

/// A person who proved their password, and what is known of where they want to go.
struct Opening {
    login: UserLogin,
    /// The same password under today's cost, where the stored hash has a lower one (LM-14).
    renewed: Option<String>,
    tenant: Option<TenantId>,
}

fn upgrade(tx: &mut AuthTx<'_>, user: UserId, hash: &str) -> Result<(), IdentityError> {
    store::password_store(tx, user, hash)?;
    Ok(
        Entry::new(Action::PasswordUpgrade, "user", user).write_auth(
            tx,
            &Actor::System { job: None },
            None,
            None,
        )?,
    )
}

/// Why a password was refused, in the audit log (LM-12).
pub(crate) const fn refusal_code(locked: &[AttemptScope]) -> &'static str {
    if locked.is_empty() {
        "invalid_credentials"
    } else {
        "locked_out"
    }
}

pub(crate) fn sign_in_limits(
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

pub(crate) fn human(who: &Principal) -> Result<(UserId, SessionId), IdentityError> {
    match who.actor {
        Actor::Human { user, session } => Ok((user, session)),
        Actor::System { .. }
        | Actor::Local { .. }
        | Actor::Provisioner { .. }
        | Actor::Program { .. }
        | Actor::Client { .. } => Err(IdentityError::InvalidToken("no person is signed in")),
    }
}

/// Enough of a keyed hash to tie audit rows together, and too little to be looked up by.
pub(crate) fn short_hex(hash: &[u8]) -> String {
    hex(hash.get(..8).unwrap_or(hash))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
