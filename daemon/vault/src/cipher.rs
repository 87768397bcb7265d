//! AES-256-GCM (NIST SP 800-38D) with a fresh random 96-bit nonce for every message, and
//! HKDF-SHA256 (RFC 5869). The only place of the daemon that touches a cipher; there is no CBC.

use aes_gcm::{
    Aes256Gcm, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use hmac::{Hmac, Mac as _};
use kernel::Secret;
use sha2::Sha256;

use crate::error::VaultError;

pub(crate) const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// The shortest message there is: nonce, empty ciphertext, tag.
pub(crate) const LEAST_MESSAGE: usize = NONCE_BYTES + TAG_BYTES;

pub(crate) type Key = Secret<[u8; KEY_BYTES]>;

/// Nonce, ciphertext and tag of `clear`. The random nonce bounds a key to 2^32 messages.
pub(crate) fn seal(key: &Key, associated: &[u8], clear: &[u8]) -> Result<Vec<u8>, VaultError> {
    let nonce: [u8; NONCE_BYTES] = random()?;
    let payload = Payload {
        msg: clear,
        aad: associated,
    };
    let body = Aes256Gcm::new(key.expose().into())
        .encrypt(&Nonce::from(nonce), payload)
        .map_err(|_| VaultError::Backend(String::from("the value is too large to seal")))?;
    Ok([&nonce, body.as_slice()].concat())
}

/// The clear text of what [`seal`] returned for the same key and associated data.
pub(crate) fn open(
    key: &Key,
    associated: &[u8],
    message: &[u8],
) -> Result<Secret<Vec<u8>>, VaultError> {
    let (nonce, body) = message
        .split_first_chunk::<NONCE_BYTES>()
        .ok_or(VaultError::Malformed("too short"))?;
    Aes256Gcm::new(key.expose().into())
        .decrypt(
            &Nonce::from(*nonce),
            Payload {
                msg: body,
                aad: associated,
            },
        )
        .map(Secret::new)
        .map_err(|_| VaultError::Refused)
}

/// [`open`] for a message whose clear text is a key.
pub(crate) fn open_key(key: &Key, associated: &[u8], message: &[u8]) -> Result<Key, VaultError> {
    key_from(open(key, associated, message)?.expose())
}

/// A key from exactly 32 bytes.
pub(crate) fn key_from(bytes: &[u8]) -> Result<Key, VaultError> {
    bytes
        .try_into()
        .map(Secret::new)
        .map_err(|_| VaultError::Malformed("not a 256-bit key"))
}

pub(crate) fn random_key() -> Result<Key, VaultError> {
    random().map(Secret::new)
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    fill_random(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), VaultError> {
    getrandom::fill(bytes)
        .map_err(|error| VaultError::Backend(format!("no random numbers: {error}")))
}

/// One 256-bit key out of `input`, for `purpose` (RFC 5869 with one block of output).
pub(crate) fn derive(input: &Key, salt: &[u8], purpose: &[u8]) -> Result<Key, VaultError> {
    let extracted = Secret::new(mac(salt, &[input.expose()])?);
    mac(extracted.expose(), &[purpose, &[1]]).map(Secret::new)
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Result<[u8; 32], VaultError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .map_err(|_| VaultError::Backend(String::from("HMAC refused its key")))?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn hkdf_extracts_and_expands_as_rfc_5869_says() {
        // Expected bytes from `openssl kdf ... HKDF`: the RFC's own cases have no 256-bit input.
        let input = key_from(&[0x0b; 32]).unwrap();
        let key = derive(
            &input,
            &bytes("000102030405060708090a0b0c"),
            &bytes("f0f1f2f3f4"),
        )
        .unwrap();
        assert_eq!(
            key.expose().as_slice(),
            bytes("f3742747962005cdeaa918bd24cf5a22b0a899e68219315a60ab8d9c10c23a05")
        );
    }

    #[test]
    fn a_changed_byte_other_data_or_another_key_does_not_open() {
        let key = random_key().unwrap();
        let message = seal(&key, b"place", b"secret").unwrap();
        assert_eq!(open(&key, b"place", &message).unwrap().expose(), b"secret");
        assert!(matches!(
            open(&key, b"other", &message),
            Err(VaultError::Refused)
        ));
        assert!(matches!(
            open(&random_key().unwrap(), b"place", &message),
            Err(VaultError::Refused)
        ));
        for at in 0..message.len() {
            let mut changed = message.clone();
            changed[at] ^= 1;
            assert!(matches!(
                open(&key, b"place", &changed),
                Err(VaultError::Refused)
            ));
        }
    }

    #[test]
    fn the_same_value_never_gives_the_same_message() {
        let key = random_key().unwrap();
        let messages: std::collections::HashSet<_> = (0..1000)
            .map(|_| seal(&key, b"", b"same").unwrap())
            .collect();
        assert_eq!(messages.len(), 1000);
    }
}
