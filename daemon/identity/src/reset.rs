//! A forgotten password (LR-10, LR-11, LM-11). Asking does the same work and gives the same answer
//! whether or not an account has the address: it counts, and leaves a job. The job looks, makes the
//! one-time token when it sends the mail, and stores the token's hash alone.

use audit::Entry;
use db::{AuthScope, Unit};
use kernel::{Action, Actor, Event, Secret, UserId};

use crate::{
    account::mine,
    attempts::{self, AttemptScope, Limit},
    config::{RESET_LIFE, RESET_WINDOW},
    email::Email,
    error::IdentityError,
    identity::{Caller, Identity},
    opaque::RefreshToken,
    session::{hex, rate_limited, short_hex},
    sso::only,
    store,
};

/// LM-11: for one address in an hour, whoever asks.
const PER_ACCOUNT: u32 = 3;

impl Identity {
    /// Asks for a link. Nothing tells whether there will be one; only a network that asks too often
    /// is told so.
    pub async fn password_reset_ask(
        &self,
        email: &str,
        caller: &Caller,
    ) -> Result<(), IdentityError> {
        let inner = &self.inner;
        let key = &inner.secrets()?.index_key;
        let hash = Email::parse(email)?.hash(key)?;
        let network = Limit::new(
            key,
            AttemptScope::ResetAddress,
            caller.address,
            b"",
            inner.config.resets_per_address,
        )?;
        let account = Limit::anywhere(key, AttemptScope::ResetAccount, &hash, PER_ACCOUNT)?;
        let (network, account) = (network.within(RESET_WINDOW), account.within(RESET_WINDOW));
        let caller = caller.clone();
        let wait = inner
            .db
            .auth(AuthScope::default(), move |tx| {
                if let Some(wait) = attempts::charge(tx, &[network])? {
                    return Ok::<_, IdentityError>(Some(wait));
                }
                let over = attempts::charge(tx, &[account])?.is_some();
                let entry = Entry::new(Action::PasswordResetAsk, "account", short_hex(&hash));
                let entry = if over {
                    entry.refused("rate_limited")
                } else {
                    let account = hex(&hash);
                    jobs::publish(tx, &Event::PasswordResetAsked { account })?;
                    entry
                };
                entry.write_auth(
                    tx,
                    &Actor::System { job: None },
                    Some(&caller.origin()),
                    caller.request,
                )?;
                Ok(None)
            })
            .await?;
        wait.map_or(Ok(()), |wait| Err(rate_limited(wait)))
    }

    /// Makes the person's one-time token; any earlier one is void. For the job that sends it.
    pub async fn reset_link_create(&self, user: UserId) -> Result<Secret<String>, IdentityError> {
        let token = RefreshToken::generate()?;
        let hash = token.hash();
        self.inner
            .db
            .auth(mine(user), move |tx| {
                let expires = tx.now() + RESET_LIFE;
                store::reset_link_replace(tx, user, &hash, expires)?;
                Ok::<_, IdentityError>(
                    Entry::new(Action::ResetLinkCreate, "user", user).write_auth(
                        tx,
                        &Actor::System { job: None },
                        None,
                        None,
                    )?,
                )
            })
            .await?;
        Ok(token.into_text())
    }

    /// Uses a link up and sets the password. Every session of the person ends.
    pub async fn password_reset_complete(
        &self,
        token: &str,
        new: &Secret<String>,
        caller: &Caller,
    ) -> Result<(), IdentityError> {
        let inner = &self.inner;
        let token = RefreshToken::parse(token).ok_or(IdentityError::ResetLink)?;
        let (hash, user) = self.reset_link_find(&token).await?;
        let (email, name) = inner.person(user).await?;
        inner
            .check_new_password("password", new, &email, &name)
            .await?;
        inner
            .refuse_reused(mine(user), user, "password", new)
            .await?;
        let password = inner.secrets()?.passwords.hash(new).await?;
        let caller = caller.clone();
        inner
            .db
            .auth(mine(user), move |tx| {
                // No password where none opens anything (CX-14).
                let own = tx.own_tenants()?;
                only::open_to_password(tx, own)?;
                if !store::reset_link_use(tx, &hash)? {
                    return Err(IdentityError::ResetLink);
                }
                let before = store::account(tx, user)?
                    .filter(|account| account.state == "active")
                    .ok_or(IdentityError::ResetLink)?
                    .password_hash;
                if !store::password_replace(tx, user, before.as_deref(), &password)? {
                    return Err(IdentityError::ResetLink);
                }
                store::sessions_end_all(tx, user, "password_reset")?;
                // Whoever has the link is not yet known to be the person: the audit names the account.
                Entry::new(Action::PasswordReset, "user", user).write_auth(
                    tx,
                    &Actor::System { job: None },
                    Some(&caller.origin()),
                    caller.request,
                )?;
                jobs::publish(tx, &Event::PasswordChanged { user })?;
                Ok(db::hint(tx, "sessions")?)
            })
            .await?;
        inner.standings.forget_user(user);
        Ok(())
    }

    /// Before anything costly. The link itself is used up later, with what it does.
    async fn reset_link_find(
        &self,
        token: &RefreshToken,
    ) -> Result<(Vec<u8>, UserId), IdentityError> {
        let (hash, db) = (token.hash(), &self.inner.db);
        let wanted = hash.clone();
        let user = db
            .auth(AuthScope::default(), move |tx| {
                tx.reset_link_by_hash(&wanted)
            })
            .await?
            .map(UserId::from_uuid)
            .ok_or(IdentityError::ResetLink)?;
        let wanted = hash.clone();
        let valid = db
            .auth(mine(user), move |tx| store::reset_link_valid(tx, &wanted))
            .await?;
        if valid {
            Ok((hash, user))
        } else {
            Err(IdentityError::ResetLink)
        }
    }
}
