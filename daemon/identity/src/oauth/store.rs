//! The tables `oauth_clients`, `oauth_grants`, `oauth_codes` and `oauth_tokens`.

use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, OptionalExtension, QueryDsl,
    Queryable, RunQueryDsl, Selectable, SelectableHelper, delete, dsl::count_star, insert_into,
    update,
};
use kernel::{ClientId, GrantId, UserId};
use schema::{oauth_clients, oauth_codes, oauth_grants, oauth_tokens};
use uuid::Uuid;

use super::GRANT_LIFE;
use crate::error::IdentityError;

type Outcome<T> = Result<T, IdentityError>;

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_clients)]
pub(super) struct ClientRow {
    pub(super) tenant_id: Uuid,
    pub(super) client_id: Uuid,
    pub(super) name: String,
    pub(super) redirect_uris: Vec<String>,
    pub(super) scopes: Vec<String>,
    pub(super) created_by: Uuid,
    pub(super) created_at: DateTime<Utc>,
    pub(super) revoked_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_grants)]
pub(super) struct GrantRow {
    pub(super) tenant_id: Uuid,
    pub(super) grant_id: Uuid,
    pub(super) client_id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) scopes: Vec<String>,
    pub(super) resource: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) begun_at: Option<DateTime<Utc>>,
    pub(super) renewed_at: Option<DateTime<Utc>>,
    pub(super) ended_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_codes)]
pub(super) struct CodeRow {
    pub(super) tenant_id: Uuid,
    pub(super) hash: Vec<u8>,
    pub(super) grant_id: Uuid,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) used_at: Option<DateTime<Utc>>,
    pub(super) expires_at: DateTime<Utc>,
}

#[derive(Insertable)]
#[diesel(table_name = oauth_tokens)]
pub(super) struct TokenRow {
    pub(super) tenant_id: Uuid,
    pub(super) hash: Vec<u8>,
    pub(super) grant_id: Uuid,
    pub(super) kind: &'static str,
    pub(super) expires_at: DateTime<Utc>,
}

/// Of the newest first, 200 at most.
pub(super) fn clients(tx: &mut AuthTx<'_>, only: Option<ClientId>) -> Outcome<Vec<ClientRow>> {
    let mut query = oauth_clients::table
        .filter(oauth_clients::tenant_id.eq(tx.tenant().uuid()))
        .order((
            oauth_clients::created_at.desc(),
            oauth_clients::client_id.desc(),
        ))
        .limit(200)
        .select(ClientRow::as_select())
        .into_boxed();
    if let Some(id) = only {
        query = query.filter(oauth_clients::client_id.eq(id.uuid()));
    }
    Ok(query.load(tx.conn())?)
}

pub(super) fn clients_in_use(tx: &mut AuthTx<'_>) -> Outcome<i64> {
    Ok(oauth_clients::table
        .filter(oauth_clients::tenant_id.eq(tx.tenant().uuid()))
        .filter(oauth_clients::revoked_at.is_null())
        .select(count_star())
        .first(tx.conn())?)
}

pub(super) fn client_insert(tx: &mut AuthTx<'_>, row: &ClientRow) -> Outcome<()> {
    insert_into(oauth_clients::table)
        .values(row)
        .execute(tx.conn())?;
    Ok(())
}

pub(super) fn client_revoke(tx: &mut AuthTx<'_>, id: ClientId) -> Outcome<bool> {
    let now = tx.now();
    let row = oauth_clients::table
        .find((tx.tenant().uuid(), id.uuid()))
        .filter(oauth_clients::revoked_at.is_null());
    let revoked = update(row)
        .set(oauth_clients::revoked_at.eq(now))
        .execute(tx.conn())?;
    Ok(revoked == 1)
}

/// Grants that came to something, the newest first, with the program's name; 500 at most.
pub(super) fn grants(
    tx: &mut AuthTx<'_>,
    of: Option<UserId>,
    only: Option<GrantId>,
) -> Outcome<Vec<(GrantRow, String)>> {
    let same = oauth_clients::tenant_id
        .eq(oauth_grants::tenant_id)
        .and(oauth_clients::client_id.eq(oauth_grants::client_id));
    let mut query = oauth_grants::table
        .inner_join(oauth_clients::table.on(same))
        .filter(oauth_grants::tenant_id.eq(tx.tenant().uuid()))
        .filter(oauth_grants::begun_at.is_not_null())
        .order((
            oauth_grants::created_at.desc(),
            oauth_grants::grant_id.desc(),
        ))
        .limit(500)
        .select((GrantRow::as_select(), oauth_clients::name))
        .into_boxed();
    if let Some(user) = of {
        query = query.filter(oauth_grants::user_id.eq(user.uuid()));
    }
    if let Some(id) = only {
        query = query.filter(oauth_grants::grant_id.eq(id.uuid()));
    }
    Ok(query.load(tx.conn())?)
}

pub(super) fn grant_insert(tx: &mut AuthTx<'_>, grant: &GrantRow, code: &CodeRow) -> Outcome<()> {
    insert_into(oauth_grants::table)
        .values(grant)
        .execute(tx.conn())?;
    // A code is remembered as long as what came of it may live, so that one that comes back ends it.
    let old = tx.now() - GRANT_LIFE;
    delete(
        oauth_codes::table
            .filter(oauth_codes::tenant_id.eq(grant.tenant_id))
            .filter(oauth_codes::expires_at.lt(old)),
    )
    .execute(tx.conn())?;
    insert_into(oauth_codes::table)
        .values(code)
        .execute(tx.conn())?;
    Ok(())
}

/// Ends a grant, and with it every token of it, on all daemons. Answers whether it lived.
pub(super) fn grant_end(tx: &mut AuthTx<'_>, id: GrantId, why: &str) -> Outcome<bool> {
    let (now, tenant) = (tx.now(), tx.tenant().uuid());
    let row = oauth_grants::table
        .find((tenant, id.uuid()))
        .filter(oauth_grants::ended_at.is_null());
    let ended = update(row)
        .set((
            oauth_grants::ended_at.eq(now),
            oauth_grants::end_reason.eq(why),
        ))
        .execute(tx.conn())?;
    if ended == 1 {
        db::hint(tx, "grants")?;
    }
    Ok(ended == 1)
}

/// Ends what a program holds of everybody; how many lived.
pub(super) fn grants_end_of(tx: &mut AuthTx<'_>, client: ClientId, why: &str) -> Outcome<usize> {
    let (now, tenant) = (tx.now(), tx.tenant().uuid());
    let rows = oauth_grants::table
        .filter(oauth_grants::tenant_id.eq(tenant))
        .filter(oauth_grants::client_id.eq(client.uuid()))
        .filter(oauth_grants::ended_at.is_null());
    let ended = update(rows)
        .set((
            oauth_grants::ended_at.eq(now),
            oauth_grants::end_reason.eq(why),
        ))
        .execute(tx.conn())?;
    db::hint(tx, "grants")?;
    Ok(ended)
}

/// Locks it: of two who present a code at once, one is judged after the other.
pub(super) fn code_locked(tx: &mut AuthTx<'_>, hash: &[u8]) -> Outcome<Option<CodeRow>> {
    Ok(oauth_codes::table
        .find((tx.tenant().uuid(), hash))
        .select(CodeRow::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

pub(super) fn code_spend(tx: &mut AuthTx<'_>, hash: &[u8]) -> Outcome<()> {
    let now = tx.now();
    update(oauth_codes::table.find((tx.tenant().uuid(), hash)))
        .set(oauth_codes::used_at.eq(now))
        .execute(tx.conn())?;
    Ok(())
}

/// When a refresh token was exchanged, if it was. Locks it, as a code is.
pub(super) fn token_locked(
    tx: &mut AuthTx<'_>,
    hash: &[u8],
) -> Outcome<Option<Option<DateTime<Utc>>>> {
    Ok(oauth_tokens::table
        .find((tx.tenant().uuid(), hash))
        .select(oauth_tokens::used_at)
        .for_update()
        .first(tx.conn())
        .optional()?)
}

pub(super) fn token_spend(tx: &mut AuthTx<'_>, hash: &[u8]) -> Outcome<()> {
    let now = tx.now();
    update(oauth_tokens::table.find((tx.tenant().uuid(), hash)))
        .set(oauth_tokens::used_at.eq(now))
        .execute(tx.conn())?;
    Ok(())
}

/// Stores what was issued for a grant, and forgets the tenant's tokens whose time is past.
pub(super) fn tokens_insert(
    tx: &mut AuthTx<'_>,
    grant: GrantId,
    rows: &[TokenRow],
    begins: bool,
) -> Outcome<()> {
    let (now, tenant) = (tx.now(), tx.tenant().uuid());
    delete(
        oauth_tokens::table
            .filter(oauth_tokens::tenant_id.eq(tenant))
            .filter(oauth_tokens::expires_at.lt(now)),
    )
    .execute(tx.conn())?;
    insert_into(oauth_tokens::table)
        .values(rows)
        .execute(tx.conn())?;
    let row = oauth_grants::table.find((tenant, grant.uuid()));
    update(row)
        .set(oauth_grants::renewed_at.eq(now))
        .execute(tx.conn())?;
    if begins {
        update(oauth_grants::table.find((tenant, grant.uuid())))
            .set(oauth_grants::begun_at.eq(now))
            .execute(tx.conn())?;
    }
    Ok(())
}
