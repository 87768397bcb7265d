//! Sign-in by a passkey alone: the browser offers what the person has for this address, so nobody is
//! known before the answer. Having the device and unlocking it are two factors in one.

use audit::Entry;
use chrono::TimeDelta;
use db::{AuthScope, PasskeyRef, Unit};
use kernel::{Action, Secret, TenantId, UserId};
use serde_json::Value as Json;
use webauthn_rs_core::proto::PublicKeyCredential;

use super::{
    CHALLENGE_LIFE,
    challenge::{cookie_hash, new_cookie},
    proof::Author,
    store,
};
use crate::{
    attempts::{self, AttemptScope, Limit},
    config::SESSION_LIFE,
    error::IdentityError,
    grant::{Grant, open_session},
    identity::{Caller, Identity, Inner},
    session::{rate_limited, refusal_code},
    sso::only,
    store as rows,
};

/// A sign-in by passkey that has begun.
pub struct PasskeySignIn {
    /// 256 random bits; the database has their hash.
    pub cookie: Secret<String>,
    /// `{publicKey: …}`
    pub options: Json,
    pub expires_in: std::time::Duration,
}

/// What became of an answer.
enum Outcome {
    In(Box<crate::grant::Opened>),
    Wrong,
    Wait(TimeDelta),
}

impl Identity {
    pub async fn passkey_sign_in_begin(&self) -> Result<PasskeySignIn, IdentityError> {
        let inner = &self.inner;
        let ceremony = inner.site()?.ask(Vec::new())?;
        let (cookie, hash) = new_cookie()?;
        let state = ceremony.state;
        inner
            .db
            .auth(AuthScope::default(), move |tx| {
                store::passkey_sign_in_insert(tx, &hash, &state)
            })
            .await?;
        Ok(PasskeySignIn {
            cookie,
            options: ceremony.options,
            expires_in: CHALLENGE_LIFE.to_std().unwrap_or_default(),
        })
    }

    /// Answers what [`Identity::passkey_sign_in_begin`] asked, once.
    pub async fn passkey_sign_in(
        &self,
        cookie: &str,
        answer: Json,
        caller: &Caller,
    ) -> Result<Grant, IdentityError> {
        let inner = &self.inner;
        let site = inner.site()?;
        let answer: PublicKeyCredential =
            serde_json::from_value(answer).map_err(|_| IdentityError::PasskeyInvalid)?;
        let hash = cookie_hash(cookie)?;
        let limit = inner.passkey_limit(caller)?;
        let credential = answer.raw_id.as_slice().to_vec();
        // The question is used up whatever the answer is.
        let (state, found) = inner
            .db
            .auth(AuthScope::default(), move |tx| {
                let state = store::passkey_sign_in_take(tx, &hash)?;
                Ok::<_, IdentityError>((state, tx.passkey_by_credential(&credential)?))
            })
            .await?;
        let state = state.ok_or(IdentityError::ChallengeVoid)?;
        let found = found.filter(|found| found.user_state == "active");
        // Nobody was named before, so the authenticator has to name its person.
        let named = answer.response.user_handle.is_some();
        let Some(found) = found.filter(|_| named) else {
            return Err(inner.passkey_refuse(caller, limit, None).await?);
        };
        let user = UserId::from_uuid(found.user_id);
        let tenant = inner.first_tenant(user).await?;
        let mut new = inner.new_session(user, tenant, caller).await?;
        (new.password_at, new.factor_at) = (None, Some(new.created_at));
        let scope = AuthScope {
            tenant: Some(tenant),
            user: Some(user),
        };
        let (limits, from) = (vec![limit.clone()], caller.clone());
        let outcome = inner
            .db
            .auth(scope, move |tx| {
                if let Some(wait) = attempts::charge(tx, &limits)? {
                    return Ok::<_, IdentityError>(Outcome::Wait(wait));
                }
                attempts::refund(tx, &limits)?;
                let known = store::credentials_locked(tx, user)?;
                let Some(key) = site.proven(state, &answer, user, &known)? else {
                    return Ok(Outcome::Wrong);
                };
                store::credential_used(tx, user, &key)?;
                rows::tokens_forget(tx, user, tx.now() - SESSION_LIFE)?;
                Ok(Outcome::In(Box::new(open_session(
                    tx,
                    new,
                    Action::SignIn,
                    &from,
                )?)))
            })
            .await?;
        match outcome {
            Outcome::In(opened) => inner.grant(*opened, None).await,
            Outcome::Wait(wait) => Err(rate_limited(wait)),
            Outcome::Wrong => Err(inner.passkey_refuse(caller, limit, Some(found)).await?),
        }
    }
}

impl Inner {
    fn passkey_limit(&self, caller: &Caller) -> Result<Limit, IdentityError> {
        Limit::new(
            &self.secrets()?.index_key,
            AttemptScope::SignInAddress,
            caller.address,
            b"",
            self.config.failures_per_address,
        )
    }

    /// The first by name of the tenants that open without a provider.
    async fn first_tenant(&self, user: UserId) -> Result<TenantId, IdentityError> {
        let scope = AuthScope {
            tenant: None,
            user: Some(user),
        };
        let own = self
            .db
            .auth(scope, |tx| {
                let own = tx.own_tenants()?;
                only::open_to_password(tx, own)
            })
            .await?;
        let first = own.first().ok_or(IdentityError::NotMember)?;
        Ok(TenantId::from_uuid(first.tenant_id))
    }

    /// Counts and writes down the failure; answers what the person is told.
    async fn passkey_refuse(
        &self,
        caller: &Caller,
        limit: Limit,
        found: Option<PasskeyRef>,
    ) -> Result<IdentityError, IdentityError> {
        let author = Author::stranger(caller);
        let user = found.map(|found| UserId::from_uuid(found.user_id).to_string());
        self.db
            .auth(AuthScope::default(), move |tx| {
                let limits = [limit];
                if let Some(wait) = attempts::charge(tx, &limits)? {
                    return Ok(rate_limited(wait));
                }
                let locked = attempts::settle_failure(tx, &limits)?;
                let refused = Entry::new(
                    Action::FactorRefuse,
                    "user",
                    user.as_deref().unwrap_or("unknown"),
                )
                .refused(if locked.is_empty() {
                    "passkey_invalid"
                } else {
                    refusal_code(&locked)
                });
                author.write(tx, refused)?;
                Ok::<_, IdentityError>(IdentityError::PasskeyInvalid)
            })
            .await
    }
}
