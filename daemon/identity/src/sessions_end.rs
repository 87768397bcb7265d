//! The end of everybody's sessions at once (ASVS 7.4.5): of a tenant by its administrators, of any tenant or
//! of the whole appliance by a super_admin or the administrator of the machine. It holds from the next
//! request on; the keys of programs are no sessions and stay.

use audit::Entry;
use db::{AuthScope, AuthTx, Unit};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, update};
use kernel::{Action, Actor, Principal, TenantId};
use schema::{device_grants, tenants};
use serde_json::json;
use uuid::Uuid;

use crate::{acting::Acting, error::IdentityError, identity::Identity, refusal::Refusal};

type Outcome<T> = Result<T, IdentityError>;

/// What is typed to end every session of the appliance.
pub const EVERY_SESSION: &str = "every session";

/// Why they ended, on their rows.
const WHY: &str = "ended_for_all";

/// Whose sessions are to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionsOf {
    /// Those that are in this tenant now.
    Tenant(TenantId),
    Appliance,
}

impl SessionsOf {
    const fn tenant(self) -> TenantId {
        match self {
            Self::Tenant(tenant) => tenant,
            Self::Appliance => TenantId::PLATFORM,
        }
    }
}

impl Identity {
    /// Ends them, if `confirm` is the tenant's name, or [`EVERY_SESSION`]; how many. Whether the caller may
    /// is the route's to say.
    pub async fn sessions_end(
        &self,
        who: &Principal,
        of: SessionsOf,
        confirm: String,
        keep_own: bool,
    ) -> Outcome<i64> {
        let acting = Acting::at(who, of.tenant())?;
        let ended = self
            .inner
            .db
            .auth(acting.scope, move |tx| {
                if named(tx, of)? != confirm.trim() {
                    return Err(Refusal::ConfirmWrong.into());
                }
                let kept = keep_own.then(|| acting.session.uuid());
                let ended = end(tx, of, kept)?;
                acting.audit(tx, entry(of, ended, keep_own))?;
                Ok::<_, IdentityError>(ended)
            })
            .await?;
        self.forget_tenant(of.tenant());
        Ok(ended)
    }

    /// The same for the administrator on the machine, `asker`.
    pub async fn sessions_end_local(&self, asker: &Actor, of: SessionsOf) -> Outcome<i64> {
        let scope = AuthScope {
            tenant: Some(of.tenant()),
            user: None,
        };
        let asker = asker.clone();
        let ended = self
            .inner
            .db
            .auth(scope, move |tx| {
                named(tx, of)?;
                let ended = end(tx, of, None)?;
                entry(of, ended, false).write_auth(tx, &asker, None, None)?;
                Ok::<_, IdentityError>(ended)
            })
            .await?;
        self.forget_tenant(of.tenant());
        Ok(ended)
    }
}

/// What must be typed; fails where there is no such tenant.
fn named(tx: &mut AuthTx<'_>, of: SessionsOf) -> Outcome<String> {
    let SessionsOf::Tenant(tenant) = of else {
        return Ok(EVERY_SESSION.to_owned());
    };
    tenants::table
        .find(tenant.uuid())
        .select(tenants::name)
        .first(tx.conn())
        .optional()?
        .ok_or_else(|| Refusal::UnknownThing.into())
}

/// With the sessions goes what would open one without another question: a program's approved request.
fn end(tx: &mut AuthTx<'_>, of: SessionsOf, kept: Option<Uuid>) -> Outcome<i64> {
    // Denied, a request is nobody's.
    let nobodys = (
        device_grants::state.eq("denied"),
        device_grants::user_id.eq(None::<Uuid>),
        device_grants::tenant_id.eq(None::<Uuid>),
    );
    let approved = device_grants::table.filter(device_grants::state.eq("approved"));
    match of {
        SessionsOf::Tenant(tenant) => {
            update(approved.filter(device_grants::tenant_id.eq(tenant.uuid())))
                .set(nobodys)
                .execute(tx.conn())?
        }
        SessionsOf::Appliance => update(approved).set(nobodys).execute(tx.conn())?,
    };
    let ended = tx.sessions_end(WHY, kept)?;
    db::hint(tx, "sessions")?;
    Ok(ended)
}

fn entry(of: SessionsOf, ended: i64, kept_own: bool) -> Entry {
    Entry::new(Action::SessionsEnd, "tenant", of.tenant())
        .after(json!({ "sessions": ended, "kept_own": kept_own }))
}
