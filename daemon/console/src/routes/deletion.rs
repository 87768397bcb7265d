//! The end of an organisation: asked for, taken back, and its certificate.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use custody::{Certificate, Deletion};
use http::{Allowed, Body, Knock, Path, Problem, Routes};
use identity::permit;
use kernel::TenantId;
use serde::{Deserialize, Serialize};

use crate::{Console, views::All};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/tenant/deletion", deletion_show)
        .post("/tenant/deletion", tenant_delete)
        .delete("/tenant/deletion", tenant_keep)
        .post("/platform/tenants/{id}/deletion", operator_delete)
        .delete("/platform/tenants/{id}/deletion", operator_keep)
        .get("/platform/erasures", erasure_list)
}

/// What needs no session: nobody is left who could have one.
pub(super) fn entrance() -> Routes {
    Routes::new().post("/erasures/look", erasure_look)
}

#[derive(Serialize)]
struct DeletionBody {
    asked_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    by_operator: bool,
}

impl From<Deletion> for DeletionBody {
    fn from(deletion: Deletion) -> Self {
        Self {
            asked_at: deletion.asked_at,
            due_at: deletion.due_at,
            by_operator: deletion.by_operator,
        }
    }
}

#[derive(Serialize)]
struct ShownBody {
    /// The one that waits, if any does.
    deletion: Option<DeletionBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeleteInput {
    /// The organisation's name.
    confirm: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LookInput {
    tenant: TenantId,
}

#[derive(Serialize)]
struct CertificateBody {
    tenant: TenantId,
    asked_at: DateTime<Utc>,
    begun_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    counts: BTreeMap<String, i64>,
    statement: Option<String>,
    /// Hexadecimal.
    signature: Option<String>,
}

impl From<Certificate> for CertificateBody {
    fn from(certificate: Certificate) -> Self {
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            tenant: certificate.tenant,
            asked_at: certificate.asked_at,
            begun_at: certificate.begun_at,
            finished_at: certificate.finished_at,
            counts: certificate.counts,
            statement: certificate.statement,
            signature: certificate.signature.map(hex),
        }
    }
}

async fn deletion_show(
    who: Allowed<permit::OverviewRead>,
    console: web::Data<Console>,
) -> Result<web::Json<ShownBody>, Problem> {
    let deletion = console.custody.deletion_show(&who).await?;
    Ok(web::Json(ShownBody {
        deletion: deletion.map(DeletionBody::from),
    }))
}

async fn tenant_delete(
    who: Allowed<permit::TenantDelete>,
    console: web::Data<Console>,
    Body(input): Body<DeleteInput>,
) -> Result<HttpResponse, Problem> {
    let deletion = console.custody.tenant_delete(&who, &input.confirm).await?;
    Ok(HttpResponse::Created().json(DeletionBody::from(deletion)))
}

async fn tenant_keep(
    who: Allowed<permit::TenantDelete>,
    console: web::Data<Console>,
) -> Result<HttpResponse, Problem> {
    console.custody.tenant_keep(&who).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn operator_delete(
    who: Allowed<permit::TenantManage>,
    console: web::Data<Console>,
    Path(id): Path<TenantId>,
    Body(input): Body<DeleteInput>,
) -> Result<HttpResponse, Problem> {
    let asked = console
        .custody
        .tenant_delete_as_operator(&who, id, &input.confirm);
    Ok(HttpResponse::Created().json(DeletionBody::from(asked.await?)))
}

async fn operator_keep(
    who: Allowed<permit::TenantManage>,
    console: web::Data<Console>,
    Path(id): Path<TenantId>,
) -> Result<HttpResponse, Problem> {
    console.custody.tenant_keep_as_operator(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn erasure_list(
    _: Allowed<permit::TenantRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<CertificateBody>>, Problem> {
    let erasures = console.custody.erasure_list().await?;
    Ok(web::Json(All {
        items: erasures.into_iter().map(CertificateBody::from).collect(),
    }))
}

async fn erasure_look(
    _: Knock,
    console: web::Data<Console>,
    Body(input): Body<LookInput>,
) -> Result<web::Json<CertificateBody>, Problem> {
    let certificate = console.custody.erasure_show(input.tenant).await?;
    Ok(web::Json(certificate.into()))
}
