//! The first visit: the one-time code of `revkeep setup` makes the first organisation and account.

use actix_web::{HttpRequest, HttpResponse, web};
use http::{Body, Knock, Problem, Public, Routes, Shared};
use identity::SetupClaim;
use kernel::Secret;
use serde::{Deserialize, Serialize};

use super::session;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/setup", setup_needed)
        .post("/setup", setup_claim)
}

#[derive(Serialize)]
struct SetupState {
    needed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimInput {
    code: String,
    organisation: String,
    name: String,
    email: String,
    password: Secret<String>,
}

async fn setup_needed(
    _: Public,
    shared: web::Data<Shared>,
) -> Result<web::Json<SetupState>, Problem> {
    Ok(web::Json(SetupState {
        needed: shared.identity().setup_needed().await?,
    }))
}

async fn setup_claim(
    _: Knock,
    shared: web::Data<Shared>,
    request: HttpRequest,
    Body(input): Body<ClaimInput>,
) -> Result<HttpResponse, Problem> {
    let claim = SetupClaim {
        code: input.code,
        organisation: input.organisation,
        name: input.name,
        email: input.email,
        password: input.password,
    };
    let caller = shared.caller(&request);
    let grant = shared
        .identity()
        .setup_claim(claim, &caller)
        .await
        .map_err(session::problem)?;
    session::signed_in(&shared, &request, HttpResponse::Created(), grant).await
}
