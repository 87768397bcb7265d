//! One answer to one challenge, judged under the challenge's lock and against the account's counters.

use std::sync::Arc;

use audit::Entry;
use chrono::TimeDelta;
use db::{AuthTx, Unit};
use kernel::{Action, Actor, Event, Principal, RequestId, Secret, UserId, principal::Origin};
use serde_json::Value as Json;
use uuid::Uuid;
use vault::{Binding, Sealed};

use webauthn_rs_core::proto::PublicKeyCredential;

use super::{FactorKind, GUESSES_PER_ACCOUNT, MOST_FAILURES, passkey::Site, recovery, store, totp};
use crate::{
    attempts::{self, AttemptScope, Limit},
    error::IdentityError,
    identity::{Caller, Inner},
    session::rate_limited,
};

/// What a person answers a challenge with.
pub enum FactorAnswer {
    Totp(Secret<String>),
    Recovery(Secret<String>),
    /// What the browser answers, as JSON.
    Passkey(Json),
}

/// An answer with what it is judged by, fetched before the transaction begins.
pub(super) enum Proof {
    Totp {
        typed: Secret<String>,
        /// `None`: the person has no app.
        secret: Option<Secret<Vec<u8>>>,
    },
    Recovery {
        hash: Vec<u8>,
    },
    Passkey {
        site: Arc<Site>,
        answer: Box<PublicKeyCredential>,
    },
}

impl Proof {
    pub(super) const fn kind(&self) -> FactorKind {
        match self {
            Self::Totp { .. } => FactorKind::Totp,
            Self::Recovery { .. } => FactorKind::Recovery,
            Self::Passkey { .. } => FactorKind::Passkey,
        }
    }
}

/// What became of an answer. A refusal is no error: what it counts must be committed.
pub(super) enum Verdict {
    Right,
    Wrong { remaining: i32 },
    Void,
    Wait(TimeDelta),
}

impl Verdict {
    /// The error that a refusal is told as.
    pub(super) fn into_result(self) -> Result<(), IdentityError> {
        match self {
            Self::Right => Ok(()),
            Self::Wrong { remaining } => Err(IdentityError::FactorInvalid { remaining }),
            Self::Void => Err(IdentityError::ChallengeVoid),
            Self::Wait(wait) => Err(rate_limited(wait)),
        }
    }
}

/// Who answers from where, for the audit log.
pub(super) struct Author {
    pub(super) actor: Actor,
    pub(super) origin: Option<Origin>,
    pub(super) request: Option<RequestId>,
}

impl Author {
    /// Somebody who is not signed in yet.
    pub(super) fn stranger(caller: &Caller) -> Self {
        Self {
            actor: Actor::System { job: None },
            origin: Some(caller.origin()),
            request: caller.request,
        }
    }

    /// The person of the session.
    pub(super) fn of(who: &Principal) -> Self {
        Self {
            actor: who.actor.clone(),
            origin: who.origin.clone(),
            request: who.request,
        }
    }

    pub(super) fn write(&self, tx: &mut AuthTx<'_>, entry: Entry) -> Result<(), IdentityError> {
        Ok(entry.write_auth(tx, &self.actor, self.origin.as_ref(), self.request)?)
    }
}

impl Inner {
    /// Opens what `answer` is judged by. A sealed secrets backend is an error here, before anything
    /// was counted.
    pub(super) async fn proof(
        &self,
        user: UserId,
        answer: FactorAnswer,
        sealed: Option<&[u8]>,
    ) -> Result<Proof, IdentityError> {
        Ok(match answer {
            FactorAnswer::Totp(typed) => Proof::Totp {
                typed,
                secret: match sealed {
                    Some(sealed) => Some(self.open_totp(user, sealed).await?),
                    None => None,
                },
            },
            FactorAnswer::Recovery(typed) => Proof::Recovery {
                hash: recovery::hash(&self.secrets()?.index_key, user, typed.expose())?,
            },
            FactorAnswer::Passkey(answer) => Proof::Passkey {
                site: self.site()?,
                answer: serde_json::from_value(answer)
                    .map_err(|_| IdentityError::PasskeyInvalid)?,
            },
        })
    }

    pub(super) async fn open_totp(
        &self,
        user: UserId,
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, IdentityError> {
        let owner = user.to_string();
        let sealed = Sealed::parse(sealed)?;
        Ok(self
            .vault
            .open(kernel::TenantId::PLATFORM, &totp_binding(&owner), &sealed)
            .await?)
    }

    /// The counter of the account's codes.
    pub(super) fn guess_limit(&self, user: UserId) -> Result<Limit, IdentityError> {
        Limit::anywhere(
            &self.secrets()?.index_key,
            AttemptScope::FactorAccount,
            user.uuid().as_bytes(),
            GUESSES_PER_ACCOUNT,
        )
    }
}

/// The place of a person's secret; `owner` is the person.
pub(crate) fn totp_binding(owner: &str) -> Binding<'_> {
    Binding {
        provider: "identity",
        owner,
        column: "totp_factors.secret_sealed",
    }
}

/// Judges `proof` as the answer to the challenge. `limits` are charged before and settled after, all
/// under the challenge's lock, so a hundred answers at once are judged one by one.
pub(super) fn judge(
    tx: &mut AuthTx<'_>,
    user: UserId,
    challenge: Uuid,
    limits: &[Limit],
    proof: &Proof,
    author: &Author,
) -> Result<Verdict, IdentityError> {
    let now = tx.now();
    let open = store::challenge_lock(tx, challenge)?.filter(|row| row.is_open(now));
    let (Some(open), Some(_)) = (open, store::active_email_hash(tx, user)?) else {
        return Ok(Verdict::Void);
    };
    if let Some(wait) = attempts::charge(tx, limits)? {
        return Ok(Verdict::Wait(wait));
    }
    if holds(tx, user, proof, open.ceremony)? {
        attempts::settle_success(tx, limits)?;
        store::challenge_end(tx, challenge)?;
        if matches!(proof, Proof::Recovery { .. }) {
            author.write(tx, Entry::new(Action::RecoveryCodeUse, "user", user))?;
            let remaining = store::recovery_state(tx, user)?.map_or(0, |state| state.remaining);
            jobs::publish(tx, &Event::RecoveryCodeUsed { user, remaining })?;
        }
        return Ok(Verdict::Right);
    }
    let locked = attempts::settle_failure(tx, limits)?;
    let remaining = MOST_FAILURES - store::challenge_fail(tx, challenge)?;
    let code = match (locked.is_empty(), remaining > 0) {
        (false, _) => "locked_out",
        (true, true) => "factor_invalid",
        (true, false) => "challenge_void",
    };
    let refused = Entry::new(Action::FactorRefuse, "user", user)
        .refused(code)
        .after(serde_json::json!({ "factor": proof.kind().name() }));
    author.write(tx, refused)?;
    Ok(if remaining > 0 {
        Verdict::Wrong { remaining }
    } else {
        Verdict::Void
    })
}

/// Whether the answer is right; uses it up when it is.
fn holds(
    tx: &mut AuthTx<'_>,
    user: UserId,
    proof: &Proof,
    ceremony: Option<Json>,
) -> Result<bool, IdentityError> {
    match proof {
        Proof::Totp { typed, secret } => {
            let Some(secret) = secret else {
                return Ok(false);
            };
            let now = tx.now();
            for step in totp::matching_steps(secret, typed.expose(), now)? {
                if store::totp_use(tx, user, step, totp::newest_step(now))? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Proof::Recovery { hash } => store::recovery_use(tx, user, hash),
        Proof::Passkey { site, answer } => {
            let Some(state) = ceremony else {
                return Ok(false);
            };
            let known = store::credentials_locked(tx, user)?;
            let Some(key) = site.proven(state, answer, user, &known)? else {
                return Ok(false);
            };
            store::credential_used(tx, user, &key)?;
            Ok(true)
        }
    }
}
