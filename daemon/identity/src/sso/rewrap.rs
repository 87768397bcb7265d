//! Moves the secrets of a tenant's providers to the newest version of the tenant's key (OB-07).

use db::{AuthScope, AuthTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use kernel::{ProviderId, TenantId};
use schema::sso_providers;
use vault::RewrapPage;

use super::{provider::binding, store};
use crate::{error::IdentityError, identity::Identity};

impl Identity {
    /// The secrets of all of the tenant's providers; there are few.
    pub async fn provider_secrets_rewrap(
        &self,
        tenant: TenantId,
        newest: u32,
    ) -> Result<RewrapPage, IdentityError> {
        let scope = AuthScope {
            tenant: Some(tenant),
            user: None,
        };
        let rows = self.inner.db.auth(scope, store::providers).await?;
        let mut done = RewrapPage::default();
        for row in rows {
            let id = ProviderId::from_uuid(row.provider_id);
            let Some(stored) = row.client_secret_sealed else {
                continue;
            };
            let fresh = self
                .inner
                .vault
                .rewrap_stored(tenant, &binding(&id.to_string()), &stored, newest)
                .await?;
            let Some(fresh) = fresh else {
                done.count(false);
                continue;
            };
            let moved = self
                .inner
                .db
                .auth(scope, move |tx| secret_store(tx, id, &stored, &fresh))
                .await?;
            done.count(moved);
        }
        Ok(done)
    }
}

fn secret_store(
    tx: &mut AuthTx<'_>,
    id: ProviderId,
    stored: &[u8],
    fresh: &[u8],
) -> Result<bool, IdentityError> {
    let row = sso_providers::table
        .find((tx.tenant().uuid(), id.uuid()))
        .filter(sso_providers::client_secret_sealed.eq(stored));
    let changed = diesel::update(row)
        .set(sso_providers::client_secret_sealed.eq(fresh))
        .execute(tx.conn())?;
    Ok(changed == 1)
}
