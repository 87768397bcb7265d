//! A certificate authority for tests, and the leaves that it signs.
//!
//! rustls refuses a self-signed certificate that is CA:TRUE as a server's own, so there are always
//! two: an authority, and a leaf with subjectAltName and serverAuth (RFC 5280 section 4.2.1).

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use openssl::{
    asn1::Asn1Time,
    bn::{BigNum, MsbOption},
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{HasPublic, PKey, Private, Public},
    x509::{
        X509, X509Builder, X509NameBuilder, X509Req,
        extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName},
    },
};

const VALID_DAYS: u32 = 30;

/// An authority that only its maker trusts.
pub struct TestCa {
    certificate: X509,
    key: PKey<Private>,
}

/// A server's certificate and its private key, PEM.
pub struct Leaf {
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
}

/// Where [`Leaf::write`] put the two files.
pub struct LeafFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl TestCa {
    pub fn new() -> Result<Self> {
        let key = new_key()?;
        let mut builder = certificate_for("Revkeep test authority", &key)?;
        let issuer = builder_name("Revkeep test authority")?;
        builder.set_issuer_name(&issuer)?;
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        builder.append_extension(
            KeyUsage::new()
                .critical()
                .key_cert_sign()
                .crl_sign()
                .build()?,
        )?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok(Self {
            certificate: builder.build(),
            key,
        })
    }

    /// The authority's certificate, PEM.
    pub fn pem(&self) -> Result<Vec<u8>> {
        Ok(self.certificate.to_pem()?)
    }

    /// A certificate for `names`: DNS names and IP addresses, at least one.
    pub fn leaf(&self, names: &[&str]) -> Result<Leaf> {
        let key = new_key()?;
        let public = PKey::public_key_from_pem(&key.public_key_to_pem()?)?;
        Ok(Leaf {
            certificate: self.issued(&public, names)?.to_pem()?,
            key: key.private_key_to_pem_pkcs8()?,
        })
    }

    /// What it makes of a request (PKCS#10, PEM), whose signature it checks: a certificate for `names`, PEM.
    pub fn signed(&self, request: &[u8], names: &[&str]) -> Result<Vec<u8>> {
        let request = X509Req::from_pem(request)?;
        let public = request.public_key()?;
        ensure!(
            request.verify(&public)?,
            "the request is not signed by its own key"
        );
        Ok(self.issued(&public, names)?.to_pem()?)
    }

    fn issued(&self, key: &PKey<Public>, names: &[&str]) -> Result<X509> {
        let subject = names.first().copied().unwrap_or("localhost");
        let mut builder = certificate_for(subject, key)?;
        builder.set_issuer_name(self.certificate.subject_name())?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
        let mut alternatives = SubjectAlternativeName::new();
        for name in names {
            match name.parse::<IpAddr>() {
                Ok(_) => alternatives.ip(name),
                Err(_) => alternatives.dns(name),
            };
        }
        let context = builder.x509v3_context(Some(&self.certificate), None);
        let alternatives = alternatives.build(&context)?;
        builder.append_extension(alternatives)?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        Ok(builder.build())
    }

    /// A client's certificate for `name`.
    pub fn client(&self, name: &str) -> Result<Leaf> {
        let key = new_key()?;
        let mut builder = certificate_for(name, &key)?;
        builder.set_issuer_name(self.certificate.subject_name())?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().client_auth().build()?)?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        Ok(Leaf {
            certificate: builder.build().to_pem()?,
            key: key.private_key_to_pem_pkcs8()?,
        })
    }

    /// Writes the authority's certificate to `directory/ca.pem` and returns that path.
    pub fn write(&self, directory: &Path) -> Result<PathBuf> {
        let path = directory.join("ca.pem");
        std::fs::write(&path, self.pem()?)?;
        Ok(path)
    }
}

impl Leaf {
    /// Writes `directory/<name>.pem` and `directory/<name>.key`.
    pub fn write(&self, directory: &Path, name: &str) -> Result<LeafFiles> {
        let files = LeafFiles {
            certificate: directory.join(format!("{name}.pem")),
            key: directory.join(format!("{name}.key")),
        };
        std::fs::write(&files.certificate, &self.certificate)?;
        std::fs::write(&files.key, &self.key)?;
        Ok(files)
    }
}

fn new_key() -> Result<PKey<Private>> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    Ok(PKey::from_ec_key(EcKey::generate(&group)?)?)
}

fn builder_name(common_name: &str) -> Result<openssl::x509::X509Name> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(name.build())
}

fn certificate_for<T: HasPublic>(common_name: &str, key: &PKey<T>) -> Result<X509Builder> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let serial = serial.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    let name = builder_name(common_name)?;
    builder.set_subject_name(&name)?;
    builder.set_pubkey(key)?;
    let from = Asn1Time::days_from_now(0)?;
    let until = Asn1Time::days_from_now(VALID_DAYS)?;
    builder.set_not_before(&from)?;
    builder.set_not_after(&until)?;
    Ok(builder)
}
