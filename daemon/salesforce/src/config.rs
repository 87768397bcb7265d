//! The `[salesforce]` section of the configuration.

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Hosts outside Salesforce's own domains that may be connected to, each as exact `host` or
    /// `host:port`. They must be reachable by `egress.private_endpoints` too.
    pub declared_hosts: Vec<String>,
    /// Version of the REST API, such as `65.0`.
    pub api_version: String,
    /// Percentage of the organisation's daily API requests at which Revkeep stops pulling, so that
    /// the rest is left to others. Owners that were decided are still written.
    pub budget_percent: u8,
    /// How long one write of up to 200 owners may take, with the triggers that it sets off. Records
    /// whose write was cut are looked at again after twice this time.
    pub write_timeout_seconds: u32,
    /// Records of one page; Salesforce takes 200 to 2000.
    pub page_size: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            declared_hosts: Vec::new(),
            api_version: String::from("65.0"),
            budget_percent: 80,
            write_timeout_seconds: 30,
            page_size: 2000,
        }
    }
}
