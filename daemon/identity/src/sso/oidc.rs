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
    AdditionalClaims, AdditionalProviderMetadata, ClaimsVerificationError, ClientId, IdToken,
    IdTokenClaims, IssuerUrl, Nonce, ProviderMetadata, SignatureVerificationError,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGenderClaim,
        CoreGrantType, CoreIdTokenVerifier, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
        CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::{error::SsoError, model::Proven, transport};

#[cfg(test)]
mod tests;

/// How long metadata and keys of a provider are believed.
const KEPT: TimeDelta = TimeDelta::hours(1);
/// A token with an unknown key makes them be read again, this often at most for each provider.
const REREAD_GAP: TimeDelta = TimeDelta::seconds(10);
/// A provider's clock may be ahead by this much.
const SKEW: TimeDelta = TimeDelta::seconds(60);
/// More providers than this at once are read more often.
const MOST_KNOWN: usize = 1_000;
const MOST_TOKEN_BYTES: usize = 256 << 10;

/// Signatures by the provider's own key: never `none`, never a shared secret (RFC 8725 section 3.2).
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What the library's metadata lacks.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct More {
    end_session_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}
impl AdditionalProviderMetadata for More {}

/// Claims beyond the standard's, among them the groups.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Others {
    #[serde(flatten)]
    rest: Map<String, Value>,
}
impl AdditionalClaims for Others {}

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
type Token =
    IdToken<Others, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Claims = IdTokenClaims<Others, CoreGenderClaim>;

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

    /// Some providers tell address and groups at the UserInfo endpoint alone (Core section 5.3). Its
    /// answer counts for the ID token's subject only.
    async fn ask_user_info(
        &self,
        metadata: &Metadata,
        client: &Client<'_>,
        access: Option<&Secret<String>>,
        proven: &mut Proven,
    ) -> Result<(), SsoError> {
        let (Some(endpoint), Some(access)) = (metadata.userinfo_endpoint(), access) else {
            return Ok(());
        };
        let request = Request::new(Method::Get, endpoint.to_string())
            .bearer(access)
            .header("accept", "application/json")
            .most_response_bytes(MOST_TOKEN_BYTES);
        let response = self.http.send(request).await?;
        let told: Option<Map<String, Value>> = response
            .is_success()
            .then(|| serde_json::from_slice(response.body()).ok())
            .flatten();
        let Some(told) = told else {
            return Ok(());
        };
        if told.get("sub").and_then(Value::as_str) != Some(proven.subject.as_str()) {
            return Err(SsoError::Token(String::from(
                "UserInfo is about somebody else",
            )));
        }
        let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
        if proven.email.is_none() && told.get("email_verified") != Some(&Value::Bool(false)) {
            proven.email = text("email");
        }
        if proven.name.is_none() {
            proven.name = text("name");
        }
        if proven.groups.is_empty() {
            proven.groups = groups(told.get(client.groups_claim));
        }
        Ok(())
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

fn verified(
    metadata: &Metadata,
    client: &Client<'_>,
    text: &str,
    nonce: &Secret<String>,
    now: DateTime<Utc>,
) -> Result<Claims, ClaimsVerificationError> {
    let token: Token = text
        .parse()
        .map_err(|_| ClaimsVerificationError::Other(String::from("no JWT")))?;
    // As a public client: a secret that both sides know signs nothing.
    let verifier = CoreIdTokenVerifier::new_public_client(
        ClientId::new(client.client_id.to_owned()),
        metadata.issuer().clone(),
        metadata.jwks().clone(),
    )
    .set_allowed_algs(ALGORITHMS)
    .set_time_fn(move || now)
    .set_issue_time_verifier_fn(move |issued| {
        if issued > now + SKEW {
            Err(String::from("issued in the future"))
        } else {
            Ok(())
        }
    });
    let same = |told: Option<&Nonce>| match told {
        Some(told) if told.secret() == nonce.expose() => Ok(()),
        _ => Err(String::from("another sign-in's nonce")),
    };
    token.into_claims(&verifier, same)
}

fn refusal(error: ClaimsVerificationError) -> SsoError {
    let why = match error {
        ClaimsVerificationError::Expired(_) => "it has expired",
        ClaimsVerificationError::InvalidAudience(_) => "it is for another client",
        ClaimsVerificationError::InvalidIssuer(_) => "it is of another issuer",
        ClaimsVerificationError::InvalidNonce(_) => "its nonce is not this sign-in's",
        ClaimsVerificationError::SignatureVerification(error) => match error {
            SignatureVerificationError::NoMatchingKey => "its key is unknown",
            SignatureVerificationError::NoSignature
            | SignatureVerificationError::DisallowedAlg(_) => "its algorithm is not accepted",
            _ => "its signature is wrong",
        },
        _ => "it is malformed",
    };
    SsoError::Token(format!("the ID token: {why}"))
}

fn proven(claims: &Claims, client: &Client<'_>) -> Proven {
    let others = &claims.additional_claims().rest;
    let name = claims
        .name()
        .and_then(|name| name.get(None))
        .map(|name| name.to_string());
    Proven {
        issuer: claims.issuer().to_string(),
        subject: claims.subject().to_string(),
        email: claims
            .email()
            .filter(|_| claims.email_verified() != Some(false))
            .map(|email| email.to_string()),
        name,
        groups: groups(others.get(client.groups_claim)),
    }
}

/// A list of texts, or one.
fn groups(value: Option<&Value>) -> Vec<String> {
    const MOST: usize = 1_000;
    match value {
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_str)
            .take(MOST)
            .map(str::to_owned)
            .collect(),
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
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
