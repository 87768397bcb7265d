//! Who may be contacted, as far as a name and a port can tell. Addresses are checked when the
//! name is resolved.

use std::collections::HashSet;

use url::{Host, Url};

use crate::{
    address::{Class, class},
    endpoint::Endpoint,
    error::EgressError,
};

macro_rules! purposes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a connection is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Purpose { $($(#[$doc])* $variant,)* }

        impl Purpose {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in logs and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

purposes! {
    Salesforce = "salesforce",
    Smtp = "smtp",
    /// A mirror of the range service for breached passwords: a declared endpoint and nothing else.
    BreachRange = "breach_range",
    /// Identity providers: discovery, keys, tokens.
    SingleSignOn = "single_sign_on",
    /// LDAP directories.
    Directory = "directory",
    /// Where the audit log is streamed to: a declared endpoint and nothing else.
    Siem = "siem",
    /// The appliance's own server, which `revkeep verify` knocks at: a declared endpoint.
    OwnFace = "own_face",
    /// Whether a declared endpoint can be reached, for `revkeep check`.
    Reachability = "reachability",
    /// The authority that issues the server's certificate (RFC 8555).
    CertificateAuthority = "certificate_authority",
    /// Where a tenant is told of events: a URL that the tenant types.
    Webhook = "webhook",
    /// The bucket that archives are sent to.
    Backup = "backup",
    /// What `revkeep verify` tries and must be refused.
    Trial = "trial",
}

impl Purpose {
    /// The ports of a public host that this purpose may use; None means any.
    const fn public_ports(self) -> Option<&'static [u16]> {
        match self {
            Self::Salesforce | Self::CertificateAuthority | Self::Backup => Some(&[443]),
            Self::Smtp => Some(&[25, 465, 587, 2525]),
            Self::BreachRange | Self::Siem | Self::OwnFace | Self::Reachability => Some(&[]),
            Self::SingleSignOn | Self::Webhook | Self::Trial => None,
            Self::Directory => Some(&[389, 636, 3268, 3269]),
        }
    }
}

/// How far a target's addresses may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Public,
    /// Declared by the administrator: private addresses too, metadata never.
    Declared,
}

/// A host and port that the policy lets pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    pub(crate) reach: Reach,
}

#[derive(Debug)]
pub(crate) struct Policy {
    declared: HashSet<Endpoint>,
    air_gap: bool,
}

impl Policy {
    /// Fails when a declared endpoint is one that nobody may contact.
    pub(crate) fn new(declared: Vec<Endpoint>, air_gap: bool) -> Result<Self, EgressError> {
        for endpoint in &declared {
            never(endpoint)?;
        }
        Ok(Self {
            declared: declared.into_iter().collect(),
            air_gap,
        })
    }

    pub(crate) fn url(&self, purpose: Purpose, text: &str) -> Result<(Url, Target), EgressError> {
        let (url, endpoint) = https_url(text)?;
        let target = self.endpoint(purpose, endpoint)?;
        Ok((url, target))
    }

    pub(crate) fn endpoint(
        &self,
        purpose: Purpose,
        endpoint: Endpoint,
    ) -> Result<Target, EgressError> {
        never(&endpoint)?;
        if self.declared.contains(&endpoint) {
            return Ok(Target {
                endpoint,
                reach: Reach::Declared,
            });
        }
        if self.air_gap {
            let why = "nothing is that egress.private_endpoints does not list (egress.air_gap)";
            return Err(refused(&endpoint, why));
        }
        public(&endpoint)?;
        if purpose
            .public_ports()
            .is_some_and(|ports| !ports.contains(&endpoint.port))
        {
            let why = if purpose.public_ports().is_some_and(<[u16]>::is_empty) {
                "for this purpose it must be declared in egress.private_endpoints"
            } else {
                "this port is not for that purpose"
            };
            return Err(refused(&endpoint, why));
        }
        Ok(Target {
            endpoint,
            reach: Reach::Public,
        })
    }
}

impl Reach {
    /// Whether an address that a name resolved to may be connected to.
    pub(crate) const fn admits(self, class: Class) -> Result<(), &'static str> {
        match (self, class) {
            (_, Class::Never(why)) | (Self::Public, Class::Private(why)) => Err(why),
            (Self::Declared, Class::Private(_)) | (_, Class::Public) => Ok(()),
        }
    }
}

/// The rule for a URL that a tenant types: public HTTPS, no name or address of an inner network,
/// no metadata service (LR-36, LR-37, CX-20). This looks at the text alone, so it serves a form;
/// the addresses behind the name are checked when it is contacted.
pub fn check_public_url(text: &str) -> Result<Url, EgressError> {
    let (url, endpoint) = https_url(text)?;
    never(&endpoint)?;
    public(&endpoint)?;
    Ok(url)
}

fn https_url(text: &str) -> Result<(Url, Endpoint), EgressError> {
    let mut url = Url::parse(text)
        .map_err(|error| EgressError::Invalid(format!("the URL does not parse: {error}")))?;
    let host = url
        .host()
        .ok_or_else(|| EgressError::Invalid(String::from("the URL names no host")))?
        .to_owned();
    let port = url.port_or_known_default().unwrap_or_default();
    let endpoint = Endpoint::of(host, port)?;
    if url.scheme() != "https" {
        return Err(refused(&endpoint, "only https is spoken"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(&endpoint, "the URL carries a user name"));
    }
    if port == 0 {
        return Err(EgressError::Invalid(String::from("port 0")));
    }
    // The client must see the very host that was checked, without a final dot.
    url.set_host(Some(&endpoint.host.to_string()))
        .map_err(|error| EgressError::Invalid(format!("the URL does not parse: {error}")))?;
    url.set_fragment(None);
    Ok((url, endpoint))
}

/// Refuses what no configuration can open.
fn never(endpoint: &Endpoint) -> Result<(), EgressError> {
    const METADATA_NAMES: [&str; 8] = [
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "metadata.azure.internal",
        "instance-data",
        "instance-data.ec2.internal",
        "metadata.tencentyun.com",
        "metadata.oraclecloud.com",
    ];
    match (&endpoint.host, endpoint.address().map(class)) {
        (Host::Domain(name), _) if METADATA_NAMES.contains(&name.as_str()) => {
            Err(refused(endpoint, "it is a cloud metadata service"))
        }
        (_, Some(Class::Never(why))) => Err(refused(endpoint, why)),
        _ => Ok(()),
    }
}

fn public(endpoint: &Endpoint) -> Result<(), EgressError> {
    const INNER_SUFFIXES: [&str; 14] = [
        "localhost",
        "local",
        "localdomain",
        "internal",
        "intranet",
        "lan",
        "home.arpa",
        "onion",
        // Never delegated, and used inside: ICANN's collisions, RFC 6761, clusters.
        "corp",
        "home",
        "private",
        "test",
        "invalid",
        "svc",
    ];
    match &endpoint.host {
        Host::Domain(name) => {
            let inner = !name.contains('.')
                || INNER_SUFFIXES.iter().any(|suffix| {
                    name.strip_suffix(suffix)
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                });
            if inner {
                Err(refused(endpoint, "the name belongs to an inner network"))
            } else {
                Ok(())
            }
        }
        Host::Ipv4(_) | Host::Ipv6(_) => endpoint
            .address()
            .map_or(Ok(()), |address| Reach::Public.admits(class(address)))
            .map_err(|why| refused(endpoint, why)),
    }
}

fn refused(endpoint: &Endpoint, why: &'static str) -> EgressError {
    EgressError::Refused {
        host: endpoint.to_string(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_has_one_writing() {
        assert_eq!(
            check_public_url("https://Example.COM./x#y")
                .unwrap()
                .as_str(),
            "https://example.com/x"
        );
    }

    #[test]
    fn a_private_endpoint_is_reached_only_as_it_is_declared() {
        let declared = ["localhost:12345", "10.0.0.5:443"].map(|text| text.parse().unwrap());
        let policy = Policy::new(declared.to_vec(), false).unwrap();
        let url = |text| policy.url(Purpose::Salesforce, text);
        let (_, target) = url("https://localhost:12345/x").unwrap();
        assert_eq!(target.reach, Reach::Declared);
        assert!(url("https://10.0.0.5/").is_ok());
        for text in [
            "https://localhost:12346/",
            "https://localhost/",
            "https://127.0.0.1:12345/",
            "https://[::1]:12345/",
            "https://10.0.0.5:8443/",
            "https://10.0.0.6/",
            "http://localhost:12345/",
            "https://x@localhost:12345/",
        ] {
            assert!(
                matches!(url(text), Err(EgressError::Refused { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn metadata_cannot_be_declared() {
        for text in [
            "169.254.169.254:443",
            "metadata.google.internal:443",
            "[fd00:ec2::254]:80",
        ] {
            assert!(
                Policy::new(vec![text.parse().unwrap()], false).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_public_port_fits_the_purpose() {
        let policy = Policy::new(Vec::new(), false).unwrap();
        let to = |purpose, text: &str| policy.endpoint(purpose, text.parse().unwrap());
        assert!(to(Purpose::Smtp, "mail.example.com:587").is_ok());
        assert!(to(Purpose::Smtp, "mail.example.com:22").is_err());
        assert!(to(Purpose::Salesforce, "login.salesforce.com:443").is_ok());
        assert!(to(Purpose::Salesforce, "login.salesforce.com:6379").is_err());
        assert!(to(Purpose::Directory, "ldap.example.com:636").is_ok());
        assert!(to(Purpose::Directory, "ldap.example.com:443").is_err());
        assert!(to(Purpose::BreachRange, "api.pwnedpasswords.com:443").is_err());
    }

    proptest! {
        /// Whatever is typed: what passes is https, has no user, and its host is a dotted name or
        /// a public address; the URL that is used reads back to the same host.
        #[test]
        fn what_passes_is_public(text in prop_oneof![
            ".{0,40}",
            "https?://[a-z0-9.:@\\[\\]/\\\\%#?-]{0,32}",
            "https://(0x)?[0-9a-f]{1,10}(\\.(0x)?[0-9a-f]{1,4}){0,3}/",
            "https://\\[[0-9a-f:.]{2,24}\\](:[0-9]{0,6})?/",
        ]) {
            if let Ok(url) = check_public_url(&text) {
                prop_assert_eq!(url.scheme(), "https");
                prop_assert!(url.username().is_empty() && url.password().is_none());
                match url.host().unwrap() {
                    Host::Domain(name) => prop_assert!(name.contains('.') && !name.ends_with('.')),
                    Host::Ipv4(address) => prop_assert_eq!(class(address.into()), Class::Public),
                    Host::Ipv6(address) => prop_assert_eq!(class(address.into()), Class::Public),
                }
                prop_assert_eq!(check_public_url(url.as_str()).unwrap(), url);
            }
        }

        /// Every IPv4 address that is not public is refused in every notation of it.
        #[test]
        fn no_notation_hides_an_inner_address(
            network in proptest::sample::select(vec![
                0x0000_u32, 0x0a00, 0x0aff, 0x6440, 0x7f00, 0xa9fe, 0xac10, 0xac1f, 0xc0a8, 0xc612,
                0xe000, 0xffff,
            ]),
            rest in any::<u16>(),
            notation in 0..6_u8,
        ) {
            let bits = network << 16 | u32::from(rest);
            let inner = std::net::Ipv4Addr::from_bits(bits);
            prop_assert_ne!(class(inner.into()), Class::Public);
            let [a, b, c, d] = inner.octets();
            let host = match notation {
                0 => inner.to_string(),
                1 => bits.to_string(),
                2 => format!("0x{bits:x}"),
                3 => format!("0{bits:o}"),
                4 => format!("0x{a:x}.0{b:o}.{}", u32::from(c) << 8 | u32::from(d)),
                _ => format!("[::ffff:{inner}]"),
            };
            let url = format!("https://{host}/");
            prop_assert!(check_public_url(&url).is_err(), "{url}");
        }
    }
}
