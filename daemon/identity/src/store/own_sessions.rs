//! Rows of a person's own sessions, and of the devices that they come from.

use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, insert_into, update, upsert::excluded,
};
use kernel::{SessionId, UserId};
use schema::{known_devices, sessions};
use uuid::Uuid;

use super::Outcome;

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub(crate) struct SessionRow {
    pub(crate) session_id: Uuid,
    pub(crate) tenant_id: Uuid,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) last_used_at: DateTime<Utc>,
    pub(crate) device_sealed: Option<Vec<u8>>,
    pub(crate) client: String,
}

/// The person's sessions that can still act, the latest used first.
pub(crate) fn sessions_alive(
    tx: &mut AuthTx<'_>,
    user: UserId,
    idle_since: DateTime<Utc>,
) -> Outcome<Vec<SessionRow>> {
    let now = tx.now();
    Ok(sessions::table
        .filter(sessions::user_id.eq(user.uuid()))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .filter(sessions::last_used_at.gt(idle_since))
        .order((sessions::last_used_at.desc(), sessions::session_id.desc()))
        .select(SessionRow::as_select())
        .load(tx.conn())?)
}

/// Address and browser of a session, sealed, and when it began.
type Device = (Option<Vec<u8>>, DateTime<Utc>);

pub(crate) fn session_device(tx: &mut AuthTx<'_>, session: SessionId) -> Outcome<Option<Device>> {
    Ok(sessions::table
        .find(session.uuid())
        .select((sessions::device_sealed, sessions::created_at))
        .first(tx.conn())
        .optional()?)
}

/// Ends one session, if it is the person's and lives.
pub(crate) fn session_end_own(
    tx: &mut AuthTx<'_>,
    user: UserId,
    session: SessionId,
) -> Outcome<bool> {
    let now = tx.now();
    let own = sessions::table
        .find(session.uuid())
        .filter(sessions::user_id.eq(user.uuid()))
        .filter(sessions::ended_at.is_null());
    Ok(update(own)
        .set((
            sessions::ended_at.eq(now),
            sessions::end_reason.eq("revoked"),
        ))
        .execute(tx.conn())?
        == 1)
}

/// Ends every session of the person but one.
pub(crate) fn sessions_end_others(
    tx: &mut AuthTx<'_>,
    user: UserId,
    kept: SessionId,
    reason: &str,
) -> Outcome<usize> {
    let now = tx.now();
    let others = sessions::table
        .filter(sessions::user_id.eq(user.uuid()))
        .filter(sessions::session_id.ne(kept.uuid()))
        .filter(sessions::ended_at.is_null());
    Ok(update(others)
        .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason)))
        .execute(tx.conn())?)
}

/// Ends the sessions of the person that are in the scope's tenant.
pub(crate) fn sessions_end_here(tx: &mut AuthTx<'_>, user: UserId, reason: &str) -> Outcome<usize> {
    let (now, tenant) = (tx.now(), tx.tenant());
    let here = sessions::table
        .filter(sessions::user_id.eq(user.uuid()))
        .filter(sessions::tenant_id.eq(tenant.uuid()))
        .filter(sessions::ended_at.is_null());
    Ok(update(here)
        .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason)))
        .execute(tx.conn())?)
}

/// What was known of a device before it was seen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Before,
    /// The first of all of this person's.
    First,
    New,
}

/// Remembers that the person signed in from the device.
pub(crate) fn device_seen(tx: &mut AuthTx<'_>, user: UserId, device: &[u8]) -> Outcome<Seen> {
    let now = tx.now();
    let known: Vec<Vec<u8>> = known_devices::table
        .filter(known_devices::user_id.eq(user.uuid()))
        .select(known_devices::device_hash)
        .load(tx.conn())?;
    insert_into(known_devices::table)
        .values((
            known_devices::user_id.eq(user.uuid()),
            known_devices::device_hash.eq(device),
            known_devices::first_seen_at.eq(now),
            known_devices::last_seen_at.eq(now),
        ))
        .on_conflict((known_devices::user_id, known_devices::device_hash))
        .do_update()
        .set(known_devices::last_seen_at.eq(excluded(known_devices::last_seen_at)))
        .execute(tx.conn())?;
    Ok(if known.iter().any(|hash| hash == device) {
        Seen::Before
    } else if known.is_empty() {
        Seen::First
    } else {
        Seen::New
    })
}
