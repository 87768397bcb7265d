//! A person who acts in one tenant, and what the audit log says of it.

use audit::Entry;
use db::{AuthScope, AuthTx};
use kernel::{Actor, Principal, RequestId, SessionId, TenantId, UserId, principal::Origin};

use crate::error::IdentityError;

/// The person behind a principal, with everything that an audit entry in `AuthTx` needs.
#[derive(Clone)]
pub(crate) struct Acting {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) scope: AuthScope,
    actor: Actor,
    origin: Option<Origin>,
    request: Option<RequestId>,
}

impl Acting {
    /// In the principal's own tenant.
    pub(crate) fn of(who: &Principal) -> Result<Self, IdentityError> {
        Self::at(who, who.tenant)
    }

    /// In another tenant: for a platform verb, and for moving there.
    pub(crate) fn at(who: &Principal, tenant: TenantId) -> Result<Self, IdentityError> {
        let Actor::Human { user, session } = who.actor else {
            return Err(IdentityError::InvalidToken("no person is signed in"));
        };
        Ok(Self {
            user,
            session,
            scope: AuthScope {
                tenant: Some(tenant),
                user: Some(user),
            },
            actor: who.actor.clone(),
            origin: who.origin.clone(),
            request: who.request,
        })
    }

    pub(crate) fn audit(&self, tx: &mut AuthTx<'_>, entry: Entry) -> Result<(), IdentityError> {
        entry.write_auth(tx, &self.actor, self.origin.as_ref(), self.request)?;
        Ok(())
    }
}
