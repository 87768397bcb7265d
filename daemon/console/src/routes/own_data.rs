//! One's own data: taken along as an archive, and the wish that it be erased.

use actix_web::{HttpResponse, web};
use custody::Case;
use http::{Body, Path, Problem, Routes, SignedIn};
use kernel::ExportId;
use serde::Serialize;

use super::{
    data::{CreateInput, ExportBody, archive},
    people_cases::CaseBody,
};
use crate::{Console, views::All};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/me/exports", own_export_list)
        .post("/me/exports", own_export_create)
        .post("/me/exports/{id}/cancel", own_export_cancel)
        .post("/me/exports/{id}/download", own_export_download)
        .get("/me/erasure", own_erasure)
        .post("/me/erasure", erasure_ask)
        .delete("/me/erasure", erasure_withdraw)
}

#[derive(Serialize)]
struct OwnErasureBody {
    /// The one that waits for an administrator, or is being done.
    erasure: Option<CaseBody>,
}

impl From<Option<Case>> for OwnErasureBody {
    fn from(case: Option<Case>) -> Self {
        Self {
            erasure: case.map(|case| CaseBody::new(case, None, None)),
        }
    }
}

async fn own_export_list(
    who: SignedIn,
    console: web::Data<Console>,
) -> Result<web::Json<All<ExportBody>>, Problem> {
    let exports = console.custody.own_export_list(&who).await?;
    let caller = who.user();
    let items = exports
        .into_iter()
        .map(|export| ExportBody::new(export, None, caller));
    Ok(web::Json(All {
        items: items.collect(),
    }))
}

async fn own_export_create(
    who: SignedIn,
    console: web::Data<Console>,
    Body(CreateInput {}): Body<CreateInput>,
) -> Result<HttpResponse, Problem> {
    let export = console.custody.own_export_create(&who).await?;
    Ok(HttpResponse::Created().json(ExportBody::new(export, None, who.user())))
}

async fn own_export_cancel(
    who: SignedIn,
    console: web::Data<Console>,
    Path(id): Path<ExportId>,
) -> Result<HttpResponse, Problem> {
    console.custody.own_export_cancel(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn own_export_download(
    who: SignedIn,
    console: web::Data<Console>,
    Path(id): Path<ExportId>,
) -> Result<HttpResponse, Problem> {
    archive(console.custody.own_export_download(&who, id).await?)
}

async fn own_erasure(
    who: SignedIn,
    console: web::Data<Console>,
) -> Result<web::Json<OwnErasureBody>, Problem> {
    Ok(web::Json(console.custody.own_erasure(&who).await?.into()))
}

async fn erasure_ask(who: SignedIn, console: web::Data<Console>) -> Result<HttpResponse, Problem> {
    let case = console.custody.erasure_ask(&who).await?;
    Ok(HttpResponse::Created().json(OwnErasureBody::from(Some(case))))
}

async fn erasure_withdraw(
    who: SignedIn,
    console: web::Data<Console>,
) -> Result<HttpResponse, Problem> {
    console.custody.erasure_withdraw(&who).await?;
    Ok(HttpResponse::NoContent().finish())
}
