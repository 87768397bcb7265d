//! The certificate to begin with: the organisation's files, or one that signs itself, with a request for
//! the organisation's authority beside it. One that is there is never replaced.

use std::{fs, path::Path};

use openssl::{
    asn1::Asn1Time,
    bn::{BigNum, MsbOption},
    ec::{EcGroup, EcKey},
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{
        X509, X509Builder, X509Name, X509NameBuilder, X509ReqBuilder,
        extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName},
    },
};

use super::{
    Ground, Made, SetupError,
    answers::Certificate,
    system::{self, ROOT},
};

/// Long enough for an authority to sign, short enough to be missed when nobody asks it to.
const DAYS: u32 = 90;

pub(super) fn look(ground: &Ground) -> Result<Option<String>, SetupError> {
    let server = ground.config()?.server;
    if server.certificate.exists() && server.private_key.exists() {
        return Ok(None);
    }
    let what = match &ground.answers.certificate {
        Certificate::SelfSigned => format!(
            "make a certificate for {} that signs itself, good for {DAYS} days",
            ground.answers.host_name
        ),
        Certificate::Files { certificate, .. } => format!("copy {}", certificate.display()),
    };
    Ok(Some(format!("{what} to {}", server.certificate.display())))
}

pub(super) fn apply(ground: &Ground, _: &mut Made) -> Result<(), SetupError> {
    let server = ground.config()?.server;
    let owner = system::Account {
        group: system::account("revkeep")?.group,
        ..ROOT
    };
    let read =
        |path: &Path| fs::read(path).map_err(|error| SetupError::File(path.to_owned(), error));
    let (certificate, key) = match &ground.answers.certificate {
        Certificate::Files {
            certificate,
            private_key,
        } => (read(certificate)?, read(private_key)?),
        Certificate::SelfSigned => {
            let name = &ground.answers.host_name;
            let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
            let key = PKey::from_ec_key(EcKey::generate(&curve)?)?;
            let request = server.certificate.with_file_name("request.csr");
            system::write(&request, &request_for(name, &key)?, 0o640, owner)?;
            (
                self_signed(name, &key)?.to_pem()?,
                key.private_key_to_pem_pkcs8()?,
            )
        }
    };
    system::write(&server.private_key, &key, 0o640, owner)?;
    system::write(&server.certificate, &certificate, 0o640, owner)
}

/// A leaf and no authority, as browsers and rustls want it.
fn self_signed(host: &str, key: &PKey<Private>) -> Result<X509, ErrorStack> {
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let (serial, begin, end) = (
        serial.to_asn1_integer()?,
        Asn1Time::days_from_now(0)?,
        Asn1Time::days_from_now(DAYS)?,
    );
    builder.set_serial_number(&serial)?;
    builder.set_not_before(&begin)?;
    builder.set_not_after(&end)?;
    let name = named(host)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_pubkey(key)?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
    builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    let alternative = SubjectAlternativeName::new()
        .dns(host)
        .build(&builder.x509v3_context(None, None))?;
    builder.append_extension(alternative)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

/// PKCS#10, PEM.
fn request_for(host: &str, key: &PKey<Private>) -> Result<Vec<u8>, ErrorStack> {
    let mut builder = X509ReqBuilder::new()?;
    builder.set_version(0)?;
    let name = named(host)?;
    builder.set_subject_name(&name)?;
    builder.set_pubkey(key)?;
    let mut extensions = openssl::stack::Stack::new()?;
    let alternative = SubjectAlternativeName::new()
        .dns(host)
        .build(&builder.x509v3_context(None))?;
    extensions.push(alternative)?;
    builder.add_extensions(&extensions)?;
    builder.sign(key, MessageDigest::sha256())?;
    builder.build().to_pem()
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
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let certificate = self_signed("revkeep.example.internal", &key).unwrap();
        let text = String::from_utf8(certificate.to_text().unwrap()).unwrap();
        assert!(text.contains("CA:FALSE"), "{text}");
        assert!(text.contains("DNS:revkeep.example.internal"), "{text}");
        assert!(text.contains("TLS Web Server Authentication"), "{text}");
        let folder = tempfile::tempdir().unwrap();
        let (file, private) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        std::fs::write(&file, certificate.to_pem().unwrap()).unwrap();
        std::fs::write(&private, key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        assert!(http::Certificate::load(&file, &private).is_ok());
        let request = request_for("revkeep.example.internal", &key).unwrap();
        let request = openssl::x509::X509Req::from_pem(&request).unwrap();
        assert!(request.verify(&key).unwrap());
    }
}
