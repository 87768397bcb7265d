//! A person at the console, by its API: signed in, with a tenant.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::RwLock;

use crate::daemon::Daemon;

pub const EMAIL: &str = "ada@acme.example";
pub const PASSWORD: &str = "Correct-horse-7-battery";

/// A session at one daemon; signs in again when its token has expired.
pub struct Console {
    client: Client,
    url: String,
    token: RwLock<String>,
}

impl Console {
    /// Claims the first account with the code that `revkeep setup` prints.
    pub async fn set_up(daemon: &Daemon) -> Result<Self> {
        let answer = daemon.command(&["setup"])?;
        let code = answer
            .get("code")
            .and_then(Value::as_str)
            .with_context(|| format!("no set-up code in {answer}"))?;
        let claim = json!({
            "code": code, "organisation": "Acme", "name": "Ada Lovelace", "email": EMAIL, "password": PASSWORD,
        });
        let console = Self {
            client: daemon.client()?,
            url: daemon.url.clone(),
            token: RwLock::default(),
        };
        console.take_token("/setup", &claim).await?;
        Ok(console)
    }

    /// Signs in as the person that [`Console::set_up`] made.
    pub async fn sign_in(daemon: &Daemon) -> Result<Self> {
        let console = Self {
            client: daemon.client()?,
            url: daemon.url.clone(),
            token: RwLock::default(),
        };
        console
            .take_token("/session", &json!({ "email": EMAIL, "password": PASSWORD }))
            .await?;
        Ok(console)
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        self.expect(Method::GET, path, None).await
    }
    pub async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.expect(Method::POST, path, Some(body)).await
    }
    pub async fn put(&self, path: &str, body: Value) -> Result<Value> {
        self.expect(Method::PUT, path, Some(body)).await
    }

    /// Every item of a list, page by page.
    pub async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        let join = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = self.get(&format!("{path}{join}limit=200{cursor}")).await?;
            items.extend(
                page.get("items")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default(),
            );
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(items),
            }
        }
    }

    /// One request; the status and the JSON (null when empty).
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, Value)> {
        let (status, answer) = self.send(&method, path, body.as_ref()).await?;
        if status != StatusCode::UNAUTHORIZED {
            return Ok((status, answer));
        }
        self.take_token("/session", &json!({ "email": EMAIL, "password": PASSWORD }))
            .await?;
        self.send(&method, path, body.as_ref()).await
    }

    async fn expect(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let (status, answer) = self.request(method.clone(), path, body).await?;
        ensure!(status.is_success(), "{method} {path}: {status} {answer}");
        Ok(answer)
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        let mut request = self
            .client
            .request(method.clone(), format!("{}/api/console/v1{path}", self.url))
            .header("X-Revkeep", "1")
            .bearer_auth(self.token.read().await.as_str());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let bytes = response.bytes().await?;
        Ok((
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        ))
    }

    async fn take_token(&self, path: &str, body: &Value) -> Result<()> {
        let (status, session) = self.send(&Method::POST, path, Some(body)).await?;
        ensure!(status.is_success(), "POST {path}: {status} {session}");
        let token = session
            .get("access_token")
            .and_then(Value::as_str)
            .context("no access token")?;
        *self.token.write().await = token.to_owned();
        Ok(())
    }
}
