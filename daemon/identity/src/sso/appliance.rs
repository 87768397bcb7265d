//! Providers of the appliance: a super_admin sets them up, and each tenant decides whether they open it.
//!
//! They belong to the platform's reserved tenant, so no context of a tenant reaches them, and only a
//! super_admin's changes them. They open accounts that exist and make nothing: no member, no role. A
//! tenant that has an enabled provider of its own is not opened by them, whatever its switch says.

use audit::Entry;
use db::{AuthTx, TenantName, Unit};
use kernel::{Action, Principal, ProviderId, TenantId};
use serde_json::json;
use uuid::Uuid;

use super::{
    Sso,
    error::SsoError,
    model::{Kind, ProviderInput},
    provider::{note, scope},
    store,
};
use crate::error::IdentityError;

/// The appliance's providers as a tenant's administrator sees them.
#[derive(Clone, Debug)]
pub struct ApplianceView {
    /// Those that are enabled.
    pub providers: Vec<(ProviderId, Kind, String)>,
    /// The tenant's switch.
    pub allowed: bool,
    /// Whether people sign in here through them: allowed, and no provider of the tenant is enabled.
    pub opens: bool,
}

/// The same person, acting on what is the appliance's: its providers and their domains.
pub fn appliance(who: &Principal) -> Principal {
    Principal {
        tenant: TenantId::PLATFORM,
        ..who.clone()
    }
}

/// A provider of the appliance makes no members and gives no roles.
pub(crate) fn check(owner: TenantId, input: &ProviderInput) -> Result<(), IdentityError> {
    if owner != TenantId::PLATFORM {
        return Ok(());
    }
    if input.create_members {
        return Err(IdentityError::input(
            "create_members",
            "appliance_maps_nothing",
        ));
    }
    if !input.role_map.is_empty() {
        return Err(IdentityError::input("role_map", "appliance_maps_nothing"));
    }
    Ok(())
}

/// Whether somebody can sign in to the scope's tenant through a provider.
pub(crate) fn anything_opens(tx: &mut AuthTx<'_>) -> Result<bool, IdentityError> {
    if store::providers(tx)?.iter().any(|row| row.enabled) {
        return Ok(true);
    }
    let tenant = tx.tenant();
    Ok(tx.sso_appliance_opens(tenant.uuid())?
        && tx.sso_appliance_providers()?.iter().any(|row| row.enabled))
}

/// A provider of the tenant's own is enabled: what the appliance's opened there ends.
pub(crate) fn displace(tx: &mut AuthTx<'_>) -> Result<(), IdentityError> {
    tx.sso_appliance_sessions_end("own_provider")?;
    Ok(db::hint(tx, "sessions")?)
}

/// Where a session may go that a provider opened.
pub(crate) struct Reach {
    pub(crate) tenants: Vec<TenantName>,
    /// With what it is called.
    pub(crate) provider: Option<(ProviderId, String)>,
}

/// Of a session that `provider` of `owner` opened. In the person's scope.
pub(crate) fn reach_of(
    tx: &mut AuthTx<'_>,
    owner: TenantId,
    provider: Uuid,
) -> Result<Reach, IdentityError> {
    let id = ProviderId::from_uuid(provider);
    if owner == TenantId::PLATFORM {
        let mut known = tx.sso_appliance_providers()?.into_iter();
        let name = known.find(|row| row.provider_id == provider);
        return Ok(Reach {
            tenants: tx.sso_appliance_tenants()?,
            provider: name.map(|row| (id, row.name)),
        });
    }
    let mut tenants = tx.own_tenants()?;
    tenants.retain(|own| own.tenant_id == owner.uuid());
    let name = store::provider_name(tx, owner.uuid(), id)?;
    Ok(Reach {
        tenants,
        provider: name.map(|name| (id, name)),
    })
}

fn view(tx: &mut AuthTx<'_>) -> Result<ApplianceView, IdentityError> {
    let tenant = tx.tenant();
    let mut providers = Vec::new();
    for row in tx.sso_appliance_providers()? {
        let kind = Kind::from_name(&row.kind).ok_or(SsoError::NoProvider)?;
        if row.enabled {
            providers.push((ProviderId::from_uuid(row.provider_id), kind, row.name));
        }
    }
    Ok(ApplianceView {
        allowed: store::appliance_allowed(tx)?,
        opens: !providers.is_empty() && tx.sso_appliance_opens(tenant.uuid())?,
        providers,
    })
}

impl Sso {
    pub async fn appliance_show(&self, who: &Principal) -> Result<ApplianceView, IdentityError> {
        self.identity.inner.db.auth(scope(who), view).await
    }

    /// The tenant's word whether its people may sign in through the appliance's providers. Taking it
    /// back ends what they opened there.
    pub async fn appliance_allow(
        &self,
        who: &Principal,
        allowed: bool,
    ) -> Result<ApplianceView, IdentityError> {
        let actor = who.clone();
        let shown = self
            .identity
            .inner
            .db
            .auth(scope(who), move |tx| {
                let before = store::appliance_allowed(tx)?;
                store::appliance_allowed_set(tx, allowed)?;
                if !allowed {
                    if store::sso_only(tx)? && !anything_opens(tx)? {
                        return Err(SsoError::NothingEnabled.into());
                    }
                    tx.sso_appliance_sessions_end("appliance_sso_off")?;
                }
                let entry = Entry::new(Action::ApplianceSsoAllow, "tenant", actor.tenant)
                    .before(json!({ "allowed": before }))
                    .after(json!({ "allowed": allowed }));
                note(tx, &actor, entry)?;
                db::hint(tx, "sessions")?;
                view(tx)
            })
            .await?;
        self.identity.forget_tenant(who.tenant);
        Ok(shown)
    }

    /// How many tenants people enter through the appliance's providers alone, an owner's password aside.
    pub async fn appliance_reliant(&self, who: &Principal) -> Result<i64, IdentityError> {
        self.identity
            .inner
            .db
            .auth(scope(who), |tx| tx.sso_appliance_reliant())
            .await
            .map_err(IdentityError::Db)
    }
}
