//! How a super_admin's account comes to be linked to an identity at the appliance's provider (CX-33,
//! CX-34): signed in already and with a fresh factor, they leave for the provider, come back in the same
//! browser, see whom it says they are, and confirm exactly that. No word of a provider does it alone.

use audit::Entry;
use chrono::{DateTime, TimeDelta, Utc};
use db::{AuthScope, AuthTx, Unit};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, delete, insert_into, update,
};
use kernel::{Action, Actor, Principal, ProviderId, SessionId, TenantId, UserId};
use schema::{sessions, sso_identities, sso_links};
use serde_json::json;
use uuid::Uuid;

use super::{
    Sso,
    appliance::appliance,
    error::SsoError,
    flow::{Leaving, Started},
    model::Proven,
    provider::note,
    store::{self, ProviderRow},
};
use crate::{error::IdentityError, identity::Caller, session::human};

/// How long a proof waits for its person's word.
const LIFE: TimeDelta = TimeDelta::minutes(10);

type Outcome<T> = Result<T, IdentityError>;

/// Whom the provider says that the person is.
#[derive(Clone, Debug)]
pub struct Claim {
    pub provider: ProviderId,
    pub provider_name: String,
    pub issuer: String,
    pub subject: String,
    /// As the provider tells it; nothing hangs on it.
    pub email: Option<String>,
}

/// An identity of one's own that is confirmed.
#[derive(Clone, Debug)]
pub struct Link {
    pub provider: ProviderId,
    pub issuer: String,
    pub subject: String,
    pub confirmed_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
}

impl Sso {
    /// Leaves for a provider of the appliance, to come back with a proof of who one is there.
    pub async fn link_start(&self, who: &Principal, provider: ProviderId) -> Outcome<Leaving> {
        let (user, _) = human(who)?;
        let (owner, _) = self.enabled_provider(provider).await?;
        if owner != TenantId::PLATFORM {
            return Err(SsoError::NoProvider.into());
        }
        match self.leave(provider, Some(user)).await? {
            Started::Away(leaving) => Ok(leaving),
            Started::Directory(_) => Err(SsoError::NoLinks.into()),
        }
    }

    /// What came back waits for the person's word. Opens nothing.
    pub(super) async fn link_prove(
        &self,
        row: &ProviderRow,
        proven: Proven,
        user: UserId,
        caller: &Caller,
    ) -> Outcome<Claim> {
        let claim = Claim {
            provider: ProviderId::from_uuid(row.provider_id),
            provider_name: row.name.clone(),
            issuer: proven.issuer,
            subject: proven.subject,
            email: proven.email,
        };
        let (waiting, caller) = (claim.clone(), caller.clone());
        self.identity
            .inner
            .db
            .auth(own(user), move |tx| {
                check_operator(tx, user)?;
                waiting_store(tx, user, &waiting)?;
                Entry::new(Action::IdentityProve, "user", user)
                    .after(json!({ "provider": waiting.provider }))
                    .write_auth(
                        tx,
                        &Actor::System { job: None },
                        Some(&caller.origin()),
                        caller.request,
                    )?;
                Ok::<_, IdentityError>(())
            })
            .await?;
        Ok(claim)
    }

    /// The person's own word that they are this subject there.
    pub async fn link_confirm(
        &self,
        who: &Principal,
        provider: ProviderId,
        subject: &str,
    ) -> Outcome<()> {
        let (user, _) = human(who)?;
        let (actor, subject) = (appliance(who), subject.to_owned());
        self.identity
            .inner
            .db
            .auth(own(user), move |tx| {
                check_operator(tx, user)?;
                let issuer =
                    waiting_take(tx, user, provider, &subject)?.ok_or(SsoError::LinkVoid)?;
                identity_confirm(tx, (&issuer, &subject), provider, user)?;
                let entry = Entry::new(Action::IdentityLink, "user", user)
                    .after(json!({ "provider": provider, "confirmed": true }));
                note(tx, &actor, entry)
            })
            .await
    }

    /// The person's identities at providers of the appliance.
    pub async fn link_list(&self, who: &Principal) -> Outcome<Vec<Link>> {
        let (user, _) = human(who)?;
        self.identity
            .inner
            .db
            .auth(own(user), move |tx| links(tx, user))
            .await
    }

    /// Takes the person's identity at the provider away, with the sessions that it opened for them.
    pub async fn link_remove(&self, who: &Principal, provider: ProviderId) -> Outcome<()> {
        let (user, _) = human(who)?;
        let actor = appliance(who);
        let ended = self
            .identity
            .inner
            .db
            .auth(own(user), move |tx| {
                let mine = sso_identities::table
                    .filter(sso_identities::tenant_id.eq(tx.tenant().uuid()))
                    .filter(sso_identities::provider_id.eq(provider.uuid()))
                    .filter(sso_identities::user_id.eq(user.uuid()));
                if delete(mine).execute(tx.conn())? == 0 {
                    return Err(SsoError::NoProvider.into());
                }
                let ended = sessions_end(tx, user, provider)?;
                let entry = Entry::new(Action::IdentityUnlink, "user", user)
                    .before(json!({ "provider": provider }))
                    .after(json!({ "sessions_ended": ended.len() }));
                note(tx, &actor, entry)?;
                db::hint(tx, "sessions")?;
                Ok::<_, IdentityError>(ended)
            })
            .await?;
        for session in ended {
            self.identity.inner.standings.forget(session);
        }
        Ok(())
    }
}

/// The platform's rows, for one person.
const fn own(user: UserId) -> AuthScope {
    AuthScope {
        tenant: Some(TenantId::PLATFORM),
        user: Some(user),
    }
}

/// Still a super_admin, and active.
fn check_operator(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<()> {
    match store::person_standing(tx, user)? {
        Some((state, true)) if state == "active" => Ok(()),
        _ => Err(SsoError::Account("not a super_admin").into()),
    }
}

/// In the place of an earlier one of the person's.
fn waiting_store(tx: &mut AuthTx<'_>, user: UserId, claim: &Claim) -> Outcome<()> {
    let now = tx.now();
    delete(sso_links::table.find(user.uuid())).execute(tx.conn())?;
    insert_into(sso_links::table)
        .values((
            sso_links::user_id.eq(user.uuid()),
            sso_links::provider_id.eq(claim.provider.uuid()),
            sso_links::issuer.eq(&claim.issuer),
            sso_links::subject.eq(&claim.subject),
            sso_links::expires_at.eq(now + LIFE),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// The issuer of what waits, if it is this and not too old. It waits no longer.
fn waiting_take(
    tx: &mut AuthTx<'_>,
    user: UserId,
    provider: ProviderId,
    subject: &str,
) -> Outcome<Option<String>> {
    let now = tx.now();
    let waiting = sso_links::table
        .find(user.uuid())
        .filter(sso_links::provider_id.eq(provider.uuid()))
        .filter(sso_links::subject.eq(subject))
        .filter(sso_links::expires_at.gt(now));
    Ok(delete(waiting)
        .returning(sso_links::issuer)
        .get_result(tx.conn())
        .optional()?)
}

fn identity_confirm(
    tx: &mut AuthTx<'_>,
    (issuer, subject): (&str, &str),
    provider: ProviderId,
    user: UserId,
) -> Outcome<()> {
    store::provider(tx, provider)?
        .filter(|row| row.enabled && row.issuer == issuer)
        .ok_or(SsoError::LinkVoid)?;
    match store::identity(tx, issuer, subject)? {
        Some(other) if other != user => return Err(SsoError::IdentityTaken.into()),
        Some(_) => {}
        None => {
            store::identity_keep(tx, (issuer, subject), provider, user)?;
        }
    }
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    update(sso_identities::table.find((tenant, issuer, subject)))
        .set(sso_identities::confirmed_at.eq(now))
        .execute(tx.conn())?;
    Ok(())
}

fn links(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Vec<Link>> {
    type Row = (Uuid, String, String, Option<DateTime<Utc>>, DateTime<Utc>);
    let rows: Vec<Row> = sso_identities::table
        .filter(sso_identities::tenant_id.eq(tx.tenant().uuid()))
        .filter(sso_identities::user_id.eq(user.uuid()))
        .order(sso_identities::created_at)
        .select((
            sso_identities::provider_id,
            sso_identities::issuer,
            sso_identities::subject,
            sso_identities::confirmed_at,
            sso_identities::last_used_at,
        ))
        .load(tx.conn())?;
    Ok(rows
        .into_iter()
        .filter_map(|(provider, issuer, subject, confirmed_at, last_used_at)| {
            Some(Link {
                provider: ProviderId::from_uuid(provider),
                issuer,
                subject,
                confirmed_at: confirmed_at?,
                last_used_at,
            })
        })
        .collect())
}

fn sessions_end(
    tx: &mut AuthTx<'_>,
    user: UserId,
    provider: ProviderId,
) -> Outcome<Vec<SessionId>> {
    let now = tx.now();
    let opened = sessions::table
        .filter(sessions::user_id.eq(user.uuid()))
        .filter(sessions::sso_tenant_id.eq(TenantId::PLATFORM.uuid()))
        .filter(sessions::sso_provider_id.eq(provider.uuid()))
        .filter(sessions::ended_at.is_null());
    let ended: Vec<Uuid> = update(opened)
        .set((
            sessions::ended_at.eq(now),
            sessions::end_reason.eq("unlinked"),
        ))
        .returning(sessions::session_id)
        .get_results(tx.conn())?;
    Ok(ended.into_iter().map(SessionId::from_uuid).collect())
}
