//! The appliance itself, for its operator: what `revkeep status` and `doctor` say, and load over time.

use actix_web::web;
use http::{Allowed, Problem, Query, Routes};
use identity::permit;
use serde::Deserialize;
use serde_json::Value;

use crate::{Console, system::Span};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/platform/system", system_get)
        .get("/platform/system/findings", system_findings)
        .get("/platform/system/series", system_series)
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    span: Span,
}

async fn system_get(
    _: Allowed<permit::SystemRead>,
    console: web::Data<Console>,
) -> Result<web::Json<Value>, Problem> {
    Ok(web::Json(console.system.standing().await))
}

async fn system_findings(
    _: Allowed<permit::SystemRead>,
    console: web::Data<Console>,
) -> Result<web::Json<Value>, Problem> {
    Ok(web::Json(console.system.findings().await))
}

async fn system_series(
    _: Allowed<permit::SystemRead>,
    console: web::Data<Console>,
    Query(wanted): Query<Wanted>,
) -> Result<web::Json<Value>, Problem> {
    Ok(web::Json(console.system.series(wanted.span).await?))
}
