//! Programs of others that an administrator lets ask, and what people let them do.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{Allowed, Body, Path, Problem, Routes, Shared, SignedIn};
use identity::{
    oauth::{CLIENT_SCOPES, Client, ClientGrant, ClientScope, NewClient},
    permit,
};
use kernel::{Action, ClientId, GrantId, UserId};
use serde::{Deserialize, Serialize};

use crate::views::{All, Named};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/clients", client_list)
        .post("/clients", client_create)
        .get("/clients/scopes", client_scopes)
        .delete("/clients/{id}", client_revoke)
        .get("/grants", grant_list)
        .delete("/grants/{id}", grant_revoke)
        .get("/me/grants", own_grant_list)
        .delete("/me/grants/{id}", own_grant_revoke)
}

#[derive(Serialize)]
pub(super) struct ScopeView {
    name: &'static str,
    title: &'static str,
}

impl From<&ClientScope> for ScopeView {
    fn from(scope: &ClientScope) -> Self {
        Self {
            name: scope.name,
            title: scope.title,
        }
    }
}

#[derive(Serialize)]
struct ClientView {
    id: ClientId,
    name: String,
    redirect_uris: Vec<String>,
    scopes: Vec<String>,
    created_by: Named<UserId>,
    created_at: DateTime<Utc>,
    state: &'static str,
}

impl From<Client> for ClientView {
    fn from(client: Client) -> Self {
        Self {
            id: client.id,
            name: client.name,
            redirect_uris: client.redirect_uris,
            scopes: client.scopes,
            created_by: person(client.created_by, client.created_by_name),
            created_at: client.created_at,
            state: client.state.name(),
        }
    }
}

#[derive(Serialize)]
struct GrantView {
    id: GrantId,
    client: Named<ClientId>,
    user: Named<UserId>,
    scopes: Vec<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    renewed_at: Option<DateTime<Utc>>,
    state: &'static str,
}

impl From<ClientGrant> for GrantView {
    fn from(grant: ClientGrant) -> Self {
        Self {
            id: grant.id,
            client: Named {
                id: grant.client,
                name: grant.client_name,
            },
            user: person(grant.user, grant.user_name),
            scopes: grant.scopes,
            created_at: grant.created_at,
            expires_at: grant.expires_at,
            renewed_at: grant.renewed_at,
            state: grant.state.name(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientInput {
    name: String,
    redirect_uris: Vec<String>,
    scopes: Vec<String>,
}

fn person(id: UserId, name: Option<String>) -> Named<UserId> {
    Named {
        id,
        name: name.unwrap_or_else(|| String::from("former member")),
    }
}

async fn client_list(
    who: Allowed<permit::ApiKeyRead>,
    shared: web::Data<Shared>,
) -> Result<web::Json<All<ClientView>>, Problem> {
    let clients = shared.identity().client_list(&who).await?;
    Ok(web::Json(All {
        items: clients.into_iter().map(ClientView::from).collect(),
    }))
}

async fn client_scopes(
    _: Allowed<permit::ApiKeyRead>,
) -> Result<web::Json<All<ScopeView>>, Problem> {
    let items = CLIENT_SCOPES.iter().map(ScopeView::from).collect();
    Ok(web::Json(All { items }))
}

async fn client_create(
    who: Allowed<permit::ApiKeyEdit>,
    shared: web::Data<Shared>,
    Body(input): Body<ClientInput>,
) -> Result<HttpResponse, Problem> {
    let new = NewClient {
        name: input.name,
        redirect_uris: input.redirect_uris,
        scopes: input.scopes,
    };
    let client = shared.identity().client_create(&who, new).await?;
    Ok(HttpResponse::Created().json(ClientView::from(client)))
}

async fn client_revoke(
    who: Allowed<permit::ApiKeyEdit>,
    shared: web::Data<Shared>,
    Path(id): Path<ClientId>,
) -> Result<HttpResponse, Problem> {
    shared.identity().client_revoke(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn grant_list(
    who: Allowed<permit::ApiKeyRead>,
    shared: web::Data<Shared>,
) -> Result<web::Json<All<GrantView>>, Problem> {
    let identity = shared.identity();
    identity
        .read_note(&who, Action::GrantRead, "grant", None)
        .await?;
    Ok(shown(identity.grant_list(&who).await?))
}

async fn grant_revoke(
    who: Allowed<permit::ApiKeyEdit>,
    shared: web::Data<Shared>,
    Path(id): Path<GrantId>,
) -> Result<HttpResponse, Problem> {
    shared.identity().grant_revoke(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn own_grant_list(
    who: SignedIn,
    shared: web::Data<Shared>,
) -> Result<web::Json<All<GrantView>>, Problem> {
    Ok(shown(shared.identity().own_grant_list(&who).await?))
}

async fn own_grant_revoke(
    who: SignedIn,
    shared: web::Data<Shared>,
    Path(id): Path<GrantId>,
) -> Result<HttpResponse, Problem> {
    shared.identity().own_grant_revoke(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn shown(grants: Vec<ClientGrant>) -> web::Json<All<GrantView>> {
    web::Json(All {
        items: grants.into_iter().map(GrantView::from).collect(),
    })
}
