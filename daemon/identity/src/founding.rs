//! A new organisation with the account that owns it: at set-up, and by signing up.

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthScope, AuthTx};
use kernel::{Action, Actor, Secret, SessionId, TenantId, UserId};

use crate::{
    email::Email,
    error::IdentityError,
    grant::{Opened, email_binding, open_session},
    identity::{Caller, Inner},
    setup::text_of,
    store::{self, NewSession, NewUser},
    tenants::tenant_insert,
};

/// Who is to have an account.
pub(crate) struct Person<'a> {
    pub(crate) name: &'a str,
    pub(crate) email: Email,
    pub(crate) password: &'a Secret<String>,
    pub(crate) super_admin: bool,
}

impl Person<'_> {
    /// The row of a new account. The password is the person's own and is judged here.
    pub(crate) async fn row(&self, inner: &Inner, user: UserId) -> Result<NewUser, IdentityError> {
        let secrets = inner.secrets()?;
        let name = text_of("name", self.name)?;
        inner
            .check_new_password("password", self.password, self.email.as_str(), &name)
            .await?;
        let owner = user.to_string();
        let sealed = inner
            .vault
            .seal(
                TenantId::PLATFORM,
                &email_binding(&owner),
                self.email.as_str().as_bytes(),
            )
            .await?;
        Ok(NewUser {
            user_id: user.uuid(),
            email_hash: self.email.hash(&secrets.index_key)?,
            email_sealed: sealed.to_bytes(),
            name,
            password_hash: Some(secrets.passwords.hash(self.password).await?),
            super_admin: self.super_admin,
        })
    }
}

/// Everything that needs the secrets backend, done before the transaction begins.
pub(crate) struct Founding {
    pub(crate) email: String,
    organisation: String,
    tenant: TenantId,
    user: NewUser,
    session: NewSession,
}

impl Founding {
    pub(crate) async fn prepare(
        inner: &Inner,
        organisation: &str,
        person: Person<'_>,
        caller: &Caller,
    ) -> Result<Self, IdentityError> {
        let organisation = text_of("organisation", organisation)?;
        let clock = inner.clock.as_ref();
        let (tenant, user) = (TenantId::generate(clock), UserId::generate(clock));
        let row = person.row(inner, user).await?;
        inner.vault.ensure_tenant_key(tenant).await?;
        Ok(Self {
            email: person.email.as_str().to_owned(),
            organisation,
            tenant,
            user: row,
            session: inner.new_session(user, tenant, caller).await?,
        })
    }

    pub(crate) fn scope(&self) -> AuthScope {
        AuthScope {
            tenant: Some(self.tenant),
            user: Some(UserId::from_uuid(self.user.user_id)),
        }
    }

    /// Organisation, account, membership as owner and session, all or nothing. With a trial's end the
    /// organisation begins as a trial.
    pub(crate) fn store(
        self,
        tx: &mut AuthTx<'_>,
        action: Action,
        trial_ends_at: Option<DateTime<Utc>>,
        caller: &Caller,
    ) -> Result<Opened, IdentityError> {
        let user = UserId::from_uuid(self.user.user_id);
        let session = SessionId::from_uuid(self.session.session_id);
        let state = if trial_ends_at.is_some() {
            "trial"
        } else {
            "active"
        };
        tenant_insert(tx, &self.organisation, state, trial_ends_at)?;
        store::user_insert(tx, &self.user)?;
        store::membership_insert(tx, (self.tenant, user), &["admin"], true)?;
        let (actor, origin) = (Actor::Human { user, session }, caller.origin());
        for entry in [
            Entry::new(action, "tenant", self.tenant),
            Entry::new(Action::TenantCreate, "tenant", self.tenant),
            Entry::new(Action::UserCreate, "user", user),
        ] {
            entry.write_auth(tx, &actor, Some(&origin), caller.request)?;
        }
        open_session(tx, self.session, Action::SignIn, caller)
    }
}
