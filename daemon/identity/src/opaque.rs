//! Random values that people or browsers carry and that the database knows by hash alone (LM-05).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use kernel::Secret;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use sha2::{Digest, Sha256};

use crate::error::IdentityError;

const NONCE: usize = 12;
const TAG: usize = 16;

pub(crate) fn random<const N: usize>() -> Result<[u8; N], IdentityError> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|_| IdentityError::Crypto("randomness"))?;
    Ok(bytes)
}

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// 256 random bits in the text form that a cookie carries.
pub(crate) struct RefreshToken(Secret<String>);

impl RefreshToken {
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

    /// Seals a successor under a key that only the bearer of this token can make again: neither the
    /// database nor a copy of it opens the result, and no call to the secrets backend is needed
    /// inside the transaction.
    pub(crate) fn seal_successor(&self, successor: &Self) -> Result<Vec<u8>, IdentityError> {
        let nonce = random::<NONCE>()?;
        let mut tag = [0_u8; TAG];
        let body = encrypt_aead(
            Cipher::aes_256_gcm(),
            self.successor_key()?.expose(),
            Some(&nonce),
            &self.hash(),
            successor.0.expose().as_bytes(),
            &mut tag,
        )
        .map_err(|_| IdentityError::Crypto("sealing a refresh token"))?;
        Ok([nonce.as_slice(), &tag, &body].concat())
    }

    pub(crate) fn open_successor(&self, sealed: &[u8]) -> Result<Self, IdentityError> {
        let broken = || IdentityError::Crypto("opening a refresh token");
        let (nonce, rest) = sealed.split_at_checked(NONCE).ok_or_else(broken)?;
        let (tag, body) = rest.split_at_checked(TAG).ok_or_else(broken)?;
        let key = self.successor_key()?;
        let clear = decrypt_aead(
            Cipher::aes_256_gcm(),
            key.expose(),
            Some(nonce),
            &self.hash(),
            body,
            tag,
        )
        .map_err(|_| broken())?;
        String::from_utf8(clear)
            .map(|text| Self(Secret::new(text)))
            .map_err(|_| broken())
    }

    fn successor_key(&self) -> Result<Secret<Vec<u8>>, IdentityError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes())
            .map_err(|_| IdentityError::Crypto("HMAC key"))?;
        mac.update(b"revkeep refresh successor 1");
        Ok(Secret::new(mac.finalize().into_bytes().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_256_bits_and_reads_back() {
        let token = RefreshToken::generate().unwrap();
        let text = token.0.expose().clone();
        assert_eq!(URL_SAFE_NO_PAD.decode(&text).unwrap().len(), 32);
        assert_eq!(RefreshToken::parse(&text).unwrap().hash(), token.hash());
        assert_ne!(RefreshToken::generate().unwrap().hash(), token.hash());
    }

    #[test]
    fn what_is_no_token_is_not_looked_up() {
        let long = "A".repeat(44);
        for text in [
            "",
            "short",
            &long,
            "!".repeat(43).as_str(),
            "'; DROP TABLE users; --",
        ] {
            assert!(RefreshToken::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_the_predecessor_opens_its_successor() {
        let (first, second, other) = (
            RefreshToken::generate().unwrap(),
            RefreshToken::generate().unwrap(),
            RefreshToken::generate().unwrap(),
        );
        let sealed = first.seal_successor(&second).unwrap();
        assert_eq!(first.open_successor(&sealed).unwrap().hash(), second.hash());
        assert!(other.open_successor(&sealed).is_err());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(first.open_successor(&changed).is_err(), "byte {place}");
        }
        assert!(first.open_successor(&sealed[..10]).is_err());
        let shown = String::from_utf8_lossy(&sealed).into_owned();
        assert!(!shown.contains(second.0.expose().as_str()));
    }
}
