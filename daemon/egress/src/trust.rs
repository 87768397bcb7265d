//! Authorities of one connection's own, in place of the system's and the configuration's, and the
//! certificate that it shows.

use std::sync::Arc;

use kernel::Secret;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use crate::{
    door::Egress,
    error::EgressError,
    tls::{Own, trusting},
};

/// Whom a connection trusts, and nobody else.
#[derive(Clone)]
pub struct Trust(pub(crate) Arc<ClientConfig>);

impl Trust {
    /// From PEM certificates, at least one.
    pub fn only(pem: &str) -> Result<Self, EgressError> {
        Ok(Self(Arc::new(trusting(authorities(pem)?, None)?)))
    }
}

impl Egress {
    /// The authorities of `pem`, or where there is none those of the system and the configuration; and
    /// `own` to show who we are: PEM certificates, ours first, and the PEM private key.
    pub fn trust(
        &self,
        pem: Option<&str>,
        own: Option<(&str, &Secret<String>)>,
    ) -> Result<Trust, EgressError> {
        let roots = match pem {
            Some(pem) => authorities(pem)?,
            None => self.door.authorities.clone(),
        };
        let own = own.map(|(chain, key)| identity(chain, key)).transpose()?;
        Ok(Trust(Arc::new(trusting(roots, own)?)))
    }
}

fn authorities(pem: &str) -> Result<RootCertStore, EgressError> {
    let unusable = |why: String| EgressError::Invalid(format!("authorities: {why}"));
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let authority = authority.map_err(|error| unusable(error.to_string()))?;
        roots
            .add(authority)
            .map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable(String::from("there is no certificate")));
    }
    Ok(roots)
}

fn identity(chain: &str, key: &Secret<String>) -> Result<Own, EgressError> {
    let unusable = |why: String| EgressError::Invalid(format!("client certificate: {why}"));
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(error.to_string()))?;
    if chain.is_empty() {
        return Err(unusable(String::from("there is none")));
    }
    // What the key's text holds is not repeated in an error.
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
        .map_err(|_| unusable(String::from("the private key does not read")))?;
    Ok((chain, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certificates_are_authorities() {
        let pem = String::from_utf8(stack::tls::TestCa::new().unwrap().pem().unwrap()).unwrap();
        assert!(Trust::only(&pem).is_ok());
        assert!(Trust::only(&format!("{pem}{pem}")).is_ok());
        for text in [
            "",
            "x",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(Trust::only(text).is_err(), "{text}");
        }
        let broken = pem.replace("-----END", "-----ENT");
        assert!(Trust::only(&broken).is_err());
    }
}
