//! The first super_admin (CX-27): a code that `revkeep setup` prints, used once, to make the first
//! organisation and the account that owns it.

use audit::Entry;
use db::{AuthScope, Unit};
use kernel::{Action, Actor, Secret};

use crate::{
    attempts::{self, AttemptScope, Limit},
    code,
    config::SETUP_CODE_LIFE,
    email::Email,
    error::IdentityError,
    founding::{Founding, Person},
    grant::Grant,
    identity::{Caller, Identity},
    opaque::sha256,
    session::rate_limited,
    store,
};

/// Wrong codes from one network in 15 minutes.
const FAILURES: u32 = 5;
/// 125 random bits.
const CODE_GROUPS: usize = 6;
const CODE_GROUP: usize = 5;

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
    /// on the machine alone, who is `asker`.
    pub async fn setup_code_create(&self, asker: &Actor) -> Result<Secret<String>, IdentityError> {
        let code = code::random_groups(CODE_GROUPS, CODE_GROUP)?;
        let (hash, asker) = (code_hash(code.expose()), asker.clone());
        self.inner
            .db
            .auth(AuthScope::default(), move |tx| {
                if tx.anyone_set_up()? {
                    return Err(IdentityError::SetupDone);
                }
                let expires = tx.now() + SETUP_CODE_LIFE;
                store::setup_code_replace(tx, &hash, expires)?;
                Entry::new(Action::SetupCodeCreate, "setup", "code")
                    .write_auth(tx, &asker, None, None)?;
                Ok(())
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

/// However it was typed.
fn code_hash(code: &str) -> Vec<u8> {
    sha256(code::canonical(code).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_hold_no_control_characters() {
        assert_eq!(text_of("name", "  Ada Lovelace ").unwrap(), "Ada Lovelace");
        for text in ["", "   ", "a\nb", "a\u{0}b", &"x".repeat(201)] {
            assert!(text_of("name", text).is_err(), "{text:?}");
        }
    }
}
