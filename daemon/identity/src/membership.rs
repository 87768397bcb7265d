//! One membership: read under its lock, changed, ended and begun again. Whoever asks, an administrator or
//! a tenant's identity provider, the rows and the rules are these; the caller writes the audit entry,
//! because it knows the actor.
//!
//! A change raises the membership's epoch, so every older access token dies.

use db::{AuthTx, Unit};
use diesel::{
    AsChangeset, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper, dsl::count_star, update,
};
use kernel::{Event, Role, UserId};
use schema::{memberships, tenants, users};
use uuid::Uuid;

use crate::{error::IdentityError, refusal::Refusal};

type Outcome<T> = Result<T, IdentityError>;

#[derive(Queryable, Selectable)]
#[diesel(table_name = memberships)]
pub(crate) struct Membership {
    pub(crate) roles: Vec<String>,
    pub(crate) owner: bool,
    pub(crate) epoch: i32,
    pub(crate) state: String,
}

/// What is `None` stays.
#[derive(AsChangeset, Default)]
#[diesel(table_name = memberships)]
pub(crate) struct Change {
    pub(crate) roles: Option<Vec<String>>,
    pub(crate) owner: Option<bool>,
    pub(crate) state: Option<&'static str>,
    pub(crate) epoch: i32,
}

impl Membership {
    pub(crate) fn is_admin(&self) -> bool {
        self.roles.iter().any(|role| role == Role::Admin.name())
    }
}

/// Every change of a tenant's people goes through this lock, one at a time.
pub(crate) fn lock_tenant(tx: &mut AuthTx<'_>) -> Outcome<()> {
    tenants::table
        .find(tx.tenant().uuid())
        .select(tenants::tenant_id)
        .for_update()
        .first::<Uuid>(tx.conn())
        .optional()?
        .map(drop)
        .ok_or_else(|| Refusal::UnknownThing.into())
}

pub(crate) fn membership(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Option<Membership>> {
    Ok(memberships::table
        .find((tx.tenant().uuid(), user.uuid()))
        .select(Membership::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

/// Whether the person is a member of the scope's tenant, active or not.
pub(crate) fn is_member(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<bool> {
    Ok(membership(tx, user)?.is_some())
}

/// Whether the person of the scope is a member of its tenant alone, and does not run the appliance.
pub(crate) fn is_only_here(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<bool> {
    let tenant = tx.tenant();
    let elsewhere: i64 = memberships::table
        .filter(memberships::user_id.eq(user.uuid()))
        .filter(memberships::tenant_id.ne(tenant.uuid()))
        .select(count_star())
        .first(tx.conn())?;
    Ok(elsewhere == 0 && !runs_the_appliance(tx, user)?)
}

/// Whether the person of the scope is an operator.
pub(crate) fn runs_the_appliance(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<bool> {
    Ok(users::table
        .find(user.uuid())
        .select(users::super_admin)
        .first(tx.conn())?)
}

/// Refuses when nobody but `leaving` is an active administrator.
pub(crate) fn keep_one_admin(tx: &mut AuthTx<'_>, leaving: UserId) -> Outcome<()> {
    let tenant = tx.tenant();
    let rows: Vec<Vec<String>> = memberships::table
        .filter(memberships::tenant_id.eq(tenant.uuid()))
        .filter(memberships::user_id.ne(leaving.uuid()))
        .filter(memberships::state.eq("active"))
        .select(memberships::roles)
        .load(tx.conn())?;
    let admin = |roles: &Vec<String>| roles.iter().any(|role| role == Role::Admin.name());
    if rows.iter().any(admin) {
        Ok(())
    } else {
        Err(Refusal::LastAdmin.into())
    }
}

fn state(state: &'static str) -> Change {
    Change {
        state: Some(state),
        ..Change::default()
    }
}

/// Stores a change of a membership that was locked, and raises its epoch.
pub(crate) fn set(
    tx: &mut AuthTx<'_>,
    user: UserId,
    old: &Membership,
    change: Change,
) -> Outcome<()> {
    let change = Change {
        epoch: old.epoch.saturating_add(1),
        ..change
    };
    update(memberships::table.find((tx.tenant().uuid(), user.uuid())))
        .set(&change)
        .execute(tx.conn())?;
    Ok(())
}

/// Shuts an active member out: their sessions in the tenant end, and connections that are theirs alone
/// lose their tokens, in this transaction. Answers how many sessions ended. The owner and the last
/// administrator stay.
pub(crate) fn deactivate(tx: &mut AuthTx<'_>, member: UserId, old: &Membership) -> Outcome<i32> {
    if old.owner {
        return Err(Refusal::LastOwner.into());
    }
    if old.is_admin() {
        keep_one_admin(tx, member)?;
    }
    set(tx, member, old, state("deactivated"))?;
    let ended = tx.member_cut(member, "deactivated")?;
    jobs::publish(tx, &Event::MemberDeactivated { user: member })?;
    Ok(ended)
}

/// Lets a deactivated member in again.
pub(crate) fn reactivate(tx: &mut AuthTx<'_>, member: UserId, old: &Membership) -> Outcome<()> {
    set(tx, member, old, state("active"))?;
    Ok(jobs::publish(
        tx,
        &Event::MemberReactivated { user: member },
    )?)
}
