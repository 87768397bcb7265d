//! What an administrator enters about a provider that speaks SAML: its metadata, or the few things in it.

use saml::Certificate;
use url::Url;

use super::{Addresses, Reader};
use crate::{
    error::IdentityError,
    sso::{
        error::SsoError,
        model::{Settled, text},
        store::ProviderRow,
    },
};

const MOST_CERTIFICATES: usize = 10;

#[derive(Default)]
pub struct SamlInput {
    /// The provider's metadata as it publishes it. It stands for the next four.
    pub metadata: Option<String>,
    /// The provider's entity id.
    pub issuer: Option<String>,
    /// HTTP-Redirect.
    pub sign_in_url: Option<String>,
    pub sign_out_url: Option<String>,
    /// PEM or base64; several while the provider changes its key.
    pub certificates: Vec<String>,
    /// `None` tries the usual names.
    pub email_attribute: Option<String>,
    pub name_attribute: Option<String>,
}

/// The same as it is stored, and what we are called there.
#[derive(Clone, Debug)]
pub struct SamlSettings {
    pub sign_in_url: String,
    pub sign_out_url: Option<String>,
    pub certificates: Vec<Certificate>,
    pub email_attribute: Option<String>,
    pub name_attribute: Option<String>,
    pub addresses: Addresses,
}

impl SamlSettings {
    pub(crate) fn read(row: &ProviderRow, addresses: Addresses) -> Self {
        Self {
            sign_in_url: row.sign_in_url.clone().unwrap_or_default(),
            sign_out_url: row.sign_out_url.clone(),
            certificates: row
                .certificates
                .iter()
                .filter_map(|text| Certificate::parse(text))
                .collect(),
            email_attribute: row.email_attribute.clone(),
            name_attribute: row.name_attribute.clone(),
            addresses,
        }
    }
}

impl SamlInput {
    /// Reads the metadata, and refuses what can never work.
    pub(crate) async fn settle(mut self, reader: &Reader) -> Result<Settled, IdentityError> {
        if let Some(xml) = self.metadata.take() {
            self.fill(reader, xml).await?;
        }
        let issuer = self.issuer.unwrap_or_default();
        let sign_in_url = self.sign_in_url.unwrap_or_default();
        Ok(Settled {
            issuer: text("saml.issuer", &issuer, 1_024)?,
            sign_in_url: Some(address("saml.sign_in_url", &sign_in_url)?),
            sign_out_url: self
                .sign_out_url
                .filter(|url| !url.trim().is_empty())
                .map(|url| address("saml.sign_out_url", &url))
                .transpose()?,
            certificates: certificates(&self.certificates)?,
            email_attribute: attribute("saml.email_attribute", self.email_attribute)?,
            name_attribute: attribute("saml.name_attribute", self.name_attribute)?,
            ..Settled::default()
        })
    }

    async fn fill(&mut self, reader: &Reader, xml: String) -> Result<(), IdentityError> {
        let told = reader.metadata(xml).await.map_err(|error| match error {
            SsoError::Saml(_) => IdentityError::input("saml.metadata", "saml_metadata_invalid"),
            other => other.into(),
        })?;
        if told.wants_signed_requests {
            return Err(IdentityError::input(
                "saml.metadata",
                "saml_wants_signed_requests",
            ));
        }
        self.issuer = Some(told.entity_id);
        self.sign_in_url = told.sign_in_url;
        self.sign_out_url = told.sign_out_url;
        self.certificates = told.certificates;
        Ok(())
    }
}

/// Only the text is judged: a browser goes there, or a request through `egress`.
pub(super) fn address(field: &'static str, entered: &str) -> Result<String, IdentityError> {
    let entered = text(field, entered, 2_000)?;
    let sound = Url::parse(&entered).is_ok_and(|url| {
        url.scheme() == "https" && url.fragment().is_none() && url.username().is_empty()
    });
    if sound {
        Ok(entered)
    } else {
        Err(IdentityError::input(field, "saml_address_invalid"))
    }
}

fn certificates(entered: &[String]) -> Result<Vec<String>, IdentityError> {
    let invalid = || IdentityError::input("saml.certificates", "saml_certificate_invalid");
    if !(1..=MOST_CERTIFICATES).contains(&entered.len()) {
        return Err(invalid());
    }
    entered
        .iter()
        .map(|text| {
            Certificate::parse(text)
                .map(|certificate| certificate.text)
                .ok_or_else(invalid)
        })
        .collect()
}

fn attribute(field: &'static str, name: Option<String>) -> Result<Option<String>, IdentityError> {
    name.filter(|name| !name.trim().is_empty())
        .map(|name| text(field, &name, 300))
        .transpose()
}
