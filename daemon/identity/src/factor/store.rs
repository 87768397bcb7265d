//! The rows of factors and challenges. All are the scope's person's own.

use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable,
    RunQueryDsl, Selectable, SelectableHelper, delete, insert_into, update,
};
use kernel::{PasskeyId, SessionId, UserId};
use schema::{
    factor_challenges, passkey_sign_ins, passkeys, recovery_codes, sessions, totp_factors, users,
};
use serde_json::Value as Json;
use uuid::Uuid;

use webauthn_rs_core::proto::Credential;

use super::{CHALLENGE_LIFE, FactorKind, MOST_FAILURES, RecoveryState, enrol::OwnPasskey};
use crate::error::IdentityError;

type Outcome<T> = Result<T, IdentityError>;

#[derive(Queryable, Selectable)]
#[diesel(table_name = totp_factors)]
pub(super) struct TotpRow {
    pub(super) secret_sealed: Vec<u8>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) confirmed_at: Option<DateTime<Utc>>,
}

#[derive(Insertable)]
#[diesel(table_name = factor_challenges)]
pub(super) struct NewChallenge {
    pub(super) challenge_id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) purpose: &'static str,
    pub(super) hash: Option<Vec<u8>>,
    pub(super) session_id: Option<Uuid>,
    pub(super) tenant_id: Option<Uuid>,
    pub(super) ceremony: Option<Json>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = factor_challenges)]
pub(super) struct ChallengeRow {
    pub(super) challenge_id: Uuid,
    pub(super) purpose: String,
    pub(super) tenant_id: Option<Uuid>,
    pub(super) failures: i32,
    pub(super) ceremony: Option<Json>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) ended_at: Option<DateTime<Utc>>,
}

#[derive(Insertable)]
#[diesel(table_name = passkeys)]
pub(super) struct NewPasskey {
    passkey_id: Uuid,
    user_id: Uuid,
    credential_id: Vec<u8>,
    credential: Json,
    name: String,
    created_at: DateTime<Utc>,
}

impl NewPasskey {
    pub(super) fn of(
        id: Uuid,
        user: UserId,
        key: &Credential,
        name: String,
        now: DateTime<Utc>,
    ) -> Outcome<Self> {
        Ok(Self {
            passkey_id: id,
            user_id: user.uuid(),
            credential_id: key.cred_id.as_slice().to_vec(),
            credential: to_json(key)?,
            name,
            created_at: now,
        })
    }
}

impl From<NewPasskey> for OwnPasskey {
    fn from(new: NewPasskey) -> Self {
        Self {
            id: PasskeyId::from_uuid(new.passkey_id),
            name: new.name,
            created_at: new.created_at,
            last_used_at: None,
        }
    }
}

type PasskeyRow = (Uuid, String, DateTime<Utc>, Option<DateTime<Utc>>);

fn own_passkey((id, name, created_at, last_used_at): PasskeyRow) -> OwnPasskey {
    OwnPasskey {
        id: PasskeyId::from_uuid(id),
        name,
        created_at,
        last_used_at,
    }
}

fn to_json(key: &Credential) -> Outcome<Json> {
    serde_json::to_value(key).map_err(|_| IdentityError::Crypto("a passkey"))
}

impl ChallengeRow {
    pub(super) fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.ended_at.is_none() && self.expires_at > now && self.failures < MOST_FAILURES
    }
}

pub(super) fn totp(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Option<TotpRow>> {
    Ok(totp_factors::table
        .find(user.uuid())
        .select(TotpRow::as_select())
        .first(tx.conn())
        .optional()?)
}

/// A secret that waits for its first code; one that waited before is void.
pub(super) fn totp_begin(tx: &mut AuthTx<'_>, user: UserId, sealed: Vec<u8>) -> Outcome<()> {
    let now = tx.now();
    totp_forget(tx, user)?;
    insert_into(totp_factors::table)
        .values((
            totp_factors::user_id.eq(user.uuid()),
            totp_factors::secret_sealed.eq(sealed),
            totp_factors::created_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// `false` when the secret is not the one that was read any more.
pub(super) fn totp_confirm(
    tx: &mut AuthTx<'_>,
    user: UserId,
    sealed: &[u8],
    step: i64,
) -> Outcome<bool> {
    let now = tx.now();
    let waiting = totp_factors::table
        .find(user.uuid())
        .filter(totp_factors::confirmed_at.is_null())
        .filter(totp_factors::secret_sealed.eq(sealed));
    Ok(update(waiting)
        .set((
            totp_factors::confirmed_at.eq(now),
            totp_factors::last_step.eq(step),
        ))
        .execute(tx.conn())?
        == 1)
}

/// Uses a step up. Of two who present the same code at once, one succeeds.
pub(super) fn totp_use(tx: &mut AuthTx<'_>, user: UserId, step: i64) -> Outcome<bool> {
    let unused = totp_factors::table
        .find(user.uuid())
        .filter(totp_factors::confirmed_at.is_not_null())
        .filter(
            totp_factors::last_step
                .is_null()
                .or(totp_factors::last_step.lt(step)),
        );
    Ok(update(unused)
        .set(totp_factors::last_step.eq(step))
        .execute(tx.conn())?
        == 1)
}

pub(super) fn totp_forget(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<usize> {
    Ok(delete(totp_factors::table.find(user.uuid())).execute(tx.conn())?)
}

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

pub(super) fn passkeys_count(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<i64> {
    Ok(passkeys::table
        .filter(passkeys::user_id.eq(user.uuid()))
        .count()
        .get_result(tx.conn())?)
}

pub(super) fn passkey_insert(tx: &mut AuthTx<'_>, new: &NewPasskey) -> Outcome<()> {
    insert_into(passkeys::table)
        .values(new)
        .execute(tx.conn())?;
    Ok(())
}

pub(super) fn passkeys_list(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Vec<OwnPasskey>> {
    let rows: Vec<PasskeyRow> = passkeys::table
        .filter(passkeys::user_id.eq(user.uuid()))
        .order((passkeys::created_at, passkeys::passkey_id))
        .select((
            passkeys::passkey_id,
            passkeys::name,
            passkeys::created_at,
            passkeys::last_used_at,
        ))
        .load(tx.conn())?;
    Ok(rows.into_iter().map(own_passkey).collect())
}

/// The person's credentials, for a question.
pub(super) fn credentials(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Vec<Credential>> {
    let rows = passkeys::table
        .filter(passkeys::user_id.eq(user.uuid()))
        .select(passkeys::credential)
        .load(tx.conn())?;
    read_all(rows)
}

/// The same, locked: counters are compared and raised by one at a time.
pub(super) fn credentials_locked(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Vec<Credential>> {
    let rows = passkeys::table
        .filter(passkeys::user_id.eq(user.uuid()))
        .order(passkeys::passkey_id)
        .select(passkeys::credential)
        .for_update()
        .load(tx.conn())?;
    read_all(rows)
}

fn read_all(rows: Vec<Json>) -> Outcome<Vec<Credential>> {
    rows.into_iter()
        .map(|row| {
            serde_json::from_value(row).map_err(|_| IdentityError::Crypto("a stored passkey"))
        })
        .collect()
}

pub(super) fn credential_used(tx: &mut AuthTx<'_>, user: UserId, key: &Credential) -> Outcome<()> {
    let now = tx.now();
    update(
        passkeys::table
            .filter(passkeys::user_id.eq(user.uuid()))
            .filter(passkeys::credential_id.eq(key.cred_id.as_slice())),
    )
    .set((
        passkeys::credential.eq(to_json(key)?),
        passkeys::last_used_at.eq(now),
    ))
    .execute(tx.conn())?;
    Ok(())
}

pub(super) fn passkey_rename(
    tx: &mut AuthTx<'_>,
    id: PasskeyId,
    name: &str,
) -> Outcome<Option<OwnPasskey>> {
    let row: Option<PasskeyRow> = update(passkeys::table.find(id.uuid()))
        .set(passkeys::name.eq(name))
        .returning((
            passkeys::passkey_id,
            passkeys::name,
            passkeys::created_at,
            passkeys::last_used_at,
        ))
        .get_result(tx.conn())
        .optional()?;
    Ok(row.map(own_passkey))
}

pub(super) fn passkey_forget(tx: &mut AuthTx<'_>, id: PasskeyId) -> Outcome<bool> {
    Ok(delete(passkeys::table.find(id.uuid())).execute(tx.conn())? == 1)
}

/// Keeps the question that a cookie stands for; those that ran out are forgotten.
pub(super) fn passkey_sign_in_insert(
    tx: &mut AuthTx<'_>,
    hash: &[u8],
    ceremony: &Json,
) -> Outcome<()> {
    let now = tx.now();
    delete(passkey_sign_ins::table.filter(passkey_sign_ins::expires_at.lt(now)))
        .execute(tx.conn())?;
    insert_into(passkey_sign_ins::table)
        .values((
            passkey_sign_ins::hash.eq(hash),
            passkey_sign_ins::ceremony.eq(ceremony),
            passkey_sign_ins::created_at.eq(now),
            passkey_sign_ins::expires_at.eq(now + CHALLENGE_LIFE),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// Takes the question away, so that it is answered once.
pub(super) fn passkey_sign_in_take(tx: &mut AuthTx<'_>, hash: &[u8]) -> Outcome<Option<Json>> {
    let now = tx.now();
    let taken: Option<(Json, DateTime<Utc>)> = delete(passkey_sign_ins::table.find(hash))
        .returning((passkey_sign_ins::ceremony, passkey_sign_ins::expires_at))
        .get_result(tx.conn())
        .optional()?;
    Ok(taken
        .filter(|(_, expires)| *expires > now)
        .map(|(ceremony, _)| ceremony))
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

pub(super) fn passkeys_forget(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<usize> {
    Ok(delete(passkeys::table.filter(passkeys::user_id.eq(user.uuid()))).execute(tx.conn())?)
}

pub(super) fn recovery_insert(tx: &mut AuthTx<'_>, user: UserId, hash: &[u8]) -> Outcome<()> {
    let now = tx.now();
    insert_into(recovery_codes::table)
        .values((
            recovery_codes::user_id.eq(user.uuid()),
            recovery_codes::hash.eq(hash),
            recovery_codes::created_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

pub(super) fn recovery_use(tx: &mut AuthTx<'_>, user: UserId, hash: &[u8]) -> Outcome<bool> {
    let now = tx.now();
    let unused = recovery_codes::table
        .find((user.uuid(), hash))
        .filter(recovery_codes::used_at.is_null());
    Ok(update(unused)
        .set(recovery_codes::used_at.eq(now))
        .execute(tx.conn())?
        == 1)
}

pub(super) fn recovery_forget(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<()> {
    delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user.uuid())))
        .execute(tx.conn())?;
    Ok(())
}

pub(super) fn recovery_state(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Option<RecoveryState>> {
    let rows: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)> = recovery_codes::table
        .filter(recovery_codes::user_id.eq(user.uuid()))
        .select((recovery_codes::created_at, recovery_codes::used_at))
        .load(tx.conn())?;
    let remaining = rows.iter().filter(|(_, used)| used.is_none()).count();
    Ok(rows.first().map(|(created_at, _)| RecoveryState {
        remaining: i64::try_from(remaining).unwrap_or(i64::MAX),
        total: i64::try_from(rows.len()).unwrap_or(i64::MAX),
        created_at: *created_at,
    }))
}

/// Stores the challenge; those of the person that ran out a day ago are forgotten.
pub(super) fn challenge_insert(tx: &mut AuthTx<'_>, challenge: &NewChallenge) -> Outcome<()> {
    let old = tx.now() - chrono::TimeDelta::days(1);
    delete(
        factor_challenges::table
            .filter(factor_challenges::user_id.eq(challenge.user_id))
            .filter(factor_challenges::expires_at.lt(old)),
    )
    .execute(tx.conn())?;
    insert_into(factor_challenges::table)
        .values(challenge)
        .execute(tx.conn())?;
    Ok(())
}

pub(super) fn challenge(tx: &mut AuthTx<'_>, id: Uuid) -> Outcome<Option<ChallengeRow>> {
    Ok(factor_challenges::table
        .find(id)
        .select(ChallengeRow::as_select())
        .first(tx.conn())
        .optional()?)
}

/// Locks it: the answers to one challenge are judged one after the other.
pub(super) fn challenge_lock(tx: &mut AuthTx<'_>, id: Uuid) -> Outcome<Option<ChallengeRow>> {
    Ok(factor_challenges::table
        .find(id)
        .select(ChallengeRow::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

/// The newest challenge of a session for `purpose`.
pub(super) fn challenge_of_session(
    tx: &mut AuthTx<'_>,
    session: SessionId,
    purpose: &'static str,
) -> Outcome<Option<ChallengeRow>> {
    Ok(factor_challenges::table
        .filter(factor_challenges::session_id.eq(session.uuid()))
        .filter(factor_challenges::purpose.eq(purpose))
        .filter(factor_challenges::ended_at.is_null())
        .order(factor_challenges::created_at.desc())
        .select(ChallengeRow::as_select())
        .first(tx.conn())
        .optional()?)
}

pub(super) fn challenge_fail(tx: &mut AuthTx<'_>, id: Uuid) -> Outcome<i32> {
    let now = tx.now();
    let failures = update(factor_challenges::table.find(id))
        .set(factor_challenges::failures.eq(factor_challenges::failures + 1))
        .returning(factor_challenges::failures)
        .get_result(tx.conn())?;
    if failures >= MOST_FAILURES {
        update(factor_challenges::table.find(id))
            .set(factor_challenges::ended_at.eq(now))
            .execute(tx.conn())?;
    }
    Ok(failures)
}

pub(super) fn challenge_end(tx: &mut AuthTx<'_>, id: Uuid) -> Outcome<()> {
    let now = tx.now();
    update(factor_challenges::table.find(id))
        .set(factor_challenges::ended_at.eq(now))
        .execute(tx.conn())?;
    Ok(())
}

/// Voids what a session has begun for `purpose`.
pub(super) fn challenges_end_of_session(
    tx: &mut AuthTx<'_>,
    session: SessionId,
    purpose: &'static str,
) -> Outcome<()> {
    let now = tx.now();
    update(
        factor_challenges::table
            .filter(factor_challenges::session_id.eq(session.uuid()))
            .filter(factor_challenges::purpose.eq(purpose))
            .filter(factor_challenges::ended_at.is_null()),
    )
    .set(factor_challenges::ended_at.eq(now))
    .execute(tx.conn())?;
    Ok(())
}

/// Voids every question that waits for the person.
pub(super) fn challenges_end_all(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<()> {
    let now = tx.now();
    update(
        factor_challenges::table
            .filter(factor_challenges::user_id.eq(user.uuid()))
            .filter(factor_challenges::ended_at.is_null()),
    )
    .set(factor_challenges::ended_at.eq(now))
    .execute(tx.conn())?;
    Ok(())
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
