//! Mail domains: which provider an address leads to, and for which addresses a provider is believed.
//!
//! A tenant's administrator names a domain. It counts once a super_admin has verified it: the
//! appliance may stand in a network without public DNS, so a TXT record cannot be asked for.
//!
//! One domain has one owner: a tenant or the appliance, whichever a super_admin gave it to. So an address
//! leads to one provider, and one provider is believed about it; the second to ask is refused.

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthScope, AuthTx, Unit, WaitingDomain};
use kernel::{Action, Principal, ProviderId, TenantId};
use serde_json::json;

use super::{
    Sso,
    error::SsoError,
    flow::of,
    model::{Kind, domain_of, domain_text},
    provider::{kind, note, scope},
    store,
};
use crate::error::IdentityError;

#[derive(Clone, Debug)]
pub struct Domain {
    pub domain: String,
    pub provider: ProviderId,
    pub verified_at: Option<DateTime<Utc>>,
}

/// Where an address leads, and how its organisation signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    pub provider: ProviderId,
    /// As the organisation calls it.
    pub name: String,
    pub kind: Kind,
    /// Passwords open nothing there, but for the owner.
    pub only: bool,
}

pub(crate) fn read(tx: &mut AuthTx<'_>) -> Result<Vec<Domain>, IdentityError> {
    let rows = store::domains(tx)?;
    Ok(rows
        .into_iter()
        .map(|row| Domain {
            domain: row.domain,
            provider: ProviderId::from_uuid(row.provider_id),
            verified_at: row.verified_at,
        })
        .collect())
}

impl Sso {
    /// The provider that an address leads to. It is judged by its domain alone, so the answer says
    /// nothing about who has an account.
    pub async fn discover(&self, email: &str) -> Result<Option<Discovered>, IdentityError> {
        let Some(domain) = domain_of(email) else {
            return Ok(None);
        };
        let db = &self.identity.inner.db;
        let found = db
            .auth(AuthScope::default(), move |tx| {
                tx.sso_provider_of_domain(&domain)
            })
            .await
            .map_err(IdentityError::Db)?;
        let Some(provider) = found.map(ProviderId::from_uuid) else {
            return Ok(None);
        };
        let (tenant, row) = match self.enabled_provider(provider).await {
            // Switched off since the look-up.
            Err(IdentityError::Sso(SsoError::NoProvider)) => return Ok(None),
            found => found?,
        };
        let only = db.auth(of(tenant), store::sso_only).await?;
        Ok(Some(Discovered {
            provider,
            kind: kind(&row)?,
            name: row.name,
            only,
        }))
    }

    pub async fn domain_add(
        &self,
        who: &Principal,
        domain: &str,
        provider: ProviderId,
    ) -> Result<Domain, IdentityError> {
        let domain = domain_text(domain).ok_or(IdentityError::input("domain", "domain_invalid"))?;
        let actor = who.clone();
        self.identity
            .inner
            .db
            .auth(scope(who), move |tx| {
                store::provider(tx, provider)?.ok_or(SsoError::NoProvider)?;
                store::domain_insert(tx, &domain, provider)?;
                // Who names one for the appliance is who says whose a domain is.
                let verified = actor.tenant == TenantId::PLATFORM;
                if verified {
                    let by = actor.user().ok_or(IdentityError::NotMember)?;
                    tx.sso_domain_verify(actor.tenant.uuid(), &domain, by.uuid())?;
                }
                let entry = Entry::new(Action::DomainAdd, "provider", provider)
                    .after(json!({ "domain": domain }));
                note(tx, &actor, entry)?;
                Ok(Domain {
                    domain,
                    provider,
                    verified_at: verified.then(|| tx.now()),
                })
            })
            .await
    }

    pub async fn domain_remove(&self, who: &Principal, domain: &str) -> Result<(), IdentityError> {
        let domain = domain_text(domain).ok_or(SsoError::NoDomain)?;
        let actor = who.clone();
        self.identity
            .inner
            .db
            .auth(scope(who), move |tx| {
                if !store::domain_delete(tx, &domain)? {
                    return Err(SsoError::NoDomain.into());
                }
                let entry = Entry::new(Action::DomainRemove, "tenant", actor.tenant)
                    .before(json!({ "domain": domain }));
                note(tx, &actor, entry)
            })
            .await
    }

    /// Domains of all tenants that wait, for a super_admin.
    pub async fn domains_waiting(
        &self,
        who: &Principal,
    ) -> Result<Vec<WaitingDomain>, IdentityError> {
        self.identity
            .inner
            .db
            .auth(scope(who), |tx| tx.sso_domains_waiting())
            .await
            .map_err(IdentityError::Db)
    }

    /// A super_admin's word that the domain is the tenant's. One tenant has it, and nobody else.
    pub async fn domain_verify(
        &self,
        who: &Principal,
        tenant: TenantId,
        domain: &str,
    ) -> Result<(), IdentityError> {
        let domain = domain_text(domain).ok_or(SsoError::NoDomain)?;
        let by = who.user().ok_or(IdentityError::NotMember)?;
        let actor = who.clone();
        self.identity
            .inner
            .db
            .auth(scope(who), move |tx| {
                if !tx.sso_domain_verify(tenant.uuid(), &domain, by.uuid())? {
                    return Err(SsoError::NoDomain.into());
                }
                let entry = Entry::new(Action::DomainVerify, "tenant", tenant)
                    .after(json!({ "domain": domain }));
                note(tx, &actor, entry)
            })
            .await
    }
}
