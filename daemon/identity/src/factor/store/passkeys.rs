//! Passkeys, and the questions of sign-ins by passkey.

use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, RunQueryDsl, delete, insert_into,
    update,
};
use kernel::{PasskeyId, UserId};
use schema::{passkey_sign_ins, passkeys};
use serde_json::Value as Json;
use uuid::Uuid;
use webauthn_rs_core::proto::Credential;

use super::Outcome;
use crate::{
    error::IdentityError,
    factor::{CHALLENGE_LIFE, enrol::OwnPasskey},
};

#[derive(Insertable)]
#[diesel(table_name = passkeys)]
pub(in crate::factor) struct NewPasskey {
    passkey_id: Uuid,
    user_id: Uuid,
    credential_id: Vec<u8>,
    credential: Json,
    name: String,
    created_at: DateTime<Utc>,
}

impl NewPasskey {
    pub(in crate::factor) fn of(
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

pub(in crate::factor) fn passkeys_count(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<i64> {
    Ok(passkeys::table
        .filter(passkeys::user_id.eq(user.uuid()))
        .count()
        .get_result(tx.conn())?)
}

pub(in crate::factor) fn passkey_insert(tx: &mut AuthTx<'_>, new: &NewPasskey) -> Outcome<()> {
    insert_into(passkeys::table)
        .values(new)
        .execute(tx.conn())?;
    Ok(())
}

pub(in crate::factor) fn passkeys_list(
    tx: &mut AuthTx<'_>,
    user: UserId,
) -> Outcome<Vec<OwnPasskey>> {
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
pub(in crate::factor) fn credentials(
    tx: &mut AuthTx<'_>,
    user: UserId,
) -> Outcome<Vec<Credential>> {
    let rows = passkeys::table
        .filter(passkeys::user_id.eq(user.uuid()))
        .select(passkeys::credential)
        .load(tx.conn())?;
    read_all(rows)
}

/// The same, locked: counters are compared and raised by one at a time.
pub(in crate::factor) fn credentials_locked(
    tx: &mut AuthTx<'_>,
    user: UserId,
) -> Outcome<Vec<Credential>> {
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

pub(in crate::factor) fn credential_used(
    tx: &mut AuthTx<'_>,
    user: UserId,
    key: &Credential,
) -> Outcome<()> {
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

pub(in crate::factor) fn passkey_rename(
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

pub(in crate::factor) fn passkey_forget(tx: &mut AuthTx<'_>, id: PasskeyId) -> Outcome<bool> {
    Ok(delete(passkeys::table.find(id.uuid())).execute(tx.conn())? == 1)
}

/// Keeps the question that a cookie stands for; those that ran out are forgotten.
pub(in crate::factor) fn passkey_sign_in_insert(
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
pub(in crate::factor) fn passkey_sign_in_take(
    tx: &mut AuthTx<'_>,
    hash: &[u8],
) -> Outcome<Option<Json>> {
    let now = tx.now();
    let taken: Option<(Json, DateTime<Utc>)> = delete(passkey_sign_ins::table.find(hash))
        .returning((passkey_sign_ins::ceremony, passkey_sign_ins::expires_at))
        .get_result(tx.conn())
        .optional()?;
    Ok(taken
        .filter(|(_, expires)| *expires > now)
        .map(|(ceremony, _)| ceremony))
}

pub(in crate::factor) fn passkeys_forget(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<usize> {
    Ok(delete(passkeys::table.filter(passkeys::user_id.eq(user.uuid()))).execute(tx.conn())?)
}
