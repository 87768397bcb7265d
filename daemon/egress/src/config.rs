//! The `[egress]` section of the configuration, which only root writes.

use std::path::PathBuf;

use serde::Deserialize;

use crate::endpoint::Endpoint;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EgressConfig {
    /// Hosts of the intranet (and of this machine) that may be contacted, each as exact
    /// `host:port`, written as the URL that uses it writes them.
    pub private_endpoints: Vec<Endpoint>,
    /// Nothing but `private_endpoints` is contacted, public hosts neither.
    pub air_gap: bool,
    /// PEM file of further authorities to trust, beside the system's.
    pub ca_file: Option<PathBuf>,
    /// For opening one connection, TLS included.
    pub connect_timeout_seconds: u64,
    /// For one request from its first byte to the last of its answer, unless the request says
    /// otherwise.
    pub request_timeout_seconds: u64,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            private_endpoints: Vec::new(),
            air_gap: false,
            ca_file: None,
            connect_timeout_seconds: 10,
            request_timeout_seconds: 60,
        }
    }
}
