//! Requests as the web app makes them.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};
use stack::console;

const REFRESH: &str = "__Host-revkeep-refresh";

#[derive(Clone)]
pub(crate) struct Browser {
    client: Client,
    /// Up to where the routes begin.
    url: Arc<str>,
}

/// Who signs in.
#[derive(Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) email: &'a str,
    pub(crate) password: &'a str,
}

/// What a sign-in brings.
pub(crate) struct Session {
    pub(crate) access_token: String,
    /// As a browser sends it back.
    pub(crate) cookie: String,
}

impl Browser {
    pub(crate) fn new(client: Client, url: &str) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }

    pub(crate) async fn sign_in(&self, login: Login<'_>) -> Result<Response> {
        let body = json!({ "email": login.email, "password": login.password });
        Ok(self.post("/session").json(&body).send().await?)
    }

    pub(crate) async fn session(&self, login: Login<'_>) -> Result<Session> {
        session(self.sign_in(login).await?).await
    }

    pub(crate) async fn refresh(&self, cookie: &str) -> Result<Session> {
        let request = self.post("/session/refresh").json(&json!({}));
        session(request.header(header::COOKIE, cookie).send().await?).await
    }

    /// A read that is checked like any other.
    pub(crate) async fn read(&self, token: &str) -> Result<()> {
        let request = self.client.get(format!("{}/session", self.url));
        let answer = request.bearer_auth(token).send().await?;
        ensure!(answer.status() == StatusCode::OK, "{}", answer.status());
        answer.bytes().await?;
        Ok(())
    }

    pub(crate) async fn patch(&self, path: &str, token: &str, body: &Value) -> Result<()> {
        let request = self.client.patch(format!("{}{path}", self.url));
        let request = request.header("X-Revkeep", "1").bearer_auth(token);
        let answer = request.json(body).send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        ensure!(status == StatusCode::OK, "{status}: {body}");
        Ok(())
    }

    fn post(&self, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.url));
        request.header("X-Revkeep", "1")
    }
}

async fn session(answer: Response) -> Result<Session> {
    let status = answer.status();
    let cookie = console::cookie(&answer, REFRESH);
    let body: Value = answer.json().await?;
    ensure!(status == StatusCode::OK, "{status}: {body}");
    let token = body.get("access_token").and_then(Value::as_str);
    Ok(Session {
        access_token: token.context("no access token")?.to_owned(),
        cookie: cookie.context("no refresh token")?,
    })
}
