//! Streams of the audit log: a tenant's administrators set up those of their own log, a super_admin those of
//! the appliance.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use delivery::{Format, Target, TargetInput, Tested, Transport};
use http::{Allowed, Body, FieldError, Path, Problem, Routes};
use identity::{permit, sso::appliance};
use kernel::{Principal, Secret, SiemTargetId};
use serde::{Deserialize, Serialize};

use crate::{Console, views::All};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/siem/targets", target_list)
        .post("/siem/targets", target_create)
        .put("/siem/targets/{id}", target_update)
        .delete("/siem/targets/{id}", target_delete)
        .post("/siem/targets/{id}/test", target_test)
        .get("/platform/siem/targets", appliance_target_list)
        .post("/platform/siem/targets", appliance_target_create)
        .put("/platform/siem/targets/{id}", appliance_target_update)
        .delete("/platform/siem/targets/{id}", appliance_target_delete)
        .post("/platform/siem/targets/{id}/test", appliance_target_test)
}

#[derive(Serialize)]
struct TargetView {
    id: SiemTargetId,
    name: String,
    transport: &'static str,
    format: &'static str,
    address: String,
    authorities: Option<String>,
    client_certificate: Option<String>,
    has_client_key: bool,
    has_token: bool,
    actions: Vec<String>,
    outcomes: Vec<String>,
    enabled: bool,
    /// `paused`, `failing`, `behind` or `current`.
    state: &'static str,
    /// Whether the other side says what it has received.
    acknowledges: bool,
    sent: i64,
    errors: i64,
    /// Entries that wait; no more than 10,000 are counted.
    waiting: i64,
    waiting_since: Option<DateTime<Utc>>,
    last_sent_at: Option<DateTime<Utc>>,
    last_error: Option<String>,
    last_error_at: Option<DateTime<Utc>>,
    certificate_ends_at: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetBody {
    name: String,
    transport: String,
    format: String,
    #[serde(default)]
    address: String,
    authorities: Option<String>,
    client_certificate: Option<String>,
    client_key: Option<Secret<String>>,
    token: Option<Secret<String>>,
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default)]
    outcomes: Vec<String>,
    enabled: bool,
    /// Of a new target: the whole log, not what comes from now on.
    #[serde(default)]
    from_start: bool,
    /// The one that the change was made from; a new target has none.
    version: Option<i64>,
}

#[derive(Serialize)]
struct TestView {
    sent: bool,
    /// The target said that it has the event.
    acknowledged: bool,
    code: Option<&'static str>,
    message: Option<String>,
    certificate_ends_at: Option<DateTime<Utc>>,
}

impl From<Target> for TargetView {
    fn from(target: Target) -> Self {
        let standing = target.standing;
        let state = match (target.enabled, standing.failing, standing.waiting) {
            (false, ..) => "paused",
            (true, true, _) => "failing",
            (true, false, 0) => "current",
            (true, false, _) => "behind",
        };
        Self {
            id: target.id,
            name: target.name,
            transport: target.transport.name(),
            format: target.format.name(),
            address: target.address,
            authorities: target.authorities,
            client_certificate: target.client_certificate,
            has_client_key: target.has_client_key,
            has_token: target.has_token,
            actions: target.actions,
            outcomes: target.outcomes,
            enabled: target.enabled,
            state,
            acknowledges: target.transport.acknowledges(),
            sent: standing.sent,
            errors: standing.errors,
            waiting: standing.waiting,
            waiting_since: standing.waiting_since,
            last_sent_at: standing.last_sent_at,
            last_error: standing.last_error,
            last_error_at: standing.last_error_at,
            certificate_ends_at: standing.certificate_ends_at,
            version: target.version,
            created_at: target.created_at,
            updated_at: target.updated_at,
        }
    }
}

impl From<Tested> for TestView {
    fn from(tested: Tested) -> Self {
        let (code, message) = tested.fault.unzip();
        Self {
            sent: code.is_none(),
            acknowledged: tested.acknowledged,
            code,
            message,
            certificate_ends_at: tested.certificate_ends_at,
        }
    }
}

/// The names of a body as what they stand for.
fn input(body: TargetBody) -> Result<TargetInput, Problem> {
    let unknown = |field: &str| {
        Problem::new(
            actix_web::http::StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "The target cannot be saved like this.",
        )
        .with_error(FieldError {
            field: field.to_owned(),
            code: std::borrow::Cow::Borrowed("choice_unknown"),
            detail: String::from("There is no such choice."),
            position: None,
        })
    };
    Ok(TargetInput {
        transport: Transport::from_name(&body.transport).ok_or_else(|| unknown("transport"))?,
        format: Format::from_name(&body.format).ok_or_else(|| unknown("format"))?,
        name: body.name,
        address: body.address,
        authorities: body.authorities,
        client_certificate: body.client_certificate,
        client_key: body.client_key,
        token: body.token,
        actions: body.actions,
        outcomes: body.outcomes,
        enabled: body.enabled,
    })
}

async fn list(console: &Console, who: &Principal) -> Result<web::Json<All<TargetView>>, Problem> {
    let targets = console.siem.target_list(who).await?;
    Ok(web::Json(All {
        items: targets.into_iter().map(TargetView::from).collect(),
    }))
}

async fn create(
    console: &Console,
    who: &Principal,
    body: TargetBody,
) -> Result<HttpResponse, Problem> {
    let from_start = body.from_start;
    let made = console
        .siem
        .target_create(who, input(body)?, from_start)
        .await?;
    Ok(HttpResponse::Created().json(TargetView::from(made)))
}

async fn update(
    console: &Console,
    who: &Principal,
    id: SiemTargetId,
    body: TargetBody,
) -> Result<web::Json<TargetView>, Problem> {
    let version = body.version.unwrap_or_default();
    let changed = console
        .siem
        .target_update(who, id, version, input(body)?)
        .await?;
    Ok(web::Json(changed.into()))
}

async fn target_list(
    who: Allowed<permit::SiemRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<TargetView>>, Problem> {
    list(&console, &who).await
}

async fn target_create(
    who: Allowed<permit::SiemEdit>,
    console: web::Data<Console>,
    Body(body): Body<TargetBody>,
) -> Result<HttpResponse, Problem> {
    create(&console, &who, body).await
}

async fn target_update(
    who: Allowed<permit::SiemEdit>,
    console: web::Data<Console>,
    Path(id): Path<SiemTargetId>,
    Body(body): Body<TargetBody>,
) -> Result<web::Json<TargetView>, Problem> {
    update(&console, &who, id, body).await
}

async fn target_delete(
    who: Allowed<permit::SiemEdit>,
    console: web::Data<Console>,
    Path(id): Path<SiemTargetId>,
) -> Result<HttpResponse, Problem> {
    console.siem.target_delete(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn target_test(
    who: Allowed<permit::SiemEdit>,
    console: web::Data<Console>,
    Path(id): Path<SiemTargetId>,
) -> Result<web::Json<TestView>, Problem> {
    Ok(web::Json(console.siem.target_test(&who, id).await?.into()))
}

async fn appliance_target_list(
    who: Allowed<permit::ApplianceSiemRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<TargetView>>, Problem> {
    list(&console, &appliance(&who)).await
}

async fn appliance_target_create(
    who: Allowed<permit::ApplianceSiemEdit>,
    console: web::Data<Console>,
    Body(body): Body<TargetBody>,
) -> Result<HttpResponse, Problem> {
    create(&console, &appliance(&who), body).await
}

async fn appliance_target_update(
    who: Allowed<permit::ApplianceSiemEdit>,
    console: web::Data<Console>,
    Path(id): Path<SiemTargetId>,
    Body(body): Body<TargetBody>,
) -> Result<web::Json<TargetView>, Problem> {
    update(&console, &appliance(&who), id, body).await
}

async fn appliance_target_delete(
    who: Allowed<permit::ApplianceSiemEdit>,
    console: web::Data<Console>,
    Path(id): Path<SiemTargetId>,
) -> Result<HttpResponse, Problem> {
    console.siem.target_delete(&appliance(&who), id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn appliance_target_test(
    who: Allowed<permit::ApplianceSiemEdit>,
    console: web::Data<Console>,
    Path(id): Path<SiemTargetId>,
) -> Result<web::Json<TestView>, Problem> {
    let tested = console.siem.target_test(&appliance(&who), id).await?;
    Ok(web::Json(tested.into()))
}
