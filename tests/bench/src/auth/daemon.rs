//! The daemon under load, and a person of it without a second factor: what is measured is the password.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use diesel::{Connection as _, PgConnection};
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};
use stack::{
    console::{self, Console, EMAIL, PASSWORD},
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    simulator::Place,
    world::World,
};

const REFRESH: &str = "__Host-revkeep-refresh";

pub(crate) struct Bed {
    pub(crate) world: World,
    pub(crate) daemon: Daemon,
    pub(crate) browser: Browser,
}

/// Requests as the web app makes them.
#[derive(Clone)]
pub(crate) struct Browser {
    client: Client,
    url: Arc<str>,
}

/// What a sign-in brings.
pub(crate) struct Session {
    pub(crate) access_token: String,
    /// As a browser sends it back.
    pub(crate) cookie: String,
}

impl Bed {
    pub(crate) async fn start() -> Result<Self> {
        let world = World::start_with(Durability::Production, Place::Apart).await?;
        let daemon = world.daemon(DaemonOptions::default()).await?;
        Console::set_up(&daemon).await?;
        let mut conn = PgConnection::establish(&world.dsn("postgres"))?;
        for table in ["totp_factors", "recovery_codes"] {
            crate::routing::rows::sql(&mut conn, &format!("DELETE FROM {table}"))?;
        }
        let browser = Browser {
            client: daemon.client()?,
            url: format!("{}/api/console/v1", daemon.url).into(),
        };
        Ok(Self {
            world,
            daemon,
            browser,
        })
    }
}

impl Browser {
    pub(crate) async fn sign_in(&self) -> Result<Response> {
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        Ok(self.post("/session").json(&body).send().await?)
    }

    pub(crate) async fn session(&self) -> Result<Session> {
        session(self.sign_in().await?).await
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
