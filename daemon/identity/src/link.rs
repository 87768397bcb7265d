//! The token of a one-time link: 256 random bits that a mail carries and the database knows by hash.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::Secret;

use crate::{
    error::IdentityError,
    opaque::{random, sha256},
};

pub(crate) struct LinkToken(Secret<String>);

impl LinkToken {
    pub(crate) fn generate() -> Result<Self, IdentityError> {
        Ok(Self(Secret::new(URL_SAFE_NO_PAD.encode(random::<32>()?))))
    }

    /// Nothing but 43 characters of base64url can be one of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == 32).then(|| Self(Secret::new(text.to_owned())))
    }

    pub(crate) fn hash(&self) -> Vec<u8> {
        sha256(self.0.expose().as_bytes())
    }

    pub(crate) fn into_text(self) -> Secret<String> {
        self.0
    }
}
