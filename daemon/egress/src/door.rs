//! [`Egress`]: the policy, the resolver and what is trusted, in one handle.

use std::{sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore};

use crate::{
    config::EgressConfig,
    endpoint::Endpoint,
    error::EgressError,
    http::{Clients, Http},
    policy::{Policy, Purpose},
    refusals::Refusals,
    resolve::{Resolver, System},
    smtp::{Smtp, SmtpServer},
    trust::Trust,
};

/// The one door out. Clones share it.
#[derive(Clone)]
pub struct Egress {
    pub(crate) door: Arc<Door>,
}

pub(crate) struct Door {
    pub(crate) policy: Policy,
    pub(crate) refusals: Refusals,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) tls: Arc<ClientConfig>,
    /// What `tls` trusts.
    pub(crate) authorities: RootCertStore,
    pub(crate) clients: Clients,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
}

impl Egress {
    /// Fails when the configuration can never work: an authority file that does not read, or a
    /// metadata address among the private endpoints.
    pub fn new(config: EgressConfig) -> Result<Self, EgressError> {
        Self::with_resolver(config, Arc::new(System))
    }

    /// The same with another resolver, for tests that move names.
    pub fn with_resolver(
        config: EgressConfig,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, EgressError> {
        let authorities = crate::tls::authorities(config.ca_file.as_deref())?;
        let tls = crate::tls::trusting(authorities.clone(), None)?;
        let connect_timeout = Duration::from_secs(config.connect_timeout_seconds.clamp(1, 120));
        let door = Door {
            policy: Policy::new(config.private_endpoints, config.air_gap)?,
            refusals: Refusals::default(),
            clients: Clients::new(&tls, &resolver, connect_timeout)?,
            resolver,
            tls: Arc::new(tls),
            authorities,
            connect_timeout,
            request_timeout: Duration::from_secs(config.request_timeout_seconds.clamp(1, 600)),
        };
        Ok(Self {
            door: Arc::new(door),
        })
    }

    pub fn http(&self, purpose: Purpose) -> Http {
        Http {
            door: Arc::clone(&self.door),
            purpose,
            own: None,
        }
    }

    /// The same with `trust` in place of what everything else trusts, and connections of its own.
    pub fn http_trusting(&self, purpose: Purpose, trust: &Trust) -> Result<Http, EgressError> {
        let clients = Clients::new(&trust.0, &self.door.resolver, self.door.connect_timeout)?;
        Ok(Http {
            own: Some(Arc::new(clients)),
            ..self.http(purpose)
        })
    }

    /// Whether the policy lets this be contacted at all, for a form. Addresses are checked when it is.
    pub fn admits(&self, purpose: Purpose, to: &Endpoint) -> Result<(), EgressError> {
        self.door.policy.endpoint(purpose, to.clone()).map(|_| ())
    }

    /// As [`Egress::admits`], of an HTTPS URL.
    pub fn admits_url(&self, purpose: Purpose, url: &str) -> Result<(), EgressError> {
        self.door.policy.url(purpose, url).map(|_| ())
    }

    /// How many calls of that purpose were refused since the start.
    pub fn refusals(&self, purpose: Purpose) -> u64 {
        self.door.refusals.count(purpose)
    }

    /// A mail server; nothing is contacted yet.
    pub fn smtp(&self, server: SmtpServer) -> Smtp {
        Smtp::new(self.clone(), server)
    }
}
