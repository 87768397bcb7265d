//! Keys of programs.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{Allowed, Body, Page, PageQuery, Path, Problem, Query, Routes, Shared};
use identity::{API_SCOPES, ApiKey, NewApiKey, permit};
use kernel::{Action, ApiKeyId, RequestId, UserId};
use layer::{LoggedRequest, RequestFilter};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Console,
    views::{All, Named},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/api-keys", api_key_list)
        .post("/api-keys", api_key_create)
        .get("/api-keys/scopes", api_key_scopes)
        .delete("/api-keys/{id}", api_key_revoke)
        .get("/api-keys/{id}/requests", api_key_requests)
}

#[derive(Serialize)]
struct KeyBody {
    id: ApiKeyId,
    name: String,
    prefix: String,
    scopes: Vec<String>,
    created_by: Named<UserId>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    state: &'static str,
}

impl From<ApiKey> for KeyBody {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes,
            created_by: Named {
                id: key.created_by,
                name: key
                    .created_by_name
                    .unwrap_or_else(|| String::from("former member")),
            },
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            state: key.state.name(),
        }
    }
}

/// The only answer that ever holds the secret.
#[derive(Serialize)]
struct NewKeyBody {
    #[serde(flatten)]
    key: KeyBody,
    secret: String,
}

/// One request of a key (LR-34).
#[derive(Serialize)]
struct RequestView {
    id: RequestId,
    at: DateTime<Utc>,
    method: String,
    path: String,
    /// Null: it ended before there was an answer.
    status: Option<i16>,
    address: String,
    milliseconds: i32,
}

impl From<LoggedRequest> for RequestView {
    fn from(row: LoggedRequest) -> Self {
        Self {
            id: row.id(),
            at: row.at,
            method: row.method,
            path: row.path,
            status: row.status,
            address: row.address,
            milliseconds: row.milliseconds,
        }
    }
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    title: &'static str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateInput {
    name: String,
    scopes: Vec<String>,
    expires_at: Option<DateTime<Utc>>,
}

async fn api_key_list(
    who: Allowed<permit::ApiKeyRead>,
    shared: web::Data<Shared>,
) -> Result<web::Json<All<KeyBody>>, Problem> {
    shared
        .identity()
        .read_note(&who, Action::ApiKeyRead, "api_key", None)
        .await?;
    let keys = shared.identity().api_key_list(&who).await?;
    Ok(web::Json(All {
        items: keys.into_iter().map(KeyBody::from).collect(),
    }))
}

async fn api_key_scopes(_: Allowed<permit::ApiKeyRead>) -> Result<web::Json<All<Scope>>, Problem> {
    let items = API_SCOPES
        .into_iter()
        .map(|(name, title)| Scope { name, title })
        .collect();
    Ok(web::Json(All { items }))
}

async fn api_key_create(
    who: Allowed<permit::ApiKeyEdit>,
    shared: web::Data<Shared>,
    Body(input): Body<CreateInput>,
) -> Result<HttpResponse, Problem> {
    let new = NewApiKey {
        name: input.name,
        scopes: input.scopes,
        expires_at: input.expires_at,
    };
    let (key, secret) = shared.identity().api_key_create(&who, new).await?;
    Ok(HttpResponse::Created().json(NewKeyBody {
        key: key.into(),
        secret: secret.expose().clone(),
    }))
}

async fn api_key_revoke(
    who: Allowed<permit::ApiKeyEdit>,
    shared: web::Data<Shared>,
    Path(id): Path<ApiKeyId>,
) -> Result<HttpResponse, Problem> {
    shared.identity().api_key_revoke(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn api_key_requests(
    who: Allowed<permit::ApiKeyRead>,
    console: web::Data<Console>,
    Path(id): Path<ApiKeyId>,
    page: PageQuery<(DateTime<Utc>, Uuid)>,
    Query(filter): Query<RequestFilter>,
) -> Result<web::Json<Page<RequestView>>, Problem> {
    let identity = &console.identity;
    identity.api_key(&who, id).await?;
    identity
        .read_note(&who, Action::ApiKeyRead, "api_key", None)
        .await?;
    let (after, limit) = (page.after, page.limit);
    let rows = console
        .db
        .run(&who, move |tx| {
            layer::request_list(tx, id, filter, after, limit)
        })
        .await?;
    let found = Page::from_surplus(rows, limit, |row| (row.at, row.request_id));
    Ok(web::Json(found.map(RequestView::from)))
}
