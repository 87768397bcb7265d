//! `/.well-known/oauth-authorization-server` (RFC 8414): where a program that somebody lets in finds its way. It
//! names no tenant and nobody.

use actix_web::{HttpResponse, http::header, web};
use identity::oauth::CLIENT_SCOPES;
use serde_json::{Value, json};

use crate::Console;

pub(crate) const PATH: &str = "/.well-known/oauth-authorization-server";

pub(crate) async fn authorization_server(console: web::Data<Console>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "max-age=300"))
        .json(described(&console.public_url))
}

fn described(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/oauth/token"),
        "revocation_endpoint": format!("{issuer}/oauth/revoke"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "scopes_supported": CLIENT_SCOPES.map(|scope| scope.name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is not named here, a program does not try: no plain challenge, no implicit answer, no secret.
    #[test]
    fn it_offers_a_code_with_s256_and_nothing_weaker() {
        let told = described("https://revkeep.example");
        assert_eq!(told["issuer"], "https://revkeep.example");
        assert_eq!(told["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(told["response_types_supported"], json!(["code"]));
        assert_eq!(
            told["token_endpoint_auth_methods_supported"],
            json!(["none"])
        );
        assert_eq!(told["authorization_response_iss_parameter_supported"], true);
        assert!(told.get("registration_endpoint").is_none());
    }
}
