//! A super_admin inside a tenant that is not theirs (CX-33): with a reason, for 60 minutes, reading
//! alone. The owner is told at once; writing takes the owner's consent, or breaking the glass, which is
//! loud. What a visitor never does stands in `permission`. The session moves into the tenant and comes
//! home by leaving, or by itself when it is next refreshed after the visit is over.

use audit::Entry;
use chrono::{DateTime, TimeDelta, Utc};
use db::{AuthTx, SessionStanding, Unit};
use diesel::{
    ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, RunQueryDsl, insert_into, update,
};
use kernel::{Action, Event, Principal, Reach, SessionId, TenantId, UserId, VisitId};
use schema::{memberships, support_visits, visitors};
use serde_json::json;
use uuid::Uuid;

use crate::{
    acting::Acting,
    error::IdentityError,
    grant::{Grant, opened},
    identity::Identity,
    membership::lock_tenant,
    refusal::Refusal,
    store,
};

type Outcome<T> = Result<T, IdentityError>;

/// CX-33.
pub const VISIT_LIFE: TimeDelta = TimeDelta::minutes(60);

/// What a super_admin says at the door.
pub struct VisitRequest {
    pub tenant: TenantId,
    pub reason: String,
    pub write: bool,
    /// Write without the owner's consent.
    pub break_glass: bool,
}

/// A visit as the tenant's people see it.
#[derive(Clone, Debug)]
pub struct Visit {
    pub id: VisitId,
    pub by: UserId,
    pub by_name: String,
    pub reason: String,
    /// Whether the visitor asked to write.
    pub wants_write: bool,
    /// Whether the visitor may, by consent or by breaking the glass.
    pub writes: bool,
    pub break_glass: bool,
    pub started_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub left_at: Option<DateTime<Utc>>,
}

type Row = (
    (Uuid, Uuid, String, String),
    (bool, bool, Option<DateTime<Utc>>),
    (DateTime<Utc>, DateTime<Utc>, Option<DateTime<Utc>>),
);

impl Identity {
    /// Moves the session into the tenant, for 60 minutes.
    pub async fn visit_enter(&self, who: &Principal, request: VisitRequest) -> Outcome<Grant> {
        let reason = request.reason.trim().to_owned();
        let length = reason.chars().count();
        if !(10..=500).contains(&length) || reason.chars().any(char::is_control) {
            return Err(IdentityError::input("reason", "reason_length"));
        }
        let (home, tenant) = (who.tenant, request.tenant);
        let acting = Acting::at(who, tenant)?;
        let session = acting.session;
        let loud = request.write && request.break_glass;
        let opened = self
            .inner
            .db
            .auth(acting.scope, move |tx| {
                lock_tenant(tx)?;
                let own = tx.own_tenants()?;
                if own.iter().any(|own| own.tenant_id == tenant.uuid()) {
                    return Err(Refusal::OwnTenant.into());
                }
                store::session_lock(tx, session)?;
                let visit = VisitId::generate(tx.clock().as_ref());
                let now = tx.now();
                insert_into(support_visits::table)
                    .values((
                        support_visits::tenant_id.eq(tenant.uuid()),
                        support_visits::visit_id.eq(visit.uuid()),
                        support_visits::user_id.eq(acting.user.uuid()),
                        support_visits::session_id.eq(session.uuid()),
                        support_visits::home_tenant.eq(home.uuid()),
                        support_visits::reason.eq(&reason),
                        support_visits::wants_write.eq(request.write),
                        support_visits::break_glass.eq(loud),
                        support_visits::started_at.eq(now),
                        support_visits::ends_at.eq(now + VISIT_LIFE),
                    ))
                    .execute(tx.conn())?;
                store::session_move(tx, session, tenant)?;
                let entry = Entry::new(Action::VisitEnter, "visit", visit).after(
                    json!({ "reason": reason, "write": request.write, "break_glass": loud }),
                );
                acting.audit(tx, entry)?;
                jobs::publish(tx, &Event::SupportVisit { visit })?;
                db::hint(tx, "sessions")?;
                db::hint(tx, "members")?;
                opened(tx, session, None)
            })
            .await?;
        if loud {
            log::warn!(REVKEEP_ACTION = "visit_enter"; "a super_admin broke the glass to write in {tenant} without its owner's consent");
        }
        self.inner.standings.forget(session);
        self.inner.grant(opened, None).await
    }

    /// Ends the session's own visit and takes it home.
    pub async fn visit_leave(&self, who: &Principal) -> Outcome<Grant> {
        let acting = Acting::of(who)?;
        let session = acting.session;
        let opened = self
            .inner
            .db
            .auth(acting.scope, move |tx| {
                store::session_lock(tx, session)?;
                let home = close_own(tx, &acting)?.ok_or(Refusal::NotVisiting)?;
                store::session_move(tx, session, home)?;
                opened(tx, session, None)
            })
            .await?;
        self.inner.standings.forget(session);
        self.inner.grant(opened, None).await
    }

    /// Notes that a visit is over because its session goes elsewhere. Does nothing for anybody else.
    pub(crate) async fn visit_close(&self, who: &Principal) -> Outcome<()> {
        if !matches!(who.roles.reach(), Reach::SupportRead | Reach::SupportWrite) {
            return Ok(());
        }
        let acting = Acting::of(who)?;
        self.inner
            .db
            .auth(acting.scope, move |tx| close_own(tx, &acting).map(drop))
            .await
    }

    /// The visits of the last year, the newest first; 200 at most.
    pub async fn visit_list(&self, who: &Principal) -> Outcome<Vec<Visit>> {
        let acting = Acting::of(who)?;
        self.inner
            .db
            .auth(acting.scope, |tx| visits(tx, None))
            .await
    }

    /// A visit as its mail tells of it.
    pub async fn visit_show(&self, tenant: TenantId, visit: VisitId) -> Outcome<Option<Visit>> {
        let scope = db::AuthScope {
            tenant: Some(tenant),
            user: None,
        };
        self.inner
            .db
            .auth(scope, move |tx| Ok(visits(tx, Some(visit))?.pop()))
            .await
    }

    /// The owner lets the visitor write, until the visit's end. Whoever visits has not become the owner
    /// meanwhile: nobody decides their own request (CX-28).
    pub async fn visit_consent(&self, who: &Principal, visit: VisitId) -> Outcome<Visit> {
        self.visit_change(who, visit, |tx, acting, visit| {
            let owner: Option<bool> = memberships::table
                .find((tx.tenant().uuid(), acting.user.uuid()))
                .filter(memberships::state.eq("active"))
                .select(memberships::owner)
                .first(tx.conn())
                .optional()?;
            if owner != Some(true) {
                return Err(Refusal::NotOwner.into());
            }
            let asked_by: Uuid = support_visits::table
                .find((tx.tenant().uuid(), visit.uuid()))
                .select(support_visits::user_id)
                .first(tx.conn())?;
            if asked_by == acting.user.uuid() {
                return Err(Refusal::OwnRequest.into());
            }
            let now = tx.now();
            let row = support_visits::table
                .find((tx.tenant().uuid(), visit.uuid()))
                .filter(support_visits::wants_write.eq(true))
                .filter(support_visits::left_at.is_null())
                .filter(support_visits::ends_at.gt(now));
            let changed = update(row)
                .set((
                    support_visits::consented_at.eq(now),
                    support_visits::consented_by.eq(acting.user.uuid()),
                ))
                .execute(tx.conn())?;
            acting.audit(tx, Entry::new(Action::VisitConsent, "visit", visit))?;
            Ok(changed)
        })
        .await
    }

    /// An administrator of the tenant shows the visitor out.
    pub async fn visit_end(&self, who: &Principal, visit: VisitId) -> Outcome<Visit> {
        self.visit_change(who, visit, |tx, acting, visit| {
            let now = tx.now();
            let row = support_visits::table
                .find((tx.tenant().uuid(), visit.uuid()))
                .filter(support_visits::left_at.is_null())
                .filter(support_visits::ends_at.gt(now));
            let changed = update(row)
                .set(support_visits::left_at.eq(now))
                .execute(tx.conn())?;
            acting.audit(tx, Entry::new(Action::VisitEnd, "visit", visit))?;
            Ok(changed)
        })
        .await
    }

    async fn visit_change<F>(&self, who: &Principal, visit: VisitId, work: F) -> Outcome<Visit>
    where
        F: FnOnce(&mut AuthTx<'_>, &Acting, VisitId) -> Outcome<usize> + Send + 'static,
    {
        let acting = Acting::of(who)?;
        let shown = self
            .inner
            .db
            .auth(acting.scope, move |tx| {
                visits(tx, Some(visit))?
                    .pop()
                    .ok_or(Refusal::UnknownThing)?;
                if work(tx, &acting, visit)? == 0 {
                    return Err(IdentityError::Refused(Refusal::VisitOver));
                }
                db::hint(tx, "sessions")?;
                db::hint(tx, "members")?;
                visits(tx, Some(visit))?
                    .pop()
                    .ok_or_else(|| Refusal::UnknownThing.into())
            })
            .await?;
        self.inner.standings.forget_tenant(who.tenant);
        Ok(shown)
    }
}

/// Marks the session's open visit in the scope's tenant as left; answers where its home is.
fn close_own(tx: &mut AuthTx<'_>, acting: &Acting) -> Outcome<Option<TenantId>> {
    let now = tx.now();
    let open: Option<(Uuid, Uuid)> = support_visits::table
        .filter(support_visits::tenant_id.eq(tx.tenant().uuid()))
        .filter(support_visits::session_id.eq(acting.session.uuid()))
        .filter(support_visits::left_at.is_null())
        .order(support_visits::started_at.desc())
        .select((support_visits::visit_id, support_visits::home_tenant))
        .first(tx.conn())
        .optional()?;
    let Some((visit, home)) = open else {
        return Ok(None);
    };
    update(support_visits::table.find((tx.tenant().uuid(), visit)))
        .set(support_visits::left_at.eq(now))
        .execute(tx.conn())?;
    let visit = VisitId::from_uuid(visit);
    acting.audit(tx, Entry::new(Action::VisitLeave, "visit", visit))?;
    db::hint(tx, "sessions")?;
    db::hint(tx, "members")?;
    Ok(Some(TenantId::from_uuid(home)))
}

/// Takes a session home whose visit is over. In the tenant of the visit.
pub(crate) fn visit_return(
    tx: &mut AuthTx<'_>,
    session: SessionId,
    standing: &SessionStanding,
) -> Outcome<()> {
    let Some(visit) = standing.visit_id else {
        return Ok(());
    };
    let home: Uuid = support_visits::table
        .find((standing.tenant_id, visit))
        .select(support_visits::home_tenant)
        .first(tx.conn())?;
    store::session_move(tx, session, TenantId::from_uuid(home))?;
    Ok(db::hint(tx, "sessions")?)
}

fn visits(tx: &mut AuthTx<'_>, visit: Option<VisitId>) -> Outcome<Vec<Visit>> {
    let (tenant, since) = (tx.tenant().uuid(), tx.now() - TimeDelta::days(365));
    let mut query = support_visits::table
        .inner_join(visitors::table.on(visitors::visit_id.eq(support_visits::visit_id)))
        .filter(support_visits::tenant_id.eq(tenant))
        .filter(visitors::tenant_id.eq(tenant))
        .filter(support_visits::started_at.gt(since))
        .order((
            support_visits::started_at.desc(),
            support_visits::visit_id.desc(),
        ))
        .limit(200)
        .select((
            (
                support_visits::visit_id,
                support_visits::user_id,
                visitors::name,
                support_visits::reason,
            ),
            (
                support_visits::wants_write,
                support_visits::break_glass,
                support_visits::consented_at,
            ),
            (
                support_visits::started_at,
                support_visits::ends_at,
                support_visits::left_at,
            ),
        ))
        .into_boxed();
    if let Some(visit) = visit {
        query = query.filter(support_visits::visit_id.eq(visit.uuid()));
    }
    let rows: Vec<Row> = query.load(tx.conn())?;
    Ok(rows.into_iter().map(shown).collect())
}

fn shown(row: Row) -> Visit {
    let ((id, by, by_name, reason), (wants_write, break_glass, consented_at), times) = row;
    let (started_at, ends_at, left_at) = times;
    Visit {
        id: VisitId::from_uuid(id),
        by: UserId::from_uuid(by),
        by_name,
        reason,
        wants_write,
        writes: wants_write && (break_glass || consented_at.is_some()),
        break_glass,
        started_at,
        ends_at,
        left_at,
    }
}
