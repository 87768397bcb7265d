//! Passkeys: what is asked of an authenticator, and whether its answer is right (Web Authentication
//! level 2, sections 7.1 and 7.2). The library judges; this module says by which rules, and nothing
//! here is stored.
//!
//! `webauthn-rs-core` in place of its wrapper: the wrapper makes no discoverable credentials for
//! authenticators of every kind. The rules that the wrapper would keep are kept here: the person
//! is always verified (PIN or fingerprint), the origin is compared exactly, a ceremony serves once,
//! credentials are those of the database at the moment of the answer, and a signature counter that does
//! not rise is refused as a copy.

use std::{sync::Arc, time::Duration};

use kernel::UserId;
use serde_json::Value as Json;
use url::Url;
use webauthn_rs_core::{
    WebauthnCore,
    error::WebauthnError,
    proto::{
        AuthenticationState, Credential, PublicKeyCredential, RegisterPublicKeyCredential,
        RegistrationState, UserVerificationPolicy,
    },
};

use super::CHALLENGE_LIFE;
use crate::{
    error::IdentityError,
    identity::{Identity, Inner},
};

const NAME: &str = "Revkeep";

/// The place that passkeys are bound to.
pub(crate) struct Site {
    core: WebauthnCore,
}

/// What a browser is asked (`{publicKey: …}`), and what its answer is checked against.
pub(crate) struct Ceremony {
    pub(crate) options: Json,
    pub(crate) state: Json,
}

impl Site {
    /// `None` for an address whose host has no name: a passkey is bound to a domain.
    pub(crate) fn new(public_url: &str) -> Option<Self> {
        let origin = Url::parse(public_url).ok()?;
        let domain = origin.domain()?.to_owned();
        let life = CHALLENGE_LIFE.to_std().unwrap_or(Duration::from_secs(600));
        let core = WebauthnCore::new_unsafe_experts_only(
            NAME,
            &domain,
            vec![origin],
            life,
            Some(false),
            Some(false),
        );
        Some(Self { core })
    }

    /// A new passkey of `user`, which none of `known` may be again.
    pub(crate) fn create(
        &self,
        (user, email, name): (UserId, &str, &str),
        known: &[Credential],
    ) -> Result<Ceremony, IdentityError> {
        let exclude = known.iter().map(|key| key.cred_id.clone()).collect();
        let builder = self
            .core
            .new_challenge_register_builder(user.uuid().as_bytes(), email, name)
            .map_err(broken)?
            .user_verification_policy(UserVerificationPolicy::Required)
            .require_resident_key(true)
            .exclude_credentials(Some(exclude));
        let (options, state) = self
            .core
            .generate_challenge_register(builder)
            .map_err(broken)?;
        ceremony(&options, &state)
    }

    /// The credential that the answer to [`Site::create`] brings.
    pub(crate) fn created(&self, state: Json, answer: Json) -> Result<Credential, IdentityError> {
        let state: RegistrationState = serde_json::from_value(state).map_err(unreadable)?;
        let answer: RegisterPublicKeyCredential =
            serde_json::from_value(answer).map_err(|_| IdentityError::PasskeyUnfit)?;
        self.core
            .register_credential(&answer, &state, None)
            .map_err(|error| {
                log::debug!("a new passkey was refused: {error}");
                IdentityError::PasskeyUnfit
            })
    }

    /// Asks for one of `known`; for whichever the person picks when there are none.
    pub(crate) fn ask(&self, known: Vec<Credential>) -> Result<Ceremony, IdentityError> {
        let builder = self
            .core
            .new_challenge_authenticate_builder(known, Some(UserVerificationPolicy::Required))
            .map_err(broken)?
            .allow_backup_eligible_upgrade(true);
        let (options, state) = self
            .core
            .generate_challenge_authenticate(builder)
            .map_err(broken)?;
        ceremony(&options, &state)
    }

    /// The credential as it is after a right answer, with its counter. `None`: wrong. `known` are the
    /// person's, as they are now.
    pub(crate) fn proven(
        &self,
        state: Json,
        answer: &PublicKeyCredential,
        user: UserId,
        known: &[Credential],
    ) -> Result<Option<Credential>, IdentityError> {
        let mut state: AuthenticationState = serde_json::from_value(state).map_err(unreadable)?;
        state.set_allowed_credentials(known.to_vec());
        if let Some(handle) = &answer.response.user_handle
            && !handle.is_empty()
            && handle.as_slice() != user.uuid().as_bytes()
        {
            return Ok(None);
        }
        let result = match self.core.authenticate_credential(answer, &state) {
            Ok(result) if result.user_verified() => result,
            Ok(_) => return Ok(None),
            Err(WebauthnError::CredentialPossibleCompromise) => {
                log::warn!(REVKEEP_ACTION = "factor_refuse"; "a passkey of {user} was refused: its counter went back, so there may be a copy of it");
                return Ok(None);
            }
            Err(error) => {
                log::debug!("a passkey was refused: {error}");
                return Ok(None);
            }
        };
        let found = known.iter().find(|key| key.cred_id == *result.cred_id());
        Ok(found.cloned().map(|mut key| {
            key.counter = result.counter();
            key.backup_state = result.backup_state();
            key.backup_eligible = result.backup_eligible();
            key
        }))
    }
}

impl Identity {
    /// Where people open the console: passkeys are bound to it. Once, at the start.
    pub fn set_site(&self, public_url: &str) {
        let site = Site::new(public_url).map(Arc::new);
        let _ = self.inner.site.set(site);
    }

    /// Whether passkeys work at this address: a bare IP address has none.
    pub fn passkeys_work(&self) -> bool {
        self.inner.site().is_ok()
    }
}

impl Inner {
    pub(crate) fn site(&self) -> Result<Arc<Site>, IdentityError> {
        let site = self.site.get().and_then(Option::as_ref);
        site.map(Arc::clone).ok_or(IdentityError::PasskeysOff)
    }
}

fn ceremony(
    options: &impl serde::Serialize,
    state: &impl serde::Serialize,
) -> Result<Ceremony, IdentityError> {
    Ok(Ceremony {
        options: serde_json::to_value(options).map_err(unreadable)?,
        state: serde_json::to_value(state).map_err(unreadable)?,
    })
}

fn broken(error: WebauthnError) -> IdentityError {
    log::error!("a passkey's ceremony cannot begin: {error}");
    IdentityError::Crypto("a passkey's ceremony")
}

fn unreadable(_: serde_json::Error) -> IdentityError {
    IdentityError::Crypto("a passkey's stored state")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passkey_needs_a_name_of_a_host() {
        assert!(Site::new("https://revkeep.acme.example:8443").is_some());
        assert!(Site::new("https://localhost:8443").is_some());
        for url in ["https://192.0.2.1", "https://[2001:db8::1]", "nonsense", ""] {
            assert!(Site::new(url).is_none(), "{url}");
        }
    }

    #[test]
    fn a_person_is_always_verified_and_a_passkey_always_found_without_a_name() {
        let site = Site::new("https://revkeep.acme.example").unwrap();
        let who = (UserId::from_uuid(uuid::Uuid::from_u128(1)), "a@b", "Ada");
        let made = site.create(who, &[]).unwrap().options;
        let wanted = &made["publicKey"]["authenticatorSelection"];
        assert_eq!(wanted["userVerification"], "required");
        assert_eq!(wanted["residentKey"], "required");
        assert_eq!(made["publicKey"]["rp"]["id"], "revkeep.acme.example");
        let asked = site.ask(Vec::new()).unwrap().options;
        assert_eq!(asked["publicKey"]["userVerification"], "required");
    }
}
