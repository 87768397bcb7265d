//! What the browser that begins a sign-in carries: 256 random bits in a cookie. The PKCE verifier
//! (RFC 7636 section 4.1) and the nonce are made from them, so that the database holds nothing with
//! which a stolen code could be redeemed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use kernel::Secret;
use sha2::Sha256;

use crate::{
    error::IdentityError,
    opaque::{random, sha256},
};

pub(crate) struct Browser(Secret<String>);

impl Browser {
    pub(crate) fn generate() -> Result<Self, IdentityError> {
        Ok(Self(Secret::new(random_text()?)))
    }

    /// Nothing but 43 characters of base64url can be one of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == 32).then(|| Self(Secret::new(text.to_owned())))
    }

    pub(crate) fn hash(&self) -> Vec<u8> {
        sha256(self.0.expose().as_bytes())
    }

    /// 43 characters that only this browser can make again, for this `state`.
    pub(crate) fn verifier(&self, state: &str) -> Result<Secret<String>, IdentityError> {
        self.derived(b"revkeep sso verifier 1", state)
    }

    pub(crate) fn nonce(&self, state: &str) -> Result<Secret<String>, IdentityError> {
        self.derived(b"revkeep sso nonce 1", state)
    }

    pub(crate) fn into_text(self) -> Secret<String> {
        self.0
    }

    fn derived(&self, use_: &[u8], state: &str) -> Result<Secret<String>, IdentityError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes())
            .map_err(|_| IdentityError::Crypto("HMAC key"))?;
        mac.update(use_);
        mac.update(state.as_bytes());
        Ok(Secret::new(
            URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()),
        ))
    }
}

/// 256 random bits as text.
pub(crate) fn random_text() -> Result<String, IdentityError> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// `code_challenge` of method S256 (RFC 7636 section 4.2).
pub(crate) fn challenge(verifier: &Secret<String>) -> String {
    URL_SAFE_NO_PAD.encode(sha256(verifier.expose().as_bytes()))
}
