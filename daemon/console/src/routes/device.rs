//! A person answers a program that asks for a session of theirs (RFC 8628 section 3.3).

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{Path, Problem, Routes, Shared, SignedIn};
use serde::Serialize;

use super::session::problem;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/me/device-requests/{user_code}", device_grant_show)
        .post(
            "/me/device-requests/{user_code}/approve",
            device_grant_approve,
        )
        .post("/me/device-requests/{user_code}/deny", device_grant_deny)
}

#[derive(Serialize)]
struct DeviceRequestBody {
    client: String,
    requested_at: DateTime<Utc>,
    /// Null while the secrets backend is sealed.
    address: Option<String>,
    expires_at: DateTime<Utc>,
}

async fn device_grant_show(
    who: SignedIn,
    shared: web::Data<Shared>,
    Path(code): Path<String>,
) -> Result<web::Json<DeviceRequestBody>, Problem> {
    let found = shared.identity().device_grant_show(&who, &code).await;
    let found = found.map_err(problem)?;
    Ok(web::Json(DeviceRequestBody {
        client: found.client,
        requested_at: found.requested_at,
        address: found.address,
        expires_at: found.expires_at,
    }))
}

async fn device_grant_approve(
    who: SignedIn,
    shared: web::Data<Shared>,
    Path(code): Path<String>,
) -> Result<HttpResponse, Problem> {
    let done = shared.identity().device_grant_approve(&who, &code).await;
    done.map_err(problem)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn device_grant_deny(
    who: SignedIn,
    shared: web::Data<Shared>,
    Path(code): Path<String>,
) -> Result<HttpResponse, Problem> {
    let done = shared.identity().device_grant_deny(&who, &code).await;
    done.map_err(problem)?;
    Ok(HttpResponse::NoContent().finish())
}
