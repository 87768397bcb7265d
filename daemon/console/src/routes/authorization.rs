//! A person answers a program on their own machine that opened this console in their browser (RFC 6749
//! section 4.1.1). What the program asks for is in the page's address and is judged anew at each step.

use actix_web::{HttpResponse, web};
use http::{Body, Problem, Routes, Shared, SignedIn};
use identity::AuthorizationRequest;
use serde::{Deserialize, Serialize};

use super::session::problem;
use crate::Console;

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/me/authorizations/look", authorization_show)
        .post("/me/authorizations", authorization_approve)
        .post("/me/authorizations/deny", authorization_deny)
}

/// What is missing is empty here, and refused with its name by whoever judges it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AuthorizationInput {
    client_id: String,
    redirect_uri: String,
    response_type: String,
    code_challenge: String,
    code_challenge_method: String,
    state: String,
}

impl From<AuthorizationInput> for AuthorizationRequest {
    fn from(input: AuthorizationInput) -> Self {
        Self {
            client_id: input.client_id,
            redirect_uri: input.redirect_uri,
            response_type: input.response_type,
            code_challenge: input.code_challenge,
            code_challenge_method: input.code_challenge_method,
            state: input.state,
        }
    }
}

#[derive(Serialize)]
struct AuthorizationView {
    /// The program's name.
    client: &'static str,
}

#[derive(Serialize)]
struct Onward {
    /// Where the browser goes; it carries the code.
    redirect_to: String,
}

async fn authorization_show(
    _: SignedIn,
    shared: web::Data<Shared>,
    Body(input): Body<AuthorizationInput>,
) -> Result<web::Json<AuthorizationView>, Problem> {
    let client = shared.identity().authorization_show(&input.into());
    Ok(web::Json(AuthorizationView {
        client: client.map_err(problem)?,
    }))
}

async fn authorization_approve(
    who: SignedIn,
    console: web::Data<Console>,
    Body(input): Body<AuthorizationInput>,
) -> Result<HttpResponse, Problem> {
    let (identity, asked) = (&console.identity, input.into());
    let address = identity.authorization_approve(&who, &asked, &console.public_url);
    let address = address.await.map_err(problem)?;
    let onward = Onward {
        redirect_to: address.expose().clone(),
    };
    Ok(HttpResponse::Created().json(onward))
}

async fn authorization_deny(
    who: SignedIn,
    console: web::Data<Console>,
    Body(input): Body<AuthorizationInput>,
) -> Result<web::Json<Onward>, Problem> {
    let (identity, asked) = (&console.identity, input.into());
    let address = identity.authorization_deny(&who, &asked, &console.public_url);
    Ok(web::Json(Onward {
        redirect_to: address.await.map_err(problem)?,
    }))
}
