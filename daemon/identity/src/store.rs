//! Identity's rows: people, memberships, sessions, refresh tokens, signing keys, set-up codes.

mod authorization_codes;
mod device_grants;
mod own_sessions;
mod passwords;

use chrono::{DateTime, Utc};
use db::{AuthTx, SessionStanding, TenantName, Unit};
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, insert_into, update,
};
use kernel::{ProviderId, SessionId, TenantId, UserId};
use schema::{memberships, refresh_tokens, sessions, setup_codes, signing_keys, users};
use uuid::Uuid;

use crate::{
    error::IdentityError,
    grant::WEB,
    sso::{Reach, reach_of},
};

pub(crate) use authorization_codes::{
    AuthorizationCodeRow, authorization_code_insert, authorization_code_locked,
    authorization_code_session, authorization_code_use, authorization_code_void,
};
pub(crate) use device_grants::{
    DeviceGrantRow, NewDeviceGrant, device_grant, device_grant_approve, device_grant_bind,
    device_grant_bound, device_grant_deny, device_grant_insert, device_grant_polled,
    device_grant_use, device_grant_waiting,
};
pub(crate) use own_sessions::{
    Seen, device_seen, session_device, session_end_own, sessions_alive, sessions_end_here,
    sessions_end_others,
};
pub(crate) use passwords::{
    account, password_replace, password_store, passwords_recent, reset_link_replace,
    reset_link_use, reset_link_valid, reset_links_void,
};

type Outcome<T> = Result<T, IdentityError>;

#[derive(Insertable)]
#[diesel(table_name = users)]
pub(crate) struct NewUser {
    pub(crate) user_id: Uuid,
    pub(crate) email_hash: Vec<u8>,
    pub(crate) email_sealed: Vec<u8>,
    pub(crate) name: String,
    pub(crate) password_hash: Option<String>,
    pub(crate) super_admin: bool,
}

#[derive(Insertable)]
#[diesel(table_name = sessions)]
pub(crate) struct NewSession {
    pub(crate) session_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) tenant_id: Uuid,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) last_used_at: DateTime<Utc>,
    pub(crate) device_sealed: Option<Vec<u8>>,
    pub(crate) password_at: Option<DateTime<Utc>>,
    pub(crate) factor_at: Option<DateTime<Utc>>,
    pub(crate) client: &'static str,
    /// Goes to `known_devices`.
    #[diesel(skip_insertion)]
    pub(crate) device_hash: Vec<u8>,
    /// The tenant whose provider opened it, and the provider.
    pub(crate) sso_tenant_id: Option<Uuid>,
    pub(crate) sso_provider_id: Option<Uuid>,
}

#[derive(Insertable)]
#[diesel(table_name = refresh_tokens)]
pub(crate) struct NewRefreshToken {
    pub(crate) token_id: Uuid,
    pub(crate) session_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) hash: Vec<u8>,
    pub(crate) issued_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable, Clone)]
#[diesel(table_name = refresh_tokens)]
pub(crate) struct RefreshTokenRow {
    pub(crate) used_at: Option<DateTime<Utc>>,
    pub(crate) successor_id: Option<Uuid>,
    pub(crate) successor_sealed: Option<Vec<u8>>,
    pub(crate) presented_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys)]
pub(crate) struct SigningKeyRow {
    pub(crate) key_id: Uuid,
    pub(crate) algorithm: String,
    pub(crate) state: String,
    pub(crate) public_pem: String,
    pub(crate) private_sealed: Vec<u8>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) current_since: Option<DateTime<Utc>>,
}

/// What the web app shows of a session, as rows.
pub(crate) struct ViewRows {
    pub(crate) standing: SessionStanding,
    pub(crate) tenants: Vec<TenantName>,
    pub(crate) name: String,
    pub(crate) email_sealed: Vec<u8>,
    /// `web` or `command_line`.
    pub(crate) client: String,
    /// The provider that opened the session, with its name.
    pub(crate) provider: Option<(ProviderId, String)>,
}

pub(crate) fn user_insert(tx: &mut AuthTx<'_>, user: &NewUser) -> Outcome<()> {
    insert_into(users::table).values(user).execute(tx.conn())?;
    Ok(())
}

pub(crate) fn membership_insert(
    tx: &mut AuthTx<'_>,
    (tenant, user): (TenantId, UserId),
    roles: &[impl AsRef<str>],
    owner: bool,
) -> Outcome<()> {
    let roles: Vec<&str> = roles.iter().map(AsRef::as_ref).collect();
    let now = tx.now();
    insert_into(memberships::table)
        .values((
            memberships::created_at.eq(now),
            memberships::tenant_id.eq(tenant.uuid()),
            memberships::user_id.eq(user.uuid()),
            memberships::roles.eq(&roles),
            memberships::owner.eq(owner),
        ))
        .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn session_insert(tx: &mut AuthTx<'_>, session: &NewSession) -> Outcome<()> {
    insert_into(sessions::table)
        .values(session)
        .execute(tx.conn())?;
    Ok(())
}

/// What a session's row says of how it is held.
#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub(crate) struct Held {
    /// `web` or `command_line`.
    pub(crate) client: String,
    /// The provider that opened it, and the tenant that the provider belongs to.
    pub(crate) sso_tenant_id: Option<Uuid>,
    pub(crate) sso_provider_id: Option<Uuid>,
}

/// Locks the session's row: every change of its token chain goes through this lock, one at a time.
pub(crate) fn session_lock(tx: &mut AuthTx<'_>, session: SessionId) -> Outcome<Option<Held>> {
    Ok(sessions::table
        .find(session.uuid())
        .select(Held::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

/// The session is one of the web app's, not of a program.
pub(crate) fn session_is_web(tx: &mut AuthTx<'_>, session: SessionId) -> Outcome<bool> {
    let client: Option<String> = sessions::table
        .find(session.uuid())
        .select(sessions::client)
        .first(tx.conn())
        .optional()?;
    Ok(client.is_some_and(|client| client == WEB))
}

pub(crate) fn session_touch(tx: &mut AuthTx<'_>, session: SessionId) -> Outcome<()> {
    let now = tx.now();
    update(
        sessions::table
            .find(session.uuid())
            .filter(sessions::ended_at.is_null()),
    )
    .set(sessions::last_used_at.eq(now))
    .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn session_move(
    tx: &mut AuthTx<'_>,
    session: SessionId,
    tenant: TenantId,
) -> Outcome<()> {
    let now = tx.now();
    update(
        sessions::table
            .find(session.uuid())
            .filter(sessions::ended_at.is_null()),
    )
    .set((
        sessions::tenant_id.eq(tenant.uuid()),
        sessions::last_used_at.eq(now),
    ))
    .execute(tx.conn())?;
    Ok(())
}

/// The provider that opened the session, with the tenant that it belongs to; the platform for one of the
/// appliance's.
pub(crate) fn session_opener(
    tx: &mut AuthTx<'_>,
    session: SessionId,
) -> Outcome<Option<(TenantId, ProviderId)>> {
    let found = sessions::table
        .find(session.uuid())
        .select((sessions::sso_tenant_id, sessions::sso_provider_id))
        .first::<(Option<Uuid>, Option<Uuid>)>(tx.conn())
        .optional()?;
    Ok(found.and_then(|(owner, provider)| {
        Some((
            TenantId::from_uuid(owner?),
            ProviderId::from_uuid(provider?),
        ))
    }))
}

pub(crate) fn session_end(tx: &mut AuthTx<'_>, session: SessionId, reason: &str) -> Outcome<usize> {
    let now = tx.now();
    Ok(update(
        sessions::table
            .find(session.uuid())
            .filter(sessions::ended_at.is_null()),
    )
    .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason)))
    .execute(tx.conn())?)
}

/// Ends every session of the scope's person.
pub(crate) fn sessions_end_all(tx: &mut AuthTx<'_>, user: UserId, reason: &str) -> Outcome<usize> {
    let now = tx.now();
    let open = sessions::table
        .filter(sessions::user_id.eq(user.uuid()))
        .filter(sessions::ended_at.is_null());
    Ok(update(open)
        .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason)))
        .execute(tx.conn())?)
}

pub(crate) fn token_insert(tx: &mut AuthTx<'_>, token: &NewRefreshToken) -> Outcome<()> {
    insert_into(refresh_tokens::table)
        .values(token)
        .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn token(tx: &mut AuthTx<'_>, id: Uuid) -> Outcome<Option<RefreshTokenRow>> {
    Ok(refresh_tokens::table
        .find(id)
        .select(RefreshTokenRow::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

/// Marks a token as exchanged; its own predecessor's sealed copy of it is of no more use.
pub(crate) fn token_use(
    tx: &mut AuthTx<'_>,
    id: Uuid,
    successor: Uuid,
    successor_sealed: Vec<u8>,
) -> Outcome<()> {
    let now = tx.now();
    update(refresh_tokens::table.filter(refresh_tokens::successor_id.eq(id)))
        .set(refresh_tokens::successor_sealed.eq(None::<Vec<u8>>))
        .execute(tx.conn())?;
    update(refresh_tokens::table.find(id))
        .set((
            refresh_tokens::used_at.eq(now),
            refresh_tokens::presented_at.eq(now),
            refresh_tokens::successor_id.eq(successor),
            refresh_tokens::successor_sealed.eq(successor_sealed),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// Forgets the person's tokens whose session cannot have been alive any more.
pub(crate) fn tokens_forget(
    tx: &mut AuthTx<'_>,
    user: UserId,
    before: DateTime<Utc>,
) -> Outcome<()> {
    diesel::delete(
        refresh_tokens::table
            .filter(refresh_tokens::user_id.eq(user.uuid()))
            .filter(refresh_tokens::issued_at.lt(before)),
    )
    .execute(tx.conn())?;
    Ok(())
}

/// `None` when the session is unknown or its person has left the tenant.
pub(crate) fn view_rows(tx: &mut AuthTx<'_>, session: SessionId) -> Outcome<Option<ViewRows>> {
    let Some(standing) = tx.session_standing(session.uuid())? else {
        return Ok(None);
    };
    let held = sessions::table
        .find(session.uuid())
        .select(Held::as_select())
        .first(tx.conn())?;
    Ok(Some(view_of(tx, standing, held)?))
}

/// The same for a session of which these are known.
pub(crate) fn view_of(
    tx: &mut AuthTx<'_>,
    standing: SessionStanding,
    held: Held,
) -> Outcome<ViewRows> {
    let opener = held.sso_tenant_id.zip(held.sso_provider_id);
    let Reach { tenants, provider } = match opener {
        Some((owner, id)) => reach_of(tx, TenantId::from_uuid(owner), id)?,
        None => Reach {
            tenants: tx.own_tenants()?,
            provider: None,
        },
    };
    let (name, email_sealed) = users::table
        .find(standing.user_id)
        .select((users::name, users::email_sealed))
        .first(tx.conn())?;
    Ok(ViewRows {
        standing,
        tenants,
        name,
        email_sealed,
        client: held.client,
        provider,
    })
}

/// Keys in use: the next, the current and the previous one.
pub(crate) fn signing_keys(tx: &mut AuthTx<'_>) -> Outcome<Vec<SigningKeyRow>> {
    Ok(signing_keys::table
        .filter(signing_keys::state.ne("retired"))
        .order(signing_keys::created_at.desc())
        .select(SigningKeyRow::as_select())
        .load(tx.conn())?)
}

pub(crate) fn signing_key_insert(tx: &mut AuthTx<'_>, key: &SigningKeyRow) -> Outcome<()> {
    insert_into(signing_keys::table)
        .values(key)
        .execute(tx.conn())?;
    Ok(())
}

/// The latest keys, whatever became of them.
pub(crate) fn signing_keys_all(tx: &mut AuthTx<'_>, most: i64) -> Outcome<Vec<SigningKeyRow>> {
    Ok(signing_keys::table
        .order((signing_keys::created_at.desc(), signing_keys::key_id.desc()))
        .limit(most)
        .select(SigningKeyRow::as_select())
        .load(tx.conn())?)
}

/// The next key becomes the current one.
pub(crate) fn signing_key_begin(tx: &mut AuthTx<'_>) -> Outcome<()> {
    let now = tx.now();
    update(signing_keys::table.filter(signing_keys::state.eq("next")))
        .set((
            signing_keys::state.eq("current"),
            signing_keys::current_since.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// Locks the key in `state` and answers its id.
pub(crate) fn signing_key_lock(tx: &mut AuthTx<'_>, state: &str) -> Outcome<Option<Uuid>> {
    Ok(signing_keys::table
        .filter(signing_keys::state.eq(state))
        .select(signing_keys::key_id)
        .for_update()
        .first(tx.conn())
        .optional()?)
}

pub(crate) fn signing_key_move(tx: &mut AuthTx<'_>, from: &str, to: &str) -> Outcome<()> {
    update(signing_keys::table.filter(signing_keys::state.eq(from)))
        .set(signing_keys::state.eq(to))
        .execute(tx.conn())?;
    Ok(())
}

/// Stores a set-up code's hash and voids those before it.
pub(crate) fn setup_code_replace(
    tx: &mut AuthTx<'_>,
    hash: &[u8],
    expires: DateTime<Utc>,
) -> Outcome<()> {
    let now = tx.now();
    diesel::delete(setup_codes::table.filter(setup_codes::used_at.is_null())).execute(tx.conn())?;
    insert_into(setup_codes::table)
        .values((
            setup_codes::hash.eq(hash),
            setup_codes::created_at.eq(now),
            setup_codes::expires_at.eq(expires),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// Uses a code up. Of two who try at once, one gets it.
pub(crate) fn setup_code_use(tx: &mut AuthTx<'_>, hash: &[u8]) -> Outcome<bool> {
    let now = tx.now();
    let unused = setup_codes::table
        .find(hash)
        .filter(setup_codes::used_at.is_null())
        .filter(setup_codes::expires_at.gt(now));
    Ok(update(unused)
        .set(setup_codes::used_at.eq(now))
        .execute(tx.conn())?
        == 1)
}

/// Whether a code would be accepted, without using it.
pub(crate) fn setup_code_valid(tx: &mut AuthTx<'_>, hash: &[u8]) -> Outcome<bool> {
    let now = tx.now();
    let found = setup_codes::table
        .find(hash)
        .filter(setup_codes::used_at.is_null())
        .filter(setup_codes::expires_at.gt(now))
        .select(setup_codes::created_at)
        .first::<DateTime<Utc>>(tx.conn())
        .optional()?;
    Ok(found.is_some())
}
