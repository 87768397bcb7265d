//! `/oauth`: where a person's own programs get their sessions (RFC 8628, RFC 6749, RFC 7636), and where programs of
//! others that a person let in get, renew and hand back their tokens (RFC 7009, RFC 8707). No page calls it and no
//! cookie is read: forms in, JSON out, errors as those documents name them.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use http::{Client, Routes, Shared};
use identity::{
    Caller, CodeExchange, Grant, IdentityError, is_program,
    oauth::{ClientCode, ClientRenewal, ClientTokens},
};
use kernel::{Classified, ClientId, ErrorKind, Secret};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Console;

/// The one program that shows a code to type.
const CLIENT_ID: &str = "revkeep-cli";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Below `/oauth`.
pub fn routes() -> Routes {
    Routes::new()
        .post("/device_authorization", device_grant_ask)
        .post("/token", token)
        .post("/revoke", revoke)
}

/// Parameters that are not known are ignored (RFC 6749 section 3.2).
#[derive(Deserialize)]
struct AskInput {
    client_id: Option<String>,
}

#[derive(Deserialize)]
struct TokenInput {
    client_id: Option<String>,
    grant_type: Option<String>,
    device_code: Option<Secret<String>>,
    refresh_token: Option<Secret<String>>,
    code: Option<Secret<String>>,
    redirect_uri: Option<String>,
    code_verifier: Option<Secret<String>>,
    resource: Option<String>,
    scope: Option<String>,
}

#[derive(Deserialize)]
struct RevokeInput {
    client_id: Option<String>,
    token: Option<Secret<String>>,
}

impl TokenInput {
    /// All that belongs to a code. A public program names itself (RFC 6749 section 4.1.3).
    fn exchange(self) -> Option<CodeExchange> {
        Some(CodeExchange {
            code: self.code?,
            client_id: self.client_id?,
            redirect_uri: self.redirect_uri?,
            verifier: self.code_verifier?,
        })
    }

    /// The program of others that asks, if it is one.
    fn client(&self) -> Option<ClientId> {
        self.client_id.as_deref()?.parse().ok()
    }

    fn client_code(self) -> Option<ClientCode> {
        Some(ClientCode {
            code: self.code?,
            client_id: self.client_id?,
            redirect_uri: self.redirect_uri?,
            verifier: self.code_verifier?,
            resource: self.resource,
        })
    }

    fn client_renewal(self) -> Option<ClientRenewal> {
        Some(ClientRenewal {
            refresh_token: self.refresh_token?,
            client_id: self.client_id?,
            resource: self.resource,
            scope: self.scope,
        })
    }
}

#[derive(Serialize)]
struct DeviceAuthorization<'a> {
    device_code: &'a str,
    user_code: &'a str,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: u64,
    interval: u64,
}

#[derive(Serialize)]
struct TokenBody<'a> {
    access_token: &'a str,
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    /// Absent where the program has the newer one already (CX-02).
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

#[derive(Serialize)]
struct ClientTokenBody<'a> {
    access_token: &'a str,
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    refresh_token: &'a str,
    /// What the person approved, which may be less than was asked for.
    scope: String,
}

async fn device_grant_ask(
    _: Client,
    console: web::Data<Console>,
    request: HttpRequest,
    input: Result<web::Form<AskInput>, actix_web::Error>,
) -> HttpResponse {
    match input {
        Ok(web::Form(input)) if input.client_id.as_deref() == Some(CLIENT_ID) => {}
        Ok(_) => return refusal("invalid_client"),
        Err(_) => return refusal("invalid_request"),
    }
    let caller = console.shared.caller(&request);
    let grant = match console.identity.device_grant_ask(&caller).await {
        Ok(grant) => grant,
        Err(error) => return failure(&error),
    };
    let page = format!("{}/device", console.public_url);
    uncached(HttpResponse::Ok()).json(DeviceAuthorization {
        device_code: grant.device_code.expose(),
        user_code: &grant.user_code,
        verification_uri_complete: format!("{page}?user_code={}", grant.user_code),
        verification_uri: page,
        expires_in: grant.expires_in.as_secs(),
        interval: grant.poll_every.as_secs(),
    })
}

async fn token(
    _: Client,
    shared: web::Data<Shared>,
    request: HttpRequest,
    input: Result<web::Form<TokenInput>, actix_web::Error>,
) -> HttpResponse {
    let Ok(web::Form(input)) = input else {
        return refusal("invalid_request");
    };
    let (identity, caller) = (shared.identity(), shared.caller(&request));
    if input.client().is_some() {
        return client_token(&shared, input, &caller).await;
    }
    if input.grant_type.as_deref() == Some("authorization_code") {
        let Some(exchange) = input.exchange() else {
            return refusal("invalid_request");
        };
        return match identity.authorization_exchange(exchange, &caller).await {
            Ok(grant) => token_body(&grant),
            Err(error) => failure(&error),
        };
    }
    if input.client_id.as_deref().is_some_and(|id| !is_program(id)) {
        return refusal("invalid_client");
    }
    let granted = match (
        input.grant_type.as_deref(),
        input.device_code,
        input.refresh_token,
    ) {
        (Some(DEVICE_CODE), Some(code), _) => {
            identity.device_grant_poll(code.expose(), &caller).await
        }
        (Some("refresh_token"), _, Some(token)) => {
            identity.client_refresh(token.expose(), &caller).await
        }
        (Some(DEVICE_CODE | "refresh_token") | None, ..) => return refusal("invalid_request"),
        (Some(_), ..) => return refusal("unsupported_grant_type"),
    };
    match granted {
        Ok(grant) => token_body(&grant),
        Err(error) => failure(&error),
    }
}

/// Of a program of others: a code or a refresh token, and nothing else.
async fn client_token(shared: &Shared, input: TokenInput, caller: &Caller) -> HttpResponse {
    let identity = shared.identity();
    let tokens = match input.grant_type.as_deref() {
        Some("authorization_code") => match input.client_code() {
            Some(code) => identity.client_exchange(code, caller).await,
            None => return refusal("invalid_request"),
        },
        Some("refresh_token") => match input.client_renewal() {
            Some(renewal) => identity.client_renew(renewal, caller).await,
            None => return refusal("invalid_request"),
        },
        Some(_) => return refusal("unsupported_grant_type"),
        None => return refusal("invalid_request"),
    };
    match tokens {
        Ok(tokens) => client_body(&tokens),
        Err(error) => failure(&error),
    }
}

fn client_body(tokens: &ClientTokens) -> HttpResponse {
    uncached(HttpResponse::Ok()).json(ClientTokenBody {
        access_token: tokens.access_token.expose(),
        token_type: "Bearer",
        expires_in: tokens.expires_in.as_secs(),
        refresh_token: tokens.refresh_token.expose(),
        scope: tokens.scopes.join(" "),
    })
}

async fn revoke(
    _: Client,
    shared: web::Data<Shared>,
    request: HttpRequest,
    input: Result<web::Form<RevokeInput>, actix_web::Error>,
) -> HttpResponse {
    let Ok(web::Form(RevokeInput {
        client_id: Some(client),
        token: Some(token),
    })) = input
    else {
        return refusal("invalid_request");
    };
    let (identity, caller) = (shared.identity(), shared.caller(&request));
    match identity.client_token_revoke(&token, &client, &caller).await {
        Ok(()) => uncached(HttpResponse::Ok()).finish(),
        Err(error) => failure(&error),
    }
}

fn token_body(grant: &Grant) -> HttpResponse {
    uncached(HttpResponse::Ok()).json(TokenBody {
        access_token: &grant.access_token,
        token_type: "Bearer",
        expires_in: grant.expires_in.as_secs(),
        refresh_token: grant
            .refresh
            .as_ref()
            .map(|refresh| refresh.token.expose().as_str()),
    })
}

/// RFC 6749 section 5.2: 400 with a code. What is ours to mend keeps its own status.
fn failure(error: &IdentityError) -> HttpResponse {
    match (error, error.kind()) {
        (IdentityError::DeviceGrant(code), _) => refusal(code),
        (IdentityError::RateLimited { retry_after }, _) => {
            uncached(HttpResponse::TooManyRequests())
                .insert_header((header::RETRY_AFTER, retry_after.as_secs().to_string()))
                .json(json!({ "error": "slow_down" }))
        }
        (_, ErrorKind::Unauthenticated | ErrorKind::NotFound) => refusal("invalid_grant"),
        (_, ErrorKind::Sealed | ErrorKind::Unavailable) => {
            uncached(HttpResponse::ServiceUnavailable())
                .json(json!({ "error": "temporarily_unavailable" }))
        }
        _ => {
            log::error!("a program's request failed: {error}");
            uncached(HttpResponse::InternalServerError()).json(json!({ "error": "server_error" }))
        }
    }
}

fn refusal(code: &str) -> HttpResponse {
    let status = match code {
        "invalid_client" => HttpResponse::Unauthorized(),
        _ => HttpResponse::BadRequest(),
    };
    uncached(status).json(json!({ "error": code }))
}

/// RFC 6749 section 5.1.
fn uncached(mut answer: actix_web::HttpResponseBuilder) -> actix_web::HttpResponseBuilder {
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    answer
}

#[cfg(test)]
mod tests {
    /// A new line here is a decision.
    #[test]
    fn programs_have_these_doors_and_no_other() {
        let lines: Vec<String> = super::routes()
            .list()
            .iter()
            .map(|route| format!("{} {} {:?}", route.method, route.path, route.access))
            .collect();
        assert_eq!(
            lines,
            [
                "POST /device_authorization Client",
                "POST /token Client",
                "POST /revoke Client"
            ]
        );
    }
}
