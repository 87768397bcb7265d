//! The keys that sign access tokens (LM-07): RSA 3072 or Ed25519, private halves sealed in `signing_keys` and
//! kept in memory while the daemon runs. Three are published: the current one, the one before it,
//! whose tokens still live, and the next, so that a daemon never meets a key that it does not know.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};
use kernel::{Clock, Secret, SigningKeyId};
use openssl::{
    pkey::{Id, PKey, Private},
    rsa::Rsa,
};
use serde_json::{Value, json};
use vault::{Binding, Sealed, Vault};

use crate::{config::SigningAlgorithm, error::IdentityError, token};

const BITS: u32 = 3072;

/// A signing key as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyItem {
    pub id: SigningKeyId,
    /// `next`, `current`, `previous` or `retired`.
    pub state: String,
    pub algorithm: String,
    pub created_at: DateTime<Utc>,
    pub current_since: Option<DateTime<Utc>>,
    /// Since it signs, or since it was made when it never did.
    pub age_days: i64,
}

/// The signing keys, and whether it is time to rotate them (LM-67).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeys {
    /// What the next key is made for.
    pub algorithm: &'static str,
    pub rotate_every_days: i64,
    pub due: bool,
    /// The next, the current, the previous, then those that are retired, the latest first.
    pub items: Vec<SigningKeyItem>,
}

impl SigningAlgorithm {
    pub const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::EdDSA => "EdDSA",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::RS256, Self::PS256, Self::EdDSA]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    pub(crate) const fn of_token(self) -> Algorithm {
        match self {
            Self::RS256 => Algorithm::RS256,
            Self::PS256 => Algorithm::PS256,
            Self::EdDSA => Algorithm::EdDSA,
        }
    }

    fn generate(self) -> Result<PKey<Private>, openssl::error::ErrorStack> {
        match self {
            Self::RS256 | Self::PS256 => PKey::from_rsa(Rsa::generate(BITS)?),
            Self::EdDSA => PKey::generate_ed25519(),
        }
    }

    fn signer(self, private_pem: &[u8]) -> jsonwebtoken::errors::Result<EncodingKey> {
        match self {
            Self::RS256 | Self::PS256 => EncodingKey::from_rsa_pem(private_pem),
            Self::EdDSA => EncodingKey::from_ed_pem(private_pem),
        }
    }

    fn verifier(self, public_pem: &[u8]) -> jsonwebtoken::errors::Result<DecodingKey> {
        match self {
            Self::RS256 | Self::PS256 => DecodingKey::from_rsa_pem(public_pem),
            Self::EdDSA => DecodingKey::from_ed_pem(public_pem),
        }
    }
}

/// A key pair as it was just made, or as it was opened.
pub(crate) struct NewKey {
    pub(crate) id: SigningKeyId,
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) public_pem: String,
    pub(crate) private_pem: Secret<Vec<u8>>,
    pub(crate) created_at: DateTime<Utc>,
}

impl NewKey {
    /// Takes up to a second of a core; call it off the async threads.
    pub(crate) fn generate(
        clock: &dyn Clock,
        algorithm: SigningAlgorithm,
    ) -> Result<Self, IdentityError> {
        let failed = |_| IdentityError::Crypto("making a signing key");
        let pair = algorithm.generate().map_err(failed)?;
        let public = pair.public_key_to_pem().map_err(failed)?;
        Ok(Self {
            id: SigningKeyId::generate(clock),
            algorithm,
            public_pem: String::from_utf8(public)
                .map_err(|_| IdentityError::Crypto("making a signing key"))?,
            private_pem: Secret::new(pair.private_key_to_pem_pkcs8().map_err(failed)?),
            created_at: clock.now(),
        })
    }

    pub(crate) async fn seal(&self, vault: &Vault) -> Result<Vec<u8>, IdentityError> {
        let owner = self.id.to_string();
        let sealed = vault
            .seal(
                kernel::TenantId::PLATFORM,
                &binding(&owner),
                self.private_pem.expose(),
            )
            .await?;
        Ok(sealed.to_bytes())
    }
}

/// A row of `signing_keys` that is published, with its private half where it is the current one.
pub(crate) struct Published<'a> {
    pub(crate) id: SigningKeyId,
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) public_pem: &'a str,
    pub(crate) private_pem: Option<&'a Secret<Vec<u8>>>,
}

#[cfg(any(test, fuzzing))]
impl NewKey {
    pub(crate) fn as_current(&self) -> Published<'_> {
        Published {
            id: self.id,
            algorithm: self.algorithm,
            public_pem: &self.public_pem,
            private_pem: Some(&self.private_pem),
        }
    }
}

pub(crate) async fn open(
    vault: &Vault,
    id: SigningKeyId,
    sealed: &[u8],
) -> Result<Secret<Vec<u8>>, IdentityError> {
    let owner = id.to_string();
    Ok(vault
        .open(
            kernel::TenantId::PLATFORM,
            &binding(&owner),
            &Sealed::parse(sealed)?,
        )
        .await?)
}

pub(crate) fn binding(owner: &str) -> Binding<'_> {
    Binding {
        provider: "identity",
        owner,
        column: "signing_keys.private_sealed",
    }
}

/// What checks the tokens of one key.
pub(crate) struct Verifier {
    /// The only one that the key is for.
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
    pub(crate) validation: Validation,
}

/// The keys in memory.
pub(crate) struct KeySet {
    kid: String,
    algorithm: Algorithm,
    signer: EncodingKey,
    verifiers: HashMap<String, Verifier>,
    jwks: Value,
}

impl KeySet {
    /// Fails unless exactly one key has its private half.
    pub(crate) fn build(keys: &[Published<'_>]) -> Result<Self, IdentityError> {
        let unusable = |_| IdentityError::Crypto("a stored signing key is unusable");
        let mut signer = None;
        let mut verifiers = HashMap::new();
        let mut listed = Vec::new();
        for key in keys {
            let kid = key.id.to_string();
            let algorithm = key.algorithm.of_token();
            if let Some(private) = key.private_pem {
                let signing = key.algorithm.signer(private.expose()).map_err(unusable)?;
                signer = Some((kid.clone(), algorithm, signing));
            }
            listed.push(jwk(&kid, key)?);
            let public = key.algorithm.verifier(key.public_pem.as_bytes());
            let verifier = Verifier {
                algorithm,
                key: public.map_err(unusable)?,
                validation: token::validation(algorithm),
            };
            verifiers.insert(kid, verifier);
        }
        let (kid, algorithm, signer) =
            signer.ok_or(IdentityError::Crypto("there is no current signing key"))?;
        Ok(Self {
            kid,
            algorithm,
            signer,
            verifiers,
            jwks: json!({ "keys": listed }),
        })
    }

    pub(crate) fn current_kid(&self) -> &str {
        &self.kid
    }
    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
    pub(crate) const fn signer(&self) -> &EncodingKey {
        &self.signer
    }
    pub(crate) fn verifier(&self, kid: &str) -> Option<&Verifier> {
        self.verifiers.get(kid)
    }
    /// RFC 7517 section 5.
    pub(crate) const fn jwks(&self) -> &Value {
        &self.jwks
    }
}

/// RFC 7517 section 4, RFC 7518 section 6.3.1, RFC 8037 section 2.
fn jwk(kid: &str, key: &Published<'_>) -> Result<Value, IdentityError> {
    let unusable = |_| IdentityError::Crypto("a stored signing key is unusable");
    let public = PKey::public_key_from_pem(key.public_pem.as_bytes()).map_err(unusable)?;
    let mut jwk = json!({ "use": "sig", "alg": key.algorithm.name(), "kid": kid });
    let more = if public.id() == Id::ED25519 {
        let x = public.raw_public_key().map_err(unusable)?;
        json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(x) })
    } else {
        let rsa = public.rsa().map_err(unusable)?;
        json!({
            "kty": "RSA",
            "n": URL_SAFE_NO_PAD.encode(rsa.n().to_vec()),
            "e": URL_SAFE_NO_PAD.encode(rsa.e().to_vec()),
        })
    };
    if let (Some(jwk), Value::Object(more)) = (jwk.as_object_mut(), more) {
        jwk.extend(more);
    }
    Ok(jwk)
}

#[cfg(test)]
mod tests {
    use kernel::ManualClock;

    use super::*;

    #[test]
    fn the_published_set_has_public_halves_only() {
        let clock = ManualClock::at(1_800_000_000);
        let (current, next) = (
            NewKey::generate(&clock, SigningAlgorithm::RS256).unwrap(),
            NewKey::generate(&clock, SigningAlgorithm::RS256).unwrap(),
        );
        let set = KeySet::build(&[
            current.as_current(),
            Published {
                private_pem: None,
                ..next.as_current()
            },
        ])
        .unwrap();
        let keys = set.jwks()["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 2);
        for key in keys {
            let mut names: Vec<_> = key
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            names.sort_unstable();
            assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
            let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
            assert_eq!(modulus.len(), 3072 / 8);
        }
        assert_eq!(set.current_kid(), current.id.to_string());
    }

    #[test]
    fn without_a_current_key_nothing_is_signed() {
        let key =
            NewKey::generate(&ManualClock::at(1_800_000_000), SigningAlgorithm::RS256).unwrap();
        assert!(
            KeySet::build(&[Published {
                private_pem: None,
                ..key.as_current()
            }])
            .is_err()
        );
        assert!(KeySet::build(&[]).is_err());
    }
}
