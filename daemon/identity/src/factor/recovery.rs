//! Recovery codes (LR-15): eight, each good once, for who has lost their other factors.
//!
//! A code has 120 random bits, so what protects a password's hash (a slow function against a guess
//! from a dictionary) has nothing to do here: trying 2^120 codes is out of reach at any speed. A keyed
//! hash is enough, and checking one costs an attacker's target nothing. The person is in the hash, so
//! a row that was copied to somebody else opens nothing.

use chrono::{DateTime, Utc};
use db::AuthTx;
use kernel::{Secret, UserId};

use super::store;
use crate::{code, email::keyed_hash, error::IdentityError};

pub(crate) const CODES: usize = 8;
/// 24 letters of 5 bits; below 112 bits ASVS 6.5.2 wants a slow hash.
const GROUPS: usize = 6;
const GROUP: usize = 4;

/// What is left of a person's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryState {
    pub remaining: i64,
    pub total: i64,
    pub created_at: DateTime<Utc>,
}

/// New codes in place of whatever was there. They are shown once, from here.
pub(super) fn replace(
    tx: &mut AuthTx<'_>,
    key: &Secret<Vec<u8>>,
    user: UserId,
) -> Result<Vec<Secret<String>>, IdentityError> {
    store::recovery_forget(tx, user)?;
    let mut codes = Vec::with_capacity(CODES);
    for _ in 0..CODES {
        let code = code::random_groups(GROUPS, GROUP)?;
        store::recovery_insert(tx, user, &hash(key, user, code.expose())?)?;
        codes.push(code);
    }
    Ok(codes)
}

pub(super) fn hash(
    key: &Secret<Vec<u8>>,
    user: UserId,
    typed: &str,
) -> Result<Vec<u8>, IdentityError> {
    let code = code::canonical(typed);
    keyed_hash(key, &[b"recovery", user.uuid().as_bytes(), code.as_bytes()])
}

#[cfg(test)]
mod tests {
    use kernel::SystemClock;

    use super::*;

    #[test]
    fn a_code_has_120_bits_and_is_one_persons_alone() {
        let key = Secret::new(vec![1; 32]);
        let (ada, eve) = (
            UserId::generate(&SystemClock),
            UserId::from_uuid(uuid::Uuid::nil()),
        );
        let code = code::random_groups(GROUPS, GROUP).unwrap();
        assert_eq!(code::canonical(code.expose()).len() * 5, 120);
        let typed = code.expose().to_lowercase().replace('-', " ");
        let stored = hash(&key, ada, code.expose()).unwrap();
        assert_eq!(hash(&key, ada, &typed).unwrap(), stored);
        assert_ne!(hash(&key, eve, code.expose()).unwrap(), stored);
    }
}
