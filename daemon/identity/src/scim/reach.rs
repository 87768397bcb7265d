//! Whose account a provider may touch (CX-34). An address counts only where its domain is verified for
//! the tenant, and then finds members of the tenant, or nobody: an account that is somebody else's is
//! neither taken nor told more of than that it is there.

use audit::Entry;
use db::AuthTx;
use kernel::{Action, UserId};

use super::{Outcome, Provisioner, rows};
use crate::{
    error::IdentityError,
    identity::Identity,
    membership::{Membership, is_only_here, keep_one_admin, membership},
    refusal::Refusal,
    sso::{
        model::domain_of,
        person::{Address, Found},
        store,
    },
};

/// Whose the address is, as far as this tenant may use it.
pub(super) fn whom(tx: &mut AuthTx<'_>, address: &Address) -> Outcome<Found> {
    check_domain(tx, address)?;
    if let Some(login) = tx.user_by_email(&address.shared)? {
        let user = UserId::from_uuid(login.user_id);
        return match membership(tx, user)? {
            Some(_) => Ok(Found::Person(user)),
            None => Err(Refusal::ScimElsewhere.into()),
        };
    }
    // Made by the tenant's provider before the domain was verified.
    Ok(match tx.user_by_email(&address.own)? {
        Some(login) => Found::Person(UserId::from_uuid(login.user_id)),
        None => Found::Nobody {
            email_hash: address.shared.clone(),
        },
    })
}

pub(super) fn check_domain(tx: &mut AuthTx<'_>, address: &Address) -> Outcome<()> {
    let verified = match domain_of(address.email.as_str()) {
        Some(domain) => store::domain_verified(tx, &domain)?,
        None => false,
    };
    if verified {
        Ok(())
    } else {
        Err(Refusal::ScimDomain.into())
    }
}

/// The membership of the scope's own person, where a provider may touch it: not the owner's, not the last
/// administrator's, and nobody's who has the appliance in their care.
pub(super) fn reach(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Option<Membership>> {
    match store::person_standing(tx, user)? {
        Some((_, true)) => return Err(Refusal::ScimSuperAdmin.into()),
        Some(_) => {}
        None => return Err(Refusal::UnknownMember.into()),
    }
    let Some(member) = membership(tx, user)? else {
        return Ok(None);
    };
    if member.owner {
        return Err(Refusal::ScimOwner.into());
    }
    if member.is_admin() && member.state == "active" {
        match keep_one_admin(tx, user) {
            Err(IdentityError::Refused(Refusal::LastAdmin)) => {
                return Err(Refusal::ScimLastAdmin.into());
            }
            other => other?,
        }
    }
    Ok(Some(member))
}

/// Gives the scope's own person another address: an account of the tenant's own, that is a member nowhere
/// else. Otherwise a provider could lead the next reset link to itself, and with it into another tenant.
pub(super) fn readdress(
    tx: &mut AuthTx<'_>,
    user: UserId,
    (address, sealed): (&Address, &[u8]),
) -> Outcome<()> {
    check_domain(tx, address)?;
    let free = is_only_here(tx, user)? && rows::is_home(tx, user)?;
    if free && rows::account_address(tx, user, (&address.shared, sealed))? {
        Ok(())
    } else {
        Err(Refusal::ScimAddressFixed.into())
    }
}

impl Identity {
    /// Writes down that a provider reached for what is not its own, and answers why it got nothing.
    pub(super) async fn scim_refused(
        &self,
        who: &Provisioner,
        (action, user): (Action, Option<UserId>),
        error: IdentityError,
    ) -> IdentityError {
        let IdentityError::Refused(
            refusal @ (Refusal::ScimOwner
            | Refusal::ScimSuperAdmin
            | Refusal::ScimLastAdmin
            | Refusal::ScimElsewhere
            | Refusal::ScimDomain
            | Refusal::ScimAddressFixed),
        ) = error
        else {
            return error;
        };
        let pen = who.pen();
        let tenant = who.tenant;
        let written = self.inner.db.auth(who.scope(None), move |tx| {
            let entry = match user {
                Some(user) => Entry::new(action, "user", user),
                None => Entry::new(action, "tenant", tenant),
            };
            pen.note(tx, entry.refused(refusal.code()))
        });
        if let Err(fault) = written.await {
            log::warn!("a refused provisioning could not be audited: {fault}");
        }
        error
    }
}
