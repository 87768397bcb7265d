//! Authorities of one connection's own, in place of the system's and the configuration's.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use crate::{error::EgressError, tls::trusting};

/// Whom a connection trusts, and nobody else.
#[derive(Clone)]
pub struct Trust(pub(crate) Arc<ClientConfig>);

impl Trust {
    /// From PEM certificates, at least one.
    pub fn only(pem: &str) -> Result<Self, EgressError> {
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
        Ok(Self(Arc::new(trusting(roots)?)))
    }
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
