//! A client of `/_sim/`, and a browser's part in signing in.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Certificate, Client, Method, Response, StatusCode, redirect};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};
use url::Url;

use crate::wire::{
    AuthenticatorAccount, Client as Application, ClockCommand, ClockReport, Fault, FaultReport,
    FieldChange, Generate, Generated, GrantCommand, Granted, Loaded, OwnerRow, RequestEntry,
    Settings, Stats, TokensReport, Trickle, ValidationRule, WriteEntry,
};

const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct Admin {
    client: Client,
    url: String,
    token: String,
}

impl Admin {
    /// `authority`: the certificate that signed the simulator's, PEM. The machine's proxies are
    /// not used.
    ///
    /// # Errors
    /// The authority is no certificate.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's own client of a simulator on the loopback; egress guards the product"
    )]
    pub fn new(url: &str, token: &str, authority: &[u8]) -> anyhow::Result<Self> {
        // Whoever installed a provider before, it is the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder()
            .tls_certs_only(Certificate::from_pem_bundle(authority)?)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .build()?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self {
            client,
            url,
            token: token.to_owned(),
        })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> anyhow::Result<Response> {
        let url = format!("{}/_sim/{path}", self.url);
        let request = self
            .client
            .request(method, &url)
            .bearer_auth(&self.token)
            .body(body);
        let response = request.send().await.with_context(|| url.clone())?;
        if response.status() != StatusCode::OK {
            let status = response.status();
            bail!("{url}: {status}: {}", response.text().await?);
        }
        Ok(response)
    }

    async fn command<T: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: &T,
    ) -> anyhow::Result<Response> {
        self.send(method, path, serde_json::to_vec(body)?).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        Ok(self
            .send(Method::GET, path, Vec::new())
            .await?
            .json()
            .await?)
    }

    async fn lines<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Vec<T>> {
        let bytes = self
            .send(Method::GET, path, Vec::new())
            .await?
            .bytes()
            .await?;
        let lines = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        lines
            .map(|line| Ok(serde_json::from_slice(line)?))
            .collect()
    }

    /// Inserts or changes records, each with its fields; answers their ids in order.
    pub async fn load(&self, sobject: &str, records: &[Json]) -> anyhow::Result<Loaded> {
        let mut body = Vec::new();
        for record in records {
            serde_json::to_writer(&mut body, record)?;
            body.push(b'\n');
        }
        Ok(self
            .send(Method::POST, &format!("load/{sobject}"), body)
            .await?
            .json()
            .await?)
    }

    /// Adds the account to the page that shows codes; answers the page's address.
    pub async fn authenticator(&self, name: &str, secret: &str) -> anyhow::Result<String> {
        let account = AuthenticatorAccount {
            name: name.to_owned(),
            secret: secret.to_owned(),
        };
        self.command(Method::PUT, "authenticator", &account).await?;
        Ok(format!("{}/_sim/authenticator", self.url))
    }

    pub async fn generate(&self, wanted: &Generate) -> anyhow::Result<Generated> {
        Ok(self
            .command(Method::POST, "generate", wanted)
            .await?
            .json()
            .await?)
    }

    /// Entries of the write log after number `after`.
    pub async fn writes(&self, after: u64) -> anyhow::Result<Vec<WriteEntry>> {
        self.lines(&format!("writes?after={after}")).await
    }

    /// Entries of the request log after number `after`.
    pub async fn requests(&self, after: u64) -> anyhow::Result<Vec<RequestEntry>> {
        self.lines(&format!("requests?after={after}")).await
    }

    pub async fn owners(&self, sobject: &str) -> anyhow::Result<Vec<OwnerRow>> {
        self.lines(&format!("owners?sobject={sobject}")).await
    }

    pub async fn tokens(&self) -> anyhow::Result<TokensReport> {
        self.get("tokens").await
    }

    pub async fn stats(&self) -> anyhow::Result<Stats> {
        self.get("stats").await
    }

    pub async fn settings(&self) -> anyhow::Result<Settings> {
        self.get("settings").await
    }

    pub async fn set_settings(&self, settings: &Settings) -> anyhow::Result<()> {
        self.command(Method::PUT, "settings", settings)
            .await
            .map(drop)
    }

    pub async fn fault(&self, fault: &Fault) -> anyhow::Result<()> {
        self.command(Method::POST, "faults", fault).await.map(drop)
    }

    pub async fn faults(&self) -> anyhow::Result<Vec<FaultReport>> {
        self.get("faults").await
    }

    pub async fn clear_faults(&self) -> anyhow::Result<()> {
        self.send(Method::DELETE, "faults", Vec::new())
            .await
            .map(drop)
    }

    pub async fn rule(&self, rule: &ValidationRule) -> anyhow::Result<()> {
        self.command(Method::POST, "rules", rule).await.map(drop)
    }

    pub async fn clear_rules(&self) -> anyhow::Result<()> {
        self.send(Method::DELETE, "rules", Vec::new())
            .await
            .map(drop)
    }

    pub async fn field(&self, change: &FieldChange) -> anyhow::Result<()> {
        self.command(Method::POST, "fields", change).await.map(drop)
    }

    /// Registers an application, or changes the one with its id.
    pub async fn application(&self, application: &Application) -> anyhow::Result<()> {
        self.command(Method::POST, "clients", application)
            .await
            .map(drop)
    }

    pub async fn clock(&self, command: ClockCommand) -> anyhow::Result<ClockReport> {
        Ok(self
            .command(Method::POST, "clock", &command)
            .await?
            .json()
            .await?)
    }

    pub async fn trickle(&self, trickle: &Trickle) -> anyhow::Result<()> {
        self.command(Method::POST, "trickle", trickle)
            .await
            .map(drop)
    }

    pub async fn stop_trickle(&self) -> anyhow::Result<()> {
        self.send(Method::DELETE, "trickle", Vec::new())
            .await
            .map(drop)
    }

    /// Every access token expires; grants live on.
    pub async fn expire_sessions(&self) -> anyhow::Result<()> {
        self.command(Method::POST, "expire-sessions", &json!({}))
            .await
            .map(drop)
    }

    /// Every grant ends, as when an administrator revokes the application.
    pub async fn revoke_grants(&self) -> anyhow::Result<()> {
        self.command(Method::POST, "revoke-grants", &json!({}))
            .await
            .map(drop)
    }

    pub async fn unfreeze(&self) -> anyhow::Result<()> {
        self.command(Method::POST, "unfreeze", &json!({}))
            .await
            .map(drop)
    }

    pub async fn reset(&self) -> anyhow::Result<()> {
        self.command(Method::POST, "reset", &json!({}))
            .await
            .map(drop)
    }

    /// A grant without the login page.
    pub async fn grant(&self, command: &GrantCommand) -> anyhow::Result<Granted> {
        Ok(self
            .command(Method::POST, "grant", command)
            .await?
            .json()
            .await?)
    }

    /// Does what a person does with an authorization address: signs in and allows (or denies).
    /// Answers the address that the browser is sent back to, with the code or the error.
    ///
    /// # Errors
    /// The address is refused, or the user name or password is wrong.
    pub async fn sign_in(
        &self,
        authorize: &str,
        username: &str,
        password: &str,
        allow: bool,
    ) -> anyhow::Result<Url> {
        let page = self.client.get(authorize).send().await?;
        if let Some(sent) = sent_back(&page)? {
            return Ok(sent);
        }
        let context = context_of(&page.text().await?)?;
        let form = [
            ("context", context.as_str()),
            ("username", username),
            ("password", password),
        ];
        let consent = self.post_form("login", &form).await?.text().await?;
        if !consent.contains("name=\"decision\"") {
            bail!("not signed in: {consent}");
        }
        let decision = if allow { "allow" } else { "deny" };
        let form = [
            ("context", context_of(&consent)?),
            ("decision", decision.to_owned()),
        ];
        let answer = self.post_form("consent", &form).await?;
        sent_back(&answer)?.context("the consent page sent the browser nowhere")
    }

    async fn post_form<T: Serialize>(&self, page: &str, form: &T) -> anyhow::Result<Response> {
        let url = format!("{}/services/oauth2/authorize/{page}", self.url);
        Ok(self.client.post(url).form(form).send().await?)
    }
}

fn sent_back(response: &Response) -> anyhow::Result<Option<Url>> {
    let location = response.headers().get("location");
    location
        .map(|value| Ok(Url::parse(value.to_str()?)?))
        .transpose()
}

fn context_of(page: &str) -> anyhow::Result<String> {
    let after = page
        .split_once("name=\"context\" value=\"")
        .map(|(_, after)| after);
    let value = after
        .and_then(|after| after.split_once('"'))
        .map(|(value, _)| value);
    value
        .map(str::to_owned)
        .with_context(|| format!("no login page: {page}"))
}
