//! From what a provider proved to a person with a session in its tenant (CX-34).
//!
//! A person is found by (tenant, issuer, subject). The address counts only where its domain is
//! verified for the tenant, and then finds members of the tenant alone. Whoever is new gets an account
//! that is the tenant's own; unless the domain is verified, its address lives in the tenant's own
//! namespace, so that no provider takes an address that it does not own.

use audit::Entry;
use db::{AuthScope, AuthTx, Unit};
use kernel::{Action, Actor, ProviderId, Secret, TenantId, UserId};
use serde_json::json;

use super::{
    Sso,
    error::SsoError,
    model::{Proven, domain_of, mapped_roles},
    provider::rules,
    store::{self, ProviderRow},
};
use crate::{
    config::SESSION_LIFE,
    email::{Email, keyed_hash},
    error::IdentityError,
    grant::{Grant, Opened, email_binding, open_session},
    identity::{Caller, Inner},
    store::{NewSession, NewUser},
};

/// An address in both of the forms under which an account may be stored.
pub(crate) struct Address {
    pub(crate) email: Email,
    /// As every account's.
    pub(crate) shared: Vec<u8>,
    /// In the tenant's own namespace.
    pub(crate) own: Vec<u8>,
}

impl Address {
    pub(crate) fn new(
        key: &Secret<Vec<u8>>,
        tenant: TenantId,
        text: &str,
    ) -> Result<Self, IdentityError> {
        let email = Email::parse(text)?;
        Ok(Self {
            shared: email.hash(key)?,
            own: keyed_hash(
                key,
                &[
                    b"sso email",
                    tenant.uuid().as_bytes(),
                    email.as_str().as_bytes(),
                ],
            )?,
            email,
        })
    }
}

/// Whose account it is, or under which hash of the address a new one is stored.
pub(crate) enum Found {
    Person(UserId),
    Nobody { email_hash: Vec<u8> },
}

/// Who has the address, as far as this tenant may know: a member of it, or an account of its own.
pub(crate) fn by_address(tx: &mut AuthTx<'_>, address: &Address) -> Result<Found, IdentityError> {
    let domain = domain_of(address.email.as_str());
    let trusted = match domain {
        Some(domain) => store::domain_verified(tx, &domain)?,
        None => false,
    };
    if trusted {
        match tx.user_by_email(&address.shared)? {
            None => {
                return Ok(Found::Nobody {
                    email_hash: address.shared.clone(),
                });
            }
            Some(login) => {
                let user = UserId::from_uuid(login.user_id);
                if store::member(tx, user)?.is_some() {
                    return Ok(Found::Person(user));
                }
                // An account that is nobody's here stays out of this provider's reach.
            }
        }
    }
    Ok(match tx.user_by_email(&address.own)? {
        Some(login) => Found::Person(UserId::from_uuid(login.user_id)),
        None => Found::Nobody {
            email_hash: address.own.clone(),
        },
    })
}

struct Arrival {
    tenant: TenantId,
    provider: ProviderId,
    proven: Proven,
    role_map: Vec<super::RoleRule>,
    create_members: bool,
    user: UserId,
    new_user: Option<NewUser>,
    session: NewSession,
}

impl Sso {
    /// Opens a session for whom the provider proved, making account and membership where it may.
    pub(crate) async fn admit(
        &self,
        row: &ProviderRow,
        proven: Proven,
        caller: &Caller,
    ) -> Result<Grant, IdentityError> {
        let inner = &self.identity.inner;
        let tenant = TenantId::from_uuid(row.tenant_id);
        if tenant == TenantId::PLATFORM {
            return self.admit_to_appliance(row, proven, caller).await;
        }
        let (user, new_user) = self.whom(tenant, row, &proven).await?;
        let mut session = inner.new_session(user, tenant, caller).await?;
        session.sso_tenant_id = Some(row.tenant_id);
        session.sso_provider_id = Some(row.provider_id);
        let arrival = Arrival {
            tenant,
            provider: ProviderId::from_uuid(row.provider_id),
            role_map: rules(row.role_map.clone())?,
            create_members: row.create_members,
            proven,
            user,
            new_user,
            session,
        };
        let scope = AuthScope {
            tenant: Some(tenant),
            user: Some(user),
        };
        let caller = caller.clone();
        let opened = inner
            .db
            .auth(scope, move |tx| arrival.settle(tx, &caller))
            .await?;
        inner.grant(opened, None).await
    }

    async fn whom(
        &self,
        tenant: TenantId,
        row: &ProviderRow,
        proven: &Proven,
    ) -> Result<(UserId, Option<NewUser>), IdentityError> {
        let inner = &self.identity.inner;
        let key = &inner.secrets()?.index_key;
        let address = match &proven.email {
            Some(text) => Some(Address::new(key, tenant, text)?),
            None => None,
        };
        let scope = AuthScope {
            tenant: Some(tenant),
            user: None,
        };
        let (issuer, subject) = (proven.issuer.clone(), proven.subject.clone());
        let (address, found) = inner
            .db
            .auth(scope, move |tx| {
                if let Some(user) = store::identity(tx, &issuer, &subject)? {
                    return Ok((address, Found::Person(user)));
                }
                let found = match &address {
                    Some(known) => by_address(tx, known)?,
                    None => return Err(SsoError::Account("the provider tells no address").into()),
                };
                Ok::<_, IdentityError>((address, found))
            })
            .await?;
        match (found, address) {
            (Found::Person(user), _) => Ok((user, None)),
            (Found::Nobody { .. }, _) if !row.create_members => Err(SsoError::NoMember.into()),
            (Found::Nobody { email_hash }, Some(address)) => {
                let name = proven.name.as_deref();
                let new = inner.new_user(&address, email_hash, name).await?;
                Ok((UserId::from_uuid(new.user_id), Some(new)))
            }
            (Found::Nobody { .. }, None) => {
                Err(SsoError::Account("the provider tells no address").into())
            }
        }
    }
}

impl Inner {
    /// An account without a password.
    pub(crate) async fn new_user(
        &self,
        address: &Address,
        email_hash: Vec<u8>,
        name: Option<&str>,
    ) -> Result<NewUser, IdentityError> {
        let user = UserId::generate(self.clock.as_ref());
        Ok(NewUser {
            user_id: user.uuid(),
            email_hash,
            email_sealed: self.seal_email(user, &address.email).await?,
            name: person_name(name, address.email.as_str()),
            password_hash: None,
            super_admin: false,
        })
    }

    /// An address as its account stores it.
    pub(crate) async fn seal_email(
        &self,
        user: UserId,
        email: &Email,
    ) -> Result<Vec<u8>, IdentityError> {
        let owner = user.to_string();
        let sealed = self
            .vault
            .seal(
                TenantId::PLATFORM,
                &email_binding(&owner),
                email.as_str().as_bytes(),
            )
            .await?;
        Ok(sealed.to_bytes())
    }
}

impl Arrival {
    fn settle(mut self, tx: &mut AuthTx<'_>, caller: &Caller) -> Result<Opened, IdentityError> {
        let origin = caller.origin();
        let session = kernel::SessionId::from_uuid(self.session.session_id);
        let actor = Actor::Human {
            user: self.user,
            session,
        };
        let note = |tx: &mut AuthTx<'_>, entry: Entry| {
            entry.write_auth(tx, &actor, Some(&origin), caller.request)
        };
        if let Some(new) = &self.new_user {
            crate::store::user_insert(tx, new)?;
            store::person_home(tx, self.user, self.tenant)?;
            note(tx, Entry::new(Action::UserCreate, "user", self.user))?;
            fail::fail_point!("sso_person_made");
        }
        check_open(tx, self.user)?;
        // The provider's word stands for a password where the account is the tenant's own. Elsewhere a
        // first factor takes the password that the person has.
        if store::person_home_of(tx, self.user)? != Some(self.tenant) {
            self.session.password_at = None;
        }
        let mapped = mapped_roles(&self.role_map, &self.proven.groups);
        match store::member(tx, self.user)? {
            None if !self.create_members => return Err(SsoError::NoMember.into()),
            None => {
                let roles = mapped.unwrap_or_else(|| vec!["member"]);
                crate::store::membership_insert(tx, (self.tenant, self.user), &roles, false)?;
                let entry = Entry::new(Action::MemberCreate, "user", self.user)
                    .after(json!({ "roles": roles, "provider": self.provider }));
                note(tx, entry)?;
            }
            Some(member) if member.state != "active" => {
                return Err(SsoError::Account("deactivated").into());
            }
            // The owner's standing is the owner's own affair.
            Some(member) if !member.owner => {
                if let Some(roles) = mapped.filter(|roles| !same(roles, &member.roles)) {
                    store::member_roles(tx, self.user, &roles)?;
                    let entry = Entry::new(Action::MemberRolesMap, "user", self.user)
                        .before(json!({ "roles": member.roles }))
                        .after(json!({ "roles": roles, "provider": self.provider }));
                    note(tx, entry)?;
                    db::hint(tx, "sessions")?;
                }
            }
            Some(_) => {}
        }
        let who = (self.proven.issuer.as_str(), self.proven.subject.as_str());
        if store::identity_keep(tx, who, self.provider, self.user)? {
            let entry = Entry::new(Action::IdentityLink, "user", self.user)
                .after(json!({ "provider": self.provider }));
            note(tx, entry)?;
        }
        let before = tx.now() - SESSION_LIFE;
        crate::store::tokens_forget(tx, self.user, before)?;
        open_session(tx, self.session, Action::SignIn, caller)
    }
}

/// A provider of a tenant never acts for who has the appliance in their care, nor for who has left.
pub(crate) fn check_open(tx: &mut AuthTx<'_>, user: UserId) -> Result<(), IdentityError> {
    match store::person_standing(tx, user)? {
        Some((_, true)) => Err(SsoError::Account("a super_admin").into()),
        Some((state, _)) if state == "active" => Ok(()),
        _ => Err(SsoError::Account("deactivated").into()),
    }
}

/// What the provider calls the person, or the address's first part.
pub(crate) fn person_name(told: Option<&str>, email: &str) -> String {
    let clean = |text: &str| -> String {
        let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
        text.trim().to_owned()
    };
    let local = email.split('@').next().unwrap_or(email);
    told.map(clean)
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| clean(local))
}

pub(crate) fn same(one: &[&str], other: &[String]) -> bool {
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    sorted(one.iter().map(|role| (*role).to_owned()).collect()) == sorted(other.to_vec())
}
