//! The port to an outside system's OAuth endpoints.

use std::time::Duration;

use async_trait::async_trait;
use kernel::Secret;

use crate::model::{BrokenCode, Environment};

/// How long one call to a token endpoint may take. The refresh lease lasts more than twice as long.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The registered application and where its users sign in.
#[derive(Debug)]
pub struct App {
    /// Host or host:port.
    pub login_host: String,
    pub client_id: String,
    pub client_secret: Option<Secret<String>>,
    pub redirect_uri: String,
}

/// What a token endpoint gave.
#[derive(Debug)]
pub struct Grant {
    pub access: Secret<String>,
    /// Absent on a refresh when the provider does not rotate.
    pub refresh: Option<Secret<String>>,
    pub instance_url: String,
    pub organisation: String,
    pub user: String,
    pub scopes: Vec<String>,
}

/// Why a call to a token endpoint gave nothing. Details are for the log and hold no secret.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It was not done and may be asked again with the same token.
    #[error("not done: {0}")]
    NotDone(String),
    /// It may have been done; what was presented must not be presented again.
    #[error("in doubt: {0}")]
    InDoubt(String),
    /// It was refused for good.
    #[error("refused ({}): {detail}", .code.name())]
    Refused { code: BrokenCode, detail: String },
}

/// An outside system that grants access by OAuth 2.0 with PKCE.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// The name in the table, such as `salesforce`.
    fn name(&self) -> &'static str;

    /// The scopes that are asked for; a grant that lacks one is refused.
    fn scopes(&self) -> &'static [&'static str];

    /// Kinds of jobs that are queued once a connection was made.
    fn first_jobs(&self) -> &'static [&'static str];

    /// The authorization server of an environment. `None` when `my_domain` is missing or is not a
    /// host of the provider.
    fn login_host(&self, environment: Environment, my_domain: Option<&str>) -> Option<String>;

    /// Whether tokens may be sent to this instance address.
    fn instance_allowed(&self, instance_url: &str) -> bool;

    /// Where the browser is sent. `challenge` is the S256 challenge of RFC 7636.
    fn authorize_url(&self, app: &App, state: &str, challenge: &str) -> String;

    /// Trades an authorization code for tokens.
    async fn exchange(
        &self,
        app: &App,
        code: &Secret<String>,
        verifier: &Secret<String>,
    ) -> Result<Grant, ProviderError>;

    /// Trades a refresh token for new tokens.
    async fn refresh(&self, app: &App, token: &Secret<String>) -> Result<Grant, ProviderError>;

    /// Ends a grant.
    async fn revoke(&self, app: &App, token: &Secret<String>) -> Result<(), ProviderError>;
}
