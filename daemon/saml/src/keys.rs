//! The public keys of the certificates that an administrator trusts. Keys in a document are never looked at.

use chrono::{DateTime, TimeDelta, Utc};
use openssl::{
    asn1::Asn1Time,
    hash::MessageDigest,
    nid::Nid,
    pkey::{Id, PKey, Public},
    sign::Verifier,
    x509::X509,
};

use crate::{protocol::Refusal, xml::base64};

const LEAST_RSA_BITS: u32 = 2_048;
const MOST: usize = 20;

/// How a signature is made. Nothing weaker than SHA-256, and never a shared secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Rsa,
    Ecdsa,
}

pub(crate) struct Key {
    public: PKey<Public>,
    family: Family,
    /// Bytes of one coordinate of an elliptic curve.
    half: usize,
}

/// The keys of the certificates; each must be usable, so that no slip stays unseen.
pub(crate) fn keys(certificates: &[String]) -> Result<Vec<Key>, Refusal> {
    if certificates.is_empty() || certificates.len() > MOST {
        return Err(Refusal::Certificate);
    }
    certificates
        .iter()
        .map(|text| Key::parse(text).ok_or(Refusal::Certificate))
        .collect()
}

/// What an administrator sees of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// DER in base64, in one line.
    pub text: String,
    pub subject: String,
    /// SHA-256, in hex.
    pub fingerprint: String,
    pub not_after: DateTime<Utc>,
}

impl Certificate {
    /// Reads PEM or base64. Nothing if its key could sign nothing that is accepted.
    pub fn parse(text: &str) -> Option<Self> {
        let armour = |line: &&str| !line.trim_start().starts_with("-----");
        let text: String = text.lines().filter(armour).collect();
        let text: String = text.split_ascii_whitespace().collect();
        Key::parse(&text)?;
        let certificate = X509::from_der(&base64(&text)?).ok()?;
        let entries = certificate.subject_name().entries();
        let subject: Vec<String> = entries
            .filter_map(|entry| entry.data().to_string().ok())
            .collect();
        let digest = certificate.digest(MessageDigest::sha256()).ok()?;
        let epoch = Asn1Time::from_unix(0).ok()?;
        let life = epoch.diff(certificate.not_after()).ok()?;
        let seconds = i64::from(life.days) * 86_400 + i64::from(life.secs);
        Some(Self {
            text,
            subject: subject.join(", "),
            fingerprint: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            not_after: DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds),
        })
    }
}

impl Key {
    fn parse(text: &str) -> Option<Self> {
        let der = base64(text)?;
        let public = X509::from_der(&der).ok()?.public_key().ok()?;
        match public.id() {
            Id::RSA if public.bits() >= LEAST_RSA_BITS => Some(Self {
                public,
                family: Family::Rsa,
                half: 0,
            }),
            Id::EC => {
                let half = match public.ec_key().ok()?.group().curve_name()? {
                    Nid::X9_62_PRIME256V1 => 32,
                    Nid::SECP384R1 => 48,
                    Nid::SECP521R1 => 66,
                    _ => return None,
                };
                Some(Self {
                    public,
                    family: Family::Ecdsa,
                    half,
                })
            }
            _ => None,
        }
    }

    /// Whether this key made `signature` over `bytes`.
    pub(crate) fn verifies(
        &self,
        (family, digest): (Family, MessageDigest),
        bytes: &[u8],
        signature: &[u8],
    ) -> bool {
        if family != self.family {
            return false;
        }
        let signature = match self.family {
            Family::Rsa => signature.to_vec(),
            Family::Ecdsa => match self.as_der(signature) {
                Some(der) => der,
                None => return false,
            },
        };
        let verified = Verifier::new(digest, &self.public)
            .and_then(|mut verifier| verifier.verify_oneshot(&signature, bytes));
        verified.unwrap_or(false)
    }

    /// XML signatures write r and s one after the other (RFC 4050 section 3.3).
    fn as_der(&self, signature: &[u8]) -> Option<Vec<u8>> {
        use openssl::{bn::BigNum, ecdsa::EcdsaSig};
        if signature.len() != self.half.checked_mul(2)? {
            return None;
        }
        let (r, s) = signature.split_at(self.half);
        let pair = EcdsaSig::from_private_components(
            BigNum::from_slice(r).ok()?,
            BigNum::from_slice(s).ok()?,
        );
        pair.ok()?.to_der().ok()
    }
}
