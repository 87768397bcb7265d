//! A person's own factors: adding, confirming, removing, and the recovery codes that come with the
//! first.
//!
//! The first factor may be added by whoever has just proven the password; each further one, and
//! whatever takes one away, by whoever has just proven a factor. A stolen session alone changes
//! nothing.

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthScope, AuthTx, Unit};
use kernel::{Action, Event, PasskeyId, Principal, Secret, SessionId, TenantId, UserId};

use super::{
    CHALLENGE_LIFE, FRESH, FactorKind, FactorStanding, RecoveryState,
    proof::{Author, totp_binding},
    recovery, store, totp,
};
use crate::{
    attempts,
    error::IdentityError,
    grant::email_binding,
    identity::{Caller, Identity, Inner},
    opaque::random,
    session::{human, rate_limited, refusal_code, sign_in_limits},
    store as rows,
};

/// A person's factors as the profile page shows them.
#[derive(Clone, Debug)]
pub struct OwnFactors {
    pub totp: Option<DateTime<Utc>>,
    pub passkeys: Vec<OwnPasskey>,
    pub recovery: Option<RecoveryState>,
    pub required: bool,
    /// LR-16: the person is asked to add one until there is one.
    pub prompt: bool,
}

#[derive(Clone, Debug)]
pub struct OwnPasskey {
    pub id: PasskeyId,
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// What an authenticator app is given. Shown once.
pub struct TotpSetup {
    /// Base32.
    pub secret: Secret<String>,
    pub otpauth_url: Secret<String>,
    pub qr_svg: Secret<String>,
}

/// Who changes which of their factors, from where.
pub(super) struct Own {
    pub(super) who: Principal,
    pub(super) user: UserId,
    pub(super) session: SessionId,
}

impl Own {
    pub(super) fn of(who: &Principal) -> Result<Self, IdentityError> {
        let (user, session) = human(who)?;
        Ok(Self {
            who: who.clone(),
            user,
            session,
        })
    }

    pub(super) const fn scope(&self) -> AuthScope {
        AuthScope {
            tenant: Some(self.who.tenant),
            user: Some(self.user),
        }
    }

    pub(super) fn standing(&self, tx: &mut AuthTx<'_>) -> Result<FactorStanding, IdentityError> {
        let session = tx
            .session_standing(self.session.uuid())?
            .ok_or(IdentityError::SessionRevoked)?;
        Ok(FactorStanding::of(&session))
    }

    /// A factor, or for the first one the password, was proven within the last minutes.
    pub(super) fn may_add(&self, tx: &mut AuthTx<'_>) -> Result<(), IdentityError> {
        let now = tx.now();
        let standing = self.standing(tx)?;
        if standing.enrolled {
            return self.may_change(tx);
        }
        let proven = store::session_password_at(tx, self.session)?;
        if proven.is_some_and(|at| at + FRESH > now) {
            return Ok(());
        }
        Err(IdentityError::PasswordNeeded)
    }

    pub(super) fn may_change(&self, tx: &mut AuthTx<'_>) -> Result<(), IdentityError> {
        let now = tx.now();
        match self.standing(tx)?.fresh_until(now) {
            Some(_) => Ok(()),
            None => Err(IdentityError::FreshFactorRequired),
        }
    }

    fn note(
        &self,
        tx: &mut AuthTx<'_>,
        action: Action,
        factor: FactorKind,
    ) -> Result<(), IdentityError> {
        let entry = Entry::new(action, "user", self.user)
            .after(serde_json::json!({ "factor": factor.name() }));
        Author::of(&self.who).write(tx, entry)?;
        db::hint(tx, "sessions")?;
        Ok(())
    }

    /// What follows every new factor. The first brings the recovery codes, and ends the sessions that
    /// were opened without one.
    pub(super) fn added(
        &self,
        tx: &mut AuthTx<'_>,
        key: &Secret<Vec<u8>>,
        first: bool,
        factor: FactorKind,
    ) -> Result<Option<Vec<Secret<String>>>, IdentityError> {
        store::session_prove_factor(tx, self.session)?;
        self.note(tx, Action::FactorAdd, factor)?;
        let (user, name) = (self.user, factor.name().to_owned());
        jobs::publish(tx, &Event::FactorAdded { user, factor: name })?;
        if !first {
            return Ok(None);
        }
        store::sessions_end_others(tx, self.user, self.session, "factor_added")?;
        Ok(Some(recovery::replace(tx, key, self.user)?))
    }
}

impl Identity {
    pub async fn factors(&self, who: &Principal) -> Result<OwnFactors, IdentityError> {
        let own = Own::of(who)?;
        self.inner
            .db
            .auth(own.scope(), move |tx| {
                let standing = own.standing(tx)?;
                let totp = store::totp(tx, own.user)?;
                Ok(OwnFactors {
                    totp: totp.and_then(|row| row.confirmed_at),
                    passkeys: store::passkeys_list(tx, own.user)?,
                    recovery: store::recovery_state(tx, own.user)?,
                    required: standing.required,
                    prompt: !standing.enrolled,
                })
            })
            .await
    }

    /// Makes a secret for an authenticator app. It counts once [`Identity::totp_confirm`] has seen a
    /// code of it.
    pub async fn totp_begin(
        &self,
        who: &Principal,
        password: Option<Secret<String>>,
        caller: &Caller,
    ) -> Result<TotpSetup, IdentityError> {
        let inner = &self.inner;
        if let Some(password) = password {
            inner.prove_password(who, &password, caller).await?;
        }
        let own = Own::of(who)?;
        let user = own.user;
        let (_, email_sealed, _) = inner
            .db
            .auth(own.scope(), move |tx| store::account(tx, user))
            .await?;
        let email = inner.email(user, &email_sealed).await?;
        let secret = Secret::new(random::<{ totp::SECRET_BYTES }>()?.to_vec());
        let owner = user.to_string();
        let sealed = inner
            .vault
            .seal(TenantId::PLATFORM, &totp_binding(&owner), secret.expose())
            .await?
            .to_bytes();
        let scope = own.scope();
        inner
            .db
            .auth(scope, move |tx| {
                let enrolled = store::totp(tx, user)?.is_some_and(|row| row.confirmed_at.is_some());
                if enrolled {
                    return Err(IdentityError::FactorExists);
                }
                own.may_add(tx)?;
                store::totp_begin(tx, user, sealed)
            })
            .await?;
        let text = totp::base32(secret.expose());
        let url = totp::otpauth_url(&text, &email);
        Ok(TotpSetup {
            qr_svg: Secret::new(totp::qr_svg(&url)?),
            otpauth_url: Secret::new(url),
            secret: Secret::new(text),
        })
    }

    /// The app shows codes of the right secret: from now on it counts. Answers the recovery codes when
    /// this is the person's first factor.
    pub async fn totp_confirm(
        &self,
        who: &Principal,
        code: &Secret<String>,
    ) -> Result<Option<Vec<Secret<String>>>, IdentityError> {
        let inner = &self.inner;
        let own = Own::of(who)?;
        let (user, scope) = (own.user, own.scope());
        let sealed = inner
            .db
            .auth(scope, move |tx| {
                let now = tx.now();
                store::totp(tx, user)?
                    .filter(|row| {
                        row.confirmed_at.is_none() && row.created_at + CHALLENGE_LIFE > now
                    })
                    .map(|row| row.secret_sealed)
                    .ok_or(IdentityError::ChallengeVoid)
            })
            .await?;
        let secret = inner.open_totp(user, &sealed).await?;
        let now = inner.clock.now();
        let step = totp::matching_steps(&secret, code.expose(), now)?
            .into_iter()
            .max()
            .ok_or(IdentityError::FactorCode)?;
        let key = Secret::new(inner.secrets()?.index_key.expose().clone());
        let codes = inner
            .db
            .auth(scope, move |tx| {
                own.may_add(tx)?;
                let first = !own.standing(tx)?.enrolled;
                if !store::totp_confirm(tx, user, &sealed, step)? {
                    return Err(IdentityError::ChallengeVoid);
                }
                own.added(tx, &key, first, FactorKind::Totp)
            })
            .await?;
        inner.standings.forget_user(user);
        Ok(codes)
    }

    /// Forgets the authenticator app.
    pub async fn totp_remove(&self, who: &Principal) -> Result<(), IdentityError> {
        let own = Own::of(who)?;
        let user = own.user;
        self.inner
            .db
            .auth(own.scope(), move |tx| {
                if store::totp(tx, user)?.is_none_or(|row| row.confirmed_at.is_none()) {
                    return Err(IdentityError::FactorMissing);
                }
                own.may_change(tx)?;
                store::totp_forget(tx, user)?;
                removed(tx, &own, FactorKind::Totp)
            })
            .await?;
        self.inner.standings.forget_user(user);
        Ok(())
    }

    /// Eight new recovery codes; the old ones are void.
    pub async fn recovery_codes_create(
        &self,
        who: &Principal,
    ) -> Result<Vec<Secret<String>>, IdentityError> {
        let own = Own::of(who)?;
        let key = Secret::new(self.inner.secrets()?.index_key.expose().clone());
        self.inner
            .db
            .auth(own.scope(), move |tx| {
                if !own.standing(tx)?.enrolled {
                    return Err(IdentityError::FactorMissing);
                }
                own.may_change(tx)?;
                own.note(tx, Action::RecoveryCodesCreate, FactorKind::Recovery)?;
                jobs::publish(tx, &Event::RecoveryCodesMade { user: own.user })?;
                recovery::replace(tx, &key, own.user)
            })
            .await
    }
}

/// After a factor has gone: the last one stays where one is required, and takes the recovery codes
/// with it where not.
pub(super) fn removed(
    tx: &mut AuthTx<'_>,
    own: &Own,
    factor: FactorKind,
) -> Result<(), IdentityError> {
    let left = own.standing(tx)?;
    if !left.enrolled {
        if left.required {
            return Err(IdentityError::FactorRequired);
        }
        store::recovery_forget(tx, own.user)?;
        store::challenges_end_all(tx, own.user)?;
    }
    own.note(tx, Action::FactorRemove, factor)?;
    let (user, name) = (own.user, factor.name().to_owned());
    Ok(jobs::publish(
        tx,
        &Event::FactorRemoved { user, factor: name },
    )?)
}

/// Takes every factor of `user` away and ends their sessions, because an administrator says that they
/// are lost. The transaction is that person's; `by` is who does it.
pub fn factors_reset(
    tx: &mut AuthTx<'_>,
    by: &Principal,
    user: UserId,
) -> Result<(), IdentityError> {
    store::totp_forget(tx, user)?;
    store::passkeys_forget(tx, user)?;
    store::recovery_forget(tx, user)?;
    store::challenges_end_all(tx, user)?;
    rows::sessions_end_all(tx, user, "factors_reset")?;
    Entry::new(Action::FactorsReset, "user", user)
        .even_sealed()
        .write_auth(tx, &by.actor, by.origin.as_ref(), by.request)?;
    db::hint(tx, "sessions")?;
    Ok(())
}

impl Inner {
    /// The person of the session types the password again. A wrong one counts as at sign-in.
    pub(crate) async fn prove_password(
        &self,
        who: &Principal,
        password: &Secret<String>,
        caller: &Caller,
    ) -> Result<(), IdentityError> {
        let own = Own::of(who)?;
        let (user, session, scope) = (own.user, own.session, own.scope());
        let (email_hash, _, stored) = self
            .db
            .auth(scope, move |tx| store::account(tx, user))
            .await?;
        let secrets = self.secrets()?;
        let limits = sign_in_limits(self, secrets, caller, &email_hash)?;
        let charged = limits.clone();
        let wait = self
            .db
            .auth(scope, move |tx| attempts::charge(tx, &charged))
            .await?;
        if let Some(wait) = wait {
            return Err(rate_limited(wait));
        }
        let right = secrets
            .passwords
            .verify(password, stored.as_deref())
            .await?;
        self.db
            .auth(scope, move |tx| {
                if right {
                    attempts::settle_success(tx, &limits)?;
                    return store::session_prove_password(tx, session);
                }
                let locked = attempts::settle_failure(tx, &limits)?;
                let refused =
                    Entry::new(Action::SignInRefuse, "user", user).refused(refusal_code(&locked));
                Author::of(&own.who).write(tx, refused)
            })
            .await?;
        if right {
            Ok(())
        } else {
            Err(IdentityError::InvalidCredentials)
        }
    }

    pub(super) async fn email(&self, user: UserId, sealed: &[u8]) -> Result<String, IdentityError> {
        let owner = user.to_string();
        let sealed = vault::Sealed::parse(sealed)?;
        let clear = self
            .vault
            .open(TenantId::PLATFORM, &email_binding(&owner), &sealed)
            .await?;
        String::from_utf8(clear.expose().clone()).map_err(|_| IdentityError::Crypto("an address"))
    }
}
