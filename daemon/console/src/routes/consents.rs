//! A program of others asks a person in their browser, and they answer (RFC 6749 section 4.1.1). What it asks for is
//! in the page's address and is judged anew at each step.

use actix_web::{HttpResponse, web};
use http::{Body, Problem, Routes, SignedIn};
use identity::oauth::{Consent, ConsentRequest};
use kernel::ClientId;
use serde::{Deserialize, Serialize};

use super::{clients::ScopeView, session::problem};
use crate::Console;

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/me/consents/look", consent_show)
        .post("/me/consents", consent_approve)
        .post("/me/consents/deny", consent_deny)
}

/// What is missing is empty here, and refused with its name by whoever judges it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ConsentInput {
    client_id: String,
    redirect_uri: String,
    response_type: String,
    code_challenge: String,
    code_challenge_method: String,
    state: String,
    scope: String,
    resource: String,
}

impl From<ConsentInput> for ConsentRequest {
    fn from(input: ConsentInput) -> Self {
        Self {
            client_id: input.client_id,
            redirect_uri: input.redirect_uri,
            response_type: input.response_type,
            code_challenge: input.code_challenge,
            code_challenge_method: input.code_challenge_method,
            state: input.state,
            scope: input.scope,
            resource: input.resource,
        }
    }
}

#[derive(Serialize)]
struct ConsentView {
    client: ClientId,
    /// As the administrator named it.
    name: String,
    /// Where the answer goes.
    host: String,
    scopes: Vec<ScopeView>,
}

impl From<Consent> for ConsentView {
    fn from(consent: Consent) -> Self {
        Self {
            client: consent.client,
            name: consent.name,
            host: consent.host,
            scopes: consent.scopes.iter().map(ScopeView::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct Onward {
    /// Where the browser goes; it carries the code.
    redirect_to: String,
}

async fn consent_show(
    who: SignedIn,
    console: web::Data<Console>,
    Body(input): Body<ConsentInput>,
) -> Result<web::Json<ConsentView>, Problem> {
    let (identity, asked) = (&console.identity, input.into());
    let consent = identity.consent_show(&who, &asked, &console.public_url);
    Ok(web::Json(consent.await.map_err(problem)?.into()))
}

async fn consent_approve(
    who: SignedIn,
    console: web::Data<Console>,
    Body(input): Body<ConsentInput>,
) -> Result<HttpResponse, Problem> {
    let (identity, asked) = (&console.identity, input.into());
    let address = identity.consent_approve(&who, &asked, &console.public_url);
    let address = address.await.map_err(problem)?;
    Ok(HttpResponse::Created().json(Onward {
        redirect_to: address.expose().clone(),
    }))
}

async fn consent_deny(
    who: SignedIn,
    console: web::Data<Console>,
    Body(input): Body<ConsentInput>,
) -> Result<web::Json<Onward>, Problem> {
    let (identity, asked) = (&console.identity, input.into());
    let address = identity.consent_deny(&who, &asked, &console.public_url);
    Ok(web::Json(Onward {
        redirect_to: address.await.map_err(problem)?,
    }))
}
