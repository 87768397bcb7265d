//! TLS 1.2 and newer with rustls and ring (LM-31, LR-43, OB-28). The certificate is read again on
//! request; one that cannot be used leaves the running one in place.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::error::HttpError;

/// The server's certificate, exchanged while connections go on.
#[derive(Debug)]
pub struct Certificate {
    certificate: PathBuf,
    private_key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
}

impl Certificate {
    pub fn load(certificate: &Path, private_key: &Path) -> Result<Arc<Self>, HttpError> {
        let provider = Arc::new(ring::default_provider());
        let current = read(certificate, private_key, &provider)?;
        Ok(Arc::new(Self {
            certificate: certificate.to_owned(),
            private_key: private_key.to_owned(),
            provider,
            current: ArcSwap::from_pointee(current),
        }))
    }

    /// Reads the files again. On an error the running certificate stays.
    pub fn reload(&self) -> Result<(), HttpError> {
        let new = read(&self.certificate, &self.private_key, &self.provider)?;
        self.current.store(Arc::new(new));
        Ok(())
    }

    /// The certificate that is served, DER.
    pub fn leaf(&self) -> Option<Vec<u8>> {
        let current = self.current.load();
        current.cert.first().map(|leaf| leaf.to_vec())
    }

    pub(crate) fn server_config(self: &Arc<Self>) -> Result<ServerConfig, HttpError> {
        let certificate: Arc<Self> = Arc::clone(self);
        let resolver: Arc<dyn ResolvesServerCert> = certificate;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(HttpError::Tls)?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        // The order of the suites is ours: the strongest that both know (ASVS 12.1.2).
        config.ignore_client_order = true;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn read(
    certificate: &Path,
    private_key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, HttpError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(certificate, error))?;
    if chain.is_empty() {
        return Err(unusable(certificate, "there is no certificate in it"));
    }
    let key =
        PrivateKeyDer::from_pem_file(private_key).map_err(|error| unusable(private_key, error))?;
    // Compares the two as well: a key of another certificate is refused here.
    CertifiedKey::from_der(chain, key, provider).map_err(|error| unusable(private_key, error))
}

fn unusable(path: &Path, problem: impl std::fmt::Display) -> HttpError {
    HttpError::Certificate {
        path: path.to_owned(),
        problem: problem.to_string(),
    }
}
