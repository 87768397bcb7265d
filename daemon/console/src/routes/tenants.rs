//! The appliance's tenants, for its operators, and their visits.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use db::TenantLine;
use http::{Allowed, Body, Page, PageQuery, Path, Problem, Query, Routes, Shared, SignedIn};
use identity::{SessionsOf, Visit, VisitRequest, permit};
use kernel::{Principal, TenantId, UserId, VisitId};
use serde::{Deserialize, Serialize};

use super::{members::TenantShown, session};
use crate::views::{All, Named};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/platform/tenants", tenant_list)
        .post("/platform/tenants", tenant_create)
        .post("/platform/tenants/{id}/activate", tenant_activate)
        .post("/platform/tenants/{id}/enter", visit_enter)
        .post("/platform/tenants/{id}/sessions/end", tenant_sessions_end)
        .post("/platform/sessions/end", every_session_end)
        .post("/tenant/sessions/end", own_sessions_end)
        .post("/session/leave", visit_leave)
        .get("/support-visits", visit_list)
        .post("/support-visits/{id}/consent", visit_consent)
        .post("/support-visits/{id}/end", visit_end)
}

#[derive(Serialize)]
struct LineBody {
    id: TenantId,
    name: String,
    state: String,
    trial_ends_at: Option<DateTime<Utc>>,
    members: i64,
    owner: Option<Named<UserId>>,
    created_at: DateTime<Utc>,
}

impl From<TenantLine> for LineBody {
    fn from(line: TenantLine) -> Self {
        Self {
            id: TenantId::from_uuid(line.tenant_id),
            name: line.name,
            state: line.state,
            trial_ends_at: line.trial_ends_at,
            members: line.members,
            owner: line.owner_id.zip(line.owner_name).map(|(id, name)| Named {
                id: UserId::from_uuid(id),
                name,
            }),
            created_at: line.created_at,
        }
    }
}

#[derive(Serialize)]
struct VisitBody {
    id: VisitId,
    by: Named<UserId>,
    reason: String,
    /// What was asked for.
    mode: &'static str,
    /// Whether the visitor may write: by consent, or by breaking the glass.
    writes: bool,
    break_glass: bool,
    started_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    left_at: Option<DateTime<Utc>>,
}

impl From<Visit> for VisitBody {
    fn from(visit: Visit) -> Self {
        Self {
            id: visit.id,
            by: Named {
                id: visit.by,
                name: visit.by_name,
            },
            reason: visit.reason,
            mode: if visit.wants_write { "write" } else { "read" },
            writes: visit.writes,
            break_glass: visit.break_glass,
            started_at: visit.started_at,
            ends_at: visit.ends_at,
            left_at: visit.left_at,
        }
    }
}

#[derive(Deserialize)]
struct ListQuery {
    q: Option<String>,
    state: Option<TenantState>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TenantState {
    Active,
    Trial,
    ReadOnly,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateInput {
    name: String,
    owner_email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnterInput {
    reason: String,
    mode: Mode,
    #[serde(default)]
    break_glass: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Read,
    Write,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndInput {
    /// The organisation's name as it stands there; for the whole appliance, `every session`.
    confirm: String,
    /// Whether the session that asks goes on.
    keep_own: bool,
}

#[derive(Serialize)]
struct EndedBody {
    /// Sessions.
    ended: i64,
}

async fn tenant_list(
    who: Allowed<permit::TenantRead>,
    shared: web::Data<Shared>,
    page: PageQuery<(String, TenantId)>,
    Query(query): Query<ListQuery>,
) -> Result<web::Json<Page<LineBody>>, Problem> {
    let state = query.state.map(|state| match state {
        TenantState::Active => "active",
        TenantState::Trial => "trial",
        TenantState::ReadOnly => "read_only",
    });
    let search = query.q.filter(|text| !text.is_empty());
    let lines = shared
        .identity()
        .tenant_list(
            &who,
            page.after,
            page.limit,
            state.map(str::to_owned),
            search,
        )
        .await?;
    let items = lines.into_iter().map(LineBody::from).collect();
    Ok(web::Json(Page::from_surplus(
        items,
        page.limit,
        |line: &LineBody| (line.name.clone(), line.id),
    )))
}

async fn tenant_create(
    who: Allowed<permit::TenantManage>,
    shared: web::Data<Shared>,
    Body(input): Body<CreateInput>,
) -> Result<HttpResponse, Problem> {
    let made = shared
        .identity()
        .tenant_create(&who, &input.name, &input.owner_email)
        .await?;
    Ok(HttpResponse::Created().json(TenantShown::from(made)))
}

async fn tenant_activate(
    who: Allowed<permit::TenantManage>,
    shared: web::Data<Shared>,
    Path(id): Path<TenantId>,
) -> Result<web::Json<TenantShown>, Problem> {
    let shown = shared.identity().tenant_activate(&who, id).await?;
    Ok(web::Json(shown.into()))
}

async fn visit_enter(
    who: Allowed<permit::TenantManage>,
    shared: web::Data<Shared>,
    Path(id): Path<TenantId>,
    Body(input): Body<EnterInput>,
) -> Result<HttpResponse, Problem> {
    let request = VisitRequest {
        tenant: id,
        reason: input.reason,
        write: matches!(input.mode, Mode::Write),
        break_glass: input.break_glass,
    };
    let grant = shared.identity().visit_enter(&who, request).await?;
    Ok(session::granted(HttpResponse::Ok(), grant))
}

async fn visit_leave(who: SignedIn, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let grant = shared.identity().visit_leave(&who).await?;
    Ok(session::granted(HttpResponse::Ok(), grant))
}

async fn visit_list(
    who: Allowed<permit::MemberRead>,
    shared: web::Data<Shared>,
) -> Result<web::Json<All<VisitBody>>, Problem> {
    let visits = shared.identity().visit_list(&who).await?;
    Ok(web::Json(All {
        items: visits.into_iter().map(VisitBody::from).collect(),
    }))
}

async fn visit_consent(
    who: Allowed<permit::TenantEdit>,
    shared: web::Data<Shared>,
    Path(id): Path<VisitId>,
) -> Result<web::Json<VisitBody>, Problem> {
    let visit = shared.identity().visit_consent(&who, id).await?;
    Ok(web::Json(visit.into()))
}

async fn visit_end(
    who: Allowed<permit::TenantEdit>,
    shared: web::Data<Shared>,
    Path(id): Path<VisitId>,
) -> Result<web::Json<VisitBody>, Problem> {
    let visit = shared.identity().visit_end(&who, id).await?;
    Ok(web::Json(visit.into()))
}

async fn tenant_sessions_end(
    who: Allowed<permit::TenantManage>,
    shared: web::Data<Shared>,
    Path(id): Path<TenantId>,
    Body(input): Body<EndInput>,
) -> Result<web::Json<EndedBody>, Problem> {
    sessions_end(&who, &shared, SessionsOf::Tenant(id), input).await
}

async fn every_session_end(
    who: Allowed<permit::TenantManage>,
    shared: web::Data<Shared>,
    Body(input): Body<EndInput>,
) -> Result<web::Json<EndedBody>, Problem> {
    sessions_end(&who, &shared, SessionsOf::Appliance, input).await
}

async fn own_sessions_end(
    who: Allowed<permit::TenantEdit>,
    shared: web::Data<Shared>,
    Body(input): Body<EndInput>,
) -> Result<web::Json<EndedBody>, Problem> {
    let own = SessionsOf::Tenant(who.tenant);
    sessions_end(&who, &shared, own, input).await
}

async fn sessions_end(
    who: &Principal,
    shared: &Shared,
    of: SessionsOf,
    input: EndInput,
) -> Result<web::Json<EndedBody>, Problem> {
    let ended = shared
        .identity()
        .sessions_end(who, of, input.confirm, input.keep_own)
        .await
        .map_err(session::problem)?;
    Ok(web::Json(EndedBody { ended }))
}
