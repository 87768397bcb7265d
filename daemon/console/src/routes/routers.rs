//! The router of an object: its criteria, and whether it runs.

use actix_web::{http::StatusCode, web};
use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use http::{Allowed, Body, Path, Problem, Routes};
use identity::permit;
use kernel::{Action, AssignmentId, Principal, RouterId};
use layer::Object;
use routing::{CycleReport, Router, RouterInput, RoutingError, Sampled, Target};
use serde::{Deserialize, Serialize};
use soql::SoqlError;

use crate::{
    Console, activation,
    enrollment::{self, Judged, WarningView},
    fault::{Fault, or_current},
    views::All,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/routers", router_list)
        .put("/routers/{object}", router_configure)
        .post("/routers/{object}/validate", enrollment_validate)
        .post("/routers/{object}/activation-preview", activation_preview)
        .post("/routers/{object}/activate", router_activate)
        .post("/routers/{object}/pause", router_pause)
        .post("/routers/{object}/resume", router_resume)
        .post("/routers/{object}/off", router_switch_off)
}

#[derive(Serialize)]
struct RouterView {
    id: RouterId,
    object: String,
    state: String,
    enrollment: EnrollmentView,
    fallback: Option<Target>,
    cycle_seconds: i32,
    activated_at: Option<DateTime<Utc>>,
    last_cycle: Option<CycleReport>,
    /// The version of the rules that decides; null while none was published.
    published: Option<i64>,
    /// What the nightly sample of decisions made again came to.
    recomputed: Option<SampledView>,
    version: i64,
}

#[derive(Serialize)]
struct SampledView {
    at: DateTime<Utc>,
    sampled: u32,
    same: u32,
    differ: u32,
    not_recomputable: u32,
    /// One that differs.
    differing: Option<AssignmentId>,
}

impl From<Sampled> for SampledView {
    fn from(sampled: Sampled) -> Self {
        Self {
            at: sampled.at,
            sampled: sampled.sampled,
            same: sampled.same,
            differ: sampled.differ,
            not_recomputable: sampled.not_recomputable,
            differing: sampled.differing.map(AssignmentId::from_uuid),
        }
    }
}

#[derive(Serialize)]
struct EnrollmentView {
    /// What the person wrote.
    text: String,
    canonical: String,
    /// Empty when the layer's fields no longer bear the query; `error` then says why.
    sent: String,
    warnings: Vec<WarningView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RefusalView>,
}

#[derive(Serialize)]
struct ValidationView {
    ok: bool,
    canonical: String,
    sent: String,
    warnings: Vec<WarningView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RefusalView>,
}

#[derive(Serialize)]
struct RefusalView {
    code: String,
    message: String,
    start: usize,
    end: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigureInput {
    enrollment_text: String,
    fallback: Option<Target>,
    cycle_seconds: i32,
    version: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValidateInput {
    enrollment_text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActivateInput {
    confirm: Option<String>,
}

fn refusal(error: &SoqlError, text: &str) -> RefusalView {
    let place = enrollment::position(error, text);
    RefusalView {
        code: enrollment::wire_code(error),
        message: error.message.clone(),
        start: place.start,
        end: place.end,
    }
}

fn judge(
    tx: &mut TenantTx<'_>,
    object: Object,
    text: &str,
) -> Result<Result<Judged, SoqlError>, Fault> {
    let fields = layer::field_list(tx, object)?;
    Ok(Judged::new(text, object, &fields, tx.now()))
}

fn view(tx: &mut TenantTx<'_>, router: Router) -> Result<RouterView, Fault> {
    let judged = judge(tx, router.object()?, &router.enrollment)?;
    let (sent, warnings, error) = match judged {
        Ok(judged) => (judged.sent(), judged.warnings(), None),
        Err(error) => (
            String::new(),
            Vec::new(),
            Some(refusal(&error, &router.enrollment)),
        ),
    };
    let last_cycle = router
        .last_cycle
        .as_ref()
        .and_then(|report| serde_json::from_value(report.clone()).ok());
    let recomputed = router
        .recomputed
        .as_ref()
        .and_then(|sampled| serde_json::from_value::<Sampled>(sampled.clone()).ok());
    Ok(RouterView {
        id: router.id(),
        published: router.published,
        recomputed: recomputed.map(SampledView::from),
        fallback: router.fallback()?,
        object: router.object,
        state: router.state,
        enrollment: EnrollmentView {
            text: router.enrollment,
            canonical: router.canonical,
            sent,
            warnings,
            error,
        },
        cycle_seconds: router.cycle_seconds,
        activated_at: router.activated_at,
        last_cycle,
        version: router.version,
    })
}

/// The router as it is, for an answer that says that it changed meanwhile.
fn current(tx: &mut TenantTx<'_>, object: Object) -> Result<Option<RouterView>, Fault> {
    match routing::router_get(tx, object)? {
        Some(router) => Ok(Some(view(tx, router)?)),
        None => Ok(None),
    }
}

async fn router_list(
    who: Allowed<permit::RuleRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<RouterView>>, Problem> {
    let items = console
        .db
        .run(&who, |tx| {
            let routers = routing::router_list(tx)?;
            routers
                .into_iter()
                .map(|router| view(tx, router))
                .collect::<Result<Vec<_>, Fault>>()
        })
        .await?;
    Ok(web::Json(All { items }))
}

async fn router_configure(
    who: Allowed<permit::RouterOperate>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
    Body(input): Body<ConfigureInput>,
) -> Result<web::Json<RouterView>, Problem> {
    let router = console
        .db
        .run(&who, move |tx| {
            let text = input.enrollment_text;
            let judged =
                judge(tx, object, &text)?.map_err(|error| enrollment::problem(&error, &text))?;
            let input = RouterInput {
                object,
                canonical: judged.canonical(),
                enrollment: text,
                fallback: input.fallback,
                cycle_seconds: input.cycle_seconds,
                version: input.version,
            };
            refuse_while_running(tx, &input)?;
            let stored = routing::router_configure(tx, &input);
            let router = or_current(stored, || current(tx, object))?;
            view(tx, router)
        })
        .await?;
    Ok(web::Json(router))
}

/// New criteria are counted and confirmed by an activation, so a router that runs or rests does not get
/// them beneath it.
fn refuse_while_running(tx: &mut TenantTx<'_>, input: &RouterInput) -> Result<(), Fault> {
    let Some(router) = routing::router_get(tx, input.object)? else {
        return Ok(());
    };
    let newest = input.version == Some(router.version);
    if newest && router.state != "off" && router.canonical != input.canonical {
        return Err(Fault::Answer(Problem::new(
            StatusCode::CONFLICT,
            "router_running",
            "The criteria of a router are not changed while it runs or is paused. Turn it off, save \
             the new criteria, then activate: activation counts what matches and asks first.",
        )));
    }
    Ok(())
}

async fn enrollment_validate(
    who: Allowed<permit::RuleRead>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
    Body(input): Body<ValidateInput>,
) -> Result<web::Json<ValidationView>, Problem> {
    let text = input.enrollment_text;
    let (judged, text) = console
        .db
        .run(&who, move |tx| {
            Ok::<_, Fault>((judge(tx, object, &text)?, text))
        })
        .await?;
    Ok(web::Json(match judged {
        Ok(judged) => ValidationView {
            ok: true,
            canonical: judged.canonical(),
            sent: judged.sent(),
            warnings: judged.warnings(),
            error: None,
        },
        Err(error) => ValidationView {
            ok: false,
            canonical: String::new(),
            sent: String::new(),
            warnings: Vec::new(),
            error: Some(refusal(&error, &text)),
        },
    }))
}

/// Counts at Salesforce what the stored criteria match now.
async fn count(
    console: &Console,
    who: &Principal,
    object: Object,
) -> Result<activation::Preview, Problem> {
    let router = console
        .db
        .run(who, move |tx| {
            Ok::<_, Fault>(routing::router_get(tx, object)?)
        })
        .await?;
    let canonical = router.ok_or_else(Problem::not_found)?.canonical;
    console
        .identity
        .read_note(who, Action::CrmRead, "crm_count", None)
        .await?;
    let counts = console
        .source
        .enrollment_counts(who, object.name(), &canonical)
        .await;
    let counts = counts.map_err(Fault::from)?;
    Ok(activation::Preview::new(
        object,
        counts.matching,
        counts.total,
    ))
}

async fn activation_preview(
    who: Allowed<permit::RouterOperate>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
) -> Result<web::Json<activation::Preview>, Problem> {
    Ok(web::Json(count(&console, &who, object).await?))
}

/// Counted once more, because the confirmation is about what is matched now.
async fn router_activate(
    who: Allowed<permit::RouterOperate>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
    Body(input): Body<ActivateInput>,
) -> Result<web::Json<RouterView>, Problem> {
    let preview = count(&console, &who, object).await?;
    if !preview.is_confirmed_by(input.confirm.as_deref()) {
        return Err(preview.into_problem());
    }
    change(&console, &who, move |tx| {
        routing::router_activate(tx, object)
    })
    .await
}

async fn router_pause(
    who: Allowed<permit::RouterOperate>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
) -> Result<web::Json<RouterView>, Problem> {
    change(&console, &who, move |tx| routing::router_pause(tx, object)).await
}

async fn router_resume(
    who: Allowed<permit::RouterOperate>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
) -> Result<web::Json<RouterView>, Problem> {
    change(&console, &who, move |tx| routing::router_resume(tx, object)).await
}

async fn router_switch_off(
    who: Allowed<permit::RouterOperate>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
) -> Result<web::Json<RouterView>, Problem> {
    change(&console, &who, move |tx| {
        routing::router_switch_off(tx, object)
    })
    .await
}

async fn change(
    console: &Console,
    who: &Principal,
    verb: impl FnOnce(&mut TenantTx<'_>) -> Result<Router, RoutingError> + Send + 'static,
) -> Result<web::Json<RouterView>, Problem> {
    let changed = console
        .db
        .run(who, move |tx| {
            let router = verb(tx)?;
            view(tx, router)
        })
        .await?;
    Ok(web::Json(changed))
}
