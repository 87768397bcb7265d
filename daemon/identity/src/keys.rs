//! The keys that sign access tokens (LM-07): RSA 3072, private halves sealed in `signing_keys` and
//! kept in memory while the daemon runs. Three are published: the current one, the one before it,
//! whose tokens still live, and the next, so that a daemon never meets a key that it does not know.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{DecodingKey, EncodingKey};
use kernel::{Clock, Secret, SigningKeyId};
use openssl::{pkey::PKey, rsa::Rsa};
use serde_json::{Value, json};
use vault::{Binding, Sealed, Vault};

use crate::error::IdentityError;

const BITS: u32 = 3072;

/// A key pair as it was just made, or as it was opened.
pub(crate) struct NewKey {
    pub(crate) id: SigningKeyId,
    pub(crate) public_pem: String,
    pub(crate) private_pem: Secret<Vec<u8>>,
    pub(crate) created_at: DateTime<Utc>,
}

impl NewKey {
    /// Takes up to a second of a core; call it off the async threads.
    pub(crate) fn generate(clock: &dyn Clock) -> Result<Self, IdentityError> {
        let failed = |_| IdentityError::Crypto("making a signing key");
        let rsa = Rsa::generate(BITS).map_err(failed)?;
        let public = rsa.public_key_to_pem().map_err(failed)?;
        let pair = PKey::from_rsa(rsa).map_err(failed)?;
        Ok(Self {
            id: SigningKeyId::generate(clock),
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
    pub(crate) public_pem: &'a str,
    pub(crate) private_pem: Option<&'a Secret<Vec<u8>>>,
}

#[cfg(test)]
impl NewKey {
    pub(crate) fn as_current(&self) -> Published<'_> {
        Published {
            id: self.id,
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

/// The keys in memory.
pub(crate) struct KeySet {
    kid: String,
    signer: EncodingKey,
    verifiers: HashMap<String, DecodingKey>,
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
            if let Some(private) = key.private_pem {
                let key = EncodingKey::from_rsa_pem(private.expose()).map_err(unusable)?;
                signer = Some((kid.clone(), key));
            }
            listed.push(jwk(&kid, key.public_pem)?);
            let verifier =
                DecodingKey::from_rsa_pem(key.public_pem.as_bytes()).map_err(unusable)?;
            verifiers.insert(kid, verifier);
        }
        let (kid, signer) =
            signer.ok_or(IdentityError::Crypto("there is no current signing key"))?;
        Ok(Self {
            kid,
            signer,
            verifiers,
            jwks: json!({ "keys": listed }),
        })
    }

    pub(crate) fn current_kid(&self) -> &str {
        &self.kid
    }
    pub(crate) const fn signer(&self) -> &EncodingKey {
        &self.signer
    }
    pub(crate) fn verifier(&self, kid: &str) -> Option<&DecodingKey> {
        self.verifiers.get(kid)
    }
    /// RFC 7517 section 5.
    pub(crate) const fn jwks(&self) -> &Value {
        &self.jwks
    }
}

/// RFC 7517 section 4, RFC 7518 section 6.3.1.
fn jwk(kid: &str, public_pem: &str) -> Result<Value, IdentityError> {
    let rsa = Rsa::public_key_from_pem(public_pem.as_bytes())
        .map_err(|_| IdentityError::Crypto("a stored signing key is unusable"))?;
    Ok(json!({
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": kid,
        "n": URL_SAFE_NO_PAD.encode(rsa.n().to_vec()),
        "e": URL_SAFE_NO_PAD.encode(rsa.e().to_vec()),
    }))
}

#[cfg(test)]
mod tests {
    use kernel::ManualClock;

    use super::*;

    #[test]
    fn the_published_set_has_public_halves_only() {
        let clock = ManualClock::at(1_800_000_000);
        let (current, next) = (
            NewKey::generate(&clock).unwrap(),
            NewKey::generate(&clock).unwrap(),
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
        let key = NewKey::generate(&ManualClock::at(1_800_000_000)).unwrap();
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
