//! A person's own sessions: where they are signed in, and an end to any of them.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{Path, Problem, Routes, Shared, SignedIn};
use identity::SessionItem;
use kernel::{SessionId, TenantId};
use serde::Serialize;
use serde_json::json;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/me/sessions", session_list)
        .delete("/me/sessions", session_revoke_others)
        .delete("/me/sessions/{id}", session_revoke)
}

#[derive(Serialize)]
struct SessionsBody {
    items: Vec<SessionView>,
}

#[derive(Serialize)]
struct SessionView {
    id: SessionId,
    current: bool,
    created_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    /// Null while the secrets backend is sealed.
    address: Option<String>,
    device: Option<DeviceView>,
    client: String,
    tenant: Option<TenantRef>,
}

#[derive(Serialize)]
struct DeviceView {
    browser: String,
    system: String,
}

#[derive(Serialize)]
struct TenantRef {
    id: TenantId,
    name: String,
}

async fn session_list(
    who: SignedIn,
    shared: web::Data<Shared>,
) -> Result<web::Json<SessionsBody>, Problem> {
    let items = shared.identity().session_list(&who).await?;
    Ok(web::Json(SessionsBody {
        items: items.into_iter().map(SessionView::from).collect(),
    }))
}

async fn session_revoke(
    who: SignedIn,
    shared: web::Data<Shared>,
    Path(id): Path<SessionId>,
) -> Result<HttpResponse, Problem> {
    shared.identity().session_revoke(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn session_revoke_others(
    who: SignedIn,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let ended = shared.identity().session_revoke_others(&who).await?;
    Ok(HttpResponse::Ok().json(json!({ "ended": ended })))
}

impl From<SessionItem> for SessionView {
    fn from(item: SessionItem) -> Self {
        Self {
            id: item.id,
            current: item.current,
            created_at: item.created_at,
            last_used_at: item.last_used_at,
            expires_at: item.expires_at,
            address: item.address,
            device: item.device.map(|device| DeviceView {
                browser: device.browser,
                system: device.system,
            }),
            client: item.client,
            tenant: item.tenant.map(|tenant| TenantRef {
                id: TenantId::from_uuid(tenant.tenant_id),
                name: tenant.name,
            }),
        }
    }
}
