//! Proving a factor again in a session that is open, for what needs a fresh one. What was proven is
//! written on the session's row: it opens nothing in another session, and ends with this one.

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthScope, Unit};
use kernel::{Action, Principal, uuid_at};
use serde_json::Value as Json;

use super::{
    CHALLENGE_LIFE, FRESH, FactorAnswer, FactorKind,
    proof::{Author, Verdict, judge},
    store::{self, NewChallenge},
};
use crate::{error::IdentityError, identity::Identity, session::human};

const PURPOSE: &str = "step_up";

/// What a step-up can be answered with.
pub struct StepUp {
    pub factors: Vec<FactorKind>,
    /// What the browser asks a passkey (`{publicKey: …}`), where the person has one.
    pub passkey: Option<Json>,
}

impl Identity {
    /// Opens a step-up of the session; one that it had begun before is void.
    pub async fn step_up_begin(&self, who: &Principal) -> Result<StepUp, IdentityError> {
        let (user, session) = human(who)?;
        let scope = AuthScope {
            tenant: Some(who.tenant),
            user: Some(user),
        };
        let site = self.inner.site().ok();
        self.inner
            .db
            .auth(scope, move |tx| {
                // A recovery code replaces a lost factor at sign-in; it opens no door by itself.
                let mut factors = store::offered(tx, user)?;
                factors.retain(|kind| *kind != FactorKind::Recovery);
                if factors.is_empty() {
                    return Err(IdentityError::FactorEnrolmentRequired);
                }
                let asked = factors.contains(&FactorKind::Passkey);
                let ceremony = match site.filter(|_| asked) {
                    Some(site) => Some(site.ask(store::credentials(tx, user)?)?),
                    None => None,
                };
                let (passkey, state) = ceremony.map(|asked| (asked.options, asked.state)).unzip();
                store::challenges_end_of_session(tx, session, PURPOSE)?;
                let now = tx.now();
                let new = NewChallenge {
                    challenge_id: uuid_at(tx.clock().as_ref()),
                    user_id: user.uuid(),
                    purpose: PURPOSE,
                    hash: None,
                    session_id: Some(session.uuid()),
                    tenant_id: None,
                    ceremony: state,
                    created_at: now,
                    expires_at: now + CHALLENGE_LIFE,
                };
                store::challenge_insert(tx, &new)?;
                Ok(StepUp { factors, passkey })
            })
            .await
    }

    /// Answers the session's step-up. Answers until when the proof counts as fresh.
    pub async fn step_up(
        &self,
        who: &Principal,
        answer: FactorAnswer,
    ) -> Result<DateTime<Utc>, IdentityError> {
        let inner = &self.inner;
        let (user, session) = human(who)?;
        if matches!(answer, FactorAnswer::Recovery(_)) {
            return Err(IdentityError::ChallengeVoid);
        }
        let scope = AuthScope {
            tenant: Some(who.tenant),
            user: Some(user),
        };
        let (challenge, sealed) = inner
            .db
            .auth(scope, move |tx| {
                let now = tx.now();
                let row = store::challenge_of_session(tx, session, PURPOSE)?
                    .filter(|row| row.is_open(now))
                    .ok_or(IdentityError::ChallengeVoid)?;
                let totp = store::totp(tx, user)?.filter(|row| row.confirmed_at.is_some());
                Ok::<_, IdentityError>((row.challenge_id, totp.map(|row| row.secret_sealed)))
            })
            .await?;
        let mut limits = Vec::new();
        if matches!(answer, FactorAnswer::Totp(_)) {
            limits.push(inner.guess_limit(user)?);
        }
        let proof = inner.proof(user, answer, sealed.as_deref()).await?;
        let author = Author::of(who);
        let (verdict, now) = inner
            .db
            .auth(scope, move |tx| {
                let verdict = judge(tx, user, challenge, &limits, &proof, &author)?;
                if matches!(verdict, Verdict::Right) {
                    store::session_prove_factor(tx, session)?;
                    let proven = Entry::new(Action::StepUp, "session", session)
                        .after(serde_json::json!({ "factor": proof.kind().name() }));
                    author.write(tx, proven)?;
                    db::hint(tx, "sessions")?;
                }
                Ok::<_, IdentityError>((verdict, tx.now()))
            })
            .await?;
        verdict.into_result()?;
        inner.standings.forget(session);
        Ok(now + FRESH)
    }
}
