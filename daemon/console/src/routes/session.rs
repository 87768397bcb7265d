//! The session: sign in, refresh, show, move to another tenant, sign out.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use chrono::{DateTime, Utc};
use http::{
    Body, Knock, Problem, Public, Routes, Shared, SignedIn, forget_refresh_cookie,
    read_refresh_cookie, refresh_cookie,
};
use identity::{Grant, IdentityError, Permission, Refusal, SessionView, SignIn, SignInStep};
use kernel::{Classified, ProviderId, Role, Secret, TenantId, UserId};
use serde::{Deserialize, Serialize};

use super::step_up;
use crate::views::Named;

/// When the queue of passwords is full: about as long as a full queue takes.
const COME_BACK: Duration = Duration::from_secs(5);

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/session", sign_in)
        .get("/session", session_show)
        .delete("/session", sign_out)
        .post("/session/refresh", session_refresh)
        .post("/session/tenant", tenant_switch)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignInInput {
    email: String,
    password: Secret<String>,
    tenant: Option<TenantId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SwitchInput {
    tenant: TenantId,
}

#[derive(Serialize)]
struct GrantBody {
    access_token: String,
    /// Seconds.
    expires_in: u64,
    #[serde(flatten)]
    session: SessionBody,
}

#[derive(Serialize)]
pub(super) struct SessionBody {
    user: UserBody,
    tenant: TenantBody,
    /// The organisation's provider that opened the session.
    sso: Option<Named<ProviderId>>,
    /// A super_admin's visit (CX-33).
    support: Option<SupportBody>,
    roles: Vec<Role>,
    owner: bool,
    tenants: Vec<TenantRef>,
    permissions: Vec<&'static str>,
    factor: FactorBody,
}

#[derive(Serialize)]
struct FactorBody {
    enrolled: bool,
    required: bool,
    fresh_until: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct UserBody {
    id: UserId,
    name: String,
    /// Null while the secrets backend is sealed.
    email: Option<String>,
}

#[derive(Serialize)]
struct TenantBody {
    id: TenantId,
    name: String,
    state: String,
    trial_ends_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct SupportBody {
    reason: String,
    mode: &'static str,
    ends_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct TenantRef {
    id: TenantId,
    name: String,
}

async fn sign_in(
    _: Knock,
    shared: web::Data<Shared>,
    request: HttpRequest,
    Body(input): Body<SignInInput>,
) -> Result<HttpResponse, Problem> {
    let input = SignIn {
        email: input.email,
        password: input.password,
        tenant: input.tenant,
    };
    let caller = shared.caller(&request);
    let step = shared
        .identity()
        .sign_in(input, &caller)
        .await
        .map_err(problem)?;
    Ok(match step {
        SignInStep::Done(grant) => signed_in(&shared, &request, HttpResponse::Ok(), *grant).await?,
        SignInStep::Factor(challenge) => step_up::challenged(*challenge),
    })
}

async fn session_show(
    who: SignedIn,
    shared: web::Data<Shared>,
) -> Result<web::Json<SessionBody>, Problem> {
    Ok(web::Json(
        shared.identity().session_show(&who).await?.into(),
    ))
}

async fn session_refresh(
    _: Public,
    shared: web::Data<Shared>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let token = read_refresh_cookie(&request).ok_or(IdentityError::SessionExpired)?;
    let caller = shared.caller(&request);
    let grant = shared
        .identity()
        .session_refresh(&token, &caller)
        .await
        .map_err(problem)?;
    Ok(granted(HttpResponse::Ok(), grant))
}

async fn tenant_switch(
    who: SignedIn,
    shared: web::Data<Shared>,
    Body(input): Body<SwitchInput>,
) -> Result<HttpResponse, Problem> {
    let grant = shared.identity().tenant_switch(&who, input.tenant).await?;
    Ok(granted(HttpResponse::Ok(), grant))
}

async fn sign_out(who: SignedIn, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    shared.identity().sign_out(&who).await?;
    Ok(HttpResponse::NoContent()
        .cookie(forget_refresh_cookie())
        .finish())
}

/// The answer to a sign-in. Whatever session the browser came with is over.
pub(super) async fn signed_in(
    shared: &Shared,
    request: &HttpRequest,
    response: HttpResponseBuilder,
    grant: Grant,
) -> Result<HttpResponse, Problem> {
    if let Some(earlier) = read_refresh_cookie(request) {
        let caller = shared.caller(request);
        shared
            .identity()
            .session_supersede(&earlier, &caller)
            .await?;
    }
    Ok(granted(response, grant))
}

/// The answer to whatever renews or moves a session.
pub(super) fn granted(mut response: HttpResponseBuilder, grant: Grant) -> HttpResponse {
    if let Some(refresh) = &grant.refresh {
        response.cookie(refresh_cookie(refresh.token.expose(), refresh.expires_in));
    }
    response.json(GrantBody {
        access_token: grant.access_token,
        expires_in: grant.expires_in.as_secs(),
        session: grant.view.into(),
    })
}

/// A lockout says when it ends, a full queue when to come back, and a wrong answer how many are left; a
/// link or a word that is well formed and not accepted is 422.
pub(super) fn problem(error: IdentityError) -> Problem {
    match error {
        IdentityError::FactorInvalid { remaining } => {
            Problem::from(error).with("remaining", remaining.into())
        }
        IdentityError::RateLimited { retry_after } => Problem::from(error).retry_after(retry_after),
        IdentityError::Overloaded => Problem::from(error).retry_after(COME_BACK),
        IdentityError::Refused(Refusal::InvitationInvalid | Refusal::SignUpInvalid) => {
            Problem::unprocessable(error.code(), "token", error.message())
        }
        IdentityError::ResetLink => Problem::unprocessable(error.code(), "token", error.message()),
        IdentityError::Refused(Refusal::ConfirmWrong) => {
            Problem::unprocessable(error.code(), "confirm", error.message())
        }
        other => other.into(),
    }
}

impl From<SessionView> for SessionBody {
    fn from(view: SessionView) -> Self {
        Self {
            user: UserBody {
                id: view.user,
                name: view.name,
                email: view.email,
            },
            tenant: TenantBody {
                id: TenantId::from_uuid(view.tenant.tenant_id),
                name: view.tenant.name,
                state: view.tenant.state,
                trial_ends_at: view.trial_ends_at,
            },
            sso: view.provider.map(|(id, name)| Named { id, name }),
            support: view.support.map(|support| SupportBody {
                reason: support.reason,
                mode: if support.writes { "write" } else { "read" },
                ends_at: support.ends_at,
            }),
            roles: view.roles.iter().collect(),
            owner: view.roles.is_owner(),
            tenants: view
                .tenants
                .into_iter()
                .map(|own| TenantRef {
                    id: TenantId::from_uuid(own.tenant_id),
                    name: own.name,
                })
                .collect(),
            permissions: view.permissions.into_iter().map(Permission::name).collect(),
            factor: FactorBody {
                enrolled: view.factor.enrolled,
                required: view.factor.required,
                fresh_until: view.fresh_until,
            },
        }
    }
}
