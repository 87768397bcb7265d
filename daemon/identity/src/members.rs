//! Members of a tenant: the list, their roles, who may come in, and who owns it.
//!
//! A change raises the membership's epoch, so every older access token dies, and takes the tenant's row
//! first, so that two administrators never demote each other at once. Deactivation is of the membership
//! alone: an account belongs to its person and may serve other tenants, which are not ours to touch. A
//! person whose last membership is deactivated can sign in nowhere.

mod list;

use audit::Entry;
use db::{AuthTx, Unit};
use diesel::{QueryDsl, RunQueryDsl};
use kernel::{Action, Event, Principal, Role, TenantId, UserId};
use schema::tenants;
use serde_json::json;

use crate::{
    acting::Acting,
    error::IdentityError,
    factor::factors_reset,
    identity::Identity,
    membership::{
        Change, Membership, deactivate, is_only_here, keep_one_admin, lock_tenant, membership,
        reactivate, runs_the_appliance, set,
    },
    refusal::Refusal,
    roles::{role_names, roles_of},
    store,
};

pub use list::{Member, MemberFactors, MemberFilter, MemberPage};
use list::{linked, one};

type Outcome<T> = Result<T, IdentityError>;

impl Identity {
    /// The roles of a member, as a mail tells of them.
    pub async fn member_roles(&self, tenant: TenantId, user: UserId) -> Outcome<Vec<Role>> {
        let scope = db::AuthScope {
            tenant: Some(tenant),
            user: None,
        };
        self.inner
            .db
            .auth(scope, move |tx| {
                let found = membership(tx, user)?;
                Ok(found.map_or_else(Vec::new, |row| roles_of(&row.roles)))
            })
            .await
    }

    /// Gives a member other roles.
    pub async fn member_update(
        &self,
        who: &Principal,
        member: UserId,
        roles: Vec<Role>,
        version: i32,
    ) -> Outcome<Member> {
        let names = role_names(&roles)?;
        self.change(who, member, move |tx, acting, old| {
            if old.epoch != version {
                return Err(Refusal::VersionConflict.into());
            }
            let stays_admin = names.contains(&Role::Admin.name());
            if old.owner && !stays_admin {
                return Err(Refusal::LastOwner.into());
            }
            if old.is_admin() && !stays_admin {
                keep_one_admin(tx, member)?;
            }
            let change = Change {
                roles: Some(names.iter().map(|name| (*name).to_owned()).collect()),
                ..Change::default()
            };
            set(tx, member, &old, change)?;
            let entry = Entry::new(Action::MemberUpdate, "user", member)
                .before(json!({ "roles": old.roles }))
                .after(json!({ "roles": names }));
            acting.audit(tx, entry)?;
            Ok(jobs::publish(tx, &Event::RolesChanged { user: member })?)
        })
        .await
    }

    /// Shuts a member out: their sessions in the tenant end, and connections that are theirs alone
    /// lose their tokens, in the same transaction.
    pub async fn member_deactivate(&self, who: &Principal, member: UserId) -> Outcome<Member> {
        self.change(who, member, move |tx, acting, old| {
            if old.state != "active" {
                return Ok(());
            }
            let ended = deactivate(tx, member, &old)?;
            let entry = Entry::new(Action::MemberDeactivate, "user", member)
                .after(json!({ "sessions_ended": ended }));
            acting.audit(tx, entry)
        })
        .await
    }

    /// Shuts a member out for good, before what is held of them is erased. Not somebody who runs the
    /// appliance: nobody could sign in to it any more.
    pub async fn member_leave(&self, who: &Principal, member: UserId) -> Outcome<()> {
        let scope = db::AuthScope {
            tenant: Some(who.tenant),
            user: Some(member),
        };
        let operates = self
            .inner
            .db
            .auth(scope, move |tx| {
                membership(tx, member)?.ok_or(Refusal::UnknownMember)?;
                runs_the_appliance(tx, member)
            })
            .await?;
        if operates {
            return Err(Refusal::Operator.into());
        }
        self.member_deactivate(who, member).await?;
        Ok(())
    }

    pub async fn member_reactivate(&self, who: &Principal, member: UserId) -> Outcome<Member> {
        self.change(who, member, move |tx, acting, old| {
            if old.state == "active" {
                return Ok(());
            }
            reactivate(tx, member, &old)?;
            acting.audit(tx, Entry::new(Action::MemberReactivate, "user", member))
        })
        .await
    }

    /// Takes a member's second factors away and ends all of their sessions: for somebody who lost their
    /// phone. Refused for an account that is a member elsewhere or runs the appliance: one tenant's
    /// administrator must not weaken the door to another.
    pub async fn member_factors_reset(&self, who: &Principal, member: UserId) -> Outcome<()> {
        if Acting::of(who)?.user == member {
            return Err(Refusal::OwnAccount.into());
        }
        let scope = db::AuthScope {
            tenant: Some(who.tenant),
            user: Some(member),
        };
        let by = who.clone();
        self.inner
            .db
            .auth_by(who.user(), scope, move |tx| {
                lock_tenant(tx)?;
                membership(tx, member)?.ok_or(Refusal::UnknownMember)?;
                if !is_only_here(tx, member)? {
                    return Err(IdentityError::from(Refusal::SharedAccount));
                }
                factors_reset(tx, &by, member)?;
                db::hint(tx, "members")?;
                Ok(jobs::publish(tx, &Event::FactorsReset { user: member })?)
            })
            .await?;
        self.inner.standings.forget_user(member);
        Ok(())
    }

    /// Ends every session that a member has in this tenant; answers how many. For a laptop that was left
    /// somewhere, say: the person signs in again.
    pub async fn member_sign_out(&self, who: &Principal, member: UserId) -> Outcome<usize> {
        if Acting::of(who)?.user == member {
            return Err(Refusal::OwnAccount.into());
        }
        let scope = db::AuthScope {
            tenant: Some(who.tenant),
            user: Some(member),
        };
        let by = who.clone();
        let ended = self
            .inner
            .db
            .auth_by(who.user(), scope, move |tx| {
                membership(tx, member)?.ok_or(Refusal::UnknownMember)?;
                let ended = store::sessions_end_here(tx, member, "signed_out_by_administrator")?;
                Entry::new(Action::SessionRevoke, "user", member)
                    .even_sealed()
                    .after(json!({ "sessions": ended }))
                    .write_auth(tx, &by.actor, by.origin.as_ref(), by.request)?;
                db::hint(tx, "sessions")?;
                Ok::<_, IdentityError>(ended)
            })
            .await?;
        self.inner.standings.forget_user(member);
        Ok(ended)
    }

    /// Makes another active member the owner, and an administrator if they are none. For the owner
    /// alone, who types the organisation's name.
    pub async fn owner_transfer(
        &self,
        who: &Principal,
        member: UserId,
        confirm: String,
    ) -> Outcome<Member> {
        self.change(who, member, move |tx, acting, old| {
            let mine = membership(tx, acting.user)?.ok_or(Refusal::NotOwner)?;
            if !mine.owner || mine.state != "active" {
                return Err(Refusal::NotOwner.into());
            }
            if old.state != "active" {
                return Err(Refusal::Deactivated.into());
            }
            if tenant_name(tx)? != confirm.trim() {
                return Err(Refusal::ConfirmWrong.into());
            }
            let leaving = Change {
                owner: Some(false),
                ..Change::default()
            };
            set(tx, acting.user, &mine, leaving)?;
            let mut roles = old.roles.clone();
            if !old.is_admin() {
                roles.push(Role::Admin.name().to_owned());
            }
            let coming = Change {
                owner: Some(true),
                roles: Some(roles),
                ..Change::default()
            };
            set(tx, member, &old, coming)?;
            let entry = Entry::new(Action::OwnerTransfer, "user", member)
                .before(json!({ "owner": acting.user }))
                .after(json!({ "owner": member }));
            acting.audit(tx, entry)?;
            let event = Event::OwnerChanged {
                from: acting.user,
                to: member,
            };
            Ok(jobs::publish(tx, &event)?)
        })
        .await
    }

    /// One change of another's membership, under the tenant's lock; answers how the member is then.
    async fn change<F>(&self, who: &Principal, member: UserId, work: F) -> Outcome<Member>
    where
        F: FnOnce(&mut AuthTx<'_>, &Acting, Membership) -> Outcome<()> + Send + 'static,
    {
        let acting = Acting::of(who)?;
        let (row, linked) = self
            .inner
            .db
            .auth(acting.scope, move |tx| {
                lock_tenant(tx)?;
                let old = membership(tx, member)?.ok_or(Refusal::UnknownMember)?;
                if member == acting.user {
                    return Err(Refusal::OwnAccount.into());
                }
                work(tx, &acting, old)?;
                db::hint(tx, "sessions")?;
                db::hint(tx, "members")?;
                let row = one(tx, member)?;
                let linked = linked(tx, std::slice::from_ref(&row))?;
                Ok::<_, IdentityError>((row, linked))
            })
            .await?;
        self.forget_tenant(who.tenant);
        let mut shown = self.shown(vec![row], &linked).await?;
        shown.pop().ok_or_else(|| Refusal::UnknownMember.into())
    }
}

fn tenant_name(tx: &mut AuthTx<'_>) -> Outcome<String> {
    Ok(tenants::table
        .find(tx.tenant().uuid())
        .select(tenants::name)
        .first(tx.conn())?)
}
