//! Both ends of an invitation's link: the mail that carries it, and whoever opens it.

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthScope, InvitationFound, Unit};
use diesel::{QueryDsl, RunQueryDsl};
use kernel::{Action, Actor, InvitationId, Principal, Role, Secret, SessionId, TenantId, UserId};
use schema::users;

use crate::{
    acting::Acting,
    email::Email,
    error::IdentityError,
    founding::Person,
    grant::{Grant, open_session, opened},
    identity::{Caller, Identity},
    invitations::{invitation_arm, invitation_mark_sent, invitation_use},
    link::LinkToken,
    membership::{is_member, lock_tenant},
    refusal::Refusal,
    roles::roles_of,
    store,
};

type Outcome<T> = Result<T, IdentityError>;

/// What an invitation's mail says, and to whom.
pub struct InvitationLetter {
    pub token: Secret<String>,
    pub address: Secret<String>,
    pub organisation: String,
    pub inviter: Option<String>,
    pub roles: Vec<Role>,
    pub expires_at: DateTime<Utc>,
}

/// An invitation as whoever holds its link sees it.
#[derive(Clone, Debug)]
pub struct InvitationLook {
    pub organisation: String,
    pub email: String,
    pub roles: Vec<Role>,
    pub inviter: Option<String>,
    /// Whether the address has an account already.
    pub has_account: bool,
    pub expires_at: DateTime<Utc>,
}

/// What somebody without an account brings.
pub struct InvitationAcceptance {
    pub token: String,
    pub name: String,
    pub password: Secret<String>,
}

impl Identity {
    /// Makes the link's token for a mail that is about to be sent; an older link is void. `None` when
    /// the invitation was accepted, revoked or is too old.
    pub async fn invitation_letter(
        &self,
        tenant: TenantId,
        id: InvitationId,
    ) -> Outcome<Option<InvitationLetter>> {
        let token = LinkToken::generate()?;
        let (scope, hash) = (in_tenant(tenant, None), token.hash());
        let armed = self
            .inner
            .db
            .auth(scope, move |tx| invitation_arm(tx, id, &hash))
            .await?;
        let Some(found) = armed else {
            return Ok(None);
        };
        Ok(Some(InvitationLetter {
            token: token.into_text(),
            address: Secret::new(self.address_of(&found).await?),
            organisation: found.organisation,
            inviter: found.inviter,
            roles: roles_of(&found.roles),
            expires_at: found.expires_at,
        }))
    }

    /// The invitation's mail has left.
    pub async fn invitation_sent(&self, tenant: TenantId, id: InvitationId) -> Outcome<()> {
        self.inner
            .db
            .auth(in_tenant(tenant, None), move |tx| {
                invitation_mark_sent(tx, id)
            })
            .await
    }

    /// What the link is for, without using it.
    pub async fn invitation_look(&self, token: &str) -> Outcome<InvitationLook> {
        let (found, _) = self.invitation_find(token).await?;
        let hash = found.email_hash.clone();
        let login = self
            .inner
            .db
            .auth(AuthScope::default(), move |tx| tx.user_by_email(&hash))
            .await?;
        Ok(InvitationLook {
            email: self.address_of(&found).await?,
            organisation: found.organisation,
            roles: roles_of(&found.roles),
            inviter: found.inviter,
            has_account: login.is_some(),
            expires_at: found.expires_at,
        })
    }

    /// Makes the account of somebody new, with the invitation's address and their own password.
    pub async fn invitation_accept(
        &self,
        input: InvitationAcceptance,
        caller: &Caller,
    ) -> Outcome<Grant> {
        let inner = &self.inner;
        let (found, token_hash) = self.invitation_find(&input.token).await?;
        let address = self.address_of(&found).await?;
        let wanted = found.email_hash.clone();
        let known = inner
            .db
            .auth(AuthScope::default(), move |tx| tx.user_by_email(&wanted))
            .await?;
        if known.is_some() {
            return Err(Refusal::AccountExists.into());
        }
        let person = Person {
            name: &input.name,
            email: Email::parse(&address)?,
            password: &input.password,
            super_admin: false,
        };
        let user = UserId::generate(inner.clock.as_ref());
        let row = person.row(inner, user).await?;
        let tenant = TenantId::from_uuid(found.tenant_id);
        let new = inner.new_session(user, tenant, caller).await?;
        let caller = caller.clone();
        let opened = inner
            .db
            .auth(in_tenant(tenant, Some(user)), move |tx| {
                lock_tenant(tx)?;
                invitation_use(tx, &found, &token_hash, user)?;
                store::user_insert(tx, &row)?;
                store::membership_insert(tx, (tenant, user), &found.roles, found.owner)?;
                let session = SessionId::from_uuid(new.session_id);
                let (actor, origin) = (Actor::Human { user, session }, caller.origin());
                let id = InvitationId::from_uuid(found.invitation_id);
                for entry in [
                    Entry::new(Action::InvitationAccept, "invitation", id),
                    Entry::new(Action::UserCreate, "user", user),
                ] {
                    entry.write_auth(tx, &actor, Some(&origin), caller.request)?;
                }
                db::hint(tx, "members")?;
                open_session(tx, new, Action::SignIn, &caller)
            })
            .await?;
        inner.grant(opened, Some(address)).await
    }

    /// Adds a membership to the account that is signed in, which must have the invitation's address,
    /// and moves the session there.
    pub async fn invitation_join(&self, who: &Principal, token: &str) -> Outcome<Grant> {
        let (found, token_hash) = self.invitation_find(token).await?;
        self.visit_close(who).await?;
        let tenant = TenantId::from_uuid(found.tenant_id);
        let acting = Acting::at(who, tenant)?;
        let (session, user) = (acting.session, acting.user);
        let opened = self
            .inner
            .db
            .auth(acting.scope, move |tx| {
                lock_tenant(tx)?;
                let own: Vec<u8> = users::table
                    .find(user.uuid())
                    .select(users::email_hash)
                    .first(tx.conn())?;
                if own != found.email_hash || is_member(tx, user)? {
                    return Err(Refusal::InvitationInvalid.into());
                }
                invitation_use(tx, &found, &token_hash, user)?;
                store::membership_insert(tx, (tenant, user), &found.roles, found.owner)?;
                store::session_lock(tx, session)?;
                store::session_move(tx, session, tenant)?;
                let id = InvitationId::from_uuid(found.invitation_id);
                acting.audit(tx, Entry::new(Action::InvitationAccept, "invitation", id))?;
                db::hint(tx, "sessions")?;
                db::hint(tx, "members")?;
                opened(tx, session, None)
            })
            .await?;
        self.inner.standings.forget(session);
        self.inner.grant(opened, None).await
    }

    /// The waiting invitation of a link, with the hash of its token.
    async fn invitation_find(&self, token: &str) -> Outcome<(InvitationFound, Vec<u8>)> {
        let token = LinkToken::parse(token).ok_or(Refusal::InvitationInvalid)?;
        let (hash, now) = (token.hash(), self.inner.clock.now());
        let wanted = hash.clone();
        let found = self
            .inner
            .db
            .auth(AuthScope::default(), move |tx| {
                tx.invitation_by_token(&wanted)
            })
            .await?;
        match found.filter(|found| found.expires_at > now) {
            Some(found) => Ok((found, hash)),
            None => Err(Refusal::InvitationInvalid.into()),
        }
    }

    async fn address_of(&self, found: &InvitationFound) -> Outcome<String> {
        let tenant = TenantId::from_uuid(found.tenant_id);
        let id = InvitationId::from_uuid(found.invitation_id);
        self.open_address(tenant, id, &found.email_sealed)
            .await?
            .ok_or(IdentityError::Locked)
    }
}

const fn in_tenant(tenant: TenantId, user: Option<UserId>) -> AuthScope {
    AuthScope {
        tenant: Some(tenant),
        user,
    }
}
