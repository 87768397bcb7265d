//! What comes back from a SAML provider. Its form comes across sites, so without our cookie: what it
//! proves waits under a ticket, which the browser's page brings with the cookie. Only the browser that
//! began can end the sign-in, so nobody is signed in as somebody else by a response that was slipped to them.

use chrono::{DateTime, TimeDelta, Utc};
use db::{AuthScope, AuthTx, Unit};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, delete, insert_into};
use kernel::{ProviderId, Secret, TenantId, UserId};
use saml::protocol::{Claims, Refusal};
use schema::{sso_assertions, sso_tickets};
use uuid::Uuid;
use vault::{Binding, Sealed};

use super::{
    Sso,
    browser::random_text,
    error::SsoError,
    flow::{Ended, Taken, browser_of, of},
    model::{Kind, Proven},
    saml::{Addresses, proven},
    store::{self, ProviderRow},
};
use crate::{error::IdentityError, identity::Caller, opaque::sha256};

const TICKET_LIFE: TimeDelta = TimeDelta::minutes(2);

/// A ticket's provider, browser, sealed claims, end, and whom it is to link.
type Ticket = (Uuid, Vec<u8>, Vec<u8>, DateTime<Utc>, Option<Uuid>);

/// A ticket that was used up, and what it stood for.
struct Redeemed {
    tenant: TenantId,
    row: ProviderRow,
    proven: Proven,
    link: Option<UserId>,
}

impl Sso {
    /// Our metadata for a provider.
    pub async fn saml_metadata(&self, provider: ProviderId) -> Result<String, IdentityError> {
        let known = self
            .identity
            .inner
            .db
            .auth(AuthScope::default(), move |tx| {
                tx.sso_saml_provider(provider.uuid())
            })
            .await
            .map_err(IdentityError::Db)?;
        if !known {
            return Err(SsoError::NoProvider.into());
        }
        Ok(Addresses::new(&self.public_url, provider).metadata())
    }

    /// The page that a browser goes to after the provider's form.
    pub fn saml_return(&self) -> String {
        format!("{}/sso/saml", self.public_url)
    }

    /// Takes the provider's form; answers the ticket for what it proves.
    pub async fn saml_respond(
        &self,
        provider: ProviderId,
        (state, response): (Option<&str>, Secret<String>),
        caller: &Caller,
    ) -> Result<Secret<String>, IdentityError> {
        let Some(state) = state.filter(|state| !state.is_empty()) else {
            log::warn!("{provider} sent a response that nobody had asked for");
            return Err(SsoError::Saml(Refusal::Unsolicited).into());
        };
        let taken = self.take_flow(state, Kind::Saml).await?;
        let done = self.accept(provider, &taken, (state, response)).await;
        if let Err(error) = &done {
            self.note_refusal(taken.tenant, &taken.row, error, caller)
                .await;
        }
        done
    }

    /// Ends the sign-in: opens a session where the provider may.
    pub async fn saml_complete(
        &self,
        ticket: &str,
        cookie: Option<&str>,
        caller: &Caller,
    ) -> Result<Ended, IdentityError> {
        let Redeemed {
            tenant,
            row,
            proven,
            link,
        } = self.take_ticket(ticket, cookie).await?;
        let done = self.end(&row, proven, link, caller).await;
        if let Err(error) = &done {
            self.note_refusal(tenant, &row, error, caller).await;
        }
        done
    }

    async fn accept(
        &self,
        provider: ProviderId,
        taken: &Taken,
        (state, response): (&str, Secret<String>),
    ) -> Result<Secret<String>, IdentityError> {
        let inner = &self.identity.inner;
        let row = &taken.row;
        if row.provider_id != provider.uuid() {
            return Err(SsoError::Flow("another provider").into());
        }
        let asked = Addresses::new(&self.public_url, provider).asked(
            row,
            (state, response),
            inner.clock.now(),
        );
        let claims = self.reader.response(asked).await?;
        let told = serde_json::to_vec(&proven(row, &claims))
            .map_err(|_| IdentityError::Crypto("claims"))?;
        let owner = provider.to_string();
        let sealed = inner
            .vault
            .seal(taken.tenant, &binding(&owner), &told)
            .await?
            .to_bytes();
        let ticket = random_text()?;
        let (hash, browser) = (sha256(ticket.as_bytes()), taken.browser_hash.clone());
        let link = taken.link;
        inner
            .db
            .auth(of(taken.tenant), move |tx| {
                assertion_use(tx, provider, &claims)?;
                ticket_insert(tx, provider, (hash, browser, sealed), link)
            })
            .await?;
        fail::fail_point!("saml_ticket_stored");
        Ok(Secret::new(ticket))
    }

    /// Uses the ticket up, whatever comes of it.
    async fn take_ticket(
        &self,
        ticket: &str,
        cookie: Option<&str>,
    ) -> Result<Redeemed, IdentityError> {
        let inner = &self.identity.inner;
        let hash = sha256(ticket.as_bytes());
        let wanted = hash.clone();
        let tenant = inner
            .db
            .auth(AuthScope::default(), move |tx| {
                tx.sso_ticket_tenant(&wanted)
            })
            .await
            .map_err(IdentityError::Db)?
            .map(TenantId::from_uuid)
            .ok_or(SsoError::Flow("unknown or used"))?;
        let taken = inner
            .db
            .auth(of(tenant), move |tx| {
                let Some(ticket) = ticket_take(tx, &hash)? else {
                    return Ok(None);
                };
                let row = store::provider(tx, ProviderId::from_uuid(ticket.0))?;
                Ok::<_, IdentityError>(row.map(|row| (row, ticket)))
            })
            .await?;
        let (row, (_, browser_hash, sealed, ends, link)) =
            taken.ok_or(SsoError::Flow("unknown or used"))?;
        fail::fail_point!("saml_ticket_taken");
        if ends <= inner.clock.now() {
            return Err(SsoError::Flow("too old").into());
        }
        browser_of(cookie, &browser_hash)?;
        if !row.enabled {
            return Err(SsoError::NoProvider.into());
        }
        let owner = ProviderId::from_uuid(row.provider_id).to_string();
        let clear = inner
            .vault
            .open(tenant, &binding(&owner), &Sealed::parse(&sealed)?)
            .await?;
        let proven = serde_json::from_slice(clear.expose())
            .map_err(|_| IdentityError::Crypto("stored claims are unusable"))?;
        Ok(Redeemed {
            tenant,
            row,
            proven,
            link: link.map(UserId::from_uuid),
        })
    }
}

fn binding(owner: &str) -> Binding<'_> {
    Binding {
        provider: "sso",
        owner,
        column: "sso_tickets.claims_sealed",
    }
}

/// Each assertion counts once (SAML profiles section 4.1.4.5); those that are too old to count are forgotten.
fn assertion_use(
    tx: &mut AuthTx<'_>,
    provider: ProviderId,
    claims: &Claims,
) -> Result<(), IdentityError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let old = sso_assertions::table
        .filter(sso_assertions::tenant_id.eq(tenant))
        .filter(sso_assertions::expires_at.lt(now));
    delete(old).execute(tx.conn())?;
    let stored = insert_into(sso_assertions::table)
        .values((
            sso_assertions::tenant_id.eq(tenant),
            sso_assertions::provider_id.eq(provider.uuid()),
            sso_assertions::assertion_hash.eq(sha256(claims.assertion_id.as_bytes())),
            sso_assertions::expires_at.eq(claims.expires_at),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn())?;
    if stored == 1 {
        Ok(())
    } else {
        Err(SsoError::Replayed.into())
    }
}

fn ticket_insert(
    tx: &mut AuthTx<'_>,
    provider: ProviderId,
    (hash, browser, sealed): (Vec<u8>, Vec<u8>, Vec<u8>),
    link: Option<UserId>,
) -> Result<(), IdentityError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let old = sso_tickets::table
        .filter(sso_tickets::tenant_id.eq(tenant))
        .filter(sso_tickets::expires_at.lt(now));
    delete(old).execute(tx.conn())?;
    insert_into(sso_tickets::table)
        .values((
            sso_tickets::tenant_id.eq(tenant),
            sso_tickets::ticket_hash.eq(hash),
            sso_tickets::provider_id.eq(provider.uuid()),
            sso_tickets::browser_hash.eq(browser),
            sso_tickets::claims_sealed.eq(sealed),
            sso_tickets::created_at.eq(now),
            sso_tickets::expires_at.eq(now + TICKET_LIFE),
            sso_tickets::link_user_id.eq(link.map(UserId::uuid)),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// Takes the ticket away, whoever asks.
fn ticket_take(tx: &mut AuthTx<'_>, hash: &[u8]) -> Result<Option<Ticket>, IdentityError> {
    Ok(delete(sso_tickets::table.find((tx.tenant().uuid(), hash)))
        .returning((
            sso_tickets::provider_id,
            sso_tickets::browser_hash,
            sso_tickets::claims_sealed,
            sso_tickets::expires_at,
            sso_tickets::link_user_id,
        ))
        .get_result(tx.conn())
        .optional()?)
}
