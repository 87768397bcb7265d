//! A gate before the provider: it holds an answer back until the test says so, and remembers which
//! tokens were granted and revoked.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use connections::{App, Environment, Grant, Provider, ProviderError};
use kernel::Secret;
use tokio::sync::Notify;

use crate::org::Org;

pub(crate) struct Gate {
    inner: Arc<dyn Provider>,
    holding: AtomicBool,
    reached: Notify,
    open: Notify,
    granted: Mutex<Vec<String>>,
    revoked: Mutex<Vec<String>>,
}

impl Gate {
    /// The organisation, with a gate before its provider.
    pub(crate) fn before(org: Org) -> (Org, Arc<Self>) {
        let gate = Arc::new(Self {
            inner: Arc::clone(&org.provider),
            holding: AtomicBool::new(false),
            reached: Notify::new(),
            open: Notify::new(),
            granted: Mutex::default(),
            revoked: Mutex::default(),
        });
        (org.behind(Arc::clone(&gate) as Arc<dyn Provider>), gate)
    }

    /// The next answer of the token endpoint is held back.
    pub(crate) fn hold(&self) {
        self.holding.store(true, Ordering::SeqCst);
    }

    /// Until an answer is held.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    pub(crate) fn release(&self) {
        self.open.notify_one();
    }

    /// The refresh tokens that were granted, in order.
    pub(crate) fn granted(&self) -> Vec<String> {
        self.granted.lock().unwrap().clone()
    }

    /// The tokens that were presented for revocation, in order.
    pub(crate) fn revoked(&self) -> Vec<String> {
        self.revoked.lock().unwrap().clone()
    }

    async fn pass(&self, answer: Result<Grant, ProviderError>) -> Result<Grant, ProviderError> {
        if let Ok(Grant {
            refresh: Some(token),
            ..
        }) = &answer
        {
            self.granted.lock().unwrap().push(token.expose().clone());
        }
        if self.holding.swap(false, Ordering::SeqCst) {
            self.reached.notify_one();
            self.open.notified().await;
        }
        answer
    }
}

#[async_trait]
impl Provider for Gate {
    fn name(&self) -> &'static str {
        self.inner.name()
    }
    fn scopes(&self) -> &'static [&'static str] {
        self.inner.scopes()
    }
    fn first_jobs(&self) -> &'static [&'static str] {
        self.inner.first_jobs()
    }
    fn login_host(&self, environment: Environment, my_domain: Option<&str>) -> Option<String> {
        self.inner.login_host(environment, my_domain)
    }
    fn instance_allowed(&self, instance_url: &str) -> bool {
        self.inner.instance_allowed(instance_url)
    }
    fn authorize_url(&self, app: &App, state: &str, challenge: &str) -> String {
        self.inner.authorize_url(app, state, challenge)
    }
    async fn exchange(
        &self,
        app: &App,
        code: &Secret<String>,
        verifier: &Secret<String>,
    ) -> Result<Grant, ProviderError> {
        let answer = self.inner.exchange(app, code, verifier).await;
        self.pass(answer).await
    }
    async fn refresh(&self, app: &App, token: &Secret<String>) -> Result<Grant, ProviderError> {
        let answer = self.inner.refresh(app, token).await;
        self.pass(answer).await
    }
    async fn revoke(&self, app: &App, token: &Secret<String>) -> Result<(), ProviderError> {
        self.revoked.lock().unwrap().push(token.expose().clone());
        self.inner.revoke(app, token).await
    }
}
