//! SAML 2.0 as a service provider: web browser SSO with HTTP-Redirect there and HTTP-POST back (SAML profiles
//! section 4.1). What a provider sends is read by a process of its own; see crate `saml`.

mod attributes;
mod fetch;
mod message;
mod reader;
mod settings;

use chrono::{DateTime, SecondsFormat, Utc};
use kernel::{ProviderId, Secret};
use saml::protocol::{Asked, Claims};

use super::{browser::random_text, model::Proven, store::ProviderRow};
use crate::{error::IdentityError, opaque::sha256};

pub use fetch::SamlFound;
pub(crate) use reader::Reader;
pub use settings::{SamlInput, SamlSettings};

/// How far a provider's clock may be off.
const SKEW_SECONDS: u32 = 60;

/// What we are called at one provider.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub entity_id: String,
    pub acs_url: String,
    pub metadata_url: String,
    sign_out_url: String,
}

impl Addresses {
    pub(crate) fn new(public_url: &str, provider: ProviderId) -> Self {
        let base = format!("{public_url}/sso/saml/{provider}");
        Self {
            entity_id: format!("{base}/metadata"),
            metadata_url: format!("{base}/metadata"),
            acs_url: format!("{base}/acs"),
            sign_out_url: format!("{base}/logout"),
        }
    }

    /// What the provider's administrator may be given.
    pub(crate) fn metadata(&self) -> String {
        message::metadata(self)
    }

    /// Where the browser goes. `state` comes back as RelayState; the request's id is made from it, so that
    /// nothing else need be kept.
    pub(crate) fn sign_in_url(
        &self,
        row: &ProviderRow,
        state: &str,
        now: DateTime<Utc>,
    ) -> Result<String, IdentityError> {
        let at = row.sign_in_url.as_deref().unwrap_or_default();
        let request = message::authn_request(self, (&request_id(state), &instant(now)), at);
        message::redirect(at, &request, Some(state))
    }

    /// Where a person who signs out here may sign out there too.
    pub(crate) fn sign_out_url(
        &self,
        row: &ProviderRow,
        subject: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, IdentityError> {
        let Some(at) = row.sign_out_url.as_deref() else {
            return Ok(None);
        };
        let id = request_id(&random_text()?);
        let request = message::logout_request(self, (&id, &instant(now)), (at, subject));
        message::redirect(at, &request, None).map(Some)
    }

    /// What a response to the sign-in with this `state` must say.
    pub(crate) fn asked(
        &self,
        row: &ProviderRow,
        (state, response): (&str, Secret<String>),
        now: DateTime<Utc>,
    ) -> Asked {
        Asked {
            response: response.expose().clone(),
            issuer: row.issuer.clone(),
            certificates: row.certificates.clone(),
            audience: self.entity_id.clone(),
            acs_url: self.acs_url.clone(),
            in_response_to: request_id(state),
            now,
            skew_seconds: SKEW_SECONDS,
        }
    }
}

pub(crate) fn proven(row: &ProviderRow, claims: &Claims) -> Proven {
    attributes::proven(row, claims)
}

/// An xs:ID (it begins with no digit) that whoever knows the state can make again, and nobody else.
fn request_id(state: &str) -> String {
    let hash = sha256(format!("revkeep saml request 1 {state}").as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("_{hex}")
}

fn instant(now: DateTime<Utc>) -> String {
    now.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests;
