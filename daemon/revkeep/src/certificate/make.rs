//! Keys, requests and certificates that sign themselves.

use std::net::IpAddr;

use openssl::{
    asn1::{Asn1Object, Asn1OctetString, Asn1Time},
    bn::{BigNum, MsbOption},
    ec::{EcGroup, EcKey},
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    stack::Stack,
    x509::{
        X509, X509Builder, X509Extension, X509Name, X509NameBuilder, X509Req, X509ReqBuilder,
        extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName},
    },
};

/// id-pe-acmeIdentifier (RFC 8737, section 6.1).
const ACME_IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";
/// The answer to a challenge is wanted within minutes.
const CHALLENGE_DAYS: u32 = 1;

/// On P-256, which every browser takes.
pub(crate) fn key() -> Result<PKey<Private>, ErrorStack> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&curve)?)
}

/// For `days` from now: a leaf and no authority, as browsers and rustls want it.
pub(crate) fn self_signed(host: &str, key: &PKey<Private>, days: u32) -> Result<X509, ErrorStack> {
    let mut builder = begun(host, key, days)?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
    builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

/// What `tls-alpn-01` is answered with: `digest` is the SHA-256 of the key authorisation (RFC 8737, section 3).
pub(crate) fn challenge(
    host: &str,
    key: &PKey<Private>,
    digest: &[u8],
) -> Result<X509, ErrorStack> {
    let mut builder = begun(host, key, CHALLENGE_DAYS)?;
    // An OCTET STRING in the extension's own one. 32 bytes: the length is one byte.
    let mut value = vec![0x04, u8::try_from(digest.len()).unwrap_or_default()];
    value.extend_from_slice(digest);
    let identifier = X509Extension::new_from_der(
        Asn1Object::from_str(ACME_IDENTIFIER)?.as_ref(),
        true,
        Asn1OctetString::new_from_bytes(&value)?.as_ref(),
    )?;
    builder.append_extension(identifier)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

/// Everything but what it may be used for, and the signature.
fn begun(host: &str, key: &PKey<Private>, days: u32) -> Result<X509Builder, ErrorStack> {
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let (serial, begin, end) = (
        serial.to_asn1_integer()?,
        Asn1Time::days_from_now(0)?,
        Asn1Time::days_from_now(days)?,
    );
    builder.set_serial_number(&serial)?;
    builder.set_not_before(&begin)?;
    builder.set_not_after(&end)?;
    let name = named(host)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_pubkey(key)?;
    let alternative = alternatives(&[host]).build(&builder.x509v3_context(None, None))?;
    builder.append_extension(alternative)?;
    Ok(builder)
}

/// PKCS#10 for `names`, the first of them as people know the server.
pub(crate) fn request(names: &[&str], key: &PKey<Private>) -> Result<X509Req, ErrorStack> {
    let mut builder = X509ReqBuilder::new()?;
    builder.set_version(0)?;
    let name = named(names.first().copied().unwrap_or_default())?;
    builder.set_subject_name(&name)?;
    builder.set_pubkey(key)?;
    let mut extensions = Stack::new()?;
    extensions.push(alternatives(names).build(&builder.x509v3_context(None))?)?;
    builder.add_extensions(&extensions)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

fn alternatives(names: &[&str]) -> SubjectAlternativeName {
    let mut alternatives = SubjectAlternativeName::new();
    for name in names {
        match name.parse::<IpAddr>() {
            Ok(_) => alternatives.ip(name),
            Err(_) => alternatives.dns(name),
        };
    }
    alternatives
}

fn named(host: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    // A common name has at most 64 characters (RFC 5280, appendix A); what counts is the alternative.
    let common: String = host.chars().take(64).collect();
    name.append_entry_by_nid(Nid::COMMONNAME, &common)?;
    Ok(name.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_self_signed_one_is_a_leaf_for_the_name_and_the_server_takes_it() {
        let key = key().unwrap();
        let certificate = self_signed("revkeep.example.internal", &key, 90).unwrap();
        let text = String::from_utf8(certificate.to_text().unwrap()).unwrap();
        assert!(text.contains("CA:FALSE"), "{text}");
        assert!(text.contains("DNS:revkeep.example.internal"), "{text}");
        assert!(text.contains("TLS Web Server Authentication"), "{text}");
        let folder = tempfile::tempdir().unwrap();
        let (file, private) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        std::fs::write(&file, certificate.to_pem().unwrap()).unwrap();
        std::fs::write(&private, key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        assert!(http::Certificate::load(&file, &private).is_ok());
    }

    #[test]
    fn a_request_names_all_that_it_is_for() {
        let key = key().unwrap();
        let request = request(&["revkeep.example.internal", "192.0.2.7"], &key).unwrap();
        assert!(request.verify(&key).unwrap());
        let text = String::from_utf8(request.to_text().unwrap()).unwrap();
        assert!(
            text.contains("DNS:revkeep.example.internal, IP Address:192.0.2.7"),
            "{text}"
        );
    }

    #[test]
    fn an_answer_carries_the_digest_in_a_critical_extension() {
        let key = key().unwrap();
        let answer = challenge("revkeep.example.internal", &key, &[7; 32]).unwrap();
        let text = String::from_utf8(answer.to_text().unwrap()).unwrap();
        let expected = format!("{ACME_IDENTIFIER}: critical");
        assert!(
            text.contains(&expected) || text.contains("acmeIdentifier: critical"),
            "{text}"
        );
        let der = answer.to_der().unwrap();
        let mut wanted = vec![0x04, 0x22, 0x04, 0x20];
        wanted.extend_from_slice(&[7; 32]);
        assert!(der.windows(wanted.len()).any(|part| part == wanted));
    }
}
