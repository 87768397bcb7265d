//! Addresses of people with accounts: normalised, found by a keyed hash, kept sealed (LM-64, CX-32).

use hmac::{Hmac, KeyInit, Mac};
use kernel::Secret;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::IdentityError;

/// An address in the one form in which it is hashed and compared.
pub(crate) struct Email(Zeroizing<String>);

impl Email {
    /// Trims and lowers the text. RFC 5321 section 4.5.3.1 bounds the length; what stands before
    /// the last `@` is not judged further, because only the mail server knows.
    pub(crate) fn parse(text: &str) -> Result<Self, IdentityError> {
        let refused = || IdentityError::input("email", "email_invalid");
        let text = text.trim().to_lowercase();
        let (local, domain) = text.rsplit_once('@').ok_or_else(refused)?;
        let sound = !local.is_empty()
            && !domain.is_empty()
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && text.len() <= 254
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
            && domain
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
        if sound {
            Ok(Self(Zeroizing::new(text)))
        } else {
            Err(refused())
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn hash(&self, key: &Secret<Vec<u8>>) -> Result<Vec<u8>, IdentityError> {
        keyed_hash(key, &[b"email", self.0.as_bytes()])
    }
}

/// HMAC-SHA256 over the parts, each preceded by its length, so that no two lists collide.
pub(crate) fn keyed_hash(key: &Secret<Vec<u8>>, parts: &[&[u8]]) -> Result<Vec<u8>, IdentityError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose())
        .map_err(|_| IdentityError::Crypto("HMAC key"))?;
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part);
    }
    Ok(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_one_form() {
        let key = Secret::new(vec![1; 32]);
        let hash = |text| Email::parse(text).unwrap().hash(&key).unwrap();
        assert_eq!(hash(" Ada@Example.COM "), hash("ada@example.com"));
        assert_ne!(hash("ada@example.com"), hash("ada@example.org"));
    }

    #[test]
    fn the_hash_tells_nothing_without_the_key() {
        let email = Email::parse("ada@example.com").unwrap();
        assert_ne!(
            email.hash(&Secret::new(vec![1; 32])).unwrap(),
            email.hash(&Secret::new(vec![2; 32])).unwrap()
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a b@example.com",
            "ada@exa mple.com",
            "ada@example.com\r\nBcc: eve@example.com",
            "ada@.com",
            "ada@<script>",
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
        assert!(Email::parse(&format!("{}@example.com", "a".repeat(250))).is_err());
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = Secret::new(vec![1; 32]);
        assert_ne!(
            keyed_hash(&key, &[b"ab", b"c"]).unwrap(),
            keyed_hash(&key, &[b"a", b"bc"]).unwrap()
        );
    }
}
