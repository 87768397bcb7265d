//! A tenant whose members sign in through its provider alone (CX-14). Its owner keeps a password, for
//! the day on which the provider does not answer; using it is loud.

use audit::Entry;
use db::{AuthTx, TenantName};
use kernel::{Action, Actor, Principal, SessionId, TenantId, UserId, principal::Origin};
use serde_json::json;

use super::{
    Sso, appliance,
    error::SsoError,
    provider::{note, scope},
    store,
};
use crate::{error::IdentityError, identity::Caller};

impl Sso {
    pub async fn only_show(&self, who: &Principal) -> Result<bool, IdentityError> {
        self.identity
            .inner
            .db
            .auth(scope(who), store::sso_only)
            .await
    }

    /// Switching it on ends the sessions that passwords opened, and forgets passwords that open
    /// nothing else.
    pub async fn only_set(&self, who: &Principal, only: bool) -> Result<(), IdentityError> {
        let actor = who.clone();
        self.identity
            .inner
            .db
            .auth(scope(who), move |tx| {
                let before = store::sso_only(tx)?;
                if only && !appliance::anything_opens(tx)? {
                    return Err(SsoError::NothingEnabled.into());
                }
                store::sso_only_set(tx, only)?;
                let forgotten = if only { tx.sso_only_enforce()? } else { 0 };
                let entry = Entry::new(Action::SsoOnlySet, "tenant", actor.tenant)
                    .before(json!({ "only": before }))
                    .after(json!({ "only": only, "passwords_forgotten": forgotten }));
                note(tx, &actor, entry)?;
                db::hint(tx, "sessions")?;
                Ok::<_, IdentityError>(())
            })
            .await?;
        self.identity.forget_tenant(who.tenant);
        Ok(())
    }
}

/// Those of the person's tenants that a password opens. Fails when there were some and none is left.
pub(crate) fn open_to_password(
    tx: &mut AuthTx<'_>,
    own: Vec<TenantName>,
) -> Result<Vec<TenantName>, IdentityError> {
    let barred = tx.sso_password_barred()?;
    let had_some = !own.is_empty();
    let open: Vec<_> = own
        .into_iter()
        .filter(|own| !barred.contains(&own.tenant_id))
        .collect();
    if had_some && open.is_empty() {
        return Err(SsoError::Required.into());
    }
    Ok(open)
}

/// Whether a session that no provider opened may begin in `tenant`. The owner's may, and it is said
/// loudly that a password was used where single sign-on is the rule.
pub(crate) fn check_password_session(
    tx: &mut AuthTx<'_>,
    (user, session): (UserId, SessionId),
    tenant: TenantId,
    caller: &Caller,
) -> Result<(), IdentityError> {
    if !store::sso_only(tx)? {
        return Ok(());
    }
    if tx.sso_password_barred()?.contains(&tenant.uuid()) {
        return Err(SsoError::Required.into());
    }
    log::warn!(
        REVKEEP_ACTION = Action::BreakGlass.name(), REVKEEP_TENANT = tenant.to_string();
        "break glass: {user}, an owner, signed in with a password where single sign-on is the rule"
    );
    let origin: Origin = caller.origin();
    Entry::new(Action::BreakGlass, "session", session).write_auth(
        tx,
        &Actor::Human { user, session },
        Some(&origin),
        caller.request,
    )?;
    Ok(())
}

/// Whether this session may move to `tenant`: one that a tenant's provider opened stays where it is, one
/// of the appliance's goes where that is let in, and one that a password opened does not enter where
/// passwords open nothing.
pub(crate) fn check_move(
    tx: &mut AuthTx<'_>,
    session: SessionId,
    tenant: TenantId,
) -> Result<(), IdentityError> {
    match crate::store::session_opener(tx, session)? {
        Some((TenantId::PLATFORM, _)) if tx.sso_appliance_opens(tenant.uuid())? => Ok(()),
        Some((TenantId::PLATFORM, _)) => Err(SsoError::NotOpen.into()),
        Some((bound, _)) if bound != tenant => Err(SsoError::Bound.into()),
        Some(_) => Ok(()),
        None if tx.sso_password_barred()?.contains(&tenant.uuid()) => {
            Err(SsoError::Required.into())
        }
        None => Ok(()),
    }
}
