//! Controls: where each one stands on this appliance, another run, and papers to take away (OB-01, OB-34,
//! OB-36).

use actix_web::web;
use http::{Allowed, Problem, Query, Routes};
use identity::permit;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::Console;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/platform/controls", control_list)
        .get("/platform/controls/paper", control_paper)
        .post("/platform/controls/verify", controls_verify)
}

#[derive(Serialize)]
struct Begun {
    run: Uuid,
}

#[derive(Serialize)]
struct PaperView {
    /// The whole file.
    text: String,
}

#[derive(Deserialize)]
struct Wanted {
    /// `matrix`, `questionnaire` or `annex`.
    paper: Option<String>,
    /// `csv` or `markdown`.
    format: Option<String>,
}

async fn control_list(
    _: Allowed<permit::ControlRead>,
    console: web::Data<Console>,
) -> Result<web::Json<Value>, Problem> {
    Ok(web::Json(console.controls.standing().await?))
}

async fn control_paper(
    _: Allowed<permit::ControlRead>,
    console: web::Data<Console>,
    Query(wanted): Query<Wanted>,
) -> Result<web::Json<PaperView>, Problem> {
    let (paper, format) = (
        wanted.paper.as_deref().unwrap_or("matrix"),
        wanted.format.as_deref().unwrap_or("csv"),
    );
    let text = console
        .controls
        .paper(paper, format)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(web::Json(PaperView { text }))
}

async fn controls_verify(
    who: Allowed<permit::ControlVerify>,
    console: web::Data<Console>,
) -> Result<web::Json<Begun>, Problem> {
    let run = console.controls.controls_verify(&who.actor).await?;
    Ok(web::Json(Begun { run }))
}
