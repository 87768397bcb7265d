//! The rows of factors and challenges. All are the scope's person's own.

mod challenges;
mod passkeys;
mod recovery;
mod totp;

use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, update};
use kernel::{SessionId, UserId};
use schema::{sessions, users};

use super::FactorKind;
use crate::error::IdentityError;

pub(super) use challenges::{
    NewChallenge, challenge, challenge_end, challenge_fail, challenge_insert, challenge_lock,
    challenge_of_session, challenges_end_all, challenges_end_of_session,
};
pub(super) use passkeys::{
    NewPasskey, credential_used, credentials, credentials_locked, passkey_forget, passkey_insert,
    passkey_rename, passkey_sign_in_insert, passkey_sign_in_take, passkeys_count, passkeys_forget,
    passkeys_list,
};
pub(super) use recovery::{recovery_forget, recovery_insert, recovery_state, recovery_use};
pub(super) use totp::{totp, totp_begin, totp_confirm, totp_forget, totp_use};

type Outcome<T> = Result<T, IdentityError>;

/// Confirmed factors of the person, in the order in which they are offered.
pub(super) fn offered(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Vec<FactorKind>> {
    let mut kinds = Vec::new();
    if totp(tx, user)?.is_some_and(|row| row.confirmed_at.is_some()) {
        kinds.push(FactorKind::Totp);
    }
    if passkeys_count(tx, user)? > 0 {
        kinds.push(FactorKind::Passkey);
    }
    let recovery = recovery_state(tx, user)?;
    if !kinds.is_empty() && recovery.is_some_and(|state| state.remaining > 0) {
        kinds.push(FactorKind::Recovery);
    }
    Ok(kinds)
}

pub(super) fn sealed_email_and_name(
    tx: &mut AuthTx<'_>,
    user: UserId,
) -> Outcome<(Vec<u8>, String)> {
    Ok(users::table
        .find(user.uuid())
        .select((users::email_sealed, users::name))
        .first(tx.conn())?)
}

/// The keyed hash of the person's address, while the account is active.
pub(super) fn active_email_hash(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Option<Vec<u8>>> {
    Ok(users::table
        .find(user.uuid())
        .filter(users::state.eq("active"))
        .select(users::email_hash)
        .first(tx.conn())
        .optional()?)
}

/// Address (hashed and sealed) and password hash of the person.
pub(super) fn account(
    tx: &mut AuthTx<'_>,
    user: UserId,
) -> Outcome<(Vec<u8>, Vec<u8>, Option<String>)> {
    Ok(users::table
        .find(user.uuid())
        .select((users::email_hash, users::email_sealed, users::password_hash))
        .first(tx.conn())?)
}

pub(super) fn session_password_at(
    tx: &mut AuthTx<'_>,
    session: SessionId,
) -> Outcome<Option<DateTime<Utc>>> {
    Ok(sessions::table
        .find(session.uuid())
        .select(sessions::password_at)
        .first::<Option<DateTime<Utc>>>(tx.conn())
        .optional()?
        .flatten())
}

pub(super) fn session_prove_password(tx: &mut AuthTx<'_>, session: SessionId) -> Outcome<()> {
    let now = tx.now();
    update(sessions::table.find(session.uuid()))
        .set(sessions::password_at.eq(now))
        .execute(tx.conn())?;
    Ok(())
}

pub(super) fn session_prove_factor(tx: &mut AuthTx<'_>, session: SessionId) -> Outcome<()> {
    let now = tx.now();
    update(sessions::table.find(session.uuid()))
        .set(sessions::factor_at.eq(now))
        .execute(tx.conn())?;
    Ok(())
}

/// Ends the person's sessions but this one.
pub(super) fn sessions_end_others(
    tx: &mut AuthTx<'_>,
    user: UserId,
    but: SessionId,
    reason: &str,
) -> Outcome<usize> {
    let now = tx.now();
    let others = sessions::table
        .filter(sessions::user_id.eq(user.uuid()))
        .filter(sessions::session_id.ne(but.uuid()))
        .filter(sessions::ended_at.is_null());
    Ok(update(others)
        .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason)))
        .execute(tx.conn())?)
}
