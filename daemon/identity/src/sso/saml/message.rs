//! What we send: requests by HTTP-Redirect (SAML bindings section 3.4) and our metadata. Nothing of it is
//! signed; a provider answers to the addresses that its administrator entered, and nowhere else.

use std::io::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::DeflateEncoder};
use url::Url;

use super::Addresses;
use crate::error::IdentityError;

const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const BINDINGS: &str = "urn:oasis:names:tc:SAML:2.0:bindings";

/// SAML core section 3.4.1.
pub(super) fn authn_request(us: &Addresses, (id, instant): (&str, &str), at: &str) -> String {
    format!(
        "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{id}\" Version=\"2.0\" \
         IssueInstant=\"{instant}\" Destination=\"{at}\" ProtocolBinding=\"{BINDINGS}:HTTP-POST\" \
         AssertionConsumerServiceURL=\"{acs}\"><saml:Issuer>{entity}</saml:Issuer>\
         <samlp:NameIDPolicy AllowCreate=\"true\"/></samlp:AuthnRequest>",
        at = escaped(at),
        acs = escaped(&us.acs_url),
        entity = escaped(&us.entity_id),
    )
}

/// SAML core section 3.7.1, for every session that the person has there.
pub(super) fn logout_request(
    us: &Addresses,
    (id, instant): (&str, &str),
    (at, subject): (&str, &str),
) -> String {
    format!(
        "<samlp:LogoutRequest xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{id}\" Version=\"2.0\" \
         IssueInstant=\"{instant}\" Destination=\"{at}\"><saml:Issuer>{entity}</saml:Issuer>\
         <saml:NameID>{subject}</saml:NameID></samlp:LogoutRequest>",
        at = escaped(at),
        entity = escaped(&us.entity_id),
        subject = escaped(subject),
    )
}

/// SAML metadata section 2.4.4.
pub(super) fn metadata(us: &Addresses) -> String {
    let format = "urn:oasis:names:tc:SAML";
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{entity}\">\n\
         <md:SPSSODescriptor AuthnRequestsSigned=\"false\" WantAssertionsSigned=\"true\" protocolSupportEnumeration=\"{PROTOCOL}\">\n\
         <md:SingleLogoutService Binding=\"{BINDINGS}:HTTP-Redirect\" Location=\"{out}\"/>\n\
         <md:NameIDFormat>{format}:2.0:nameid-format:persistent</md:NameIDFormat>\n\
         <md:NameIDFormat>{format}:1.1:nameid-format:emailAddress</md:NameIDFormat>\n\
         <md:AssertionConsumerService Binding=\"{BINDINGS}:HTTP-POST\" Location=\"{acs}\" index=\"0\" isDefault=\"true\"/>\n\
         </md:SPSSODescriptor>\n</md:EntityDescriptor>\n",
        entity = escaped(&us.entity_id),
        out = escaped(&us.sign_out_url),
        acs = escaped(&us.acs_url),
    )
}

/// The provider's address with the message in it: deflated (RFC 1951), in base64.
pub(super) fn redirect(
    at: &str,
    message: &str,
    relay_state: Option<&str>,
) -> Result<String, IdentityError> {
    let mut url = Url::parse(at).map_err(|_| IdentityError::Crypto("a stored address"))?;
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
    let bytes = deflated
        .write_all(message.as_bytes())
        .and_then(|()| deflated.finish())
        .map_err(|_| IdentityError::Crypto("deflating a request"))?;
    let mut query = url.query_pairs_mut();
    query.append_pair("SAMLRequest", &STANDARD.encode(bytes));
    if let Some(state) = relay_state {
        query.append_pair("RelayState", state);
    }
    drop(query);
    Ok(url.into())
}

/// For attributes in double quotes and for text.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
