//! The refresh token's rotation (LR-06, LR-07, LM-06), by the exact rule of CX-02:
//!
//! * the newest token of the chain is exchanged for its successor;
//! * a token that was exchanged no more than 30 s ago, whose successor nobody has presented, gets that
//!   successor again: the answer was lost, or another tab of the same browser asked at the same time
//!   (so concurrent refreshes share one result, LR-08);
//! * if its successor has been presented meanwhile, and is itself the last one presented, it gets an
//!   access token alone: the browser's cookie jar has the newer one already;
//! * anything older or later is theft: every session of the person ends.
//!
//! All of it happens under the lock of the session's row, so no two daemons decide at once.

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthScope, AuthTx, RefreshTokenRef, SessionStanding, Unit};
use kernel::{Action, Actor, Event, SessionId, TenantId, UserId, uuid_at};
use uuid::Uuid;

use crate::{
    attempts::{self, AttemptScope, Limit},
    config::REFRESH_GRACE,
    error::IdentityError,
    grant::{COMMAND_LINE, Grant, Opened, WEB},
    identity::{Caller, Identity},
    opaque::RefreshToken,
    session::rate_limited,
    standing,
    store::{self, Held, NewRefreshToken, RefreshTokenRow},
    visits::visit_return,
};

/// Unknown tokens from one network in 15 minutes. Nobody guesses 256 bits; this spares the database.
const UNKNOWN_PER_ADDRESS: u32 = 120;

/// What to do with a presented token, judged by its row and its successor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Rotate,
    SendAgain,
    AccessOnly,
    Theft,
}

/// `successor` is the presented token's, `heir` that one's own.
fn judge(
    presented: &RefreshTokenRow,
    successor: Option<&RefreshTokenRow>,
    heir: Option<&RefreshTokenRow>,
    now: DateTime<Utc>,
) -> Verdict {
    let Some(used_at) = presented.used_at else {
        return Verdict::Rotate;
    };
    if now - used_at > REFRESH_GRACE {
        return Verdict::Theft;
    }
    match successor {
        Some(successor) if successor.presented_at.is_none() => Verdict::SendAgain,
        Some(_) if heir.is_some_and(|heir| heir.presented_at.is_none()) => Verdict::AccessOnly,
        _ => Verdict::Theft,
    }
}

enum Outcome {
    Alive(Box<Opened>),
    Theft,
}

impl Identity {
    /// Exchanges a browser's refresh token for an access token and, mostly, its successor.
    pub async fn session_refresh(
        &self,
        presented: &str,
        caller: &Caller,
    ) -> Result<Grant, IdentityError> {
        self.refresh_of(WEB, presented, caller).await
    }

    /// The same for a program's token. Neither is taken where the other belongs.
    pub async fn client_refresh(
        &self,
        presented: &str,
        caller: &Caller,
    ) -> Result<Grant, IdentityError> {
        self.refresh_of(COMMAND_LINE, presented, caller).await
    }

    async fn refresh_of(
        &self,
        client: &'static str,
        presented: &str,
        caller: &Caller,
    ) -> Result<Grant, IdentityError> {
        let inner = &self.inner;
        let Some(token) = RefreshToken::parse(presented) else {
            return Err(IdentityError::SessionRevoked);
        };
        inner.keys()?;
        let found = self.look_up(&token, caller).await?;
        let user = UserId::from_uuid(found.user_id);
        let scope = AuthScope {
            tenant: Some(TenantId::from_uuid(found.tenant_id)),
            user: Some(user),
        };
        let (inactivity, caller) = (inner.config.inactivity(), caller.clone());
        let outcome = inner
            .db
            .auth(scope, move |tx| {
                let held = store::session_lock(tx, SessionId::from_uuid(found.session_id))?
                    .filter(|held| held.client == client)
                    .ok_or(IdentityError::SessionRevoked)?;
                exchange(tx, (&found, held), &token, inactivity, &caller)
            })
            .await?;
        match outcome {
            Outcome::Alive(opened) => inner.grant(*opened, None).await,
            Outcome::Theft => {
                inner.standings.forget_user(user);
                log::warn!(REVKEEP_ACTION = "session_theft"; "a used refresh token came back: every session of {user} was ended");
                Err(IdentityError::SessionRevoked)
            }
        }
    }

    pub(crate) async fn look_up(
        &self,
        token: &RefreshToken,
        caller: &Caller,
    ) -> Result<RefreshTokenRef, IdentityError> {
        let key = &self.inner.secrets()?.index_key;
        let limit = Limit::new(
            key,
            AttemptScope::RefreshAddress,
            caller.address,
            b"",
            UNKNOWN_PER_ADDRESS,
        )?;
        let hash = token.hash();
        let (wait, found) = self
            .inner
            .db
            .auth(AuthScope::default(), move |tx| {
                let found = tx.refresh_token_by_hash(&hash)?;
                let wait = match &found {
                    Some(_) => None,
                    None => attempts::charge(tx, &[limit])?,
                };
                Ok::<_, IdentityError>((wait, found))
            })
            .await?;
        match (wait, found) {
            (_, Some(found)) => Ok(found),
            (Some(wait), None) => Err(rate_limited(wait)),
            (None, None) => Err(IdentityError::SessionRevoked),
        }
    }
}

/// One unit of work under the session's lock. A theft is an outcome, not an error: what it ends must
/// be committed.
fn exchange(
    tx: &mut AuthTx<'_>,
    (found, held): (&RefreshTokenRef, Held),
    token: &RefreshToken,
    inactivity: chrono::TimeDelta,
    caller: &Caller,
) -> Result<Outcome, IdentityError> {
    let session = SessionId::from_uuid(found.session_id);
    let mut standing = standing_of(tx, session)?;
    standing::check_alive(&standing, inactivity, tx.now())?;
    if standing::visit_is_over(&standing, tx.now()) {
        visit_return(tx, session, &standing)?;
        standing = standing_of(tx, session)?;
    }
    let row = store::token(tx, found.token_id)?.ok_or(IdentityError::SessionRevoked)?;
    let successor = follow(tx, row.successor_id)?;
    let heir = follow(tx, successor.as_ref().and_then(|row| row.successor_id))?;
    let actor = Actor::Human {
        user: UserId::from_uuid(found.user_id),
        session,
    };
    let refresh = match judge(&row, successor.as_ref(), heir.as_ref(), tx.now()) {
        Verdict::Theft => return end_everything(tx, &actor, session, caller),
        Verdict::AccessOnly => None,
        Verdict::SendAgain => {
            let sealed = row.successor_sealed.ok_or(IdentityError::SessionRevoked)?;
            Some(token.open_successor(&sealed)?)
        }
        Verdict::Rotate => Some(rotate(tx, found, token, &actor, caller)?),
    };
    store::session_touch(tx, session)?;
    let rows = store::view_of(tx, standing, held)?;
    Ok(Outcome::Alive(Box::new(Opened {
        session,
        rows,
        refresh,
    })))
}

fn standing_of(tx: &mut AuthTx<'_>, session: SessionId) -> Result<SessionStanding, IdentityError> {
    tx.session_standing(session.uuid())?
        .ok_or(IdentityError::SessionRevoked)
}

fn follow(tx: &mut AuthTx<'_>, id: Option<Uuid>) -> Result<Option<RefreshTokenRow>, IdentityError> {
    match id {
        Some(id) => store::token(tx, id),
        None => Ok(None),
    }
}

fn rotate(
    tx: &mut AuthTx<'_>,
    found: &RefreshTokenRef,
    token: &RefreshToken,
    actor: &Actor,
    caller: &Caller,
) -> Result<RefreshToken, IdentityError> {
    let next = RefreshToken::generate()?;
    let row = NewRefreshToken {
        token_id: uuid_at(tx.clock().as_ref()),
        session_id: found.session_id,
        user_id: found.user_id,
        hash: next.hash(),
        issued_at: tx.now(),
    };
    store::token_use(
        tx,
        found.token_id,
        row.token_id,
        token.seal_successor(&next)?,
    )?;
    store::token_insert(tx, &row)?;
    // Without its origin, so that running sessions go on while the secrets backend is sealed.
    Entry::new(
        Action::SessionRefresh,
        "session",
        SessionId::from_uuid(found.session_id),
    )
    .write_auth(tx, actor, None, caller.request)?;
    Ok(next)
}

fn end_everything(
    tx: &mut AuthTx<'_>,
    actor: &Actor,
    session: SessionId,
    caller: &Caller,
) -> Result<Outcome, IdentityError> {
    let Actor::Human { user, .. } = actor else {
        return Err(IdentityError::SessionRevoked);
    };
    store::sessions_end_all(tx, *user, "theft")?;
    // Without its origin as well: ending the sessions must never wait for an audit key.
    Entry::new(Action::SessionTheft, "session", session)
        .refused("refresh_token_reused")
        .write_auth(tx, actor, None, caller.request)?;
    jobs::publish(tx, &Event::SessionTheft { user: *user })?;
    db::hint(tx, "sessions")?;
    Ok(Outcome::Theft)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use kernel::{Clock, ManualClock};

    use super::*;

    fn row(used: Option<DateTime<Utc>>, presented: Option<DateTime<Utc>>) -> RefreshTokenRow {
        RefreshTokenRow {
            used_at: used,
            successor_id: used.map(|_| Uuid::from_u128(2)),
            successor_sealed: None,
            presented_at: presented,
        }
    }

    /// The whole table of CX-02: how old the exchange is, whether the successor was presented,
    /// whether its own successor was.
    #[test]
    fn every_case_of_the_rule() {
        let now = ManualClock::at(1_800_000_000).now();
        let (fresh, seen) = (row(None, None), row(Some(now), Some(now)));
        assert_eq!(judge(&fresh, None, None, now), Verdict::Rotate);
        for (age, lost, tabs) in [
            (0, Verdict::SendAgain, Verdict::AccessOnly),
            (30, Verdict::SendAgain, Verdict::AccessOnly),
            (31, Verdict::Theft, Verdict::Theft),
            (86_400, Verdict::Theft, Verdict::Theft),
        ] {
            let then = now - TimeDelta::seconds(age);
            let used = row(Some(then), Some(then));
            assert_eq!(
                judge(&used, Some(&fresh), None, now),
                lost,
                "answer lost, {age} s"
            );
            assert_eq!(
                judge(&used, Some(&seen), Some(&fresh), now),
                tabs,
                "tab race, {age} s"
            );
            assert_eq!(
                judge(&used, Some(&seen), Some(&seen), now),
                Verdict::Theft,
                "older, {age} s"
            );
        }
    }

    #[test]
    fn a_used_token_whose_successor_is_not_there_is_theft() {
        let now = ManualClock::at(1_800_000_000).now();
        let used = row(Some(now), Some(now));
        assert_eq!(judge(&used, None, None, now), Verdict::Theft);
        assert_eq!(judge(&used, Some(&used), None, now), Verdict::Theft);
    }
}
