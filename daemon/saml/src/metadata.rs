//! An identity provider's metadata (SAML metadata section 2), which an administrator trusts enough to enter it:
//! its signature, if it has one, is not looked at.

use uppsala::NodeId;

use crate::{
    protocol::{Metadata, Refusal},
    xml::{METADATA, PROTOCOL, SIGNATURE, Xml},
};

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

pub(crate) fn read(text: &str) -> Result<Metadata, Refusal> {
    let xml = Xml::parse(text.trim_start_matches('\u{feff}').trim_start())?;
    xml.check_ids()?;
    let (entity, provider) = provider(&xml)?;
    let entity_id = xml
        .attribute(entity, "entityID")
        .map(str::trim)
        .filter(|id| !id.is_empty())
        .ok_or(Refusal::NoProvider)?;
    Ok(Metadata {
        entity_id: entity_id.to_owned(),
        sign_in_url: location(&xml, provider, "SingleSignOnService")?,
        sign_out_url: location(&xml, provider, "SingleLogoutService")?,
        certificates: certificates(&xml, provider)?,
        wants_signed_requests: matches!(
            xml.attribute(provider, "WantAuthnRequestsSigned"),
            Some("true" | "1")
        ),
    })
}

/// The one entity that is an identity provider, and its description.
fn provider(xml: &Xml<'_>) -> Result<(NodeId, NodeId), Refusal> {
    let entities = if xml.is(xml.root, METADATA, "EntitiesDescriptor") {
        xml.named(xml.root, METADATA, "EntityDescriptor")?
    } else if xml.is(xml.root, METADATA, "EntityDescriptor") {
        vec![xml.root]
    } else {
        return Err(Refusal::NoProvider);
    };
    let mut found = Vec::new();
    for entity in entities {
        for role in xml.named(entity, METADATA, "IDPSSODescriptor")? {
            let speaks = xml
                .attribute(role, "protocolSupportEnumeration")
                .is_some_and(|list| list.split_ascii_whitespace().any(|it| it == PROTOCOL));
            if speaks {
                found.push((entity, role));
            }
        }
    }
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(Refusal::NoProvider),
        _ => Err(Refusal::Several),
    }
}

fn location(xml: &Xml<'_>, provider: NodeId, name: &str) -> Result<Option<String>, Refusal> {
    Ok(xml
        .named(provider, METADATA, name)?
        .into_iter()
        .filter(|service| xml.attribute(*service, "Binding") == Some(REDIRECT))
        .find_map(|service| xml.attribute(service, "Location").map(str::to_owned)))
}

/// Of keys for signing, or for any use.
fn certificates(xml: &Xml<'_>, provider: NodeId) -> Result<Vec<String>, Refusal> {
    let mut found: Vec<String> = Vec::new();
    for key in xml.named(provider, METADATA, "KeyDescriptor")? {
        if xml
            .attribute(key, "use")
            .is_some_and(|used| used != "signing")
        {
            continue;
        }
        for info in xml.named(key, SIGNATURE, "KeyInfo")? {
            for data in xml.named(info, SIGNATURE, "X509Data")? {
                for certificate in xml.named(data, SIGNATURE, "X509Certificate")? {
                    let mut text = xml.text(certificate)?;
                    text.retain(|c| !c.is_ascii_whitespace());
                    if !found.contains(&text) {
                        found.push(text);
                    }
                }
            }
        }
    }
    Ok(found)
}
