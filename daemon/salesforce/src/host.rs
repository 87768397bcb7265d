//! Which hosts are Salesforce's. A token goes to no other.

use std::collections::HashSet;

use connections::Environment;
use url::{Host, Url};

const PRODUCTION: &str = "login.salesforce.com";
const SANDBOX: &str = "test.salesforce.com";
/// Where people sign in on a domain of their own, sandboxes included.
const MY_DOMAIN: &[&str] = &[".my.salesforce.com"];
/// Where an organisation's data can be.
const INSTANCE: &[&str] = &[".salesforce.com", ".force.com"];

/// The hosts that may be connected to: Salesforce's domains, and what root declared.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// `host` or `host:port`, normalised.
    declared: HashSet<String>,
}

impl Hosts {
    pub fn new(declared: &[String]) -> Self {
        Self {
            declared: declared.iter().filter_map(|text| normal(text)).collect(),
        }
    }

    /// The authorization server of an environment; `None` when the domain is not Salesforce's.
    pub fn login(&self, environment: Environment, my_domain: Option<&str>) -> Option<String> {
        match environment {
            Environment::Production => Some(PRODUCTION.to_owned()),
            Environment::Sandbox => Some(SANDBOX.to_owned()),
            Environment::MyDomain => {
                let host = normal(my_domain?.trim())?;
                self.is_my_domain(&host).then_some(host)
            }
        }
    }

    /// Whether people may be sent to this host to sign in, and tokens be asked of it.
    pub fn login_allowed(&self, host: &str) -> bool {
        let Some(normal) = normal(host) else {
            return false;
        };
        normal == host && (normal == PRODUCTION || normal == SANDBOX || self.is_my_domain(&normal))
    }

    /// Whether an access token may be sent to this address: `https://host[:port]` and nothing after.
    pub fn instance_allowed(&self, address: &str) -> bool {
        let Some(host) = address.strip_prefix("https://") else {
            return false;
        };
        normal(host).is_some_and(|normal| {
            normal == host && (self.declared.contains(&normal) || below(&normal, INSTANCE))
        })
    }

    fn is_my_domain(&self, normal: &str) -> bool {
        self.declared.contains(normal) || below(normal, MY_DOMAIN)
    }
}

/// A proper name under one of the domains, on the standard port.
fn below(host: &str, domains: &[&str]) -> bool {
    domains.iter().any(|domain| {
        host.strip_suffix(domain).is_some_and(|labels| {
            labels.split('.').all(|label| {
                !label.is_empty()
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
        })
    })
}

/// `host` or `host:port` as a browser would write it; `None` when it holds anything else, such as a
/// path, a user or a second port.
fn normal(text: &str) -> Option<String> {
    if text.contains(|letter: char| {
        letter.is_whitespace() || letter.is_control() || "/\\?#@%".contains(letter)
    }) {
        return None;
    }
    let url = Url::parse(&format!("https://{text}/")).ok()?;
    if !url.username().is_empty() || url.password().is_some() || url.path() != "/" {
        return None;
    }
    let host = match url.host()? {
        Host::Domain(name) => name.to_owned(),
        address => address.to_string(),
    };
    Some(match url.port() {
        None => host,
        Some(port) => format!("{host}:{port}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts::new(&["localhost:8443".to_owned()])
    }

    #[test]
    fn salesforce_domains_and_declared_hosts_pass() {
        let hosts = hosts();
        for host in [
            "login.salesforce.com",
            "test.salesforce.com",
            "acme.my.salesforce.com",
            "acme--dev.sandbox.my.salesforce.com",
            "localhost:8443",
        ] {
            assert!(hosts.login_allowed(host), "{host}");
            assert!(hosts.instance_allowed(&format!("https://{host}")), "{host}");
        }
        assert!(hosts.instance_allowed("https://acme.lightning.force.com"));
        let written = hosts.login(Environment::MyDomain, Some(" ACME.my.salesforce.com "));
        assert_eq!(written.as_deref(), Some("acme.my.salesforce.com"));
        let default_port = hosts.login(Environment::MyDomain, Some("acme.my.salesforce.com:443"));
        assert_eq!(default_port.as_deref(), Some("acme.my.salesforce.com"));
    }

    #[test]
    fn lookalikes_are_refused() {
        let hosts = hosts();
        for host in [
            "",
            "salesforce.com",
            "my.salesforce.com",
            "evilsalesforce.com",
            "acme.my.salesforce.com.evil.example",
            "acme.my.salesforce.com@evil.example",
            "evil.example/acme.my.salesforce.com",
            "evil.example#.my.salesforce.com",
            "evil.example?.my.salesforce.com",
            "evil.example\\.my.salesforce.com",
            "acme.my.salesforce.com:8443",
            "acme.my.salesforce.com.",
            ".my.salesforce.com",
            "a..my.salesforce.com",
            "acme.my.salesforce.com:443:80",
            "acme.my.ѕalesforce.com",
            "localhost",
            "localhost:8444",
            "127.0.0.1:8443",
            "169.254.169.254",
            "acme.my.salesforce.com\r\nHost: evil",
        ] {
            assert!(!hosts.login_allowed(host), "{host:?}");
        }
        for address in [
            "http://acme.my.salesforce.com",
            "https://acme.my.salesforce.com/",
            "https://acme.my.salesforce.com/services",
            "https://acme.my.salesforce.com:8443",
            "https://user@acme.my.salesforce.com",
            "HTTPS://acme.my.salesforce.com",
            "https://ACME.my.salesforce.com",
            "https://evil.example",
            "https://salesforce.com",
            "https://evilsalesforce.com",
            "https://acme.my.salesforce.com.evil.example",
            "https://acme.my.salesforce.com@evil.example",
            "https://localhost:8444",
        ] {
            assert!(!hosts.instance_allowed(address), "{address}");
        }
    }
}
