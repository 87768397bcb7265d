//! Whom a TLS connection trusts: the system's authorities and those of the configuration. And who it says
//! that we are, where the other side asks for a certificate.

use std::{path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use crate::error::EgressError;

/// The authorities of the system, and those of `ca_file`.
pub(crate) fn authorities(ca_file: Option<&Path>) -> Result<RootCertStore, EgressError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    let (_, ignored) = roots.add_parsable_certificates(native.certs);
    for error in &native.errors {
        log::warn!("a certificate authority of the system was not read: {error}");
    }
    if ignored > 0 {
        log::debug!("{ignored} certificates of the system are no authorities");
    }
    if let Some(path) = ca_file {
        let unusable =
            |why: String| EgressError::Invalid(format!("egress.ca_file {}: {why}", path.display()));
        let authorities = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unusable(error.to_string()))?;
        if authorities.is_empty() {
            return Err(unusable(String::from("it holds no certificate")));
        }
        for authority in authorities {
            roots
                .add(authority)
                .map_err(|error| unusable(error.to_string()))?;
        }
    }
    Ok(roots)
}

/// A client's certificates, its own first, and the private key of that.
pub(crate) type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A client that trusts `roots` and nobody else, and shows `own` when it is asked.
pub(crate) fn trusting(
    roots: RootCertStore,
    own: Option<Own>,
) -> Result<ClientConfig, EgressError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| EgressError::Invalid(error.to_string()))?
        .with_root_certificates(roots);
    match own {
        None => Ok(config.with_no_client_auth()),
        Some((chain, key)) => config.with_client_auth_cert(chain, key).map_err(|error| {
            EgressError::Invalid(format!("the client certificate and its key: {error}"))
        }),
    }
}
