//! The session of a person's own program, whichever way it was approved.

use chrono::TimeDelta;
use db::{AuthTx, Unit};
use kernel::{Action, ProviderId, SessionId, TenantId, UserId};

use crate::{
    error::IdentityError,
    factor::FRESH,
    grant::{COMMAND_LINE, Opened, open_session},
    identity::{Caller, Inner},
    refusal::Refusal,
    standing,
    store::{self, NewSession},
};

/// A program's session, which somebody may have taken along with the program, makes no further ones.
pub(crate) fn check_approver(tx: &mut AuthTx<'_>, session: SessionId) -> Result<(), IdentityError> {
    if store::session_is_web(tx, session)? {
        Ok(())
    } else {
        Err(Refusal::ProgramSession.into())
    }
}

/// Opens it in the person's scope, bound to the provider that opened the session which approved.
pub(crate) fn open(
    tx: &mut AuthTx<'_>,
    mut new: NewSession,
    opener: Option<(TenantId, ProviderId)>,
    (inactivity, caller): (TimeDelta, &Caller),
) -> Result<Opened, IdentityError> {
    let user = UserId::from_uuid(new.user_id);
    new.client = COMMAND_LINE;
    if let Some((owner, provider)) = opener {
        new.sso_tenant_id = Some(owner.uuid());
        new.sso_provider_id = Some(provider.uuid());
    }
    if !Inner::factors_offered(tx, user)?.is_empty() {
        // Proven by who approved, and no longer fresh: a program does nothing that takes a fresh factor.
        new.factor_at = Some(new.created_at - FRESH);
    }
    let opened = open_session(tx, new, Action::SignIn, caller)?;
    // Who was deactivated, or left the tenant, since the approval gets nothing.
    standing::check_alive(&opened.rows.standing, inactivity, tx.now())?;
    Ok(opened)
}
