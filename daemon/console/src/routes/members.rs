//! The people of the organisation, one's own profile, and the organisation's settings.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{Allowed, Body, Page, PageQuery, Path, Problem, Query, Routes, Shared, SignedIn};
use identity::{Member, MemberFilter, TenantChange, TenantView, permit};
use kernel::{Action, Role, TenantId, UserId};
use serde::{Deserialize, Serialize};

use super::session::{self, SessionBody};
use crate::views::Named;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/members", member_list)
        .patch("/members/{id}", member_update)
        .post("/members/{id}/deactivate", member_deactivate)
        .post("/members/{id}/reactivate", member_reactivate)
        .post("/members/{id}/factors/reset", member_factors_reset)
        .post("/members/{id}/sign-out", member_sign_out)
        .post("/members/{id}/owner", owner_transfer)
        .patch("/me", profile_update)
        .get("/tenant", tenant_show)
        .patch("/tenant", tenant_update)
}

#[derive(Serialize)]
pub(super) struct MemberBody {
    id: UserId,
    name: String,
    /// Null while the secrets backend is sealed.
    email: Option<String>,
    roles: Vec<Role>,
    owner: bool,
    state: &'static str,
    factors: FactorsBody,
    /// Has signed in through the organisation's provider.
    sso: bool,
    last_seen_at: Option<DateTime<Utc>>,
    joined_at: DateTime<Utc>,
    version: i32,
}

#[derive(Serialize)]
struct FactorsBody {
    totp: bool,
    passkeys: i64,
    recovery_remaining: i64,
}

#[derive(Serialize)]
struct Members {
    #[serde(flatten)]
    page: Page<MemberBody>,
    counts: Counts,
}

#[derive(Serialize)]
struct Counts {
    active: i64,
    deactivated: i64,
    without_factor: i64,
}

#[derive(Deserialize)]
struct ListQuery {
    q: Option<String>,
    state: Option<MemberState>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MemberState {
    Active,
    Deactivated,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RolesInput {
    roles: Vec<Role>,
    version: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnerInput {
    confirm: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileInput {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantInput {
    name: Option<String>,
    factor_for_all: Option<bool>,
    version: i64,
}

#[derive(Serialize)]
pub(super) struct TenantShown {
    id: TenantId,
    name: String,
    state: String,
    trial_ends_at: Option<DateTime<Utc>>,
    factor_for_all: bool,
    owner: Option<Named<UserId>>,
    members: i64,
    version: i64,
    created_at: DateTime<Utc>,
}

impl From<TenantView> for TenantShown {
    fn from(view: TenantView) -> Self {
        Self {
            id: view.tenant,
            name: view.name,
            state: view.state,
            trial_ends_at: view.trial_ends_at,
            factor_for_all: view.factor_for_all,
            owner: view.owner.map(|(id, name)| Named { id, name }),
            members: view.members,
            version: view.version,
            created_at: view.created_at,
        }
    }
}

impl From<Member> for MemberBody {
    fn from(member: Member) -> Self {
        Self {
            id: member.user,
            name: member.name,
            email: member.email,
            roles: member.roles,
            owner: member.owner,
            state: if member.active {
                "active"
            } else {
                "deactivated"
            },
            factors: FactorsBody {
                totp: member.factors.totp,
                passkeys: member.factors.passkeys,
                recovery_remaining: member.factors.recovery_remaining,
            },
            sso: member.sso,
            last_seen_at: member.last_seen_at,
            joined_at: member.joined_at,
            version: member.version,
        }
    }
}

async fn member_list(
    who: Allowed<permit::MemberRead>,
    shared: web::Data<Shared>,
    page: PageQuery<(String, UserId)>,
    Query(query): Query<ListQuery>,
) -> Result<web::Json<Members>, Problem> {
    shared
        .identity()
        .read_note(&who, Action::MemberRead, "member", query.q.as_deref())
        .await?;
    let filter = MemberFilter {
        search: query.q,
        active: query
            .state
            .map(|state| matches!(state, MemberState::Active)),
    };
    let found = shared
        .identity()
        .member_list(&who, filter, page.after, page.limit)
        .await?;
    let items = found.items.into_iter().map(MemberBody::from).collect();
    Ok(web::Json(Members {
        page: Page::from_surplus(items, page.limit, |member: &MemberBody| {
            (member.name.clone(), member.id)
        }),
        counts: Counts {
            active: found.active,
            deactivated: found.deactivated,
            without_factor: found.without_factor,
        },
    }))
}

async fn member_update(
    who: Allowed<permit::MemberEdit>,
    shared: web::Data<Shared>,
    Path(id): Path<UserId>,
    Body(input): Body<RolesInput>,
) -> Result<web::Json<MemberBody>, Problem> {
    let member = shared
        .identity()
        .member_update(&who, id, input.roles, input.version)
        .await?;
    Ok(web::Json(member.into()))
}

async fn member_deactivate(
    who: Allowed<permit::MemberEdit>,
    shared: web::Data<Shared>,
    Path(id): Path<UserId>,
) -> Result<web::Json<MemberBody>, Problem> {
    let member = shared.identity().member_deactivate(&who, id).await?;
    Ok(web::Json(member.into()))
}

async fn member_reactivate(
    who: Allowed<permit::MemberEdit>,
    shared: web::Data<Shared>,
    Path(id): Path<UserId>,
) -> Result<web::Json<MemberBody>, Problem> {
    let member = shared.identity().member_reactivate(&who, id).await?;
    Ok(web::Json(member.into()))
}

async fn member_factors_reset(
    who: Allowed<permit::MemberEdit>,
    shared: web::Data<Shared>,
    Path(id): Path<UserId>,
) -> Result<HttpResponse, Problem> {
    shared.identity().member_factors_reset(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn member_sign_out(
    who: Allowed<permit::MemberEdit>,
    shared: web::Data<Shared>,
    Path(id): Path<UserId>,
) -> Result<HttpResponse, Problem> {
    let ended = shared.identity().member_sign_out(&who, id).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "ended": ended })))
}

async fn owner_transfer(
    who: Allowed<permit::MemberEdit>,
    shared: web::Data<Shared>,
    Path(id): Path<UserId>,
    Body(input): Body<OwnerInput>,
) -> Result<web::Json<MemberBody>, Problem> {
    let member = shared
        .identity()
        .owner_transfer(&who, id, input.confirm)
        .await
        .map_err(session::problem)?;
    Ok(web::Json(member.into()))
}

async fn profile_update(
    who: SignedIn,
    shared: web::Data<Shared>,
    Body(input): Body<ProfileInput>,
) -> Result<HttpResponse, Problem> {
    let view = shared.identity().profile_update(&who, &input.name).await?;
    Ok(HttpResponse::Ok().json(SessionBody::from(view)))
}

async fn tenant_show(
    who: SignedIn,
    shared: web::Data<Shared>,
) -> Result<web::Json<TenantShown>, Problem> {
    Ok(web::Json(shared.identity().tenant_show(&who).await?.into()))
}

async fn tenant_update(
    who: Allowed<permit::TenantEdit>,
    shared: web::Data<Shared>,
    Body(input): Body<TenantInput>,
) -> Result<web::Json<TenantShown>, Problem> {
    let change = TenantChange {
        name: input.name,
        factor_for_all: input.factor_for_all,
        version: input.version,
    };
    let view = shared.identity().tenant_update(&who, change).await?;
    Ok(web::Json(view.into()))
}
