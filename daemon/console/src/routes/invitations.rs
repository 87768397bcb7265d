//! Invitations, and signing up where the appliance allows it.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{Allowed, Body, Knock, Path, Problem, Query, Routes, Shared, SignedIn};
use identity::{Invitation, InvitationAcceptance, InvitationState, SignUp, permit};
use kernel::{Action, InvitationId, Role, Secret, UserId};
use serde::{Deserialize, Serialize};

use super::session;
use crate::views::{All, Named};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/invitations", invitation_list)
        .post("/invitations", invitation_create)
        .post("/invitations/{id}/resend", invitation_resend)
        .delete("/invitations/{id}", invitation_revoke)
        .post("/me/invitations/accept", invitation_join)
}

/// For whoever has a link and no session.
pub(super) fn entrance() -> Routes {
    Routes::new()
        .post("/invitations/look", invitation_look)
        .post("/invitations/accept", invitation_accept)
        .post("/sign-up", sign_up)
        .post("/sign-up/complete", sign_up_complete)
}

#[derive(Serialize)]
struct InvitationBody {
    id: InvitationId,
    /// Null once it is revoked, or while the secrets backend is sealed.
    email: Option<String>,
    roles: Vec<Role>,
    owner: bool,
    state: &'static str,
    /// Null: no member, such as the operator who made the organisation.
    invited_by: Option<Named<UserId>>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    sent_at: Option<DateTime<Utc>>,
}

impl From<Invitation> for InvitationBody {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id,
            email: invitation.email,
            roles: invitation.roles,
            owner: invitation.owner,
            state: invitation.state.name(),
            invited_by: invitation.invited_by_name.map(|name| Named {
                id: invitation.invited_by,
                name,
            }),
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
            sent_at: invitation.sent_at,
        }
    }
}

#[derive(Deserialize)]
struct ListQuery {
    state: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InviteInput {
    email: String,
    roles: Vec<Role>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenInput {
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptInput {
    token: String,
    name: String,
    password: Secret<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignUpInput {
    organisation: String,
    name: String,
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompleteInput {
    token: String,
    password: Secret<String>,
}

#[derive(Serialize)]
struct LookBody {
    organisation: String,
    email: String,
    roles: Vec<Role>,
    invited_by: Option<String>,
    account: &'static str,
    expires_at: DateTime<Utc>,
}

async fn invitation_list(
    who: Allowed<permit::MemberRead>,
    shared: web::Data<Shared>,
    Query(query): Query<ListQuery>,
) -> Result<web::Json<All<InvitationBody>>, Problem> {
    shared
        .identity()
        .read_note(&who, Action::InvitationRead, "invitation", None)
        .await?;
    let state = match query.state.as_deref() {
        None | Some("") => None,
        Some(name) => Some(
            InvitationState::ALL
                .into_iter()
                .find(|state| state.name() == name)
                .ok_or_else(|| {
                    Problem::invalid(
                        "query_invalid",
                        "state",
                        "An invitation is pending, accepted, expired or revoked.",
                    )
                })?,
        ),
    };
    let found = shared.identity().invitation_list(&who, state).await?;
    Ok(web::Json(All {
        items: found.into_iter().map(InvitationBody::from).collect(),
    }))
}

async fn invitation_create(
    who: Allowed<permit::MemberEdit>,
    shared: web::Data<Shared>,
    Body(input): Body<InviteInput>,
) -> Result<HttpResponse, Problem> {
    let made = shared
        .identity()
        .invitation_create(&who, &input.email, input.roles)
        .await?;
    Ok(HttpResponse::Created().json(InvitationBody::from(made)))
}

async fn invitation_resend(
    who: Allowed<permit::MemberEdit>,
    shared: web::Data<Shared>,
    Path(id): Path<InvitationId>,
) -> Result<web::Json<InvitationBody>, Problem> {
    let sent = shared.identity().invitation_resend(&who, id).await?;
    Ok(web::Json(sent.into()))
}

async fn invitation_revoke(
    who: Allowed<permit::MemberEdit>,
    shared: web::Data<Shared>,
    Path(id): Path<InvitationId>,
) -> Result<HttpResponse, Problem> {
    shared.identity().invitation_revoke(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn invitation_look(
    _: Knock,
    shared: web::Data<Shared>,
    Body(input): Body<TokenInput>,
) -> Result<web::Json<LookBody>, Problem> {
    let look = shared
        .identity()
        .invitation_look(&input.token)
        .await
        .map_err(session::problem)?;
    Ok(web::Json(LookBody {
        organisation: look.organisation,
        email: look.email,
        roles: look.roles,
        invited_by: look.inviter,
        account: if look.has_account { "existing" } else { "new" },
        expires_at: look.expires_at,
    }))
}

async fn invitation_accept(
    _: Knock,
    shared: web::Data<Shared>,
    request: HttpRequest,
    Body(input): Body<AcceptInput>,
) -> Result<HttpResponse, Problem> {
    let input = InvitationAcceptance {
        token: input.token,
        name: input.name,
        password: input.password,
    };
    let caller = shared.caller(&request);
    let grant = shared
        .identity()
        .invitation_accept(input, &caller)
        .await
        .map_err(session::problem)?;
    session::signed_in(&shared, &request, HttpResponse::Created(), grant).await
}

async fn invitation_join(
    who: SignedIn,
    shared: web::Data<Shared>,
    Body(input): Body<TokenInput>,
) -> Result<HttpResponse, Problem> {
    let grant = shared
        .identity()
        .invitation_join(&who, &input.token)
        .await
        .map_err(session::problem)?;
    Ok(session::granted(HttpResponse::Ok(), grant))
}

async fn sign_up(
    _: Knock,
    shared: web::Data<Shared>,
    request: HttpRequest,
    Body(input): Body<SignUpInput>,
) -> Result<HttpResponse, Problem> {
    let input = SignUp {
        organisation: input.organisation,
        name: input.name,
        email: input.email,
    };
    let caller = shared.caller(&request);
    shared.identity().sign_up(input, &caller).await?;
    Ok(HttpResponse::Accepted().json(serde_json::json!({})))
}

async fn sign_up_complete(
    _: Knock,
    shared: web::Data<Shared>,
    request: HttpRequest,
    Body(input): Body<CompleteInput>,
) -> Result<HttpResponse, Problem> {
    let caller = shared.caller(&request);
    let grant = shared
        .identity()
        .sign_up_complete(&input.token, input.password, &caller)
        .await
        .map_err(session::problem)?;
    session::signed_in(&shared, &request, HttpResponse::Created(), grant).await
}
