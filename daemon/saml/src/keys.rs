//! The public keys of the certificates that an administrator trusts. Keys in a document are never looked at.

use openssl::{
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
