//! The first super_admin (CX-27): a code that `revkeep setup` prints, used once, to make the first
//! organisation and the account that owns it.

use db::{AuthScope, Unit};
use kernel::{Action, Secret};

use crate::{
    attempts::{self, AttemptScope, Limit},
    config::SETUP_CODE_LIFE,
    email::Email,
    error::IdentityError,
    founding::{Founding, Person},
    grant::Grant,
    identity::{Caller, Identity},
    opaque::{random, sha256},
    session::rate_limited,
    store,
};

/// Wrong codes from one network in 15 minutes.
const FAILURES: u32 = 5;
/// Crockford's alphabet: no letter that is read as another or as a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUPS: usize = 5;
const GROUP: usize = 5;

/// What the first person types.
pub struct SetupClaim {
    pub code: String,
    pub organisation: String,
    pub name: String,
    pub email: String,
    pub password: Secret<String>,
}

impl Identity {
    /// Whether nobody has an account yet.
    pub async fn setup_needed(&self) -> Result<bool, IdentityError> {
        let done = self
            .inner
            .db
            .auth(AuthScope::default(), |tx| tx.anyone_set_up())
            .await?;
        Ok(!done)
    }

    /// Makes a code that lives a day; an earlier one that nobody used is void. For the administrator
    /// on the machine alone.
    pub async fn setup_code_create(&self) -> Result<Secret<String>, IdentityError> {
        let code = new_code()?;
        let hash = code_hash(code.expose());
        self.inner
            .db
            .auth(AuthScope::default(), move |tx| {
                if tx.anyone_set_up()? {
                    return Err(IdentityError::SetupDone);
                }
                let expires = tx.now() + SETUP_CODE_LIFE;
                store::setup_code_replace(tx, &hash, expires)
            })
            .await?;
        Ok(code)
    }

    /// Uses the code up and makes organisation, account (super_admin, and owner and admin of the
    /// organisation) and session, all or nothing.
    pub async fn setup_claim(
        &self,
        claim: SetupClaim,
        caller: &Caller,
    ) -> Result<Grant, IdentityError> {
        let inner = &self.inner;
        let secrets = inner.secrets()?;
        let code = code_hash(&claim.code);
        let limit = Limit::new(
            &secrets.index_key,
            AttemptScope::SetupAddress,
            caller.address,
            b"",
            FAILURES,
        )?;
        self.check_code(code.clone(), limit).await?;

        let person = Person {
            name: &claim.name,
            email: Email::parse(&claim.email)?,
            password: &claim.password,
            super_admin: true,
        };
        let founding = Founding::prepare(inner, &claim.organisation, person, caller).await?;
        let (caller, email) = (caller.clone(), founding.email.clone());
        let opened = inner
            .db
            .auth(founding.scope(), move |tx| {
                if !store::setup_code_use(tx, &code)? {
                    return Err(IdentityError::SetupCode);
                }
                founding.store(tx, Action::SetupClaim, None, &caller)
            })
            .await?;
        inner.grant(opened, Some(email)).await
    }

    /// Before anything costly. The code itself is used up later, with what it makes.
    async fn check_code(&self, code: Vec<u8>, limit: Limit) -> Result<(), IdentityError> {
        self.inner
            .db
            .auth(AuthScope::default(), move |tx| {
                if tx.anyone_set_up()? {
                    return Err(IdentityError::SetupDone);
                }
                let limits = [limit];
                if let Some(wait) = attempts::charge(tx, &limits)? {
                    return Ok(Err(rate_limited(wait)));
                }
                if store::setup_code_valid(tx, &code)? {
                    attempts::settle_success(tx, &limits)?;
                    return Ok(Ok(()));
                }
                // Committed, although it is a refusal: the attempt counts.
                attempts::settle_failure(tx, &limits)?;
                Ok(Err(IdentityError::SetupCode))
            })
            .await?
    }
}

pub(crate) fn text_of(field: &'static str, text: &str) -> Result<String, IdentityError> {
    let text = text.trim();
    let sound = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if sound {
        Ok(text.to_owned())
    } else {
        Err(IdentityError::input(field, "length_1_to_200"))
    }
}

/// 125 random bits as five groups of five characters.
fn new_code() -> Result<Secret<String>, IdentityError> {
    let letters: Vec<char> = random::<{ GROUPS * GROUP }>()?
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)))
        .map(|letter| char::from(*letter))
        .collect();
    let groups: Vec<String> = letters
        .chunks(GROUP)
        .map(|group| group.iter().collect())
        .collect();
    Ok(Secret::new(groups.join("-")))
}

/// However it was typed: case, spaces and dashes do not count, and look-alikes are read as meant.
fn code_hash(code: &str) -> Vec<u8> {
    let canonical: String = code
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    sha256(canonical.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_as_five_groups_and_no_two_are_alike() {
        let (one, two) = (new_code().unwrap(), new_code().unwrap());
        assert_ne!(one.expose(), two.expose());
        let groups: Vec<_> = one.expose().split('-').collect();
        assert_eq!(groups.len(), GROUPS);
        assert!(groups.iter().all(|group| group.len() == GROUP));
    }

    #[test]
    fn a_code_may_be_typed_carelessly_but_not_wrongly() {
        let hash = code_hash("0A1BC-DEFGH-JKMNP-QRSTV-WXYZ0");
        assert_eq!(hash, code_hash(" oaibc defgh jkmnp qrstv wxyzo "));
        assert_ne!(hash, code_hash("0A1BC-DEFGH-JKMNP-QRSTV-WXYZ1"));
        assert_ne!(hash, code_hash(""));
    }

    #[test]
    fn names_are_bounded_and_hold_no_control_characters() {
        assert_eq!(text_of("name", "  Ada Lovelace ").unwrap(), "Ada Lovelace");
        for text in ["", "   ", "a\nb", "a\u{0}b", &"x".repeat(201)] {
            assert!(text_of("name", text).is_err(), "{text:?}");
        }
    }
}
