//! Signing with keys that stay in the secrets backend: Ed25519 (RFC 8032). What is signed anchors a
//! record outside of the database, so whoever can write there cannot sign (LM-77).

use ring::signature::{ED25519, UnparsedPublicKey};

use crate::{
    error::VaultError,
    vault::{Vault, check_name},
};

pub const PUBLIC_KEY_BYTES: usize = 32;

/// The public half of one version of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey {
    pub version: u32,
    pub bytes: [u8; PUBLIC_KEY_BYTES],
}

impl PublicKey {
    pub(crate) fn new(version: u32, bytes: &[u8]) -> Result<Self, VaultError> {
        let bytes = bytes
            .try_into()
            .map_err(|_| VaultError::Malformed("not a public key of Ed25519"))?;
        Ok(Self { version, bytes })
    }
}

/// Whether `signature` is the key's over exactly `message`.
pub fn signature_holds(key: &[u8; PUBLIC_KEY_BYTES], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, key)
        .verify(message, signature)
        .is_ok()
}

impl Vault {
    /// The public halves of the signing key `name`, oldest first; a key that is not there is made.
    pub async fn signing_keys(&self, name: &str) -> Result<Vec<PublicKey>, VaultError> {
        check_name(name)?;
        let mut keys = match self.backend.public_keys(name).await {
            Err(VaultError::NoSecret(_)) => {
                self.backend.ensure_signing_key(name).await?;
                self.backend.public_keys(name).await?
            }
            found => found?,
        };
        keys.sort_by_key(|key| key.version);
        Ok(keys)
    }

    /// Signs `message` with one version of the key `name`.
    pub async fn sign(
        &self,
        name: &str,
        version: u32,
        message: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        check_name(name)?;
        self.backend.sign(name, version, message).await
    }

    /// Adds a version to the key: what earlier ones signed still verifies.
    pub async fn rotate_signing_key(&self, name: &str) -> Result<(), VaultError> {
        check_name(name)?;
        self.backend.rotate_signing_key(name).await
    }
}
