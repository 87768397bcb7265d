//! TLS 1.2 and newer with rustls and ring (LM-31, LR-43, OB-28). The certificate is read again on
//! request; one that cannot be used leaves the running one in place. While an authority wants to know
//! whose name it is, a connection that asks for `acme-tls/1` alone is shown the answer (RFC 8737).

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::error::HttpError;

/// What a connection speaks that only wants the answer to a challenge (RFC 8737, section 6.2).
const CHALLENGE: &[u8] = b"acme-tls/1";

/// The server's certificate, exchanged while connections go on.
#[derive(Debug)]
pub struct Certificate {
    certificate: PathBuf,
    private_key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
    challenge: ArcSwapOption<Answer>,
}

/// What a challenge about `name` is answered with.
#[derive(Debug)]
struct Answer {
    name: String,
    certificate: Arc<CertifiedKey>,
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
            challenge: ArcSwapOption::empty(),
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

    /// Whether the daemon could serve with these two; nothing is changed by it.
    pub fn usable(certificate: &Path, private_key: &Path) -> Result<(), HttpError> {
        read(certificate, private_key, &ring::default_provider()).map(|_| ())
    }

    /// Shows `certificate` and nothing else to whoever checks a challenge about `name`. Both DER, the key
    /// as PKCS#8.
    pub fn answer_challenge(
        &self,
        name: &str,
        certificate: Vec<u8>,
        key: Vec<u8>,
    ) -> Result<(), HttpError> {
        let key = PrivateKeyDer::Pkcs8(key.into());
        let key = self
            .provider
            .key_provider
            .load_private_key(key)
            .map_err(HttpError::Tls)?;
        // Not compared with the key, as other certificates are: its critical extension is for the one who
        // checks, and for nobody who reads certificates.
        let certificate = CertifiedKey::new(vec![certificate.into()], key);
        self.challenge.store(Some(Arc::new(Answer {
            name: name.to_owned(),
            certificate: Arc::new(certificate),
        })));
        Ok(())
    }

    /// From now on connections of challenges are refused.
    pub fn forget_challenge(&self) {
        self.challenge.store(None);
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
        config.alpn_protocols = vec![b"http/1.1".to_vec(), CHALLENGE.to_vec()];
        Ok(config)
    }

    fn answer(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let answer = self.challenge.load();
        let answer = answer.as_ref()?;
        answer
            .name
            .eq_ignore_ascii_case(name)
            .then(|| Arc::clone(&answer.certificate))
    }
}

impl ResolvesServerCert for Certificate {
    /// `None` ends the handshake.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let challenged = hello
            .alpn()
            .is_some_and(|mut spoken| spoken.next() == Some(CHALLENGE) && spoken.next().is_none());
        if challenged {
            self.answer(hello.server_name()?)
        } else {
            Some(self.current.load_full())
        }
    }
}

/// Whether nothing but the answer to a challenge was wanted: such a connection is closed, and no request
/// is read from it (RFC 8737, section 3).
pub(crate) fn was_challenge(connection: &rustls::ServerConnection) -> bool {
    connection.alpn_protocol() == Some(CHALLENGE)
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
