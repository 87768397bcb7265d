//! Keys of programs (LR-33): made by an administrator, shown once, one tenant each, stored as a bcrypt
//! hash. How one is checked stands in `key_check`.

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper, dsl::count_star, insert_into, update,
};
use kernel::{Action, ApiKeyId, Principal, Secret, UserId};
use schema::api_keys;
use serde_json::json;
use uuid::Uuid;

use crate::{
    acting::Acting,
    error::IdentityError,
    identity::Identity,
    issued::{IssuedState, check_end, makers},
    key_text,
    membership::lock_tenant,
    refusal::Refusal,
    setup::text_of,
};

type Outcome<T> = Result<T, IdentityError>;

/// Pulls the audit log.
pub const AUDIT_READ: &str = "audit:read";
/// What a key may be used for, as rows hold it and as people read it: the data layer, the routing, and the
/// audit log. No key reaches people, settings or credentials.
pub const API_SCOPES: [(&str, &str); 4] = [
    ("records:read", "Read records of the data layer"),
    ("routing:read", "Read rules, pools and the routing log"),
    ("failures:retry", "Try failed records again"),
    (AUDIT_READ, "Pull the audit log"),
];
/// Keys in use of one tenant.
const MOST: i64 = 100;

#[derive(Clone, Debug)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub name: String,
    /// The part before the secret.
    pub prefix: String,
    pub scopes: Vec<String>,
    pub created_by: UserId,
    pub created_by_name: Option<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub state: IssuedState,
}

pub struct NewApiKey {
    pub name: String,
    pub scopes: Vec<String>,
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys)]
struct Row {
    tenant_id: Uuid,
    key_id: Uuid,
    name: String,
    secret_hash: String,
    scopes: Vec<String>,
    created_by: Uuid,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl Identity {
    /// Every key, the newest first; 500 at most.
    pub async fn api_key_list(&self, who: &Principal) -> Outcome<Vec<ApiKey>> {
        let acting = Acting::of(who)?;
        self.inner.db.auth(acting.scope, |tx| keys(tx, None)).await
    }

    /// One of the tenant's keys, also after its end.
    pub async fn api_key(&self, who: &Principal, id: ApiKeyId) -> Outcome<ApiKey> {
        let acting = Acting::of(who)?;
        self.inner
            .db
            .auth(acting.scope, move |tx| one(tx, id))
            .await
    }

    /// Makes a key; its whole text is in this answer and nowhere else.
    pub async fn api_key_create(
        &self,
        who: &Principal,
        new: NewApiKey,
    ) -> Outcome<(ApiKey, Secret<String>)> {
        let inner = &self.inner;
        let acting = Acting::of(who)?;
        let (name, scopes) = (text_of("name", &new.name)?, scopes_of(new.scopes)?);
        let now = inner.clock.now();
        check_end(new.expires_at, now)?;
        let id = ApiKeyId::generate(inner.clock.as_ref());
        let (text, secret) = key_text::new(id)?;
        let row = Row {
            tenant_id: who.tenant.uuid(),
            key_id: id.uuid(),
            name,
            secret_hash: inner.secrets()?.passwords.hash(&secret).await?,
            scopes,
            created_by: acting.user.uuid(),
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let shown = inner
            .db
            .auth(acting.scope, move |tx| {
                lock_tenant(tx)?;
                check_room(tx)?;
                insert_into(api_keys::table)
                    .values(&row)
                    .execute(tx.conn())?;
                let entry = Entry::new(Action::ApiKeyCreate, "api_key", id)
                    .after(json!({ "scopes": row.scopes, "expires_at": row.expires_at }));
                acting.audit(tx, entry)?;
                one(tx, id)
            })
            .await?;
        Ok((shown, text))
    }

    /// Ends a key on every daemon.
    pub async fn api_key_revoke(&self, who: &Principal, id: ApiKeyId) -> Outcome<()> {
        let acting = Acting::of(who)?;
        self.inner
            .db
            .auth(acting.scope, move |tx| {
                one(tx, id)?;
                let now = tx.now();
                let row = api_keys::table
                    .find((tx.tenant().uuid(), id.uuid()))
                    .filter(api_keys::revoked_at.is_null());
                let revoked = update(row)
                    .set(api_keys::revoked_at.eq(now))
                    .execute(tx.conn())?;
                if revoked == 1 {
                    acting.audit(tx, Entry::new(Action::ApiKeyRevoke, "api_key", id))?;
                    db::hint(tx, "api_keys")?;
                }
                Ok::<_, IdentityError>(())
            })
            .await?;
        self.inner.api_keys.forget_tenant(who.tenant);
        Ok(())
    }
}

/// One or more of the list, each once.
fn scopes_of(wanted: Vec<String>) -> Outcome<Vec<String>> {
    let known = |scope: &String| API_SCOPES.iter().any(|(name, _)| name == scope);
    let mut scopes = wanted.clone();
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() || scopes.len() != wanted.len() || !scopes.iter().all(known) {
        return Err(IdentityError::input("scopes", "scopes_invalid"));
    }
    Ok(scopes)
}

fn check_room(tx: &mut AuthTx<'_>) -> Outcome<()> {
    let now = tx.now();
    let live = api_keys::expires_at
        .is_null()
        .or(api_keys::expires_at.gt(now));
    let count: i64 = api_keys::table
        .filter(api_keys::tenant_id.eq(tx.tenant().uuid()))
        .filter(api_keys::revoked_at.is_null())
        .filter(live)
        .select(count_star())
        .first(tx.conn())?;
    if count >= MOST {
        return Err(Refusal::TooManyKeys.into());
    }
    Ok(())
}

fn one(tx: &mut AuthTx<'_>, id: ApiKeyId) -> Outcome<ApiKey> {
    keys(tx, Some(id))?
        .pop()
        .ok_or_else(|| Refusal::UnknownThing.into())
}

fn keys(tx: &mut AuthTx<'_>, id: Option<ApiKeyId>) -> Outcome<Vec<ApiKey>> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let mut query = api_keys::table
        .filter(api_keys::tenant_id.eq(tenant))
        .order((api_keys::created_at.desc(), api_keys::key_id.desc()))
        .limit(500)
        .select(Row::as_select())
        .into_boxed();
    if let Some(id) = id {
        query = query.filter(api_keys::key_id.eq(id.uuid()));
    }
    let rows: Vec<Row> = query.load(tx.conn())?;
    let made_by: Vec<Uuid> = rows.iter().map(|row| row.created_by).collect();
    let names = makers(tx, &made_by)?;
    let shown = |row: Row| {
        let id = ApiKeyId::from_uuid(row.key_id);
        ApiKey {
            id,
            name: row.name,
            prefix: key_text::prefix(id),
            scopes: row.scopes,
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
