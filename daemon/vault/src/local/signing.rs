//! Ed25519 by the keystore's own seeds.

use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::keystore::Keystore;
use crate::{cipher::Key, error::VaultError, signing::PublicKey};

pub(super) fn public_keys(keystore: &Keystore, name: &str) -> Result<Vec<PublicKey>, VaultError> {
    keystore
        .signing_seeds(name)?
        .into_iter()
        .map(|(version, seed)| PublicKey::new(version, pair(&seed)?.public_key().as_ref()))
        .collect()
}

pub(super) fn sign(
    keystore: &Keystore,
    name: &str,
    version: u32,
    message: &[u8],
) -> Result<Vec<u8>, VaultError> {
    let mut seeds = keystore.signing_seeds(name)?;
    let seed = seeds
        .remove(&version)
        .ok_or_else(|| VaultError::NoSecret(format!("{name} {version}")))?;
    Ok(pair(&seed)?.sign(message).as_ref().to_vec())
}

fn pair(seed: &Key) -> Result<Ed25519KeyPair, VaultError> {
    Ed25519KeyPair::from_seed_unchecked(seed.expose())
        .map_err(|_| VaultError::Malformed("not the seed of a signing key"))
}
