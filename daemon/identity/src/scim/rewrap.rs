//! Moves what providers said of people to the newest version of their tenant's key (OB-07).

use db::AuthScope;
use kernel::{Principal, UserId};
use uuid::Uuid;
use vault::RewrapPage;

use super::{profiles::profile_binding, rows};
use crate::{error::IdentityError, identity::Identity};

/// People of one page.
const PAGE: i64 = 100;

impl Identity {
    /// The page of the tenant's provisioned people that follows `last`.
    pub async fn scim_profiles_rewrap(
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
        let found = inner
            .db
            .auth(scope, move |tx| rows::profiles_after(tx, last, PAGE))
            .await?;
        let full = i64::try_from(found.len()).is_ok_and(|read| read == PAGE);
        let mut done = RewrapPage {
            next: found.last().map(|(id, _)| *id).filter(|_| full),
            ..RewrapPage::default()
        };
        for (id, stored) in found {
            let owner = UserId::from_uuid(id).to_string();
            let fresh = inner
                .vault
                .rewrap_stored(who.tenant, &profile_binding(&owner), &stored, newest)
                .await?;
            let moved = match fresh {
                Some(fresh) => {
                    let store = move |tx: &mut db::AuthTx<'_>| {
                        rows::profile_store(tx, id, (&stored, &fresh))
                    };
                    inner.db.auth(scope, store).await?
                }
                None => false,
            };
            done.count(moved);
        }
        Ok(done)
    }
}
