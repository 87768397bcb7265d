//! `/health/live`: the process answers. `/health/ready`: it can do its work, or says what is missing.

use actix_web::{HttpResponse, http::StatusCode, web};
use async_trait::async_trait;
use serde::Serialize;
use serde_json::json;

use crate::shared::Shared;

/// One thing that keeps the daemon from its work. No name, address or secret stands in it: anyone on
/// the network can read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// `secrets`, `database`, ...
    pub component: &'static str,
    /// `sealed` and others, stable.
    pub code: &'static str,
    pub message: String,
}

/// Implemented by whoever composes the daemon.
#[async_trait]
pub trait Readiness: Send + Sync + 'static {
    /// Empty when everything is there. Answers within a second, whatever is broken.
    async fn reasons(&self) -> Vec<Reason>;
    /// What everybody is to know although the daemon serves. As quick.
    async fn notes(&self) -> Vec<Reason> {
        Vec::new()
    }
}

pub(crate) fn configure(app: &mut web::ServiceConfig) {
    app.route("/health/live", web::get().to(live))
        .route("/health/ready", web::get().to(ready))
        .route("/.well-known/jwks.json", web::get().to(jwks));
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "live" }))
}

async fn ready(shared: web::Data<Shared>) -> HttpResponse {
    let reasons = shared.inner.readiness.reasons().await;
    if reasons.is_empty() {
        let notes = shared.inner.readiness.notes().await;
        return HttpResponse::Ok().json(json!({ "status": "ready", "notes": notes }));
    }
    let sealed = reasons.iter().any(|reason| reason.code == "sealed");
    let status = if sealed { "sealed" } else { "unavailable" };
    HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE)
        .json(json!({ "status": status, "reasons": reasons }))
}

/// The public keys of access tokens (LM-07).
async fn jwks(shared: web::Data<Shared>) -> Result<HttpResponse, crate::Problem> {
    let keys = shared.identity().jwks()?;
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "public, max-age=300"))
        .json(keys))
}
