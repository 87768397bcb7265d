//! A host and a port, in one writing each.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Deserializer};
use url::Host;

use crate::error::EgressError;

/// `host:port` as the configuration declares it. The host is normalised as a browser would: lower
/// case, punycode, IPv4 in any notation as four numbers, no final dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
}

impl Endpoint {
    /// From a host as text: a name, an IPv4 address, or an IPv6 address with or without brackets.
    pub fn new(host: &str, port: u16) -> Result<Self, EgressError> {
        if port == 0 {
            return Err(EgressError::Invalid(String::from("port 0")));
        }
        let parsed = match host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => Ok(Host::Ipv6(address)),
            _ => Host::parse(host),
        };
        let host =
            parsed.map_err(|error| EgressError::Invalid(format!("host {host:?}: {error}")))?;
        Self::of(host, port)
    }

    pub(crate) fn of(host: Host<String>, port: u16) -> Result<Self, EgressError> {
        let host = match host {
            Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(&name);
                // A second final dot stays, and would hide the last label from every rule about names.
                if name.is_empty() || name.split('.').any(str::is_empty) {
                    return Err(EgressError::Invalid(format!("host {name:?}")));
                }
                Host::Domain(name.to_owned())
            }
            address => address,
        };
        Ok(Self { host, port })
    }

    /// The address, when the host is one.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address)),
            Host::Domain(_) => None,
        }
    }

    /// The host as it stands in a certificate and in a resolver's question.
    pub(crate) fn name(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EgressError;

    fn from_str(text: &str) -> Result<Self, EgressError> {
        let wrong = || EgressError::Invalid(format!("{text:?} is not host:port"));
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        Self::new(host, port.parse().map_err(|_| wrong())?)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_host_has_one_writing() {
        for (text, written) in [
            ("LocalHost.:8443", "localhost:8443"),
            ("2130706433:80", "127.0.0.1:80"),
            ("0x7f.1:80", "127.0.0.1:80"),
            ("[::1]:443", "[::1]:443"),
            ("[0:0::1]:443", "[::1]:443"),
            ("bücher.example:443", "xn--bcher-kva.example:443"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), written);
        }
        for text in [
            "",
            "host",
            "host:",
            "host:0",
            "host:65536",
            ":1",
            ".:1",
            "a..b:1",
            "localhost..:1",
            "a b:1",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_refused_or_reads_back_the_same(text in "[a-zA-Z0-9.:\\[\\]\\-]{0,24}") {
            if let Ok(endpoint) = text.parse::<Endpoint>() {
                prop_assert_eq!(endpoint.to_string().parse::<Endpoint>().unwrap(), endpoint);
            }
        }
    }
}
