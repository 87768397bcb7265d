//! What people let programs do: shown to them and to their administrators, and ended by either.

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use kernel::{Action, ClientId, GrantId, Principal, UserId};
use uuid::Uuid;

use super::store::{self, GrantRow};
use crate::{
    acting::Acting,
    error::IdentityError,
    identity::Identity,
    issued::{IssuedState, makers},
    refusal::Refusal,
};

type Outcome<T> = Result<T, IdentityError>;

#[derive(Clone, Debug)]
pub struct ClientGrant {
    pub id: GrantId,
    pub client: ClientId,
    pub client_name: String,
    pub user: UserId,
    pub user_name: Option<String>,
    pub scopes: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// When its tokens were last renewed.
    pub renewed_at: Option<DateTime<Utc>>,
    pub state: IssuedState,
}

/// Whose grants somebody may see and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Own,
    /// Of everybody in the tenant. Whether the caller may is the route's to say.
    Everybody,
}

impl Identity {
    /// What the person let programs do in the tenant that they are in; the newest first, 500 at most.
    pub async fn own_grant_list(&self, who: &Principal) -> Outcome<Vec<ClientGrant>> {
        self.grants_of(who, Whose::Own).await
    }

    /// The same of everybody in the tenant.
    pub async fn grant_list(&self, who: &Principal) -> Outcome<Vec<ClientGrant>> {
        self.grants_of(who, Whose::Everybody).await
    }

    /// The person takes back what they let a program do.
    pub async fn own_grant_revoke(&self, who: &Principal, id: GrantId) -> Outcome<()> {
        self.grant_end(who, id, Whose::Own).await
    }

    /// An administrator ends what somebody let a program do.
    pub async fn grant_revoke(&self, who: &Principal, id: GrantId) -> Outcome<()> {
        self.grant_end(who, id, Whose::Everybody).await
    }

    async fn grants_of(&self, who: &Principal, whose: Whose) -> Outcome<Vec<ClientGrant>> {
        let acting = Acting::of(who)?;
        let of = (whose == Whose::Own).then_some(acting.user);
        self.inner
            .db
            .auth(acting.scope, move |tx| shown(tx, of))
            .await
    }

    async fn grant_end(&self, who: &Principal, id: GrantId, whose: Whose) -> Outcome<()> {
        let acting = Acting::of(who)?;
        let of = (whose == Whose::Own).then_some(acting.user);
        self.inner
            .db
            .auth(acting.scope, move |tx| {
                if store::grants(tx, of, Some(id))?.is_empty() {
                    return Err(Refusal::UnknownThing.into());
                }
                if store::grant_end(tx, id, "revoked")? {
                    acting.audit(tx, Entry::new(Action::GrantRevoke, "grant", id))?;
                }
                Ok::<_, IdentityError>(())
            })
            .await?;
        self.inner.tokens.forget_tenant(who.tenant);
        Ok(())
    }
}

fn shown(tx: &mut AuthTx<'_>, of: Option<UserId>) -> Outcome<Vec<ClientGrant>> {
    let now = tx.now();
    let rows = store::grants(tx, of, None)?;
    let people: Vec<Uuid> = rows.iter().map(|(row, _)| row.user_id).collect();
    let names = makers(tx, &people)?;
    let grant = |(row, client_name): (GrantRow, String)| ClientGrant {
        id: GrantId::from_uuid(row.grant_id),
        client: ClientId::from_uuid(row.client_id),
        client_name,
        user_name: names.get(&row.user_id).cloned(),
        user: UserId::from_uuid(row.user_id),
        scopes: row.scopes,
        created_at: row.created_at,
        expires_at: row.expires_at,
        renewed_at: row.renewed_at,
        state: IssuedState::of(row.ended_at, Some(row.expires_at), now),
    };
    Ok(rows.into_iter().map(grant).collect())
}
