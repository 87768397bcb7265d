//! `[server]` of the configuration.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where people connect. TLS only; plain HTTP is not offered (LR-43, CX-22).
    pub listen: SocketAddr,
    /// PEM file with the server's certificate first, then the authorities between it and the root.
    pub certificate: PathBuf,
    /// PEM file with the certificate's private key.
    pub private_key: PathBuf,
    /// Where Prometheus scrapes, in plain HTTP; refused unless it is a loopback address. Off when
    /// absent.
    #[serde(default)]
    pub metrics_listen: Option<SocketAddr>,
    /// Proxies that are believed about whose connection they pass on: by PROXY protocol version 2, or
    /// by `forwarded_header`. Nobody is otherwise.
    #[serde(default)]
    pub trusted_proxies: Vec<IpNet>,
    /// The header that the trusted proxies write. The other one is what a client wrote.
    pub forwarded_header: ForwardedHeader,
    pub workers: usize,
    /// Open connections per worker; more wait in the kernel's queue.
    pub connections_per_worker: usize,
    /// How long a client may take to send a request's head, and an idle connection is kept.
    pub client_timeout_seconds: u64,
    /// How long the answer's head may take.
    pub request_timeout_seconds: u64,
    /// How long work in hand may go on after a stop was asked for.
    pub shutdown_seconds: u64,
    /// Sign-ins and set-ups a minute from one network (CX-30).
    pub sign_ins_per_minute: u32,
    /// Requests a minute of one person, or of one network before anyone is known (CX-30).
    pub requests_per_minute: u32,
}

/// How a proxy says in HTTP whose request it passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}
