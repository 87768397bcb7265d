//! A certificate as an administrator brings it: PEM or PKCS#12, in whatever order, judged before anything is
//! replaced by it.

use std::{collections::HashSet, path::Path};

use chrono::{DateTime, Utc};
use kernel::Secret;
use openssl::{
    pkcs12::Pkcs12,
    pkey::{Id, PKey, Private},
    x509::{X509, X509VerifyResult},
};

use super::{CertificateError, covers, names, period};

/// Shorter RSA keys are refused by browsers.
const RSA_BITS: u32 = 2048;
const CURVE_BITS: u32 = 256;

/// A certificate with the authorities above it, and its key.
pub(crate) struct Brought {
    /// The server's first, then each one's issuer.
    pub(crate) chain: Vec<X509>,
    pub(crate) key: PKey<Private>,
}

impl Brought {
    /// PEM: any of `keys` may be the one that belongs to it.
    pub(crate) fn from_pem(
        file: &Path,
        pem: &[u8],
        keys: Vec<PKey<Private>>,
    ) -> Result<Self, CertificateError> {
        let all = X509::stack_from_pem(pem).unwrap_or_default();
        if all.is_empty() {
            return Err(CertificateError::Unreadable(file.display().to_string()));
        }
        Self::matched(all, keys)
    }

    /// PKCS#12 (RFC 7292), which has the key in it.
    pub(crate) fn from_pkcs12(
        file: &Path,
        der: &[u8],
        password: &Secret<String>,
    ) -> Result<Self, CertificateError> {
        let unreadable = || CertificateError::Unreadable(file.display().to_string());
        let parsed = Pkcs12::from_der(der)
            .map_err(|_| unreadable())?
            .parse2(password.expose())
            .map_err(|_| CertificateError::Password)?;
        let (Some(leaf), Some(key)) = (parsed.cert, parsed.pkey) else {
            return Err(unreadable());
        };
        let mut all = vec![leaf];
        all.extend(parsed.ca.into_iter().flatten());
        Self::matched(all, vec![key])
    }

    fn matched(all: Vec<X509>, keys: Vec<PKey<Private>>) -> Result<Self, CertificateError> {
        for key in keys {
            let own = |one: &&X509| one.public_key().is_ok_and(|public| public.public_eq(&key));
            if let Some(leaf) = all.iter().find(own).cloned() {
                return Ok(Self {
                    chain: ordered(leaf, all),
                    key,
                });
            }
        }
        Err(CertificateError::ForeignKey)
    }

    /// Whether it may take the place of the one that serves `host`.
    pub(crate) fn judge(&self, host: &str, now: DateTime<Utc>) -> Result<(), CertificateError> {
        let Some(leaf) = self.chain.first() else {
            return Err(CertificateError::ForeignKey);
        };
        let least = if self.key.id() == Id::RSA {
            RSA_BITS
        } else {
            CURVE_BITS
        };
        if self.key.bits() < least {
            return Err(CertificateError::Weak(format!(
                "{} bits, of {least} at least",
                self.key.bits()
            )));
        }
        if !covers(leaf, host) {
            return Err(CertificateError::OtherName {
                host: host.to_owned(),
                names: names(leaf).join(", "),
            });
        }
        let (from, until) = period(leaf)?;
        if now < from || now >= until {
            return Err(CertificateError::NotNow {
                from: from.to_rfc3339(),
                until: until.to_rfc3339(),
            });
        }
        Ok(())
    }

    /// The chain, PEM.
    pub(crate) fn certificate_pem(&self) -> Result<Vec<u8>, CertificateError> {
        let mut pem = Vec::new();
        for one in &self.chain {
            pem.extend(one.to_pem()?);
        }
        Ok(pem)
    }

    pub(crate) fn key_pem(&self) -> Result<Secret<Vec<u8>>, CertificateError> {
        Ok(Secret::new(self.key.private_key_to_pem_pkcs8()?))
    }
}

/// A private key of a file, PEM.
pub(crate) fn key(file: &Path) -> Result<PKey<Private>, CertificateError> {
    let pem = Secret::new(std::fs::read(file).map_err(CertificateError::of(file))?);
    PKey::private_key_from_pem(pem.expose()).map_err(|_| {
        let why = "it holds no PEM private key that opens without a password";
        CertificateError::File(file.to_owned(), why.to_owned())
    })
}

/// What of `all` stands above `leaf`, each once and without a root: browsers have that themselves.
fn ordered(leaf: X509, all: Vec<X509>) -> Vec<X509> {
    let mut seen = HashSet::new();
    let mut rest: Vec<X509> = all
        .into_iter()
        .filter(|one| one.to_der().is_ok_and(|der| seen.insert(der)))
        .filter(|one| one.issued(one) != X509VerifyResult::OK)
        .collect();
    let mut chain = vec![leaf];
    while let Some(above) = chain.last().and_then(|last| {
        rest.iter()
            .position(|one| one.issued(last) == X509VerifyResult::OK)
    }) {
        chain.push(rest.swap_remove(above));
    }
    chain
}
