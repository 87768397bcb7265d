//! A person's own passkeys: adding, naming, removing.

use db::{AuthScope, Unit};
use kernel::{Action, PasskeyId, Principal, Secret, UserId, uuid_at};
use serde_json::Value as Json;

use super::{
    CHALLENGE_LIFE, FactorKind,
    enrol::{Own, OwnPasskey, removed},
    proof::Author,
    store::{self, NewChallenge, NewPasskey},
};
use crate::{
    error::IdentityError,
    identity::{Caller, Identity},
};

const PURPOSE: &str = "passkey_add";
/// One person has no use for more.
const MOST: usize = 20;

impl Identity {
    /// What the browser is asked to make a passkey with (`{publicKey: …}`).
    pub async fn passkey_begin(
        &self,
        who: &Principal,
        password: Option<Secret<String>>,
        caller: &Caller,
    ) -> Result<Json, IdentityError> {
        let inner = &self.inner;
        let site = inner.site()?;
        if let Some(password) = password {
            inner.prove_password(who, &password, caller).await?;
        }
        let own = Own::of(who)?;
        let user = own.user;
        let (email, name) = inner.email_and_name(own.scope(), user).await?;
        inner
            .db
            .auth(own.scope(), move |tx| {
                own.may_add(tx)?;
                let known = store::credentials(tx, user)?;
                if known.len() >= MOST {
                    return Err(IdentityError::FactorExists);
                }
                let ceremony = site.create((user, &email, &name), &known)?;
                store::challenges_end_of_session(tx, own.session, PURPOSE)?;
                let now = tx.now();
                let new = NewChallenge {
                    challenge_id: uuid_at(tx.clock().as_ref()),
                    user_id: user.uuid(),
                    purpose: PURPOSE,
                    hash: None,
                    session_id: Some(own.session.uuid()),
                    tenant_id: None,
                    ceremony: Some(ceremony.state),
                    created_at: now,
                    expires_at: now + CHALLENGE_LIFE,
                };
                store::challenge_insert(tx, &new)?;
                Ok(ceremony.options)
            })
            .await
    }

    /// Stores the passkey that the browser made. Answers the recovery codes when this is the person's
    /// first factor.
    pub async fn passkey_add(
        &self,
        who: &Principal,
        name: &str,
        answer: Json,
    ) -> Result<(OwnPasskey, Option<Vec<Secret<String>>>), IdentityError> {
        let inner = &self.inner;
        let site = inner.site()?;
        let name = name_of(name)?;
        let own = Own::of(who)?;
        let user = own.user;
        let key = Secret::new(inner.secrets()?.index_key.expose().clone());
        let added = inner
            .db
            .auth(own.scope(), move |tx| {
                let now = tx.now();
                let open = store::challenge_of_session(tx, own.session, PURPOSE)?;
                let open = match open {
                    Some(open) => store::challenge_lock(tx, open.challenge_id)?,
                    None => None,
                };
                let open = open
                    .filter(|row| row.is_open(now))
                    .ok_or(IdentityError::ChallengeVoid)?;
                own.may_add(tx)?;
                let first = !own.standing(tx)?.enrolled;
                let state = open.ceremony.ok_or(IdentityError::ChallengeVoid)?;
                let credential = site.created(state, answer)?;
                if tx
                    .passkey_by_credential(credential.cred_id.as_slice())?
                    .is_some()
                {
                    return Err(IdentityError::PasskeyUnfit);
                }
                store::challenge_end(tx, open.challenge_id)?;
                let new =
                    NewPasskey::of(uuid_at(tx.clock().as_ref()), user, &credential, name, now)?;
                store::passkey_insert(tx, &new)?;
                let codes = own.added(tx, &key, first, FactorKind::Passkey)?;
                Ok::<_, IdentityError>((OwnPasskey::from(new), codes))
            })
            .await?;
        inner.standings.forget_user(user);
        Ok(added)
    }

    pub async fn passkey_rename(
        &self,
        who: &Principal,
        id: PasskeyId,
        name: &str,
    ) -> Result<OwnPasskey, IdentityError> {
        let name = name_of(name)?;
        let own = Own::of(who)?;
        self.inner
            .db
            .auth(own.scope(), move |tx| {
                let renamed = store::passkey_rename(tx, id, &name)?;
                let renamed = renamed.ok_or(IdentityError::FactorMissing)?;
                let entry = audit::Entry::new(Action::PasskeyRename, "passkey", id);
                Author::of(&own.who).write(tx, entry)?;
                Ok(renamed)
            })
            .await
    }

    pub async fn passkey_remove(
        &self,
        who: &Principal,
        id: PasskeyId,
    ) -> Result<(), IdentityError> {
        let own = Own::of(who)?;
        let user = own.user;
        self.inner
            .db
            .auth(own.scope(), move |tx| {
                own.may_change(tx)?;
                if !store::passkey_forget(tx, id)? {
                    return Err(IdentityError::FactorMissing);
                }
                removed(tx, &own, FactorKind::Passkey)
            })
            .await?;
        self.inner.standings.forget_user(user);
        Ok(())
    }
}

fn name_of(text: &str) -> Result<String, IdentityError> {
    let text = text.trim();
    let sound = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if sound {
        Ok(text.to_owned())
    } else {
        Err(IdentityError::input("name", "length_1_to_100"))
    }
}

impl crate::identity::Inner {
    async fn email_and_name(
        &self,
        scope: AuthScope,
        user: UserId,
    ) -> Result<(String, String), IdentityError> {
        let (sealed, name) = self
            .db
            .auth(scope, move |tx| store::sealed_email_and_name(tx, user))
            .await?;
        Ok((self.email(user, &sealed).await?, name))
    }
}
