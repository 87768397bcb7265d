//! A SAML provider's metadata by its address, fetched when an administrator asks for it. They see what it
//! says and save that; the address is not kept, and nothing is ever fetched by itself.

use egress::{Method, Request};
use saml::Certificate;

use super::{SamlInput, settings::address};
use crate::{
    error::IdentityError,
    sso::{Sso, error::SsoError},
};

/// As of metadata that is pasted.
const MOST_BYTES: usize = 1 << 20;

/// What a provider publishes of itself.
#[derive(Clone, Debug)]
pub struct SamlFound {
    pub issuer: String,
    pub sign_in_url: String,
    pub sign_out_url: Option<String>,
    pub certificates: Vec<Certificate>,
}

impl Sso {
    /// Reads what stands at `url` now. Stores nothing.
    pub async fn saml_metadata_fetch(&self, url: &str) -> Result<SamlFound, IdentityError> {
        let url = address("url", url)?;
        let asked = Request::new(Method::Get, url).most_response_bytes(MOST_BYTES);
        let answer = self.outside.send(asked).await.map_err(SsoError::Egress)?;
        let unread = || IdentityError::input("url", "saml_metadata_unread");
        if answer.status != 200 {
            return Err(unread());
        }
        let xml = std::str::from_utf8(answer.body()).map_err(|_| unread())?;
        let input = SamlInput {
            metadata: Some(xml.to_owned()),
            ..SamlInput::default()
        };
        let told = input.settle(&self.reader).await?;
        Ok(SamlFound {
            issuer: told.issuer,
            sign_in_url: told.sign_in_url.unwrap_or_default(),
            sign_out_url: told.sign_out_url,
            certificates: told
                .certificates
                .iter()
                .filter_map(|text| Certificate::parse(text))
                .collect(),
        })
    }
}
