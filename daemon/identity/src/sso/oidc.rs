//! OpenID Connect as a relying party: OpenID Connect Core 1.0 section 3.1 (authorization code),
//! Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (issuer in the answer). Each contact passes `egress`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use egress::{Http, Method, Request};
use kernel::Secret;
use openidconnect::{
    AdditionalProviderMetadata, ClaimsVerificationError, IssuerUrl, ProviderMetadata,
    SignatureVerificationError,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
        CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
        CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{error::SsoError, model::Proven, transport};
use token::{Claims, proven, refusal, verified};

#[cfg(test)]
mod tests;
mod token;
mod user_info;

/// How long metadata and keys of a provider are believed.
const KEPT: TimeDelta = TimeDelta::hours(1);
/// A token with an unknown key makes them be read again, this often at most for each provider.
const REREAD_GAP: TimeDelta = TimeDelta::seconds(10);
/// More providers than this at once are read more often.
const MOST_KNOWN: usize = 1_000;
const MOST_TOKEN_BYTES: usize = 256 << 10;

/// What the library's metadata lacks.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct More {
    end_session_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}
impl AdditionalProviderMetadata for More {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;
/// The client that Revkeep is at one provider.
pub(crate) struct Client<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) client_secret: Option<&'a Secret<String>>,
    pub(crate) scopes: &'a [String],
    pub(crate) groups_claim: &'a str,
    pub(crate) redirect: &'a str,
}

/// What the browser brought back, and what it must fit.
pub(crate) struct Answer<'a> {
    pub(crate) code: &'a Secret<String>,
    /// RFC 9207.
    pub(crate) issuer: Option<&'a str>,
    pub(crate) verifier: &'a Secret<String>,
    pub(crate) nonce: &'a Secret<String>,
}

/// What a test of a provider shows.
#[derive(Clone, Debug, Serialize)]
pub struct Probe {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: Option<String>,
    pub keys: usize,
    pub logout: bool,
}

struct Known {
    metadata: Metadata,
    read_at: DateTime<Utc>,
    /// When an unknown key last made it be read again.
    reread_at: Option<DateTime<Utc>>,
}

impl Known {
    fn may_reread(&self, now: DateTime<Utc>) -> bool {
        self.reread_at
            .is_none_or(|reread| now - reread >= REREAD_GAP)
    }
}

#[derive(Clone)]
pub(crate) struct Oidc {
    http: Http,
    known: Arc<Mutex<HashMap<String, Known>>>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
    access_token: Option<Secret<String>>,
}

#[derive(Deserialize)]
struct TokenError {
    error: String,
}

impl Oidc {
    pub(crate) fn new(http: Http) -> Self {
        Self {
            http,
            known: Arc::default(),
        }
    }

    /// Where the browser goes (OpenID Connect Core 1.0 section 3.1.2.1).
    pub(crate) async fn authorize_url(
        &self,
        client: &Client<'_>,
        (state, nonce, challenge): (&str, &Secret<String>, &str),
        now: DateTime<Utc>,
    ) -> Result<String, SsoError> {
        let metadata = self.metadata(client.issuer, now).await?;
        let mut url = metadata.authorization_endpoint().url().clone();
        if url.scheme() != "https" {
            return Err(SsoError::Answer(String::from(
                "its authorization endpoint is not https",
            )));
        }
        let mut scope = vec!["openid"];
        scope.extend(
            client
                .scopes
                .iter()
                .map(String::as_str)
                .filter(|scope| *scope != "openid"),
        );
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client.client_id)
            .append_pair("redirect_uri", client.redirect)
            .append_pair("scope", &scope.join(" "))
            .append_pair("state", state)
            .append_pair("nonce", nonce.expose())
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// Redeems the code and checks the ID token.
    pub(crate) async fn redeem(
        &self,
        client: &Client<'_>,
        answer: &Answer<'_>,
        now: DateTime<Utc>,
    ) -> Result<Proven, SsoError> {
        let metadata = self.metadata(client.issuer, now).await?;
        check_answer_issuer(&metadata, client.issuer, answer.issuer)?;
        let tokens = self.exchange(&metadata, client, answer).await?;
        let text = tokens
            .id_token
            .ok_or_else(|| SsoError::Answer(String::from("it sent no ID token")))?;
        let claims = self.claims(client, &text, answer.nonce, now).await?;
        let mut proven = proven(&claims, client);
        if proven.email.is_none() || proven.groups.is_empty() {
            self.ask_user_info(&metadata, client, tokens.access_token.as_ref(), &mut proven)
                .await?;
        }
        Ok(proven)
    }

    /// Where a person who signs out here may sign out there too (RP-Initiated Logout 1.0).
    pub(crate) async fn logout_url(
        &self,
        client: &Client<'_>,
        back_to: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, SsoError> {
        let metadata = self.metadata(client.issuer, now).await?;
        let Some(endpoint) = &metadata.additional_metadata().end_session_endpoint else {
            return Ok(None);
        };
        let Ok(mut url) = Url::parse(endpoint) else {
            return Ok(None);
        };
        url.query_pairs_mut()
            .append_pair("client_id", client.client_id)
            .append_pair("post_logout_redirect_uri", back_to);
        Ok((url.scheme() == "https").then(|| url.into()))
    }

    /// Reads the provider anew, for an administrator who asks whether it works.
    pub(crate) async fn probe(&self, issuer: &str, now: DateTime<Utc>) -> Result<Probe, SsoError> {
        let metadata = self.read(issuer, now, None).await?;
        Ok(Probe {
            issuer: metadata.issuer().to_string(),
            authorization_endpoint: metadata.authorization_endpoint().to_string(),
            token_endpoint: metadata.token_endpoint().map(|url| url.to_string()),
            keys: metadata.jwks().keys().len(),
            logout: metadata
                .additional_metadata()
                .end_session_endpoint
                .is_some(),
        })
    }

    async fn metadata(&self, issuer: &str, now: DateTime<Utc>) -> Result<Metadata, SsoError> {
        let kept = self
            .lock()
            .get(issuer)
            .filter(|known| known.read_at <= now && now - known.read_at < KEPT)
            .map(|known| known.metadata.clone());
        match kept {
            Some(metadata) => Ok(metadata),
            None => self.read(issuer, now, None).await,
        }
    }

    /// The issuer in the metadata must be the one that was asked (Discovery 1.0 section 4.3); the
    /// library sees to it.
    async fn read(
        &self,
        issuer: &str,
        now: DateTime<Utc>,
        reread_at: Option<DateTime<Utc>>,
    ) -> Result<Metadata, SsoError> {
        let url = IssuerUrl::new(issuer.to_owned())
            .map_err(|_| SsoError::Answer(String::from("its issuer is no URL")))?;
        let http = &self.http;
        let client = |request| transport::send(http, request);
        let read = Metadata::discover_async(url, &client).await;
        let metadata = read.map_err(|error| match error {
            openidconnect::DiscoveryError::Request(error) => SsoError::Egress(error),
            openidconnect::DiscoveryError::Response(status, _, _) => {
                SsoError::Answer(format!("discovery answered {status}"))
            }
            other => SsoError::Answer(other.to_string()),
        })?;
        let mut known = self.lock();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(
            issuer.to_owned(),
            Known {
                metadata: metadata.clone(),
                read_at: now,
                reread_at,
            },
        );
        Ok(metadata)
    }

    /// RFC 6749 section 4.1.3, with the client's secret as the provider wants it.
    async fn exchange(
        &self,
        metadata: &Metadata,
        client: &Client<'_>,
        answer: &Answer<'_>,
    ) -> Result<Tokens, SsoError> {
        let endpoint = metadata
            .token_endpoint()
            .ok_or_else(|| SsoError::Answer(String::from("it has no token endpoint")))?;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", answer.code.expose().as_str()),
            ("redirect_uri", client.redirect),
            ("client_id", client.client_id),
            ("code_verifier", answer.verifier.expose().as_str()),
        ];
        let mut request = Request::new(Method::Post, endpoint.to_string());
        if let Some(secret) = client.client_secret {
            let post_only = metadata
                .token_endpoint_auth_methods_supported()
                .is_some_and(|methods| {
                    methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                        && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
                });
            if post_only {
                fields.push(("client_secret", secret.expose()));
            } else {
                request = request.header("authorization", &basic(client.client_id, secret));
            }
        }
        let request = request
            .form(&fields)
            .header("accept", "application/json")
            .most_response_bytes(MOST_TOKEN_BYTES);
        let response = self.http.send(request).await?;
        if response.is_success() {
            return serde_json::from_slice(response.body())
                .map_err(|_| SsoError::Answer(String::from("its token answer is no JSON")));
        }
        match serde_json::from_slice::<TokenError>(response.body()) {
            Ok(told) => Err(SsoError::Refused(stable(&told.error))),
            Err(_) => Err(SsoError::Answer(format!(
                "the token endpoint answered {}",
                response.status
            ))),
        }
    }

    /// Checks signature, algorithm, issuer, audience, times and nonce (Core section 3.1.3.7). A key
    /// that is not known makes the keys be read again, once.
    async fn claims(
        &self,
        client: &Client<'_>,
        text: &str,
        nonce: &Secret<String>,
        now: DateTime<Utc>,
    ) -> Result<Claims, SsoError> {
        let metadata = self.metadata(client.issuer, now).await?;
        match verified(&metadata, client, text, nonce, now) {
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey
                | SignatureVerificationError::CryptoError(_),
            )) if self.may_reread(client.issuer, now) => {
                let metadata = self.read(client.issuer, now, Some(now)).await?;
                verified(&metadata, client, text, nonce, now).map_err(refusal)
            }
            other => other.map_err(refusal),
        }
    }

    fn may_reread(&self, issuer: &str, now: DateTime<Utc>) -> bool {
        self.lock()
            .get(issuer)
            .is_none_or(|known| known.may_reread(now))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// RFC 9207 section 2.4: a code of one provider is not taken to another.
fn check_answer_issuer(
    metadata: &Metadata,
    issuer: &str,
    told: Option<&str>,
) -> Result<(), SsoError> {
    match told {
        Some(told) if told != issuer => Err(SsoError::Token(String::from(
            "the answer names another issuer",
        ))),
        None if metadata
            .additional_metadata()
            .authorization_response_iss_parameter_supported =>
        {
            Err(SsoError::Token(String::from("the answer names no issuer")))
        }
        _ => Ok(()),
    }
}

/// RFC 6749 section 2.3.1: both parts are form-encoded first.
fn basic(id: &str, secret: &Secret<String>) -> zeroize::Zeroizing<String> {
    use base64::Engine as _;
    let encode =
        |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let pair = zeroize::Zeroizing::new(format!("{}:{}", encode(id), encode(secret.expose())));
    zeroize::Zeroizing::new(format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair.as_bytes())
    ))
}

/// An error code as the standard writes them, and nothing else of an answer, goes into the log.
pub(crate) fn stable(code: &str) -> String {
    let sound = (1..=60).contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if sound {
        code.to_owned()
    } else {
        String::from("unspecified")
    }
}
