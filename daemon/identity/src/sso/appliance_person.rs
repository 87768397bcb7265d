//! From what a provider of the appliance proved to a person with a session (CX-33, CX-34).
//!
//! A person is found by (issuer, subject), or on their first sign-in by an address whose domain is
//! verified for the appliance. A super_admin is found only by an identity that they have confirmed
//! themselves. The session begins in a tenant of the person's that lets the appliance's providers in.

use audit::Entry;
use db::{AuthScope, Unit};
use kernel::{Action, Actor, ProviderId, TenantId, UserId};
use serde_json::json;

use super::{
    Sso,
    error::SsoError,
    flow::of,
    model::{Proven, domain_of},
    store::{self, ProviderRow},
};
use crate::{
    config::SESSION_LIFE,
    email::Email,
    error::IdentityError,
    grant::{Grant, open_session},
    identity::Caller,
};

/// Whom the provider's word names, and whether that person has confirmed it.
struct Known {
    user: UserId,
    confirmed: bool,
}

impl Sso {
    /// Opens a session for whom the appliance's provider proved. It makes no account and no member.
    pub(crate) async fn admit_to_appliance(
        &self,
        row: &ProviderRow,
        proven: Proven,
        caller: &Caller,
    ) -> Result<Grant, IdentityError> {
        let inner = &self.identity.inner;
        let known = self.known_to_appliance(&proven).await?;
        let user = known.user;
        let provider = ProviderId::from_uuid(row.provider_id);
        let tenant = self.appliance_link(known, provider, proven, caller).await?;
        fail::fail_point!("appliance_identity_kept");
        let mut session = inner.new_session(user, tenant, caller).await?;
        session.sso_tenant_id = Some(row.tenant_id);
        session.sso_provider_id = Some(row.provider_id);
        // The account is not this provider's own: a first factor takes the password that the person has.
        session.password_at = None;
        let scope = AuthScope {
            tenant: Some(tenant),
            user: Some(user),
        };
        let caller = caller.clone();
        let opened = inner
            .db
            .auth(scope, move |tx| {
                crate::store::tokens_forget(tx, user, tx.now() - SESSION_LIFE)?;
                // Answers no session where the tenant has closed, or the provider, since it was chosen.
                open_session(tx, session, Action::SignIn, &caller)
            })
            .await?;
        inner.grant(opened, None).await
    }

    async fn known_to_appliance(&self, proven: &Proven) -> Result<Known, IdentityError> {
        let inner = &self.identity.inner;
        let address = match &proven.email {
            Some(text) => {
                let email = Email::parse(text)?;
                let hash = email.hash(&inner.secrets()?.index_key)?;
                domain_of(email.as_str()).map(|domain| (domain, hash))
            }
            None => None,
        };
        let (issuer, subject) = (proven.issuer.clone(), proven.subject.clone());
        inner
            .db
            .auth(of(TenantId::PLATFORM), move |tx| {
                if let Some((user, confirmed)) = store::identity_at(tx, &issuer, &subject)? {
                    return Ok(Known { user, confirmed });
                }
                let Some((domain, hash)) = address else {
                    return Err(SsoError::NotLinked.into());
                };
                if !store::domain_verified(tx, &domain)? {
                    return Err(SsoError::NotLinked.into());
                }
                let login = tx.user_by_email(&hash)?.ok_or(SsoError::NotLinked)?;
                Ok::<_, IdentityError>(Known {
                    user: UserId::from_uuid(login.user_id),
                    confirmed: false,
                })
            })
            .await
    }

    /// Links a new identity, and answers the tenant that the session begins in.
    async fn appliance_link(
        &self,
        known: Known,
        provider: ProviderId,
        proven: Proven,
        caller: &Caller,
    ) -> Result<TenantId, IdentityError> {
        let scope = AuthScope {
            tenant: Some(TenantId::PLATFORM),
            user: Some(known.user),
        };
        let caller = caller.clone();
        self.identity
            .inner
            .db
            .auth(scope, move |tx| {
                match store::person_standing(tx, known.user)? {
                    Some((state, super_admin)) if state == "active" => {
                        if super_admin && !known.confirmed {
                            return Err(SsoError::NotLinked.into());
                        }
                    }
                    _ => return Err(SsoError::Account("deactivated").into()),
                }
                let open = tx.sso_appliance_tenants()?;
                let tenant = open.first().ok_or(SsoError::NotOpen)?.tenant_id;
                let who = (proven.issuer.as_str(), proven.subject.as_str());
                if store::identity_keep(tx, who, provider, known.user)? {
                    Entry::new(Action::IdentityLink, "user", known.user)
                        .after(json!({ "provider": provider }))
                        .write_auth(
                            tx,
                            &Actor::System { job: None },
                            Some(&caller.origin()),
                            caller.request,
                        )?;
                }
                Ok(TenantId::from_uuid(tenant))
            })
            .await
    }
}
