//! What keeps the server from starting or from taking a new certificate.

use std::{net::SocketAddr, path::PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("{}: {problem}", path.display())]
    Certificate { path: PathBuf, problem: String },
    #[error("cannot listen on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "server.metrics_listen is {0}, which is no loopback address; metrics are served in the clear and to this machine alone"
    )]
    MetricsInPublic(SocketAddr),
    #[error("server.{0} must be at least 1")]
    Zero(&'static str),
    #[error("TLS could not be set up")]
    Tls(#[source] rustls::Error),
    #[error("a metric could not be registered")]
    Metric(#[from] prometheus::Error),
}
