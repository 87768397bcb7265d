//! Exports of the organisation's data: asked for, watched, cancelled, and downloaded once by whoever asked.

use actix_web::{
    HttpResponse,
    http::header::{
        CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, ContentEncoding, HeaderValue,
    },
    web,
};
use chrono::{DateTime, Utc};
use custody::{Download, Export};
use futures_util::stream;
use http::{Allowed, Body, Path, Problem, Routes};
use identity::{people_names, permit};
use kernel::{ExportId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Console,
    fault::Fault,
    views::{All, Named, person},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/exports", export_list)
        .post("/exports", export_create)
        .post("/exports/{id}/cancel", export_cancel)
        .post("/exports/{id}/download", export_download)
}

#[derive(Serialize)]
pub(super) struct ExportBody {
    id: ExportId,
    asked_by: Option<Named<UserId>>,
    /// Whether the caller asked, who alone may download it.
    own: bool,
    asked_at: DateTime<Utc>,
    state: String,
    rows: u64,
    expected: Option<i64>,
    files: usize,
    bytes: u64,
    ready_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    error: Option<String>,
    /// `tenant`; or `person`: what a search found of somebody.
    scope: &'static str,
}

impl ExportBody {
    pub(super) fn new(
        export: Export,
        asked_by: Option<Named<UserId>>,
        caller: Option<UserId>,
    ) -> Self {
        Self {
            id: export.id,
            own: caller == Some(export.asked_by),
            asked_by,
            asked_at: export.asked_at,
            state: export.state,
            rows: export.rows,
            expected: export.expected,
            files: export.files,
            bytes: export.bytes,
            ready_at: export.ready_at,
            expires_at: export.expires_at,
            ended_at: export.ended_at,
            error: export.error_code,
            scope: export.scope,
        }
    }
}

/// An export is of everything, so there is nothing to say about it yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateInput {}

async fn export_list(
    who: Allowed<permit::DataRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<ExportBody>>, Problem> {
    let exports = console.custody.export_list(&who).await?;
    let askers: Vec<_> = exports
        .iter()
        .map(|export| export.asked_by.uuid())
        .collect();
    let names = console
        .db
        .run(&who, move |tx| Ok::<_, Fault>(people_names(tx, askers)?))
        .await?;
    let items = exports.into_iter().map(|export| {
        let asked_by = person(&names, Some(export.asked_by.uuid()));
        ExportBody::new(export, asked_by, who.user())
    });
    Ok(web::Json(All {
        items: items.collect(),
    }))
}

async fn export_create(
    who: Allowed<permit::TenantExport>,
    console: web::Data<Console>,
    Body(CreateInput {}): Body<CreateInput>,
) -> Result<HttpResponse, Problem> {
    let export = console.custody.export_create(&who).await?;
    let asker = export.asked_by.uuid();
    let names = console
        .db
        .run(&who, move |tx| Ok::<_, Fault>(people_names(tx, [asker])?))
        .await?;
    let asked_by = person(&names, Some(asker));
    Ok(HttpResponse::Created().json(ExportBody::new(export, asked_by, who.user())))
}

async fn export_cancel(
    who: Allowed<permit::TenantExport>,
    console: web::Data<Console>,
    Path(id): Path<ExportId>,
) -> Result<HttpResponse, Problem> {
    console.custody.export_cancel(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn export_download(
    who: Allowed<permit::TenantExport>,
    console: web::Data<Console>,
    Path(id): Path<ExportId>,
) -> Result<HttpResponse, Problem> {
    archive(console.custody.export_download(&who, id).await?)
}

/// An archive on its way, in pieces.
pub(super) fn archive(download: Download) -> Result<HttpResponse, Problem> {
    let disposition = format!("attachment; filename=\"{}\"", download.name);
    let disposition = HeaderValue::from_str(&disposition).map_err(|_| Problem::internal())?;
    let pieces = stream::unfold(download.pieces, async |mut pieces| {
        pieces.recv().await.map(|piece| (piece, pieces))
    });
    Ok(HttpResponse::Ok()
        .content_type("application/gzip")
        .insert_header((CONTENT_DISPOSITION, disposition))
        .insert_header((CONTENT_ENCODING, ContentEncoding::Identity))
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(pieces))
}
