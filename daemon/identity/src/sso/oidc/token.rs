//! What an ID token proves: OpenID Connect Core 1.0 section 3.1.3.7.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::Secret;
use openidconnect::{
    AdditionalClaims, ClaimsVerificationError, ClientId, IdToken, IdTokenClaims, Nonce,
    SignatureVerificationError,
    core::{
        CoreGenderClaim, CoreIdTokenVerifier, CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Client, Metadata};
use crate::sso::{error::SsoError, model::Proven};

/// A provider's clock may be ahead by this much.
const SKEW: TimeDelta = TimeDelta::seconds(60);

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

/// Claims beyond the standard's, among them the groups.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Others {
    #[serde(flatten)]
    rest: Map<String, Value>,
}
impl AdditionalClaims for Others {}

type Token =
    IdToken<Others, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
pub(super) type Claims = IdTokenClaims<Others, CoreGenderClaim>;

pub(super) fn verified(
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

pub(super) fn refusal(error: ClaimsVerificationError) -> SsoError {
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

pub(super) fn proven(claims: &Claims, client: &Client<'_>) -> Proven {
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
pub(super) fn groups(value: Option<&Value>) -> Vec<String> {
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
