//! `/sso/saml/{provider}`: what identity providers and their browsers' forms call. No page of ours calls it
//! and no cookie is read; what a form proves waits for the page that it leads to.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use http::{Client, Path, Problem, Public, Routes};
use kernel::{Classified, ProviderId, Secret};
use serde::Deserialize;

use crate::Console;

/// A response in base64 and percent-encoded; more than any provider sends.
pub(crate) const MOST_FORM_BYTES: usize = 2 << 20;

/// Below `/sso/saml/{provider}`.
pub fn routes() -> Routes {
    Routes::new()
        .get("/metadata", saml_metadata)
        .post("/acs", saml_respond)
        .get("/logout", saml_signed_out)
}

/// SAML bindings section 3.5.4.
#[derive(Deserialize)]
struct Form {
    #[serde(rename = "SAMLResponse")]
    response: Secret<String>,
    #[serde(rename = "RelayState")]
    state: Option<String>,
}

async fn saml_metadata(
    _: Public,
    console: web::Data<Console>,
    Path(provider): Path<ProviderId>,
) -> Result<HttpResponse, Problem> {
    let metadata = console.sso.saml_metadata(provider).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/samlmetadata+xml")
        .body(metadata))
}

/// Sends the browser on to the console's page, with a ticket or with why there is none.
async fn saml_respond(
    _: Client,
    console: web::Data<Console>,
    request: HttpRequest,
    Path(provider): Path<ProviderId>,
    form: Result<web::Form<Form>, actix_web::Error>,
) -> HttpResponse {
    let page = console.sso.saml_return();
    let Ok(web::Form(form)) = form else {
        return go(&format!("{page}#error=saml_form"));
    };
    let caller = console.shared.caller(&request);
    let done = console
        .sso
        .saml_respond(provider, (form.state.as_deref(), form.response), &caller)
        .await;
    match done {
        Ok(ticket) => go(&format!("{page}#{}", ticket.expose())),
        Err(error) => {
            log::info!("a SAML response was refused: {error}");
            go(&format!("{page}#error={}", error.code()))
        }
    }
}

/// Where a provider sends the browser once it has signed the person out.
async fn saml_signed_out(_: Public, console: web::Data<Console>) -> HttpResponse {
    go(&format!("{}/sign-in", console.public_url))
}

/// By GET, whatever the browser came with.
fn go(to: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, to))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

#[cfg(test)]
mod tests {
    /// A new line here is a decision.
    #[test]
    fn providers_have_these_doors_and_no_other() {
        let lines: Vec<String> = super::routes()
            .list()
            .iter()
            .map(|route| format!("{} {} {:?}", route.method, route.path, route.access))
            .collect();
        assert_eq!(
            lines,
            [
                "GET /metadata Public",
                "POST /acs Client",
                "GET /logout Public"
            ]
        );
    }
}
