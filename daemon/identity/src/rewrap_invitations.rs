//! Moves the addresses of invitations that wait to the newest version of their tenant's key (OB-07).

use db::{AuthScope, AuthTx, Unit};
use diesel::{ExpressionMethods, NullableExpressionMethods, QueryDsl, RunQueryDsl, update};
use kernel::{InvitationId, Principal};
use schema::invitations;
use uuid::Uuid;
use vault::RewrapPage;

use crate::{error::IdentityError, identity::Identity, invitations::address_binding};

/// Invitations of one page.
const PAGE: i64 = 100;

impl Identity {
    /// The page of the tenant's invitations that follows `last`.
    pub async fn invitations_rewrap(
        &self,
        who: &Principal,
        last: Option<Uuid>,
        newest: u32,
    ) -> Result<RewrapPage, IdentityError> {
        let inner = &self.inner;
        let scope = AuthScope {
            tenant: Some(who.tenant),
            user: None,
        };
        let found = inner.db.auth(scope, move |tx| after(tx, last)).await?;
        let full = i64::try_from(found.len()).is_ok_and(|read| read == PAGE);
        let mut done = RewrapPage {
            next: found.last().map(|(id, _)| *id).filter(|_| full),
            ..RewrapPage::default()
        };
        for (id, stored) in found {
            let owner = InvitationId::from_uuid(id).to_string();
            let fresh = inner
                .vault
                .rewrap_stored(who.tenant, &address_binding(&owner), &stored, newest)
                .await?;
            let moved = match fresh {
                Some(fresh) => {
                    inner
                        .db
                        .auth(scope, move |tx| store(tx, id, &stored, &fresh))
                        .await?
                }
                None => false,
            };
            done.count(moved);
        }
        Ok(done)
    }
}

fn after(tx: &mut AuthTx<'_>, last: Option<Uuid>) -> Result<Vec<(Uuid, Vec<u8>)>, IdentityError> {
    Ok(invitations::table
        .filter(invitations::tenant_id.eq(tx.tenant().uuid()))
        .filter(invitations::invitation_id.gt(last.unwrap_or_default()))
        .filter(invitations::email_sealed.is_not_null())
        .order(invitations::invitation_id)
        .limit(PAGE)
        .select((
            invitations::invitation_id,
            invitations::email_sealed.assume_not_null(),
        ))
        .load(tx.conn())?)
}

fn store(
    tx: &mut AuthTx<'_>,
    id: Uuid,
    stored: &[u8],
    fresh: &[u8],
) -> Result<bool, IdentityError> {
    let row = invitations::table
        .find((tx.tenant().uuid(), id))
        .filter(invitations::email_sealed.eq(stored));
    let changed = update(row)
        .set(invitations::email_sealed.eq(fresh))
        .execute(tx.conn())?;
    Ok(changed == 1)
}
