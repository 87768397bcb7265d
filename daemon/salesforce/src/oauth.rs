//! OAuth 2.0 at Salesforce: web server flow with PKCE, refresh with rotation, revocation.

use async_trait::async_trait;
use connections::{App, BrokenCode, CALL_TIMEOUT, Environment, Grant, Provider, ProviderError};
use egress::{Egress, Http, Method, Purpose, Request, Response};
use kernel::Secret;
use serde::Deserialize;
use soql::SalesforceId;
use url::Url;

use crate::{config::Config, host::Hosts};

/// Read and update by API, and renewal. Nothing administrative (LR-25).
const SCOPES: &[&str] = &["api", "refresh_token"];
/// A grant that carries one of these gives more than was asked for.
const TOO_BROAD: &[&str] = &["full", "web"];
/// Queued when a connection was made.
const FIRST_JOBS: &[&str] = &["reps.sync"];

/// The provider behind the connection to Salesforce.
pub struct SalesforceOAuth {
    http: Http,
    hosts: Hosts,
}

impl SalesforceOAuth {
    pub fn new(egress: &Egress, config: &Config) -> Self {
        Self {
            http: egress.http(Purpose::Salesforce),
            hosts: Hosts::new(&config.declared_hosts),
        }
    }

    async fn post(
        &self,
        app: &App,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<Response, ProviderError> {
        if !self.hosts.login_allowed(&app.login_host) {
            return Err(ProviderError::Refused {
                code: BrokenCode::HostRefused,
                detail: format!("{} is not a host of Salesforce", app.login_host),
            });
        }
        let url = format!("https://{}/services/oauth2/{path}", app.login_host);
        let request = Request::new(Method::Post, url)
            .header("accept", "application/json")
            .form(fields)
            .timeout(CALL_TIMEOUT);
        self.http.send(request).await.map_err(|error| {
            if error.nothing_sent() {
                ProviderError::NotDone(error.to_string())
            } else {
                ProviderError::InDoubt(error.to_string())
            }
        })
    }

    async fn token(&self, app: &App, fields: &[(&str, &str)]) -> Result<Grant, ProviderError> {
        let mut fields = fields.to_vec();
        fields.push(("client_id", &app.client_id));
        if let Some(secret) = &app.client_secret {
            fields.push(("client_secret", secret.expose()));
        }
        let answer = self.post(app, "token", &fields).await?;
        if !answer.is_success() {
            return Err(refused(&answer));
        }
        let unreadable =
            |what: &str| ProviderError::InDoubt(format!("the token answer has no usable {what}"));
        let answer: TokenAnswer = answer.json().map_err(|_| unreadable("body"))?;
        let (organisation, user) =
            identity(&answer.id).ok_or_else(|| unreadable("identity address"))?;
        let scopes: Vec<String> = answer.scope.split_whitespace().map(str::to_owned).collect();
        Ok(Grant {
            access: answer.access_token,
            refresh: answer.refresh_token,
            instance_url: answer.instance_url,
            organisation,
            user,
            scopes,
        })
    }
}

#[async_trait]
impl Provider for SalesforceOAuth {
    fn name(&self) -> &'static str {
        "salesforce"
    }

    fn scopes(&self) -> &'static [&'static str] {
        SCOPES
    }

    fn first_jobs(&self) -> &'static [&'static str] {
        FIRST_JOBS
    }

    fn login_host(&self, environment: Environment, my_domain: Option<&str>) -> Option<String> {
        self.hosts.login(environment, my_domain)
    }

    fn instance_allowed(&self, instance_url: &str) -> bool {
        self.hosts.instance_allowed(instance_url)
    }

    fn authorize_url(&self, app: &App, state: &str, challenge: &str) -> String {
        let address = format!("https://{}/services/oauth2/authorize", app.login_host);
        let scope = SCOPES.join(" ");
        let parameters = [
            ("response_type", "code"),
            ("client_id", app.client_id.as_str()),
            ("redirect_uri", app.redirect_uri.as_str()),
            ("scope", scope.as_str()),
            ("state", state),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ];
        match Url::parse_with_params(&address, parameters) {
            Ok(url) => url.into(),
            // The host was checked when it was stored, so it is part of a valid address.
            Err(_) => address,
        }
    }

    async fn exchange(
        &self,
        app: &App,
        code: &Secret<String>,
        verifier: &Secret<String>,
    ) -> Result<Grant, ProviderError> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.expose().as_str()),
            ("redirect_uri", app.redirect_uri.as_str()),
            ("code_verifier", verifier.expose().as_str()),
        ];
        let grant = self.token(app, &fields).await?;
        let broad = grant
            .scopes
            .iter()
            .find(|scope| TOO_BROAD.contains(&scope.as_str()));
        match broad {
            None => Ok(grant),
            Some(scope) => {
                let detail = format!("the grant carries the scope {scope}, which is too broad");
                if let Err(error) = self.revoke(app, &grant.access).await {
                    log::warn!("a grant that is too broad could not be revoked: {error}");
                }
                let code = BrokenCode::LoginRefused;
                Err(ProviderError::Refused { code, detail })
            }
        }
    }

    async fn refresh(&self, app: &App, token: &Secret<String>) -> Result<Grant, ProviderError> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token.expose().as_str()),
        ];
        self.token(app, &fields).await
    }

    async fn revoke(&self, app: &App, token: &Secret<String>) -> Result<(), ProviderError> {
        let answer = self
            .post(app, "revoke", &[("token", token.expose())])
            .await?;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        // A token that Salesforce does not know any more is as good as revoked.
        if answer.is_success() || text.contains("invalid_token") {
            return Ok(());
        }
        Err(ProviderError::NotDone(format!(
            "revocation was answered with status {}",
            answer.status
        )))
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Secret<String>,
    refresh_token: Option<Secret<String>>,
    instance_url: String,
    /// `https://login…/id/<organisation>/<user>`
    id: String,
    #[serde(default)]
    scope: String,
}

/// Organisation and user: the last two segments of the identity address, 18 characters each.
fn identity(address: &str) -> Option<(String, String)> {
    let mut segments = address.rsplit('/');
    let user: SalesforceId = segments.next()?.parse().ok()?;
    let organisation: SalesforceId = segments.next()?.parse().ok()?;
    (user.key_prefix() == "005" && organisation.key_prefix() == "00D")
        .then(|| (organisation.to_string(), user.to_string()))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenError {
    error: String,
    error_description: String,
}

/// What an error of the token endpoint means. Only the description tells a request that met another
/// one with the same token from a token that is dead.
fn refused(answer: &Response) -> ProviderError {
    let status = answer.status;
    let error: Option<TokenError> = answer.json().ok();
    meaning(status, error.as_ref())
}

fn meaning(status: u16, error: Option<&TokenError>) -> ProviderError {
    let detail = match error {
        Some(error) => format!("status {status}, {}", shown(&error.error)),
        None => format!("status {status}"),
    };
    let description = error
        .map(|error| error.error_description.to_ascii_lowercase())
        .unwrap_or_default();
    let name = error.map_or("", |error| error.error.as_str());
    // A 503 may be a gateway's, behind which the token was rotated: it says nothing (see below).
    if status == 429
        || name == "rate_limit_exceeded"
        || description.contains("already being processed")
    {
        return ProviderError::NotDone(detail);
    }
    let code = match name {
        // Whoever answered, it was not Salesforce's token endpoint, or it fell over half-way.
        _ if status >= 500 || name.is_empty() => return ProviderError::InDoubt(detail),
        "inactive_user" => BrokenCode::UserInactive,
        "inactive_org" => BrokenCode::OrganisationInactive,
        "invalid_client" | "invalid_client_id" | "invalid_client_credentials" => {
            BrokenCode::ClientRefused
        }
        "invalid_grant" if description.contains("inactive user") => BrokenCode::UserInactive,
        "invalid_grant" if description.contains("inactive org") => BrokenCode::OrganisationInactive,
        "invalid_grant" if description.contains("expired") || description.contains("revoked") => {
            BrokenCode::GrantRevoked
        }
        "invalid_grant"
            if description.contains("authentication failure") || description.contains("ip ") =>
        {
            BrokenCode::LoginRefused
        }
        _ => BrokenCode::RefreshRefused,
    };
    ProviderError::Refused { code, detail }
}

/// A word from outside, fit for a log line.
fn shown(word: &str) -> String {
    word.chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
        .take(60)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, error: &str, description: &str) -> ProviderError {
        meaning(
            status,
            Some(&TokenError {
                error: error.to_owned(),
                error_description: description.to_owned(),
            }),
        )
    }

    #[test]
    fn only_a_collision_and_overload_may_be_asked_again() {
        for (status, error, description) in [
            (
                400,
                "invalid_grant",
                "Token request is ALREADY being processed",
            ),
            (400, "rate_limit_exceeded", ""),
            (429, "", ""),
        ] {
            let found = of(status, error, description);
            assert!(matches!(found, ProviderError::NotDone(_)), "{found}");
        }
        for found in [
            of(500, "server_error", ""),
            of(503, "server_error", ""),
            meaning(502, None),
            meaning(403, None),
        ] {
            assert!(matches!(found, ProviderError::InDoubt(_)), "{found}");
        }
    }

    #[test]
    fn terminal_errors_say_what_to_do() {
        for (error, description, expected) in [
            (
                "invalid_grant",
                "expired access/refresh token",
                BrokenCode::GrantRevoked,
            ),
            ("invalid_grant", "inactive user", BrokenCode::UserInactive),
            ("inactive_user", "", BrokenCode::UserInactive),
            ("inactive_org", "", BrokenCode::OrganisationInactive),
            (
                "invalid_client",
                "invalid client credentials",
                BrokenCode::ClientRefused,
            ),
            (
                "invalid_client_id",
                "client identifier invalid",
                BrokenCode::ClientRefused,
            ),
            (
                "invalid_grant",
                "authentication failure",
                BrokenCode::LoginRefused,
            ),
            (
                "invalid_grant",
                "ip restricted or invalid login hours",
                BrokenCode::LoginRefused,
            ),
            ("invalid_grant", "something new", BrokenCode::RefreshRefused),
            (
                "unsupported_grant_type",
                "grant type not supported",
                BrokenCode::RefreshRefused,
            ),
        ] {
            match of(400, error, description) {
                ProviderError::Refused { code, .. } => assert_eq!(code, expected, "{description}"),
                other => panic!("{error}: {other}"),
            }
        }
    }

    #[test]
    fn identity_comes_from_the_last_two_segments_and_must_be_ids() {
        let address = "https://login.salesforce.com/id/00Dxx0000001gPLEAY/005xx000001SwiUAAS";
        let expected = (
            "00Dxx0000001gPLEAY".to_owned(),
            "005xx000001SwiUAAS".to_owned(),
        );
        assert_eq!(identity(address), Some(expected));
        for address in [
            "",
            "005xx000001SwiUAAS",
            "https://login.salesforce.com/id/005xx000001SwiUAAS/00Dxx0000001gPLEAY",
            "https://login.salesforce.com/id/00Dxx0000001gPLEAY/005xx000001SwiUAAT",
        ] {
            assert_eq!(identity(address), None, "{address}");
        }
    }
}
