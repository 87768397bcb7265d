//! XML signatures (XML Signature 1.1) in the one form that SAML asks for (SAML core section 5.4): enveloped in
//! the element that it signs, one reference, exclusive canonicalisation.
//!
//! What is signed is never looked up. The caller names the element; the signature must be that element's own
//! child and its reference must be that element's ID; the bytes that are digested are returned, and claims
//! are read from them. So there is no second element that could be meant instead (signature wrapping).

use bergshamra_c14n::{C14nMode, canonicalize_doc};
use bergshamra_xml::NodeSet;
use openssl::{
    hash::{MessageDigest, hash},
    memcmp,
};
use uppsala::NodeId;

use crate::{
    keys::{Family, Key},
    protocol::Refusal,
    xml::{EXCLUSIVE, SIGNATURE, Xml, base64},
};

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/// Of the InclusiveNamespaces' PrefixList.
const MOST_PREFIXES: usize = 50;

/// Checks that a trusted key signed `element` by its own child `signature`. Answers what was signed: the
/// element in canonical form, without the signature.
pub(crate) fn verify(
    xml: &Xml<'_>,
    element: NodeId,
    signature: NodeId,
    keys: &[Key],
) -> Result<Vec<u8>, Refusal> {
    if xml.doc.parent(signature) != Some(element) {
        return Err(Refusal::SignatureShape);
    }
    let (info, value) = parts(xml, signature)?;
    let (canonicalisation, method, reference) = info_parts(xml, info)?;
    let prefixes = exclusive(xml, canonicalisation)?;
    let method = signature_method(algorithm(xml, method)?)?;
    let signed = covered(xml, element, signature, reference)?;
    let info = canonical(
        xml,
        &NodeSet::tree_without_comments(info, &xml.doc),
        &prefixes,
    )?;
    let value = base64(&xml.text(value)?).ok_or(Refusal::SignatureShape)?;
    if keys.iter().any(|key| key.verifies(method, &info, &value)) {
        Ok(signed)
    } else {
        Err(Refusal::Signature)
    }
}

/// SignedInfo and SignatureValue. KeyInfo may follow and is not read; an Object is refused.
fn parts(xml: &Xml<'_>, signature: NodeId) -> Result<(NodeId, NodeId), Refusal> {
    let children = xml.elements(signature)?;
    let is = |id: &NodeId, name| xml.is(*id, SIGNATURE, name);
    match children.as_slice() {
        [info, value] | [info, value, _]
            if is(info, "SignedInfo")
                && is(value, "SignatureValue")
                && children.get(2).is_none_or(|key| is(key, "KeyInfo")) =>
        {
            Ok((*info, *value))
        }
        _ => Err(Refusal::SignatureShape),
    }
}

/// Canonicalisation method, signature method, and the one reference.
fn info_parts(xml: &Xml<'_>, info: NodeId) -> Result<(NodeId, NodeId, NodeId), Refusal> {
    match xml.elements(info)?.as_slice() {
        [canonicalisation, method, reference]
            if xml.is(*canonicalisation, SIGNATURE, "CanonicalizationMethod")
                && xml.is(*method, SIGNATURE, "SignatureMethod")
                && xml.is(*reference, SIGNATURE, "Reference")
                && xml.elements(*method)?.is_empty() =>
        {
            Ok((*canonicalisation, *method, *reference))
        }
        _ => Err(Refusal::SignatureShape),
    }
}

/// The bytes that the reference covers, whose digest is right.
fn covered(
    xml: &Xml<'_>,
    element: NodeId,
    signature: NodeId,
    reference: NodeId,
) -> Result<Vec<u8>, Refusal> {
    let id = xml
        .attribute(element, "ID")
        .filter(|id| !id.is_empty())
        .ok_or(Refusal::SignatureShape)?;
    let uri = xml.attribute(reference, "URI").unwrap_or_default();
    if uri.strip_prefix('#') != Some(id) {
        return Err(Refusal::SignatureShape);
    }
    let children = xml.elements(reference)?;
    let [transforms, method, value] = children.as_slice() else {
        return Err(Refusal::SignatureShape);
    };
    let named = xml.is(*transforms, SIGNATURE, "Transforms")
        && xml.is(*method, SIGNATURE, "DigestMethod")
        && xml.is(*value, SIGNATURE, "DigestValue")
        && xml.elements(*method)?.is_empty();
    if !named {
        return Err(Refusal::SignatureShape);
    }
    let prefixes = check_transforms(xml, *transforms)?;
    let digest = digest_method(algorithm(xml, *method)?)?;
    let without = NodeSet::tree_without_comments(element, &xml.doc)
        .subtract(&NodeSet::tree_without_comments(signature, &xml.doc));
    let bytes = canonical(xml, &without, &prefixes)?;
    let told = base64(&xml.text(*value)?).ok_or(Refusal::SignatureShape)?;
    let found = hash(digest, &bytes).map_err(|_| Refusal::Algorithm)?;
    if told.len() == found.len() && memcmp::eq(&told, &found) {
        Ok(bytes)
    } else {
        Err(Refusal::Signature)
    }
}

/// Enveloped signature, then exclusive canonicalisation: SAML core section 5.4.4.
fn check_transforms(xml: &Xml<'_>, transforms: NodeId) -> Result<Vec<String>, Refusal> {
    match xml.elements(transforms)?.as_slice() {
        [enveloped, canonicalisation]
            if xml.is(*enveloped, SIGNATURE, "Transform")
                && xml.is(*canonicalisation, SIGNATURE, "Transform")
                && algorithm(xml, *enveloped)? == ENVELOPED
                && xml.elements(*enveloped)?.is_empty() =>
        {
            exclusive(xml, *canonicalisation)
        }
        _ => Err(Refusal::SignatureShape),
    }
}

/// Exclusive canonicalisation without comments; the prefixes that are to count as used.
fn exclusive(xml: &Xml<'_>, method: NodeId) -> Result<Vec<String>, Refusal> {
    if algorithm(xml, method)? != EXCLUSIVE {
        return Err(Refusal::Algorithm);
    }
    match xml.elements(method)?.as_slice() {
        [] => Ok(Vec::new()),
        [list] if xml.is(*list, EXCLUSIVE, "InclusiveNamespaces") => {
            let text = xml.attribute(*list, "PrefixList").unwrap_or_default();
            let prefixes: Vec<String> = text.split_ascii_whitespace().map(str::to_owned).collect();
            if prefixes.len() > MOST_PREFIXES {
                return Err(Refusal::SignatureShape);
            }
            Ok(prefixes)
        }
        _ => Err(Refusal::SignatureShape),
    }
}

fn canonical(xml: &Xml<'_>, nodes: &NodeSet, prefixes: &[String]) -> Result<Vec<u8>, Refusal> {
    canonicalize_doc(&xml.doc, C14nMode::Exclusive, Some(nodes), prefixes)
        .map_err(|_| Refusal::SignatureShape)
}

fn algorithm<'x>(xml: &'x Xml<'_>, id: NodeId) -> Result<&'x str, Refusal> {
    xml.attribute(id, "Algorithm")
        .ok_or(Refusal::SignatureShape)
}

fn signature_method(uri: &str) -> Result<(Family, MessageDigest), Refusal> {
    let name = uri
        .strip_prefix("http://www.w3.org/2001/04/xmldsig-more#")
        .ok_or(Refusal::Algorithm)?;
    match name {
        "rsa-sha256" => Ok((Family::Rsa, MessageDigest::sha256())),
        "rsa-sha384" => Ok((Family::Rsa, MessageDigest::sha384())),
        "rsa-sha512" => Ok((Family::Rsa, MessageDigest::sha512())),
        "ecdsa-sha256" => Ok((Family::Ecdsa, MessageDigest::sha256())),
        "ecdsa-sha384" => Ok((Family::Ecdsa, MessageDigest::sha384())),
        "ecdsa-sha512" => Ok((Family::Ecdsa, MessageDigest::sha512())),
        _ => Err(Refusal::Algorithm),
    }
}

fn digest_method(uri: &str) -> Result<MessageDigest, Refusal> {
    match uri {
        "http://www.w3.org/2001/04/xmlenc#sha256" => Ok(MessageDigest::sha256()),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => Ok(MessageDigest::sha384()),
        "http://www.w3.org/2001/04/xmlenc#sha512" => Ok(MessageDigest::sha512()),
        _ => Err(Refusal::Algorithm),
    }
}
