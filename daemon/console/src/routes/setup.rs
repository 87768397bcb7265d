//! The first visit: the one-time code of `revkeep setup` makes the first organisation and account.

use actix_web::{HttpRequest, HttpResponse, web};
use http::{Body, Knock, Problem, Public, Routes};
use identity::SetupClaim;
use kernel::Secret;
use serde::{Deserialize, Serialize};

use super::session;
use crate::Console;

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
    console: web::Data<Console>,
) -> Result<web::Json<SetupState>, Problem> {
    Ok(web::Json(SetupState {
        needed: console.identity.setup_needed().await?,
    }))
}

async fn setup_claim(
    _: Knock,
    console: web::Data<Console>,
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
    let caller = console.shared.caller(&request);
    let grant = console
        .identity
        .setup_claim(claim, &caller)
        .await
        .map_err(session::problem)?;
    Ok(session::granted(HttpResponse::Created(), grant))
}
