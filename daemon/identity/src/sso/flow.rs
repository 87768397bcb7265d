//! Leaving for a provider and coming back. What returns is accepted once, within ten minutes, from
//! the browser in which it began: a code that somebody else obtained opens nothing here.

use std::time::Duration;

use audit::Entry;
use chrono::TimeDelta;
use db::AuthScope;
use kernel::{Action, Actor, Classified, Principal, ProviderId, Secret, TenantId, UserId};

use super::{
    Sso,
    browser::{Browser, challenge, random_text},
    error::SsoError,
    link::Claim,
    model::{Kind, Proven},
    oidc::{Answer, stable},
    provider::{client, kind},
    saml::Addresses,
    store::{self, FlowRow, ProviderRow},
};
use crate::{error::IdentityError, grant::Grant, identity::Caller, opaque::sha256};

const LIFE: TimeDelta = TimeDelta::minutes(10);

/// How a sign-in goes on.
pub enum Started {
    Away(Leaving),
    /// Here, with the name and password of the directory that is called so.
    Directory(String),
}

/// Where to send the browser, and what it must keep meanwhile.
pub struct Leaving {
    pub authorize_url: String,
    pub cookie: Secret<String>,
    pub life: Duration,
}

/// What the provider sent back through the browser.
pub struct Returned {
    pub state: String,
    /// RFC 9207.
    pub issuer: Option<String>,
    pub outcome: Result<Secret<String>, String>,
}

/// What came of it.
pub enum Ended {
    SignedIn(Box<Grant>),
    /// A super_admin has proven who they are at the appliance's provider, and confirms it next.
    Proven(Claim),
}

/// A sign-in that came back, and is used up.
pub(crate) struct Taken {
    pub(crate) tenant: TenantId,
    pub(crate) row: ProviderRow,
    pub(crate) browser_hash: Vec<u8>,
    pub(crate) link: Option<UserId>,
}

/// The browser in which a sign-in began, which alone may end it.
pub(crate) fn browser_of(cookie: Option<&str>, hash: &[u8]) -> Result<Browser, SsoError> {
    cookie
        .and_then(Browser::parse)
        .filter(|browser| browser.hash() == hash)
        .ok_or(SsoError::Flow("another browser"))
}

impl Sso {
    /// Begins a sign-in through the provider.
    pub async fn start(&self, provider: ProviderId) -> Result<Started, IdentityError> {
        self.leave(provider, None).await
    }

    pub(super) async fn leave(
        &self,
        provider: ProviderId,
        link: Option<UserId>,
    ) -> Result<Started, IdentityError> {
        let inner = &self.identity.inner;
        let (tenant, row) = self.enabled_provider(provider).await?;
        let state = random_text()?;
        let browser = Browser::generate()?;
        let now = inner.clock.now();
        let authorize_url = match kind(&row)? {
            Kind::Oidc => self.oidc_leave(&row, &state, &browser).await?,
            Kind::Saml => {
                Addresses::new(&self.public_url, provider).sign_in_url(&row, &state, now)?
            }
            Kind::Ldap => return Ok(Started::Directory(row.name)),
        };
        let flow = FlowRow {
            tenant_id: tenant.uuid(),
            state_hash: sha256(state.as_bytes()),
            provider_id: provider.uuid(),
            browser_hash: browser.hash(),
            created_at: now,
            expires_at: now + LIFE,
            link_user_id: link.map(UserId::uuid),
        };
        inner
            .db
            .auth(of(tenant), move |tx| store::flow_insert(tx, &flow))
            .await?;
        Ok(Started::Away(Leaving {
            authorize_url,
            cookie: browser.into_text(),
            life: LIFE.to_std().unwrap_or_default(),
        }))
    }

    async fn oidc_leave(
        &self,
        row: &ProviderRow,
        state: &str,
        browser: &Browser,
    ) -> Result<String, IdentityError> {
        let redirect = self.oidc_return();
        let nonce = browser.nonce(state)?;
        let challenge = challenge(&browser.verifier(state)?);
        let url = self
            .oidc
            .authorize_url(
                &client(row, None, &redirect),
                (state, &nonce, &challenge),
                self.identity.inner.clock.now(),
            )
            .await?;
        Ok(url)
    }

    /// Ends a sign-in: redeems the code, and opens a session where the provider may.
    pub async fn oidc_complete(
        &self,
        returned: Returned,
        cookie: Option<&str>,
        caller: &Caller,
    ) -> Result<Ended, IdentityError> {
        let Taken {
            tenant,
            row,
            browser_hash,
            link,
        } = self.take_flow(&returned.state, Kind::Oidc).await?;
        let browser = browser_of(cookie, &browser_hash)?;
        let done = match self.redeem(&row, &browser, returned).await {
            Ok(proven) => self.end(&row, proven, link, caller).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &done {
            self.note_refusal(tenant, &row, error, caller).await;
        }
        done
    }

    /// With a session, or with an identity that waits for its person's word.
    pub(super) async fn end(
        &self,
        row: &ProviderRow,
        proven: Proven,
        link: Option<UserId>,
        caller: &Caller,
    ) -> Result<Ended, IdentityError> {
        match link {
            Some(user) => self
                .link_prove(row, proven, user, caller)
                .await
                .map(Ended::Proven),
            None => self
                .admit(row, proven, caller)
                .await
                .map(|grant| Ended::SignedIn(Box::new(grant))),
        }
    }

    /// Where a person who signs out may end the provider's session as well; nothing for a session
    /// that no provider opened, or when the provider does not say.
    pub async fn logout_url(&self, who: &Principal) -> Result<Option<String>, IdentityError> {
        let Actor::Human { user, session } = who.actor else {
            return Ok(None);
        };
        let inner = &self.identity.inner;
        let within = |tenant| AuthScope {
            tenant: Some(tenant),
            user: Some(user),
        };
        let opener = inner
            .db
            .auth(within(who.tenant), move |tx| {
                crate::store::session_opener(tx, session)
            })
            .await?;
        let Some((owner, provider)) = opener else {
            return Ok(None);
        };
        let (row, subject) = inner
            .db
            .auth(within(owner), move |tx| {
                let subject = store::identity_subject(tx, provider, user)?;
                Ok::<_, IdentityError>((store::provider(tx, provider)?, subject))
            })
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let told = match kind(&row)? {
            Kind::Oidc => {
                let back = format!("{}/sign-in", self.public_url);
                self.oidc
                    .logout_url(&client(&row, None, &back), &back, inner.clock.now())
                    .await
                    .map_err(IdentityError::from)
            }
            Kind::Saml => {
                let us = Addresses::new(&self.public_url, ProviderId::from_uuid(row.provider_id));
                let subject = subject.unwrap_or_default();
                us.sign_out_url(&row, &subject, inner.clock.now())
            }
            // A directory keeps no session.
            Kind::Ldap => return Ok(None),
        };
        // Signing out here must work while the provider is away.
        Ok(told.unwrap_or_else(|error| {
            log::info!("the provider did not say where to sign out: {error}");
            None
        }))
    }

    async fn redeem(
        &self,
        row: &ProviderRow,
        browser: &Browser,
        returned: Returned,
    ) -> Result<Proven, IdentityError> {
        let code = returned
            .outcome
            .map_err(|error| SsoError::Refused(stable(&error)))?;
        let secret = self.client_secret(row).await?;
        let redirect = self.oidc_return();
        let answer = Answer {
            code: &code,
            issuer: returned.issuer.as_deref(),
            verifier: &browser.verifier(&returned.state)?,
            nonce: &browser.nonce(&returned.state)?,
        };
        let proven = self
            .oidc
            .redeem(
                &client(row, secret.as_ref(), &redirect),
                &answer,
                self.identity.inner.clock.now(),
            )
            .await?;
        Ok(proven)
    }

    pub(super) async fn enabled_provider(
        &self,
        provider: ProviderId,
    ) -> Result<(TenantId, ProviderRow), IdentityError> {
        let db = &self.identity.inner.db;
        let tenant = db
            .auth(AuthScope::default(), move |tx| {
                tx.sso_provider_tenant(provider.uuid())
            })
            .await
            .map_err(IdentityError::Db)?
            .map(TenantId::from_uuid)
            .ok_or(SsoError::NoProvider)?;
        let row = db
            .auth(of(tenant), move |tx| store::provider(tx, provider))
            .await?
            .filter(|row| row.enabled)
            .ok_or(SsoError::NoProvider)?;
        Ok((tenant, row))
    }

    /// Uses the flow up, whatever comes of it: who tries in the wrong browser has voided it.
    pub(crate) async fn take_flow(
        &self,
        state: &str,
        speaks: Kind,
    ) -> Result<Taken, IdentityError> {
        let inner = &self.identity.inner;
        let hash = sha256(state.as_bytes());
        let wanted = hash.clone();
        let tenant = inner
            .db
            .auth(AuthScope::default(), move |tx| tx.sso_flow_tenant(&wanted))
            .await
            .map_err(IdentityError::Db)?
            .map(TenantId::from_uuid)
            .ok_or(SsoError::Flow("unknown or used"))?;
        let taken = inner
            .db
            .auth(of(tenant), move |tx| {
                let Some((provider, browser, ends, link)) = store::flow_take(tx, &hash)? else {
                    return Ok(None);
                };
                let row = store::provider(tx, ProviderId::from_uuid(provider))?;
                Ok::<_, IdentityError>(row.map(|row| (row, browser, ends, link)))
            })
            .await?;
        let (row, browser_hash, ends, link) = taken.ok_or(SsoError::Flow("unknown or used"))?;
        fail::fail_point!("sso_flow_taken");
        if ends <= inner.clock.now() {
            return Err(SsoError::Flow("too old").into());
        }
        if kind(&row)? != speaks {
            return Err(SsoError::Flow("another protocol").into());
        }
        if !row.enabled {
            return Err(SsoError::NoProvider.into());
        }
        Ok(Taken {
            tenant,
            row,
            browser_hash,
            link: link.map(UserId::from_uuid),
        })
    }

    /// In the audit log of the provider's tenant, without anybody's name.
    pub(crate) async fn note_refusal(
        &self,
        tenant: TenantId,
        row: &ProviderRow,
        error: &IdentityError,
        caller: &Caller,
    ) {
        let provider = ProviderId::from_uuid(row.provider_id);
        log::warn!(REVKEEP_ACTION = Action::SignInRefuse.name(), REVKEEP_TENANT = tenant.to_string(); "a sign-in through {provider} was refused: {error}");
        let code = match error {
            IdentityError::Sso(SsoError::Directory(fault)) => fault.code(),
            other => other.code(),
        };
        let caller = caller.clone();
        let noted = self
            .identity
            .inner
            .db
            .auth(of(tenant), move |tx| {
                Entry::new(Action::SignInRefuse, "provider", provider)
                    .refused(code)
                    .write_auth(
                        tx,
                        &Actor::System { job: None },
                        Some(&caller.origin()),
                        caller.request,
                    )
                    .map_err(IdentityError::from)
            })
            .await;
        if let Err(error) = noted {
            log::warn!("the refusal could not be audited: {error}");
        }
    }
}

pub(crate) fn of(tenant: TenantId) -> AuthScope {
    AuthScope {
        tenant: Some(tenant),
        user: None,
    }
}
