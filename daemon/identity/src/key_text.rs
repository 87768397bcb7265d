//! How a secret for programs reads: `<label>_<id>_<secret><checksum>`. The label is `rk` for an interface
//! key, `rkscim` for a provider's provisioning token, `rkat` and `rkrt` for the access and refresh token of a
//! program that a person let in.
//!
//! The id is 32 hexadecimal digits and no secret. The secret is 40 characters of `0-9A-Za-z` (238 bits).
//! The checksum is the first 8 hexadecimal digits of SHA-256 over everything before it, so that a scanner
//! of source code can tell a real key from noise without asking anybody, and a mistyped key costs no
//! bcrypt.

use kernel::{ApiKeyId, GrantId, ScimTokenId, Secret};
use uuid::Uuid;

use crate::{
    error::IdentityError,
    opaque::{random, sha256},
};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET: usize = 40;
const CHECKSUM: usize = 8;

/// What of a key may be shown.
pub(crate) fn prefix(key: ApiKeyId) -> String {
    shown("rk", key.uuid())
}

/// What of a provisioning token may be shown.
pub(crate) fn scim_prefix(token: ScimTokenId) -> String {
    shown("rkscim", token.uuid())
}

/// A new key's whole text, and its secret part, which is what is hashed.
pub(crate) fn new(key: ApiKeyId) -> Result<(Secret<String>, Secret<String>), IdentityError> {
    make(&prefix(key))
}

/// A new provisioning token's whole text, which is what is hashed.
pub(crate) fn new_scim(token: ScimTokenId) -> Result<Secret<String>, IdentityError> {
    Ok(make(&scim_prefix(token))?.0)
}

/// A new access token's whole text, which is what is hashed.
pub(crate) fn new_access(grant: GrantId) -> Result<Secret<String>, IdentityError> {
    Ok(make(&shown("rkat", grant.uuid()))?.0)
}

/// A new refresh token's whole text, which is what is hashed.
pub(crate) fn new_refresh(grant: GrantId) -> Result<Secret<String>, IdentityError> {
    Ok(make(&shown("rkrt", grant.uuid()))?.0)
}

/// Whether the text can be an access token at all.
pub(crate) fn is_access(text: &str) -> bool {
    read("rkat_", text).is_some()
}

/// Whether the text can be a refresh token at all.
pub(crate) fn is_refresh(text: &str) -> bool {
    read("rkrt_", text).is_some()
}

/// Id and secret of a well-formed key.
pub(crate) fn parse(text: &str) -> Option<(ApiKeyId, Secret<String>)> {
    let (id, secret) = read("rk_", text)?;
    Some((ApiKeyId::from_uuid(id), secret))
}

/// Whether the text can be a provisioning token at all.
pub(crate) fn is_scim(text: &str) -> bool {
    read("rkscim_", text).is_some()
}

fn shown(label: &str, id: Uuid) -> String {
    format!("{label}_{}", id.as_simple())
}

fn make(prefix: &str) -> Result<(Secret<String>, Secret<String>), IdentityError> {
    let mut secret = String::with_capacity(SECRET);
    while secret.len() < SECRET {
        for byte in random::<64>()? {
            // 248 is the largest multiple of 62 in a byte: what is above would favour some letters.
            let letter = ALPHABET.get(usize::from(byte % 62)).filter(|_| byte < 248);
            if let Some(letter) = letter.filter(|_| secret.len() < SECRET) {
                secret.push(char::from(*letter));
            }
        }
    }
    let body = format!("{prefix}_{secret}");
    let text = format!("{body}{}", checksum(&body));
    Ok((Secret::new(text), Secret::new(secret)))
}

fn read(label: &str, text: &str) -> Option<(Uuid, Secret<String>)> {
    let (body, sum) = text.split_at_checked(text.len().checked_sub(CHECKSUM)?)?;
    let (id, secret) = body.strip_prefix(label)?.split_once('_')?;
    let sound = secret.len() == SECRET
        && secret.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && id.len() == 32
        && !id.bytes().any(|byte| byte.is_ascii_uppercase())
        && checksum(body) == sum;
    let id = Uuid::try_parse(id).ok().filter(|_| sound)?;
    Some((id, Secret::new(secret.to_owned())))
}

fn checksum(body: &str) -> String {
    sha256(body.as_bytes())
        .iter()
        .take(CHECKSUM / 2)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use kernel::SystemClock;

    use super::*;

    #[test]
    fn a_key_reads_back_and_no_two_are_alike() {
        let id = ApiKeyId::generate(&SystemClock);
        let (text, secret) = new(id).unwrap();
        let (found, read) = parse(text.expose()).unwrap();
        assert_eq!(found, id);
        assert_eq!(read.expose(), secret.expose());
        assert_eq!(secret.expose().len(), 40);
        assert_ne!(new(id).unwrap().0.expose(), text.expose());
    }

    #[test]
    fn a_token_for_provisioning_is_no_interface_key() {
        let token = new_scim(ScimTokenId::generate(&SystemClock)).unwrap();
        assert!(is_scim(token.expose()) && parse(token.expose()).is_none());
        let (key, _) = new(ApiKeyId::generate(&SystemClock)).unwrap();
        assert!(!is_scim(key.expose()));
        let grant = GrantId::generate(&SystemClock);
        let (access, refresh) = (new_access(grant).unwrap(), new_refresh(grant).unwrap());
        assert!(is_access(access.expose()) && !is_refresh(access.expose()));
        assert!(is_refresh(refresh.expose()) && !is_access(refresh.expose()));
        assert!(parse(access.expose()).is_none() && !is_scim(access.expose()));
    }

    #[test]
    fn one_wrong_letter_anywhere_is_no_key() {
        let (text, _) = new(ApiKeyId::generate(&SystemClock)).unwrap();
        let text = text.expose();
        for place in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[place] = if wrong[place] == b'x' { b'y' } else { b'x' };
            assert!(
                parse(std::str::from_utf8(&wrong).unwrap()).is_none(),
                "letter {place}"
            );
        }
        for text in [
            "",
            "rk_",
            "rk__",
            "é",
            "rk_é_é",
            &text[..60],
            &format!("{text}0"),
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
