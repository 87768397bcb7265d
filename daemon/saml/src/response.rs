//! A response: its outside is judged first, then its signatures, then the assertion as it was signed.

use uppsala::NodeId;

use crate::{
    assertion,
    keys::keys,
    protocol::{Asked, Claims, MOST_XML_BYTES, Refusal},
    signature,
    xml::{ASSERTION, PROTOCOL, SIGNATURE, Xml, base64},
};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// The parts of a response that count, each found as a child of the one before.
struct Parts {
    signature: Option<NodeId>,
    assertion: NodeId,
    assertion_signature: Option<NodeId>,
}

pub(crate) fn read(asked: &Asked) -> Result<Claims, Refusal> {
    let bytes = decode(&asked.response)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Refusal::Xml)?;
    let xml = Xml::parse(text)?;
    xml.check_plain()?;
    xml.check_ids()?;
    check_outside(&xml, asked)?;
    let parts = parts(&xml)?;
    let keys = keys(&asked.certificates)?;
    if let Some(outer) = parts.signature {
        signature::verify(&xml, xml.root, outer, &keys)?;
    }
    let inner = parts.assertion_signature.ok_or(Refusal::Unsigned)?;
    let signed = signature::verify(&xml, parts.assertion, inner, &keys)?;
    assertion::read(&signed, asked)
}

fn decode(text: &str) -> Result<Vec<u8>, Refusal> {
    // Base64 takes four characters for three bytes, and some for its lines.
    if text.len() > MOST_XML_BYTES.saturating_mul(3) / 2 {
        return Err(Refusal::TooLarge);
    }
    base64(text).ok_or(Refusal::Base64)
}

/// What may be unsigned: version, destination, request, issuer and status. A wrong value refuses; a right
/// one proves nothing yet.
fn check_outside(xml: &Xml<'_>, asked: &Asked) -> Result<(), Refusal> {
    let root = xml.root;
    if !xml.is(root, PROTOCOL, "Response") || xml.attribute(root, "Version") != Some("2.0") {
        return Err(Refusal::Shape);
    }
    let other = |name, wanted: &str| xml.attribute(root, name).is_some_and(|told| told != wanted);
    if other("Destination", &asked.acs_url) {
        return Err(Refusal::Destination);
    }
    match xml.attribute(root, "InResponseTo") {
        None => return Err(Refusal::Unsolicited),
        Some(told) if told != asked.in_response_to => return Err(Refusal::InResponseTo),
        Some(_) => {}
    }
    if let Some(issuer) = xml.at_most_one(root, ASSERTION, "Issuer")?
        && xml.text(issuer)?.trim() != asked.issuer
    {
        return Err(Refusal::Issuer);
    }
    let status = xml
        .at_most_one(root, PROTOCOL, "Status")?
        .ok_or(Refusal::Shape)?;
    let code = xml
        .at_most_one(status, PROTOCOL, "StatusCode")?
        .ok_or(Refusal::Shape)?;
    if xml.attribute(code, "Value") != Some(SUCCESS) {
        return Err(Refusal::Status);
    }
    Ok(())
}

/// Every assertion, response and signature of the document must stand where one belongs.
fn parts(xml: &Xml<'_>) -> Result<Parts, Refusal> {
    let (mut assertions, mut signatures, mut responses) = (0_usize, 0_usize, 0_usize);
    for id in xml.all()? {
        match xml.local_name(id) {
            Some("EncryptedAssertion" | "EncryptedID" | "EncryptedAttribute" | "EncryptedData") => {
                return Err(Refusal::Encrypted);
            }
            Some("Assertion") => assertions = assertions.saturating_add(1),
            Some("Response") => responses = responses.saturating_add(1),
            Some("Signature") => signatures = signatures.saturating_add(1),
            _ => {}
        }
    }
    if assertions > 1 || responses > 1 {
        return Err(Refusal::Several);
    }
    let belongs = |id: &NodeId| {
        xml.is(*id, ASSERTION, "Issuer")
            || xml.is(*id, SIGNATURE, "Signature")
            || xml.is(*id, PROTOCOL, "Status")
            || xml.is(*id, ASSERTION, "Assertion")
    };
    if !xml.elements(xml.root)?.iter().all(belongs) {
        return Err(Refusal::Shape);
    }
    let assertion = xml
        .at_most_one(xml.root, ASSERTION, "Assertion")?
        .ok_or(Refusal::Shape)?;
    let signature = xml.at_most_one(xml.root, SIGNATURE, "Signature")?;
    let assertion_signature = xml.at_most_one(assertion, SIGNATURE, "Signature")?;
    let in_place = usize::from(signature.is_some()) + usize::from(assertion_signature.is_some());
    if signatures != in_place {
        return Err(Refusal::SignatureShape);
    }
    Ok(Parts {
        signature,
        assertion,
        assertion_signature,
    })
}
