//! Moves the secrets of a tenant's providers to the newest version of the tenant's key (OB-07).

use db::AuthScope;
use kernel::{ProviderId, TenantId};
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
                .auth(scope, move |tx| {
                    tx.sso_secret_rewrap(id.uuid(), &stored, &fresh)
                })
                .await
                .map_err(IdentityError::Db)?;
            done.count(moved);
        }
        Ok(done)
    }
}
