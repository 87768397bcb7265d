//! Rows of the codes that a browser carries to a person's own program.

use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, delete, insert_into, update,
};
use schema::authorization_codes;
use uuid::Uuid;

use super::Outcome;
use crate::config::SESSION_LIFE;

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = authorization_codes)]
pub(crate) struct AuthorizationCodeRow {
    pub(crate) hash: Vec<u8>,
    pub(crate) client: String,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: String,
    /// `waiting`, `used` or `void`.
    pub(crate) state: String,
    pub(crate) user_id: Uuid,
    pub(crate) tenant_id: Uuid,
    /// Whose provider opened the session that approved; the platform for the appliance's.
    pub(crate) sso_tenant_id: Option<Uuid>,
    pub(crate) sso_provider_id: Option<Uuid>,
    pub(crate) session_id: Option<Uuid>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// Stores a code, and forgets those whose session cannot live any more.
pub(crate) fn authorization_code_insert(
    tx: &mut AuthTx<'_>,
    row: &AuthorizationCodeRow,
) -> Outcome<()> {
    let old = tx.now() - SESSION_LIFE;
    delete(authorization_codes::table.filter(authorization_codes::expires_at.lt(old)))
        .execute(tx.conn())?;
    insert_into(authorization_codes::table)
        .values(row)
        .execute(tx.conn())?;
    Ok(())
}

/// Locks it: of two who present a code at once, one is judged after the other.
pub(crate) fn authorization_code_locked(
    tx: &mut AuthTx<'_>,
    hash: &[u8],
) -> Outcome<Option<AuthorizationCodeRow>> {
    Ok(authorization_codes::table
        .find(hash)
        .select(AuthorizationCodeRow::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

/// Uses a code up for a session. Of two who try at once, one gets it.
pub(crate) fn authorization_code_use(
    tx: &mut AuthTx<'_>,
    hash: &[u8],
    session: Uuid,
) -> Outcome<bool> {
    let now = tx.now();
    let waiting = authorization_codes::table
        .find(hash)
        .filter(authorization_codes::state.eq("waiting"))
        .filter(authorization_codes::expires_at.gt(now));
    let used = update(waiting)
        .set((
            authorization_codes::state.eq("used"),
            authorization_codes::session_id.eq(session),
        ))
        .execute(tx.conn())?;
    Ok(used == 1)
}

pub(crate) fn authorization_code_void(tx: &mut AuthTx<'_>, hash: &[u8]) -> Outcome<()> {
    update(authorization_codes::table.find(hash))
        .set(authorization_codes::state.eq("void"))
        .execute(tx.conn())?;
    Ok(())
}

/// The session that was made from a code.
pub(crate) fn authorization_code_session(
    tx: &mut AuthTx<'_>,
    hash: &[u8],
) -> Outcome<Option<Uuid>> {
    let made: Option<Option<Uuid>> = authorization_codes::table
        .find(hash)
        .select(authorization_codes::session_id)
        .first(tx.conn())
        .optional()?;
    Ok(made.flatten())
}
