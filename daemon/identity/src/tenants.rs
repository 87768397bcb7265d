//! Tenants: their settings, the list for the appliance's operators, activation, and the end of a trial.

use audit::Entry;
use chrono::{DateTime, TimeDelta, Utc};
use db::{AuthScope, AuthTx, TenantLine, Unit};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, dsl::count_star, insert_into, update,
};
use kernel::{Action, Actor, Event, InvitationId, Principal, TenantId, UserId};
use schema::{memberships, people, tenants};
use serde_json::json;
use uuid::Uuid;

use crate::{
    acting::Acting, error::IdentityError, identity::Identity, invitations::NewInvitation,
    membership::lock_tenant, refusal::Refusal, setup::text_of, standing,
};

type Outcome<T> = Result<T, IdentityError>;

/// CX-27: how long a trial lasts.
pub const TRIAL: TimeDelta = TimeDelta::days(14);
/// How long before its end the owner is told.
const WARNING: TimeDelta = TimeDelta::days(3);

/// A tenant as its own people see it.
#[derive(Clone, Debug)]
pub struct TenantView {
    pub tenant: TenantId,
    pub name: String,
    /// `active`, `trial` or `read_only`.
    pub state: String,
    pub trial_ends_at: Option<DateTime<Utc>>,
    pub factor_for_all: bool,
    pub owner: Option<(UserId, String)>,
    pub members: i64,
    pub version: i64,
    pub created_at: DateTime<Utc>,
}

/// What an administrator changes of the tenant.
#[derive(Clone, Debug)]
pub struct TenantChange {
    pub name: Option<String>,
    pub factor_for_all: Option<bool>,
    pub version: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = tenants)]
struct TenantRow {
    tenant_id: Uuid,
    name: String,
    state: String,
    created_at: DateTime<Utc>,
    trial_ends_at: Option<DateTime<Utc>>,
    version: i64,
    factor_for_all: bool,
}

impl Identity {
    pub async fn tenant_show(&self, who: &Principal) -> Outcome<TenantView> {
        let acting = Acting::of(who)?;
        self.inner.db.auth(acting.scope, view).await
    }

    /// As a mail tells of it, for a tenant in which nobody acts.
    pub async fn tenant_brief(&self, tenant: TenantId) -> Outcome<TenantView> {
        let scope = AuthScope {
            tenant: Some(tenant),
            user: None,
        };
        self.inner.db.auth(scope, view).await
    }

    pub async fn tenant_update(
        &self,
        who: &Principal,
        change: TenantChange,
    ) -> Outcome<TenantView> {
        let acting = Acting::of(who)?;
        let name = match &change.name {
            Some(name) => Some(text_of("name", name)?),
            None => None,
        };
        let shown = self
            .inner
            .db
            .auth(acting.scope, move |tx| {
                lock_tenant(tx)?;
                let old = row(tx)?;
                if old.version != change.version {
                    return Err(Refusal::VersionConflict.into());
                }
                let factor_for_all = change.factor_for_all.unwrap_or(old.factor_for_all);
                update(tenants::table.find(old.tenant_id))
                    .set((
                        tenants::name.eq(name.as_deref().unwrap_or(&old.name)),
                        tenants::factor_for_all.eq(factor_for_all),
                        tenants::version.eq(tenants::version + 1),
                    ))
                    .execute(tx.conn())?;
                let entry = Entry::new(Action::TenantUpdate, "tenant", tx.tenant())
                    .before(json!({ "name": old.name, "factor_for_all": old.factor_for_all }))
                    .after(json!({ "name": name, "factor_for_all": factor_for_all }));
                acting.audit(tx, entry)?;
                db::hint(tx, "sessions")?;
                view(tx)
            })
            .await?;
        self.inner.standings.forget_tenant(who.tenant);
        Ok(shown)
    }

    /// Every tenant of the appliance, by name, with one line more when there is a next page.
    pub async fn tenant_list(
        &self,
        who: &Principal,
        after: Option<(String, TenantId)>,
        limit: i64,
        state: Option<String>,
        search: Option<String>,
    ) -> Outcome<Vec<TenantLine>> {
        let acting = Acting::of(who)?;
        let most = i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX);
        self.inner
            .db
            .auth(acting.scope, move |tx| {
                let after = after
                    .as_ref()
                    .map(|(name, tenant)| (name.as_str(), tenant.uuid()));
                Ok(tx.tenants_listed(after, most, state.as_deref(), search.as_deref())?)
            })
            .await
    }

    /// Makes a tenant whose owner is invited. Whoever makes it is no member of it.
    pub async fn tenant_create(
        &self,
        who: &Principal,
        name: &str,
        owner_email: &str,
    ) -> Outcome<TenantView> {
        let inner = &self.inner;
        let name = text_of("name", name)?;
        let tenant = TenantId::generate(inner.clock.as_ref());
        let acting = Acting::at(who, tenant)?;
        inner.vault.ensure_tenant_key(tenant).await?;
        let owner = NewInvitation::owner(inner, tenant, owner_email).await?;
        inner
            .db
            .auth(acting.scope, move |tx| {
                tenant_insert(tx, &name, "active", None)?;
                acting.audit(tx, Entry::new(Action::TenantCreate, "tenant", tenant))?;
                let _: InvitationId = owner.store(tx, &acting)?;
                view(tx)
            })
            .await
    }

    /// Ends a trial for good, or brings a tenant back that had become read-only.
    pub async fn tenant_activate(&self, who: &Principal, tenant: TenantId) -> Outcome<TenantView> {
        let acting = Acting::at(who, tenant)?;
        let shown = self
            .inner
            .db
            .auth(acting.scope, move |tx| {
                lock_tenant(tx)?;
                let old = row(tx)?;
                if old.state != "active" {
                    update(tenants::table.find(old.tenant_id))
                        .set((
                            tenants::state.eq("active"),
                            tenants::trial_ends_at.eq(None::<DateTime<Utc>>),
                            tenants::version.eq(tenants::version + 1),
                        ))
                        .execute(tx.conn())?;
                    let entry = Entry::new(Action::TenantActivate, "tenant", tenant)
                        .before(json!({ "state": old.state }));
                    acting.audit(tx, entry)?;
                    db::hint(tx, "sessions")?;
                }
                view(tx)
            })
            .await?;
        self.inner.standings.forget_tenant(tenant);
        Ok(shown)
    }

    /// Moves trials on: tells owners of an end that is near, and makes read-only what is over. Run
    /// again and again by the daemon; answers how many tenants it moved or told.
    pub async fn trials_move(&self) -> Outcome<usize> {
        let now = self.inner.clock.now();
        let due = self
            .inner
            .db
            .system(move |tx| tx.trials_due(now, WARNING))
            .await?;
        let mut moved = 0_usize;
        for trial in due {
            let tenant = TenantId::from_uuid(trial.tenant_id);
            let scope = AuthScope {
                tenant: Some(tenant),
                user: None,
            };
            let changed = self
                .inner
                .db
                .auth(scope, move |tx| trial_move(tx, trial.over))
                .await?;
            moved = moved.saturating_add(usize::from(changed));
            self.inner.standings.forget_tenant(tenant);
        }
        Ok(moved)
    }
}

/// Under the tenant's lock, and only if it still is so: of several daemons one does it.
fn trial_move(tx: &mut AuthTx<'_>, over: bool) -> Outcome<bool> {
    lock_tenant(tx)?;
    let (now, tenant) = (tx.now(), tx.tenant());
    let trial = tenants::table
        .find(tenant.uuid())
        .filter(tenants::state.eq("trial"));
    let changed = if over {
        update(trial.filter(tenants::trial_ends_at.le(now)))
            .set((
                tenants::state.eq("read_only"),
                tenants::version.eq(tenants::version + 1),
            ))
            .execute(tx.conn())?
    } else {
        update(trial.filter(tenants::trial_warned_at.is_null()))
            .set(tenants::trial_warned_at.eq(now))
            .execute(tx.conn())?
    };
    if changed == 0 {
        return Ok(false);
    }
    if over {
        Entry::new(Action::TrialEnd, "tenant", tenant).write_auth(
            tx,
            &Actor::System { job: None },
            None,
            None,
        )?;
        jobs::publish(tx, &Event::TrialEnded)?;
        db::hint(tx, "sessions")?;
    } else {
        jobs::publish(tx, &Event::TrialEnding)?;
    }
    Ok(true)
}

/// The row of a new tenant, whose id is the scope's.
pub(crate) fn tenant_insert(
    tx: &mut AuthTx<'_>,
    name: &str,
    state: &str,
    trial_ends_at: Option<DateTime<Utc>>,
) -> Outcome<()> {
    let (now, tenant) = (tx.now(), tx.tenant());
    insert_into(tenants::table)
        .values((
            tenants::tenant_id.eq(tenant.uuid()),
            tenants::name.eq(name),
            tenants::state.eq(state),
            tenants::trial_ends_at.eq(trial_ends_at),
            tenants::created_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

fn row(tx: &mut AuthTx<'_>) -> Outcome<TenantRow> {
    tenants::table
        .find(tx.tenant().uuid())
        .select(TenantRow::as_select())
        .first(tx.conn())
        .optional()?
        .ok_or_else(|| Refusal::UnknownThing.into())
}

fn view(tx: &mut AuthTx<'_>) -> Outcome<TenantView> {
    let row = row(tx)?;
    let owner: Option<(Uuid, String)> = people::table
        .filter(people::tenant_id.eq(row.tenant_id))
        .filter(people::owner.eq(true))
        .select((people::user_id, people::name))
        .first(tx.conn())
        .optional()?;
    let members = memberships::table
        .filter(memberships::tenant_id.eq(row.tenant_id))
        .filter(memberships::state.eq("active"))
        .select(count_star())
        .first(tx.conn())?;
    let state = standing::tenant_state(&row.state, row.trial_ends_at, tx.now()).to_owned();
    Ok(TenantView {
        tenant: TenantId::from_uuid(row.tenant_id),
        name: row.name,
        state,
        trial_ends_at: row.trial_ends_at,
        factor_for_all: row.factor_for_all,
        owner: owner.map(|(id, name)| (UserId::from_uuid(id), name)),
        members,
        version: row.version,
        created_at: row.created_at,
    })
}
