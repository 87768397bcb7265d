//! What every worker thread of the server shares.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_web::HttpRequest;
use identity::{Caller, Identity, IdentityError};
use ipnet::IpNet;
use kernel::{SharedClock, port::KeyLedger};

use crate::{
    client,
    config::{Config, ForwardedHeader},
    error::HttpError,
    health::Readiness,
    knocks::KnockBook,
    metrics::HttpMetrics,
    rate::RateLimits,
    request,
};

#[derive(Clone)]
pub struct Shared {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) identity: Identity,
    pub(crate) clock: SharedClock,
    pub(crate) limits: RateLimits,
    pub(crate) knocks: KnockBook,
    pub(crate) readiness: Arc<dyn Readiness>,
    pub(crate) metrics: HttpMetrics,
    pub(crate) registry: prometheus::Registry,
    pub(crate) ledger: OnceLock<Arc<dyn KeyLedger>>,
    pub(crate) site: OnceLock<String>,
    pub(crate) request_timeout: Duration,
    trusted_proxies: Vec<IpNet>,
    forwarded_header: ForwardedHeader,
}

impl Shared {
    /// `registry` is the one that `/metrics` shows; other parts register theirs in it as well.
    pub fn new(
        config: &Config,
        identity: Identity,
        clock: SharedClock,
        readiness: Arc<dyn Readiness>,
        registry: prometheus::Registry,
    ) -> Result<Self, HttpError> {
        let metrics = HttpMetrics::register(&registry)?;
        Ok(Self {
            inner: Arc::new(Inner {
                identity,
                clock,
                limits: RateLimits::new(config.sign_ins_per_minute, config.requests_per_minute),
                knocks: KnockBook::default(),
                readiness,
                metrics,
                registry,
                ledger: OnceLock::new(),
                site: OnceLock::new(),
                request_timeout: Duration::from_secs(config.request_timeout_seconds),
                trusted_proxies: config.trusted_proxies.clone(),
                forwarded_header: config.forwarded_header,
            }),
        })
    }

    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// Registers what counts the requests of interface keys, once. Without it no key opens anything.
    pub fn set_key_ledger(&self, ledger: Arc<dyn KeyLedger>) {
        let _ = self.inner.ledger.set(ledger);
    }

    /// Says where the appliance is reached, once: `https://` and a name. Without it no program that a person let in
    /// gets anywhere, since nobody knows whom its tokens are for.
    pub fn set_site(&self, public_url: &str) {
        let site = public_url.trim_end_matches('/').to_owned();
        let _ = self.inner.site.set(site);
    }

    /// Writes down whom the door turned away since the last time, without knowing them. To be called each
    /// minute and at the end; what cannot be written is counted on.
    pub async fn knocks_note(&self) -> Result<(), IdentityError> {
        let taken = self.inner.knocks.take();
        if taken.is_empty() {
            return Ok(());
        }
        let noted = self.inner.identity.knocks_note(taken.clone()).await;
        if noted.is_err() {
            self.inner.knocks.give_back(taken);
        }
        noted
    }

    /// Who knocks, before anyone is known.
    pub fn caller(&self, request: &HttpRequest) -> Caller {
        Caller {
            address: client::address(
                request,
                &self.inner.trusted_proxies,
                self.inner.forwarded_header,
            ),
            user_agent: client::user_agent(request),
            request: request::current(),
        }
    }
}
