//! The floor of a refresh: a bare handler behind the same TLS, which sends the statements of one refresh
//! over the same pool and signs one token. It judges nothing and shows nothing.

use std::sync::Arc;

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use anyhow::{Context as _, Result};
use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthScope, AuthTx, Db, DbError, Unit as _};
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _, insert_into, update};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kernel::{Action, Actor, SessionId, TenantId, UserId};
use openssl::rsa::Rsa;
use reqwest::{Client, RequestBuilder};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use schema::{refresh_tokens, sessions, users};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use stack::tls::TestCa;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::{person::Person, site::WORKERS};

pub(crate) struct Floor {
    client: Client,
    url: String,
    server: ServerHandle,
}

/// One browser's session.
#[derive(Clone, Copy)]
struct Chain {
    session: SessionId,
    user: UserId,
    tenant: TenantId,
    token: Uuid,
}

struct State {
    db: Db,
    signer: EncodingKey,
    chains: Vec<Mutex<Chain>>,
}

#[derive(Serialize)]
struct Claims {
    sub: UserId,
    sid: SessionId,
    tid: TenantId,
    epoch: i32,
    iat: i64,
    exp: i64,
    iss: &'static str,
    aud: &'static str,
}

impl Floor {
    pub(crate) async fn start(person: &Person, browsers: u32) -> Result<Self> {
        let mut chains = Vec::new();
        for _ in 0..browsers {
            chains.push(Mutex::new(chain(person).await?));
        }
        let db = person.db.clone();
        let signer = EncodingKey::from_rsa_pem(&Rsa::generate(3072)?.private_key_to_pem()?)?;
        let state = web::Data::new(State { db, signer, chains });
        let ca = TestCa::new()?;
        let server = HttpServer::new(move || {
            App::new()
                .app_data(state.clone())
                .route("/{browser}", web::get().to(refresh))
        })
        .workers(WORKERS)
        .disable_signals()
        .bind_rustls_0_23("127.0.0.1:0", tls(&ca)?)?;
        let address = server.addrs().first().copied().context("no address")?;
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        let trusted = reqwest::Certificate::from_pem(&ca.pem()?)?;
        #[expect(clippy::disallowed_methods, reason = "a stranger's client")]
        let client = Client::builder().tls_certs_only([trusted]).build()?;
        Ok(Self {
            client,
            url: format!("https://127.0.0.1:{}", address.port()),
            server: handle,
        })
    }

    pub(crate) fn request(&self, browser: u32) -> RequestBuilder {
        self.client.get(format!("{}/{browser}", self.url))
    }

    pub(crate) async fn stop(self) {
        self.server.stop(false).await;
    }
}

fn tls(ca: &TestCa) -> Result<rustls::ServerConfig> {
    let leaf = ca.leaf(&["127.0.0.1"])?;
    let chain = CertificateDer::pem_slice_iter(&leaf.certificate).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(&leaf.key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?)
}

async fn refresh(state: web::Data<State>, browser: web::Path<usize>) -> HttpResponse {
    match one(&state, *browser).await {
        Ok(token) => HttpResponse::Ok().json(json!({ "access_token": token })),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

async fn one(state: &State, browser: usize) -> Result<String> {
    let chain = state.chains.get(browser).context("no such browser")?;
    let mut chain = chain.lock().await;
    let (now, next) = (*chain, Uuid::now_v7());
    let look_up = move |tx: &mut AuthTx<'_>| tx.refresh_token_by_hash(&hash(now.token));
    state.db.auth(AuthScope::default(), look_up).await?;
    let scope = AuthScope {
        tenant: Some(now.tenant),
        user: Some(now.user),
    };
    let seconds = state
        .db
        .auth(scope, move |tx| {
            exchange(tx, now, next).map_err(|error| DbError::Unreachable(error.into()))?;
            Ok::<_, DbError>(tx.now().timestamp())
        })
        .await?;
    chain.token = next;
    let claims = Claims {
        sub: now.user,
        sid: now.session,
        tid: now.tenant,
        epoch: 1,
        iat: seconds,
        exp: seconds.saturating_add(900),
        iss: "floor",
        aud: "floor",
    };
    let header = Header::new(Algorithm::RS256);
    Ok(jsonwebtoken::encode(&header, &claims, &state.signer)?)
}

fn exchange(tx: &mut AuthTx<'_>, chain: Chain, next: Uuid) -> Result<()> {
    let now = tx.now();
    let session = sessions::table.find(chain.session.uuid());
    session
        .select((
            sessions::client,
            sessions::sso_tenant_id,
            sessions::sso_provider_id,
        ))
        .for_update()
        .first::<(String, Option<Uuid>, Option<Uuid>)>(tx.conn())?;
    tx.session_standing(chain.session.uuid())?;
    rotate(tx, chain, next)?;
    let actor = Actor::Human {
        user: chain.user,
        session: chain.session,
    };
    Entry::new(Action::SessionRefresh, "session", chain.session)
        .write_auth(tx, &actor, None, None)?;
    update(session.filter(sessions::ended_at.is_null()))
        .set(sessions::last_used_at.eq(now))
        .execute(tx.conn())?;
    tx.own_tenants()?;
    users::table
        .find(chain.user.uuid())
        .select((users::name, users::email_sealed))
        .first::<(String, Vec<u8>)>(tx.conn())?;
    Ok(())
}

fn rotate(tx: &mut AuthTx<'_>, chain: Chain, next: Uuid) -> Result<()> {
    let now = tx.now();
    refresh_tokens::table
        .find(chain.token)
        .select((refresh_tokens::used_at, refresh_tokens::successor_sealed))
        .for_update()
        .first::<(Option<DateTime<Utc>>, Option<Vec<u8>>)>(tx.conn())?;
    update(refresh_tokens::table.filter(refresh_tokens::successor_id.eq(chain.token)))
        .set(refresh_tokens::successor_sealed.eq(None::<Vec<u8>>))
        .execute(tx.conn())?;
    update(refresh_tokens::table.find(chain.token))
        .set((
            refresh_tokens::used_at.eq(now),
            refresh_tokens::presented_at.eq(now),
            refresh_tokens::successor_id.eq(next),
            refresh_tokens::successor_sealed.eq(vec![7_u8; 71]),
        ))
        .execute(tx.conn())?;
    token_insert(tx, chain, next)
}

fn token_insert(tx: &mut AuthTx<'_>, chain: Chain, token: Uuid) -> Result<()> {
    let now = tx.now();
    insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::token_id.eq(token),
            refresh_tokens::session_id.eq(chain.session.uuid()),
            refresh_tokens::user_id.eq(chain.user.uuid()),
            refresh_tokens::hash.eq(hash(token)),
            refresh_tokens::issued_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

fn hash(token: Uuid) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// A session of the person's whose tokens the floor makes.
async fn chain(person: &Person) -> Result<Chain> {
    let view = person.session().await?.view;
    let token = Uuid::now_v7();
    let tenant = TenantId::from_uuid(view.tenant.tenant_id);
    let user = view.user;
    let scope = AuthScope {
        tenant: Some(tenant),
        user: Some(user),
    };
    let latest = move |tx: &mut AuthTx<'_>| {
        let session: Uuid = sessions::table
            .select(sessions::session_id)
            .order(sessions::created_at.desc())
            .first(tx.conn())
            .map_err(DbError::from)?;
        let chain = Chain {
            session: SessionId::from_uuid(session),
            user,
            tenant,
            token,
        };
        token_insert(tx, chain, token).map_err(|error| DbError::Unreachable(error.into()))?;
        Ok::<_, DbError>(chain)
    };
    Ok(person.db.auth(scope, latest).await?)
}
