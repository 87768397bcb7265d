//! Tokens that a provider shows: made by an administrator, shown once, one tenant each. A token is 238
//! random bits, so its SHA-256 is all that is stored, and every request looks it up: a revoked one is
//! refused everywhere from the next request on. Nothing is remembered between requests.

use audit::Entry;
use chrono::{DateTime, TimeDelta, Utc};
use db::{AuthScope, AuthTx, ScimTokenStanding, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper, dsl::count_star, insert_into, update,
};
use kernel::{Action, Principal, ScimTokenId, Secret, TenantId, UserId};
use schema::scim_tokens;
use serde_json::json;
use uuid::Uuid;

use super::{Outcome, Provisioner};
use crate::{
    acting::Acting,
    identity::{Caller, Identity},
    issued::{IssuedState, check_end, makers},
    key_text,
    membership::lock_tenant,
    opaque::sha256,
    refusal::Refusal,
    setup::text_of,
    standing::tenant_state,
};

/// Tokens in use of one tenant.
const MOST: i64 = 20;
/// How stale `last_used_at` may be: a write a minute for a token in use.
const TOUCH_GAP: TimeDelta = TimeDelta::seconds(60);

#[derive(Clone, Debug)]
pub struct ScimToken {
    pub id: ScimTokenId,
    pub name: String,
    /// The part before the secret.
    pub prefix: String,
    pub created_by: UserId,
    pub created_by_name: Option<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub state: IssuedState,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = scim_tokens)]
struct Row {
    tenant_id: Uuid,
    token_id: Uuid,
    name: String,
    secret_hash: Vec<u8>,
    created_by: Uuid,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl Identity {
    /// Every token, the newest first; 200 at most.
    pub async fn scim_token_list(&self, who: &Principal) -> Outcome<Vec<ScimToken>> {
        let acting = Acting::of(who)?;
        self.inner
            .db
            .auth(acting.scope, |tx| tokens(tx, None))
            .await
    }

    /// Makes a token; its whole text is in this answer and nowhere else.
    pub async fn scim_token_create(
        &self,
        who: &Principal,
        name: &str,
        expires_at: Option<DateTime<Utc>>,
    ) -> Outcome<(ScimToken, Secret<String>)> {
        let inner = &self.inner;
        let acting = Acting::of(who)?;
        let now = inner.clock.now();
        check_end(expires_at, now)?;
        let id = ScimTokenId::generate(inner.clock.as_ref());
        let text = key_text::new_scim(id)?;
        let row = Row {
            tenant_id: who.tenant.uuid(),
            token_id: id.uuid(),
            name: text_of("name", name)?,
            secret_hash: sha256(text.expose().as_bytes()),
            created_by: acting.user.uuid(),
            created_at: now,
            expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let shown = inner
            .db
            .auth(acting.scope, move |tx| {
                lock_tenant(tx)?;
                check_room(tx)?;
                insert_into(scim_tokens::table)
                    .values(&row)
                    .execute(tx.conn())?;
                let entry = Entry::new(Action::ScimTokenCreate, "scim_token", id)
                    .after(json!({ "expires_at": row.expires_at }));
                acting.audit(tx, entry)?;
                one(tx, id)
            })
            .await?;
        Ok((shown, text))
    }

    /// Ends a token. People and groups stay as they are.
    pub async fn scim_token_revoke(&self, who: &Principal, id: ScimTokenId) -> Outcome<()> {
        let acting = Acting::of(who)?;
        self.inner
            .db
            .auth(acting.scope, move |tx| {
                one(tx, id)?;
                let now = tx.now();
                let row = scim_tokens::table
                    .find((tx.tenant().uuid(), id.uuid()))
                    .filter(scim_tokens::revoked_at.is_null());
                let revoked = update(row)
                    .set(scim_tokens::revoked_at.eq(now))
                    .execute(tx.conn())?;
                if revoked == 1 {
                    acting.audit(tx, Entry::new(Action::ScimTokenRevoke, "scim_token", id))?;
                }
                Ok(())
            })
            .await
    }

    /// The provider whose token this is. One that is malformed, unknown, revoked or expired is refused
    /// alike.
    pub async fn scim_provisioner(&self, presented: &str, caller: &Caller) -> Outcome<Provisioner> {
        let inner = &self.inner;
        if !key_text::is_scim(presented) {
            return Err(Refusal::ScimToken.into());
        }
        let (hash, now) = (sha256(presented.as_bytes()), inner.clock.now());
        let found = inner
            .db
            .auth(AuthScope::default(), move |tx| tx.scim_token_by_hash(&hash))
            .await?;
        let standing = found
            .filter(|found| counts(found, now))
            .ok_or(Refusal::ScimToken)?;
        let provisioner = Provisioner {
            tenant: TenantId::from_uuid(standing.tenant_id),
            token: ScimTokenId::from_uuid(standing.token_id),
            caller: caller.clone(),
            read_only: tenant_state(&standing.tenant_state, standing.trial_ends_at, now)
                == "read_only",
        };
        if standing
            .last_used_at
            .is_none_or(|used| now - used >= TOUCH_GAP)
        {
            let token = provisioner.token;
            inner
                .db
                .auth(provisioner.scope(None), move |tx| touch(tx, token))
                .await?;
        }
        Ok(provisioner)
    }
}

fn counts(standing: &ScimTokenStanding, now: DateTime<Utc>) -> bool {
    standing.revoked_at.is_none() && standing.expires_at.is_none_or(|end| now < end)
}

fn touch(tx: &mut AuthTx<'_>, token: ScimTokenId) -> Outcome<()> {
    let now = tx.now();
    update(scim_tokens::table.find((tx.tenant().uuid(), token.uuid())))
        .set(scim_tokens::last_used_at.eq(now))
        .execute(tx.conn())?;
    Ok(())
}

fn check_room(tx: &mut AuthTx<'_>) -> Outcome<()> {
    let now = tx.now();
    let live = scim_tokens::expires_at
        .is_null()
        .or(scim_tokens::expires_at.gt(now));
    let count: i64 = scim_tokens::table
        .filter(scim_tokens::tenant_id.eq(tx.tenant().uuid()))
        .filter(scim_tokens::revoked_at.is_null())
        .filter(live)
        .select(count_star())
        .first(tx.conn())?;
    if count >= MOST {
        return Err(Refusal::TooManyScimTokens.into());
    }
    Ok(())
}

fn one(tx: &mut AuthTx<'_>, id: ScimTokenId) -> Outcome<ScimToken> {
    tokens(tx, Some(id))?
        .pop()
        .ok_or_else(|| Refusal::UnknownThing.into())
}

pub(super) fn tokens(tx: &mut AuthTx<'_>, id: Option<ScimTokenId>) -> Outcome<Vec<ScimToken>> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let mut query = scim_tokens::table
        .filter(scim_tokens::tenant_id.eq(tenant))
        .order((scim_tokens::created_at.desc(), scim_tokens::token_id.desc()))
        .limit(200)
        .select(Row::as_select())
        .into_boxed();
    if let Some(id) = id {
        query = query.filter(scim_tokens::token_id.eq(id.uuid()));
    }
    let rows: Vec<Row> = query.load(tx.conn())?;
    let made_by: Vec<Uuid> = rows.iter().map(|row| row.created_by).collect();
    let names = makers(tx, &made_by)?;
    let shown = |row: Row| {
        let id = ScimTokenId::from_uuid(row.token_id);
        ScimToken {
            id,
            name: row.name,
            prefix: key_text::scim_prefix(id),
            created_by_name: names.get(&row.created_by).cloned(),
            created_by: UserId::from_uuid(row.created_by),
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            state: IssuedState::of(row.revoked_at, row.expires_at, now),
        }
    };
    Ok(rows.into_iter().map(shown).collect())
}
