//! A person at the console, by its API: signed in, with a tenant.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method, Response, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::RwLock;
use url::form_urlencoded::Serializer;

use crate::{authenticator::Phone, daemon::Daemon};

pub const EMAIL: &str = "ada@acme.example";
pub const PASSWORD: &str = "Correct-horse-7-battery";

/// A session at one daemon; signs in again when its token has expired.
pub struct Console {
    client: Client,
    phone: Phone,
    url: String,
    token: RwLock<String>,
}

impl Console {
    /// Claims the first account with the code that `revkeep setup` prints, and sets up the second factor
    /// that an administrator must have.
    pub async fn set_up(daemon: &Daemon) -> Result<Self> {
        let answer = daemon.command(&["setup"])?;
        let code = answer
            .get("code")
            .and_then(Value::as_str)
            .with_context(|| format!("no set-up code in {answer}"))?;
        let claim = json!({
            "code": code, "organisation": "Acme", "name": "Ada Lovelace", "email": EMAIL, "password": PASSWORD,
        });
        let console = Self::nobody(daemon)?;
        let answer = console
            .ask(&Method::POST, "/setup", Some(&claim), None)
            .await?;
        console.take_token(answer).await?;
        let setup = console.post("/me/factors/totp", json!({})).await?;
        let secret = setup.get("secret").and_then(Value::as_str);
        console.phone.add(secret.context("no secret")?)?;
        let code = json!({ "code": console.phone.code().await? });
        console.post("/me/factors/totp/confirm", code).await?;
        Ok(console)
    }

    /// Signs in as the person that [`Console::set_up`] made.
    pub async fn sign_in(daemon: &Daemon) -> Result<Self> {
        let console = Self::nobody(daemon)?;
        console.open_session().await?;
        Ok(console)
    }

    fn nobody(daemon: &Daemon) -> Result<Self> {
        Ok(Self {
            client: daemon.client()?,
            phone: Phone::of(daemon)?,
            url: daemon.url.clone(),
            token: RwLock::default(),
        })
    }

    /// The app with which this person signs in.
    pub const fn phone(&self) -> &Phone {
        &self.phone
    }

    /// Password, then a code. The answer that brings the session.
    pub async fn answer_of_sign_in(&self) -> Result<Response> {
        let password = json!({ "email": EMAIL, "password": PASSWORD });
        let asked = self
            .ask(&Method::POST, "/session", Some(&password), None)
            .await?;
        let status = asked.status();
        let cookie = cookie(&asked, "__Host-revkeep-sign-in");
        let body: Value = asked.json().await?;
        ensure!(status.is_success(), "POST /session: {status} {body}");
        let cookie = cookie.with_context(|| format!("no question for a factor: {body}"))?;
        let code = json!({ "totp": self.phone.code().await? });
        self.ask(&Method::POST, "/session/factor", Some(&code), Some(&cookie))
            .await
    }

    async fn open_session(&self) -> Result<()> {
        let answer = self.answer_of_sign_in().await?;
        self.take_token(answer).await
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

    /// What a program does, which holds no session: a form, outside the console's API.
    pub async fn form(&self, path: &str, form: &[(&str, &str)]) -> Result<Value> {
        let address = format!("{}{path}", self.url);
        let mut body = Serializer::new(String::new());
        let body = body.extend_pairs(form).finish();
        let kind = "application/x-www-form-urlencoded";
        let request = self.client.post(address).header(header::CONTENT_TYPE, kind);
        let answer = request.body(body).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "POST {path}: {status}");
        Ok(answer.json().await?)
    }

    /// One message of a program to the machines' door, in the revision 2025-11-25.
    pub async fn program(&self, path: &str, token: &str, message: &Value) -> Result<Value> {
        let request = self
            .client
            .post(format!("{}{path}", self.url))
            .bearer_auth(token);
        let request = request.header("mcp-protocol-version", "2025-11-25");
        let answer = request.json(message).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "POST {path}: {status}");
        Ok(answer.json().await?)
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
        self.open_session().await?;
        self.send(&method, path, body.as_ref()).await
    }

    /// What a POST hands out, byte for byte.
    pub async fn download(&self, path: &str) -> Result<Vec<u8>> {
        let mut response = self.ask(&Method::POST, path, None, None).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.open_session().await?;
            response = self.ask(&Method::POST, path, None, None).await?;
        }
        let status = response.status();
        ensure!(status.is_success(), "POST {path}: {status}");
        Ok(response.bytes().await?.to_vec())
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
        let response = self.ask(method, path, body, None).await?;
        let status = response.status();
        let bytes = response.bytes().await?;
        Ok((
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        ))
    }

    async fn ask(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        cookie: Option<&str>,
    ) -> Result<Response> {
        let mut request = self
            .client
            .request(method.clone(), format!("{}/api/console/v1{path}", self.url))
            .header("X-Revkeep", "1")
            .bearer_auth(self.token.read().await.as_str());
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        Ok(request.send().await?)
    }

    async fn take_token(&self, answer: Response) -> Result<()> {
        let status = answer.status();
        let session: Value = answer.json().await?;
        ensure!(status.is_success(), "no session: {status} {session}");
        let token = session
            .get("access_token")
            .and_then(Value::as_str)
            .context("no access token")?;
        *self.token.write().await = token.to_owned();
        Ok(())
    }
}

/// A cookie that an answer sets, as a browser sends it back.
pub fn cookie(answer: &Response, name: &str) -> Option<String> {
    answer
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next())
        .find(|pair| {
            pair.split_once('=')
                .is_some_and(|(key, value)| key == name && !value.is_empty())
        })
        .map(str::to_owned)
}
