//! The second half of a sign-in (LM-10): after the right password of an account that has a factor there
//! is no session yet, but a challenge. Whether an account has a factor is told to whoever knows its
//! password, and to nobody else.

use std::time::Duration;

use audit::Entry;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use db::{AuthScope, Unit, UserLogin};
use kernel::{Action, Secret, TenantId, UserId, uuid_at};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    CHALLENGE_LIFE, FactorAnswer, FactorKind,
    proof::{Author, Verdict, judge},
    store::{self, NewChallenge},
};
use crate::{
    attempts::{self, Limit},
    config::SESSION_LIFE,
    error::IdentityError,
    grant::{Grant, open_session},
    identity::{Caller, Identity, Inner},
    opaque::{random, sha256},
    session::sign_in_limits,
    store as rows,
};

/// What a browser is given in place of a session.
pub struct FactorChallenge {
    /// 256 random bits; the database has their hash.
    pub cookie: Secret<String>,
    pub factors: Vec<FactorKind>,
    pub expires_in: Duration,
    /// What the browser asks a passkey (`{publicKey: …}`), where the person has one.
    pub passkey: Option<Json>,
}

/// The challenge that a cookie stands for, as far as it is known without being locked.
struct Waiting {
    challenge: Uuid,
    user: UserId,
    tenant: TenantId,
    email_hash: Vec<u8>,
    totp_sealed: Option<Vec<u8>>,
}

/// Opens a challenge for whoever has just given the right password. Their attempt is given back, and
/// the account's count of failures stays: else each right password would buy new guesses.
pub(crate) async fn challenge(
    inner: &Inner,
    login: &UserLogin,
    tenant: TenantId,
    factors: Vec<FactorKind>,
    caller: &Caller,
    limits: Vec<Limit>,
) -> Result<FactorChallenge, IdentityError> {
    let user = UserId::from_uuid(login.user_id);
    let (cookie, hash) = new_cookie()?;
    let site = inner.site().ok();
    let (asked, mut factors) = (factors.contains(&FactorKind::Passkey), factors);
    let author = Author::stranger(caller);
    let scope = AuthScope {
        tenant: Some(tenant),
        user: Some(user),
    };
    let passkey = inner
        .db
        .auth(scope, move |tx| {
            attempts::refund(tx, &limits)?;
            let ceremony = match site.filter(|_| asked) {
                Some(site) => Some(site.ask(store::credentials(tx, user)?)?),
                None => None,
            };
            let (options, state) = ceremony.map(|asked| (asked.options, asked.state)).unzip();
            let now = tx.now();
            let new = NewChallenge {
                challenge_id: uuid_at(tx.clock().as_ref()),
                user_id: user.uuid(),
                purpose: "sign_in",
                hash: Some(hash),
                session_id: None,
                tenant_id: Some(tenant.uuid()),
                ceremony: state,
                created_at: now,
                expires_at: now + CHALLENGE_LIFE,
            };
            store::challenge_insert(tx, &new)?;
            author.write(tx, Entry::new(Action::SignInChallenge, "user", user))?;
            Ok::<_, IdentityError>(options)
        })
        .await?;
    if passkey.is_none() {
        factors.retain(|kind| *kind != FactorKind::Passkey);
    }
    Ok(FactorChallenge {
        cookie,
        factors,
        expires_in: CHALLENGE_LIFE.to_std().unwrap_or_default(),
        passkey,
    })
}

/// 256 random bits in the text form that a cookie carries, and their hash.
pub(super) fn new_cookie() -> Result<(Secret<String>, Vec<u8>), IdentityError> {
    let cookie = Secret::new(URL_SAFE_NO_PAD.encode(random::<32>()?));
    let hash = sha256(cookie.expose().as_bytes());
    Ok((cookie, hash))
}

/// Nothing but 43 characters of base64url can be one of ours.
pub(super) fn cookie_hash(cookie: &str) -> Result<Vec<u8>, IdentityError> {
    let sound = URL_SAFE_NO_PAD
        .decode(cookie)
        .is_ok_and(|bytes| bytes.len() == 32);
    if sound {
        Ok(sha256(cookie.as_bytes()))
    } else {
        Err(IdentityError::ChallengeVoid)
    }
}

impl Inner {
    /// The factors with which the scope's person can answer.
    pub(crate) fn factors_offered(
        tx: &mut db::AuthTx<'_>,
        user: UserId,
    ) -> Result<Vec<FactorKind>, IdentityError> {
        store::offered(tx, user)
    }
}

impl Identity {
    /// Answers the challenge that `cookie` stands for, and opens the session that the password alone
    /// did not. Wrong answers count as failures of the account and of the network as well.
    pub async fn sign_in_factor(
        &self,
        cookie: &str,
        answer: FactorAnswer,
        caller: &Caller,
    ) -> Result<Grant, IdentityError> {
        let inner = &self.inner;
        let waiting = inner.waiting(cookie).await?;
        let (user, tenant) = (waiting.user, waiting.tenant);
        let mut limits = sign_in_limits(inner, inner.secrets()?, caller, &waiting.email_hash)?;
        if matches!(answer, FactorAnswer::Totp(_)) {
            limits.push(inner.guess_limit(user)?);
        }
        let proof = inner
            .proof(user, answer, waiting.totp_sealed.as_deref())
            .await?;
        let mut new = inner.new_session(user, tenant, caller).await?;
        new.factor_at = Some(new.created_at);
        let scope = AuthScope {
            tenant: Some(tenant),
            user: Some(user),
        };
        let caller = caller.clone();
        let opened = inner
            .db
            .auth(scope, move |tx| {
                let author = Author::stranger(&caller);
                let verdict = judge(tx, user, waiting.challenge, &limits, &proof, &author)?;
                if !matches!(verdict, Verdict::Right) {
                    return Ok(Err(verdict));
                }
                rows::tokens_forget(tx, user, tx.now() - SESSION_LIFE)?;
                Ok::<_, IdentityError>(Ok(open_session(tx, new, Action::SignIn, &caller)?))
            })
            .await?;
        match opened {
            Ok(opened) => inner.grant(opened, None).await,
            Err(verdict) => {
                verdict.into_result()?;
                Err(IdentityError::ChallengeVoid)
            }
        }
    }
}

impl Inner {
    async fn waiting(&self, cookie: &str) -> Result<Waiting, IdentityError> {
        let hash = cookie_hash(cookie)?;
        let found = self
            .db
            .auth(AuthScope::default(), move |tx| {
                tx.factor_challenge_by_hash(&hash)
            })
            .await?
            .ok_or(IdentityError::ChallengeVoid)?;
        let user = UserId::from_uuid(found.user_id);
        let scope = AuthScope {
            tenant: None,
            user: Some(user),
        };
        self.db
            .auth(scope, move |tx| {
                let now = tx.now();
                let row = store::challenge(tx, found.challenge_id)?
                    .filter(|row| row.is_open(now) && row.purpose == "sign_in");
                let tenant = row.and_then(|row| row.tenant_id);
                let (Some(tenant), Some(email_hash)) =
                    (tenant, store::active_email_hash(tx, user)?)
                else {
                    return Err(IdentityError::ChallengeVoid);
                };
                let totp = store::totp(tx, user)?.filter(|row| row.confirmed_at.is_some());
                Ok(Waiting {
                    challenge: found.challenge_id,
                    user,
                    tenant: TenantId::from_uuid(tenant),
                    email_hash,
                    totp_sealed: totp.map(|row| row.secret_sealed),
                })
            })
            .await
    }
}
