//! The session of a person's own program, whichever way it was approved.

use chrono::TimeDelta;
use db::{AuthTx, Unit};
use kernel::{Action, ProviderId, TenantId, UserId};

use crate::{
    error::IdentityError,
    factor::FRESH,
    grant::{COMMAND_LINE, Opened, open_session},
    identity::{Caller, Inner},
    standing,
    store::NewSession,
};

/// Opens it in the person's scope, bound to the provider that opened the session which approved.
pub(crate) fn open(
    tx: &mut AuthTx<'_>,
    mut new: NewSession,
    provider: Option<ProviderId>,
    (inactivity, caller): (TimeDelta, &Caller),
) -> Result<Opened, IdentityError> {
    let (user, tenant) = (
        UserId::from_uuid(new.user_id),
        TenantId::from_uuid(new.tenant_id),
    );
    new.client = COMMAND_LINE;
    if let Some(provider) = provider {
        new.sso_tenant_id = Some(tenant.uuid());
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
