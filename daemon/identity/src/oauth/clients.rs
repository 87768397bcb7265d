//! Programs of others that an administrator lets ask. They are public: what a program is, it cannot prove, so where
//! its answers go is fixed, and its name is the administrator's word.

use std::collections::BTreeSet;

use audit::Entry;
use chrono::{DateTime, Utc};
use kernel::{Action, ClientId, Principal, UserId};
use serde_json::json;
use uuid::Uuid;

use super::{
    redirect, scope_by_name,
    store::{self, ClientRow},
};
use crate::{
    acting::Acting,
    error::IdentityError,
    identity::Identity,
    issued::{IssuedState, makers},
    membership::lock_tenant,
    refusal::Refusal,
    setup::text_of,
};

type Outcome<T> = Result<T, IdentityError>;

/// Programs in use of one tenant.
const MOST: i64 = 50;
const MOST_REDIRECTS: usize = 10;

#[derive(Clone, Debug)]
pub struct Client {
    pub id: ClientId,
    pub name: String,
    pub redirect_uris: Vec<String>,
    pub scopes: Vec<String>,
    pub created_by: UserId,
    pub created_by_name: Option<String>,
    pub created_at: DateTime<Utc>,
    pub state: IssuedState,
}

pub struct NewClient {
    pub name: String,
    pub redirect_uris: Vec<String>,
    pub scopes: Vec<String>,
}

impl Identity {
    /// Every program, the newest first; 200 at most.
    pub async fn client_list(&self, who: &Principal) -> Outcome<Vec<Client>> {
        let acting = Acting::of(who)?;
        self.inner.db.auth(acting.scope, |tx| shown(tx, None)).await
    }

    /// Lets a program ask. It has no secret: a program on somebody's machine keeps none.
    pub async fn client_create(&self, who: &Principal, new: NewClient) -> Outcome<Client> {
        let acting = Acting::of(who)?;
        let id = ClientId::generate(self.inner.clock.as_ref());
        let row = ClientRow {
            tenant_id: who.tenant.uuid(),
            client_id: id.uuid(),
            name: text_of("name", &new.name)?,
            redirect_uris: redirects_of(new.redirect_uris)?,
            scopes: scopes_of(new.scopes)?,
            created_by: acting.user.uuid(),
            created_at: self.inner.clock.now(),
            revoked_at: None,
        };
        self.inner
            .db
            .auth(acting.scope, move |tx| {
                lock_tenant(tx)?;
                if store::clients_in_use(tx)? >= MOST {
                    return Err(Refusal::TooManyClients.into());
                }
                store::client_insert(tx, &row)?;
                let entry = Entry::new(Action::ClientCreate, "client", id)
                    .after(json!({ "redirect_uris": row.redirect_uris, "scopes": row.scopes }));
                acting.audit(tx, entry)?;
                one(tx, id)
            })
            .await
    }

    /// Ends a program, and what everybody let it do.
    pub async fn client_revoke(&self, who: &Principal, id: ClientId) -> Outcome<()> {
        let acting = Acting::of(who)?;
        self.inner
            .db
            .auth(acting.scope, move |tx| {
                one(tx, id)?;
                if store::client_revoke(tx, id)? {
                    let ended = store::grants_end_of(tx, id, "client_revoked")?;
                    let entry = Entry::new(Action::ClientRevoke, "client", id)
                        .after(json!({ "grants_ended": ended }));
                    acting.audit(tx, entry)?;
                }
                Ok::<_, IdentityError>(())
            })
            .await?;
        self.inner.tokens.forget_tenant(who.tenant);
        Ok(())
    }
}

fn redirects_of(wanted: Vec<String>) -> Outcome<Vec<String>> {
    let distinct: BTreeSet<&String> = wanted.iter().collect();
    let sound = (1..=MOST_REDIRECTS).contains(&wanted.len())
        && distinct.len() == wanted.len()
        && wanted.iter().all(|address| redirect::may_be_named(address));
    if sound {
        Ok(wanted)
    } else {
        Err(IdentityError::input("redirect_uris", "redirects_invalid"))
    }
}

fn scopes_of(wanted: Vec<String>) -> Outcome<Vec<String>> {
    let distinct: BTreeSet<&String> = wanted.iter().collect();
    let sound = !wanted.is_empty()
        && distinct.len() == wanted.len()
        && wanted.iter().all(|name| scope_by_name(name).is_some());
    if sound {
        Ok(wanted)
    } else {
        Err(IdentityError::input("scopes", "scopes_invalid"))
    }
}

fn one(tx: &mut db::AuthTx<'_>, id: ClientId) -> Outcome<Client> {
    shown(tx, Some(id))?
        .pop()
        .ok_or_else(|| Refusal::UnknownThing.into())
}

fn shown(tx: &mut db::AuthTx<'_>, only: Option<ClientId>) -> Outcome<Vec<Client>> {
    let now = db::Unit::now(tx);
    let rows = store::clients(tx, only)?;
    let made_by: Vec<Uuid> = rows.iter().map(|row| row.created_by).collect();
    let names = makers(tx, &made_by)?;
    let client = |row: ClientRow| Client {
        id: ClientId::from_uuid(row.client_id),
        name: row.name,
        redirect_uris: row.redirect_uris,
        scopes: row.scopes,
        created_by_name: names.get(&row.created_by).cloned(),
        created_by: UserId::from_uuid(row.created_by),
        created_at: row.created_at,
        state: IssuedState::of(row.revoked_at, None, now),
    };
    Ok(rows.into_iter().map(client).collect())
}
