//! The world outside, small and scripted: a TLS listener on loopback and a resolver that says what
//! a test wants.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use egress::{Egress, EgressConfig, Resolver};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use stack::tls::TestCa;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// An authority that the egress under test trusts, and its directory.
pub(crate) struct World {
    pub(crate) ca: TestCa,
    pub(crate) directory: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self {
            ca: TestCa::new().unwrap(),
            directory: tempfile::tempdir().unwrap(),
        };
        world.ca.write(world.directory.path()).unwrap();
        world
    }

    pub(crate) fn config(&self, declared: &[String]) -> EgressConfig {
        EgressConfig {
            private_endpoints: declared.iter().map(|text| text.parse().unwrap()).collect(),
            ca_file: Some(self.directory.path().join("ca.pem")),
            connect_timeout_seconds: 5,
            request_timeout_seconds: 5,
            air_gap: false,
        }
    }

    pub(crate) fn egress(&self, declared: &[String]) -> Egress {
        Egress::new(self.config(declared)).unwrap()
    }

    pub(crate) fn acceptor(&self, names: &[&str]) -> TlsAcceptor {
        let leaf = self.ca.leaf(names).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(&leaf.certificate).unwrap()],
                PrivateKeyDer::from_pem_slice(&leaf.key).unwrap(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

pub(crate) async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Serves every connection to a TLS listener with `script`; counts the connections.
pub(crate) async fn tls_server<F>(
    acceptor: TlsAcceptor,
    script: impl Fn(TlsStream<TcpStream>) -> F + Send + Sync + 'static,
) -> (u16, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send,
{
    let (listener, port) = listener().await;
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let script = Arc::new(script);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let (acceptor, script) = (acceptor.clone(), Arc::clone(&script));
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    script(stream).await;
                }
            });
        }
    });
    (port, connections)
}

/// Reads one request with its body (by Content-Length); None when the client has gone.
pub(crate) async fn read_request<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.ok()?;
        if length == 0 {
            return None;
        }
        read.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let expected = head
                .lines()
                .find_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap_or(0_usize);
            if body.len() >= expected {
                return Some(text);
            }
        }
    }
}

/// Answers each name with a list of answers, one after the other, the last one for ever.
#[derive(Default)]
pub(crate) struct Names {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    pub(crate) asked: AtomicUsize,
}

impl Names {
    pub(crate) fn answer(self, name: &str, answers: &[&[&str]]) -> Self {
        let answers = answers
            .iter()
            .map(|answer| {
                answer
                    .iter()
                    .map(|address| address.parse().unwrap())
                    .collect()
            })
            .collect();
        self.answers
            .lock()
            .unwrap()
            .insert(name.to_owned(), answers);
        self
    }
}

#[async_trait::async_trait]
impl Resolver for Names {
    async fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answers = answers.get_mut(name).ok_or(std::io::ErrorKind::NotFound)?;
        Ok(if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0].clone()
        })
    }
}

/// A server that gives `answer` to every request, and the egress that may contact it.
pub(crate) async fn answering(
    answer: impl Into<Vec<u8>>,
) -> (Egress, String, Arc<AtomicUsize>, World) {
    let world = World::new();
    let answer: Arc<Vec<u8>> = Arc::new(answer.into());
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&requests);
    let (port, _) = tls_server(world.acceptor(&["localhost"]), move |mut stream| {
        let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
        async move {
            while read_request(&mut stream).await.is_some() {
                seen.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(&answer).await;
                let _ = stream.flush().await;
            }
        }
    })
    .await;
    let egress = world.egress(&[format!("localhost:{port}")]);
    (
        egress,
        format!("https://localhost:{port}/"),
        requests,
        world,
    )
}
