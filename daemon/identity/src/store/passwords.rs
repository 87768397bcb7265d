//! Rows of passwords: the current one, those before it, and the links to a new one.

use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, delete, insert_into, update,
};
use kernel::UserId;
use schema::{password_history, reset_links, users};

use super::Outcome;

/// Besides the current one: LM-15 counts five.
const KEPT: i64 = 4;

/// A person's account as a change of its password sees it.
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) email_sealed: Vec<u8>,
    pub(crate) password_hash: Option<String>,
    pub(crate) state: String,
}

/// The scope's person.
pub(crate) fn account(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Option<Account>> {
    let row: Option<(String, Vec<u8>, Option<String>, String)> = users::table
        .find(user.uuid())
        .select((
            users::name,
            users::email_sealed,
            users::password_hash,
            users::state,
        ))
        .first(tx.conn())
        .optional()?;
    Ok(
        row.map(|(name, email_sealed, password_hash, state)| Account {
            name,
            email_sealed,
            password_hash,
            state,
        }),
    )
}

/// The hashes that may not come back: the current one and the last four before it.
pub(crate) fn passwords_recent(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Vec<String>> {
    let mut recent: Vec<String> = users::table
        .find(user.uuid())
        .select(users::password_hash)
        .first::<Option<String>>(tx.conn())?
        .into_iter()
        .collect();
    recent.extend(
        password_history::table
            .filter(password_history::user_id.eq(user.uuid()))
            .order(password_history::replaced_at.desc())
            .limit(KEPT)
            .select(password_history::password_hash)
            .load::<String>(tx.conn())?,
    );
    Ok(recent)
}

/// Stores a new hash in the place of `before` and keeps that one as history. `false` when the
/// password was changed by somebody else meanwhile.
pub(crate) fn password_replace(
    tx: &mut AuthTx<'_>,
    user: UserId,
    before: Option<&str>,
    hash: &str,
) -> Outcome<bool> {
    let now = tx.now();
    let current = users::table
        .find(user.uuid())
        .select(users::password_hash)
        .for_update()
        .first::<Option<String>>(tx.conn())?;
    if current.as_deref() != before {
        return Ok(false);
    }
    password_store(tx, user, hash)?;
    if let Some(before) = before {
        insert_into(password_history::table)
            .values((
                password_history::user_id.eq(user.uuid()),
                password_history::replaced_at.eq(now),
                password_history::password_hash.eq(before),
            ))
            .on_conflict_do_nothing()
            .execute(tx.conn())?;
    }
    let mine = password_history::table.filter(password_history::user_id.eq(user.uuid()));
    let oldest: Option<DateTime<Utc>> = mine
        .order(password_history::replaced_at.desc())
        .offset(KEPT)
        .select(password_history::replaced_at)
        .first(tx.conn())
        .optional()?;
    if let Some(oldest) = oldest {
        delete(mine.filter(password_history::replaced_at.le(oldest))).execute(tx.conn())?;
    }
    Ok(true)
}

/// The same password under a newer cost: no history, no session ends.
pub(crate) fn password_store(tx: &mut AuthTx<'_>, user: UserId, hash: &str) -> Outcome<()> {
    update(users::table.find(user.uuid()))
        .set(users::password_hash.eq(hash))
        .execute(tx.conn())?;
    Ok(())
}

/// Stores a link and voids every other of the scope's person.
pub(crate) fn reset_link_replace(
    tx: &mut AuthTx<'_>,
    user: UserId,
    hash: &[u8],
    expires: DateTime<Utc>,
) -> Outcome<()> {
    let now = tx.now();
    reset_links_void(tx, user)?;
    insert_into(reset_links::table)
        .values((
            reset_links::hash.eq(hash),
            reset_links::user_id.eq(user.uuid()),
            reset_links::created_at.eq(now),
            reset_links::expires_at.eq(expires),
        ))
        .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn reset_links_void(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<()> {
    delete(reset_links::table.filter(reset_links::user_id.eq(user.uuid()))).execute(tx.conn())?;
    Ok(())
}

/// Whether a link of the scope's person would be accepted, without using it.
pub(crate) fn reset_link_valid(tx: &mut AuthTx<'_>, hash: &[u8]) -> Outcome<bool> {
    let now = tx.now();
    let found = reset_links::table
        .find(hash)
        .filter(reset_links::used_at.is_null())
        .filter(reset_links::expires_at.gt(now))
        .select(reset_links::created_at)
        .first::<DateTime<Utc>>(tx.conn())
        .optional()?;
    Ok(found.is_some())
}

/// Uses a link up. Of two who try at once, one gets it.
pub(crate) fn reset_link_use(tx: &mut AuthTx<'_>, hash: &[u8]) -> Outcome<bool> {
    let now = tx.now();
    let unused = reset_links::table
        .find(hash)
        .filter(reset_links::used_at.is_null())
        .filter(reset_links::expires_at.gt(now));
    Ok(update(unused)
        .set(reset_links::used_at.eq(now))
        .execute(tx.conn())?
        == 1)
}
