//! Provisioning as administrators see it: tokens of the identity provider, and what its groups give.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{Allowed, Body, Path, Problem, Routes};
use identity::{
    permit,
    scim::{GroupView, ScimToken},
};
use kernel::{Action, GroupId, Role, ScimTokenId, UserId};
use serde::{Deserialize, Serialize};

use crate::{Console, scim::base, views::Named};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/sso/scim", scim_overview)
        .post("/sso/scim/tokens", scim_token_create)
        .delete("/sso/scim/tokens/{id}", scim_token_revoke)
        .put("/sso/scim/groups/{id}", scim_group_map)
}

#[derive(Serialize)]
struct OverviewBody {
    /// What is entered at the provider.
    base_url: String,
    tokens: Vec<TokenBody>,
    users: i64,
    groups: Vec<GroupBody>,
    last_request_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct TokenBody {
    id: ScimTokenId,
    name: String,
    prefix: String,
    state: &'static str,
    created_at: DateTime<Utc>,
    created_by: Named<UserId>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

/// The only answer that ever holds the secret.
#[derive(Serialize)]
struct NewTokenBody {
    #[serde(flatten)]
    token: TokenBody,
    secret: String,
}

#[derive(Serialize)]
struct GroupBody {
    id: GroupId,
    name: String,
    members: i64,
    roles: Vec<Role>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenInput {
    name: String,
    expires_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapInput {
    roles: Vec<Role>,
}

impl From<ScimToken> for TokenBody {
    fn from(token: ScimToken) -> Self {
        Self {
            id: token.id,
            name: token.name,
            prefix: token.prefix,
            state: token.state.name(),
            created_at: token.created_at,
            created_by: Named {
                id: token.created_by,
                name: token
                    .created_by_name
                    .unwrap_or_else(|| String::from("former member")),
            },
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}

impl From<GroupView> for GroupBody {
    fn from(group: GroupView) -> Self {
        Self {
            id: group.id,
            name: group.name,
            members: group.members,
            roles: group.roles,
        }
    }
}

async fn scim_overview(
    who: Allowed<permit::SsoRead>,
    console: web::Data<Console>,
) -> Result<web::Json<OverviewBody>, Problem> {
    console
        .identity
        .read_note(&who, Action::ScimTokenRead, "scim_token", None)
        .await?;
    let found = console.identity.scim_overview(&who).await?;
    Ok(web::Json(OverviewBody {
        base_url: base(&console),
        tokens: found.tokens.into_iter().map(TokenBody::from).collect(),
        users: found.users,
        groups: found.groups.into_iter().map(GroupBody::from).collect(),
        last_request_at: found.last_request_at,
    }))
}

async fn scim_token_create(
    who: Allowed<permit::SsoEdit>,
    console: web::Data<Console>,
    Body(input): Body<TokenInput>,
) -> Result<HttpResponse, Problem> {
    let (token, secret) = console
        .identity
        .scim_token_create(&who, &input.name, input.expires_at)
        .await?;
    Ok(HttpResponse::Created().json(NewTokenBody {
        token: token.into(),
        secret: secret.expose().clone(),
    }))
}

async fn scim_token_revoke(
    who: Allowed<permit::SsoEdit>,
    console: web::Data<Console>,
    Path(id): Path<ScimTokenId>,
) -> Result<HttpResponse, Problem> {
    console.identity.scim_token_revoke(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn scim_group_map(
    who: Allowed<permit::SsoEdit>,
    console: web::Data<Console>,
    Path(id): Path<GroupId>,
    Body(input): Body<MapInput>,
) -> Result<web::Json<GroupBody>, Problem> {
    let mapped = console
        .identity
        .scim_group_map(&who, id, input.roles)
        .await?;
    Ok(web::Json(mapped.into()))
}
