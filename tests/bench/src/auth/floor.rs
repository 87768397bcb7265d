//! The floor of a refresh: a bare handler behind the same TLS, which sends the statements of one refresh
//! over a pool of the daemon's size and signs one token. It checks nothing, as a superuser whom no row
//! security slows.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, PgConnection, QueryDsl as _, QueryableByName,
    RunQueryDsl as _,
    connection::SimpleConnection as _,
    insert_into,
    r2d2::{ConnectionManager, Pool},
    sql_query,
    sql_types::{Bytea, Uuid as SqlUuid},
    update,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kernel::Clock as _;
use openssl::rsa::Rsa;
use reqwest::{Client, RequestBuilder};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use schema::{audit_log, refresh_tokens, sessions, users};
use serde::Serialize;
use serde_json::json;
use stack::tls::TestCa;
use uuid::Uuid;

use super::daemon::Bed;

/// As the daemon's `database.auth_connections` and `server.workers` are by default.
const CONNECTIONS: u32 = 4;
const WORKERS: usize = 2;

type Db = Pool<ConnectionManager<PgConnection>>;

pub(crate) struct Floor {
    client: Client,
    url: String,
    server: ServerHandle,
}

/// One browser's session.
#[derive(Clone)]
struct Chain {
    session: Uuid,
    user: Uuid,
    tenant: Uuid,
    token: Uuid,
}

struct State {
    db: Db,
    signer: EncodingKey,
    chains: Vec<Mutex<Chain>>,
}

#[derive(Serialize)]
struct Claims {
    sub: Uuid,
    sid: Uuid,
    tid: Uuid,
    epoch: i32,
    iat: i64,
    exp: i64,
    iss: &'static str,
    aud: &'static str,
}

/// A row of a function, of which nothing is wanted.
#[derive(QueryableByName)]
struct Seen {
    #[diesel(sql_type = SqlUuid)]
    #[expect(dead_code, reason = "what counts is that it was read")]
    tenant_id: Uuid,
}

#[derive(QueryableByName)]
struct SeenToken {
    #[diesel(sql_type = SqlUuid)]
    #[expect(dead_code, reason = "what counts is that it was read")]
    token_id: Uuid,
}

impl Floor {
    pub(crate) async fn start(bed: &Bed, browsers: u32) -> Result<Self> {
        let db = Pool::builder()
            .max_size(CONNECTIONS)
            .test_on_check_out(false)
            .build(ConnectionManager::new(bed.world.dsn("postgres")))?;
        bed.browser.session().await?;
        let chains = chains(&mut *db.get()?, browsers)?;
        let signer = EncodingKey::from_rsa_pem(&Rsa::generate(2048)?.private_key_to_pem()?)?;
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
    let work = web::block(move || one(&state, *browser)).await;
    match work {
        Ok(Ok(token)) => HttpResponse::Ok().json(json!({ "access_token": token })),
        _ => HttpResponse::InternalServerError().finish(),
    }
}

fn one(state: &State, browser: usize) -> Result<String> {
    let chain = state.chains.get(browser).context("no such browser")?;
    let mut chain = chain.lock().unwrap_or_else(PoisonError::into_inner);
    look_up(&mut *state.db.get()?, &chain)?;
    let next = Uuid::now_v7();
    exchange(&mut *state.db.get()?, &chain, next)?;
    chain.token = next;
    let now = kernel::SystemClock.now().timestamp();
    let claims = Claims {
        sub: chain.user,
        sid: chain.session,
        tid: chain.tenant,
        epoch: 1,
        iat: now,
        exp: now.saturating_add(900),
        iss: "floor",
        aud: "floor",
    };
    let header = Header::new(Algorithm::RS256);
    Ok(jsonwebtoken::encode(&header, &claims, &state.signer)?)
}

fn begin(conn: &mut PgConnection) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the floor owns its connection")]
    Ok(conn.batch_execute(
        "CLOSE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); RESET ALL; BEGIN; \
         SELECT set_config('revkeep.context', '', true)",
    )?)
}

fn commit(conn: &mut PgConnection) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the floor owns its connection")]
    Ok(conn.batch_execute("SELECT 1; COMMIT")?)
}

#[expect(clippy::disallowed_methods, reason = "the floor owns its connection")]
fn look_up(conn: &mut PgConnection, chain: &Chain) -> Result<()> {
    begin(conn)?;
    sql_query("SELECT * FROM refresh_token_by_hash($1)")
        .bind::<Bytea, _>(chain.token.as_bytes().as_slice())
        .load::<SeenToken>(conn)?;
    standing(conn, chain)?;
    commit(conn)
}

#[expect(clippy::disallowed_methods, reason = "the floor owns its connection")]
fn standing(conn: &mut PgConnection, chain: &Chain) -> Result<()> {
    sql_query("SELECT * FROM session_standing($1)")
        .bind::<SqlUuid, _>(chain.session)
        .load::<Seen>(conn)?;
    Ok(())
}

fn client(conn: &mut PgConnection, chain: &Chain) -> Result<()> {
    sessions::table
        .find(chain.session)
        .select(sessions::client)
        .first::<String>(conn)?;
    Ok(())
}

fn exchange(conn: &mut PgConnection, chain: &Chain, next: Uuid) -> Result<()> {
    begin(conn)?;
    client(conn, chain)?;
    sessions::table
        .find(chain.session)
        .select(sessions::session_id)
        .for_update()
        .first::<Uuid>(conn)?;
    standing(conn, chain)?;
    rotate(conn, chain, next)?;
    audit(conn, chain)?;
    update(sessions::table.find(chain.session))
        .set(sessions::last_used_at.eq(kernel::SystemClock.now()))
        .execute(conn)?;
    view(conn, chain)?;
    commit(conn)
}

fn rotate(conn: &mut PgConnection, chain: &Chain, next: Uuid) -> Result<()> {
    let now = kernel::SystemClock.now();
    refresh_tokens::table
        .find(chain.token)
        .select((refresh_tokens::used_at, refresh_tokens::successor_sealed))
        .for_update()
        .first::<(Option<DateTime<Utc>>, Option<Vec<u8>>)>(conn)?;
    update(refresh_tokens::table.filter(refresh_tokens::successor_id.eq(chain.token)))
        .set(refresh_tokens::successor_sealed.eq(None::<Vec<u8>>))
        .execute(conn)?;
    update(refresh_tokens::table.find(chain.token))
        .set((
            refresh_tokens::used_at.eq(now),
            refresh_tokens::presented_at.eq(now),
            refresh_tokens::successor_id.eq(next),
            refresh_tokens::successor_sealed.eq(vec![7_u8; 60]),
        ))
        .execute(conn)?;
    token_insert(conn, chain, next)
}

fn token_insert(conn: &mut PgConnection, chain: &Chain, token: Uuid) -> Result<()> {
    insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::token_id.eq(token),
            refresh_tokens::session_id.eq(chain.session),
            refresh_tokens::user_id.eq(chain.user),
            refresh_tokens::hash.eq(token.as_bytes().to_vec()),
            refresh_tokens::issued_at.eq(kernel::SystemClock.now()),
        ))
        .execute(conn)?;
    Ok(())
}

fn audit(conn: &mut PgConnection, chain: &Chain) -> Result<()> {
    insert_into(audit_log::table)
        .values((
            audit_log::tenant_id.eq(chain.tenant),
            audit_log::at.eq(kernel::SystemClock.now()),
            audit_log::audit_id.eq(Uuid::now_v7()),
            audit_log::actor_kind.eq("human"),
            audit_log::actor_id.eq(chain.user.to_string()),
            audit_log::action.eq("session_refresh"),
            audit_log::outcome.eq("done"),
            audit_log::resource_type.eq("session"),
            audit_log::resource_id.eq(chain.session.to_string()),
            audit_log::request_id.eq(Uuid::now_v7()),
        ))
        .execute(conn)?;
    Ok(())
}

/// What the answer shows of the session.
#[expect(clippy::disallowed_methods, reason = "the floor owns its connection")]
fn view(conn: &mut PgConnection, chain: &Chain) -> Result<()> {
    standing(conn, chain)?;
    sql_query("SELECT * FROM own_tenants()").load::<Seen>(conn)?;
    sessions::table
        .find(chain.session)
        .select(sessions::sso_tenant_id)
        .first::<Option<Uuid>>(conn)
        .optional()?;
    users::table
        .find(chain.user)
        .select((users::name, users::email_sealed))
        .first::<(String, Vec<u8>)>(conn)?;
    client(conn, chain)
}

/// Sessions like one that is there, each with its first token.
fn chains(conn: &mut PgConnection, count: u32) -> Result<Vec<Mutex<Chain>>> {
    let (user, tenant) = sessions::table
        .select((sessions::user_id, sessions::tenant_id))
        .first::<(Uuid, Uuid)>(conn)?;
    let now = kernel::SystemClock.now();
    let mut chains = Vec::new();
    for _ in 0..count {
        let chain = Chain {
            session: Uuid::now_v7(),
            user,
            tenant,
            token: Uuid::now_v7(),
        };
        insert_into(sessions::table)
            .values((
                sessions::session_id.eq(chain.session),
                sessions::user_id.eq(user),
                sessions::tenant_id.eq(tenant),
                sessions::created_at.eq(now),
                sessions::expires_at.eq(now + chrono::TimeDelta::days(7)),
                sessions::last_used_at.eq(now),
                sessions::client.eq("web"),
            ))
            .execute(conn)?;
        token_insert(conn, &chain, chain.token)?;
        chains.push(Mutex::new(chain));
    }
    Ok(chains)
}
