//! Invitations (LR-56): an administrator names an address and roles; a mail carries a link that works
//! once, for 7 days. The link's token is made when the mail is sent and known to the database by its
//! hash alone; sending again voids the older link. The address is sealed, with a keyed hash beside it to
//! find it by, until somebody has accepted or the invitation is revoked; then both go (CX-32).

use std::collections::HashMap;

use audit::Entry;
use chrono::{DateTime, TimeDelta, Utc};
use db::{AuthTx, InvitationFound, Unit};
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, dsl::count_star, insert_into, update,
};
use kernel::{Action, Event, InvitationId, Personal, Principal, Role, TenantId, UserId};
use schema::{invitations, people};
use uuid::Uuid;
use vault::{Binding, Sealed};

use crate::{
    acting::Acting,
    email::Email,
    error::IdentityError,
    identity::{Identity, Inner},
    membership::{is_member, lock_tenant},
    refusal::Refusal,
    roles::{role_names, roles_of},
};

type Outcome<T> = Result<T, IdentityError>;

/// LR-56: how long a link works.
pub const INVITATION_LIFE: TimeDelta = TimeDelta::days(7);
/// More than this wait in no tenant: a stolen administrator's session sends no flood of mail.
const MOST_WAITING: i64 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationState {
    Pending,
    Accepted,
    Expired,
    Revoked,
}

impl InvitationState {
    pub const ALL: [Self; 4] = [Self::Pending, Self::Accepted, Self::Expired, Self::Revoked];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Invitation {
    pub id: InvitationId,
    /// Of an invitation that waits, or of the member who accepted it.
    pub email: Option<String>,
    pub roles: Vec<Role>,
    pub owner: bool,
    pub state: InvitationState,
    pub invited_by: UserId,
    /// `None`: no member of the tenant, such as the operator who made it.
    pub invited_by_name: Option<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
}

/// An invitation before it is stored: its address is sealed outside the transaction.
#[derive(Insertable)]
#[diesel(table_name = invitations)]
pub(crate) struct NewInvitation {
    tenant_id: Uuid,
    invitation_id: Uuid,
    email_hash: Option<Vec<u8>>,
    email_sealed: Option<Vec<u8>>,
    roles: Vec<String>,
    owner: bool,
    invited_by: Uuid,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl NewInvitation {
    /// For whoever is to own a tenant that is just being made.
    pub(crate) async fn owner(inner: &Inner, tenant: TenantId, email: &str) -> Outcome<Self> {
        Self::make(inner, tenant, email, &[Role::Admin], true).await
    }

    async fn make(
        inner: &Inner,
        tenant: TenantId,
        email: &str,
        roles: &[Role],
        owner: bool,
    ) -> Outcome<Self> {
        let names = role_names(roles)?;
        let email = Email::parse(email)?;
        let id = InvitationId::generate(inner.clock.as_ref());
        let bound = id.to_string();
        let sealed = inner
            .vault
            .seal(tenant, &address_binding(&bound), email.as_str().as_bytes())
            .await?;
        let now = inner.clock.now();
        Ok(Self {
            tenant_id: tenant.uuid(),
            invitation_id: id.uuid(),
            email_hash: Some(email.hash(&inner.secrets()?.index_key)?),
            email_sealed: Some(sealed.to_bytes()),
            roles: names.into_iter().map(str::to_owned).collect(),
            owner,
            invited_by: Uuid::nil(),
            created_at: now,
            expires_at: now + INVITATION_LIFE,
        })
    }

    /// In the tenant of the scope, under its lock; the mail follows.
    pub(crate) fn store(mut self, tx: &mut AuthTx<'_>, acting: &Acting) -> Outcome<InvitationId> {
        let id = InvitationId::from_uuid(self.invitation_id);
        self.invited_by = acting.user.uuid();
        insert_into(invitations::table)
            .values(&self)
            .execute(tx.conn())?;
        let entry = Entry::new(Action::InvitationCreate, "invitation", id)
            .after(serde_json::json!({
                "address": Personal::new(&self.email_hash), "roles": self.roles, "owner": self.owner,
            }));
        acting.audit(tx, entry)?;
        jobs::publish(tx, &Event::Invitation { invitation: id })?;
        db::hint(tx, "members")?;
        Ok(id)
    }
}

pub(crate) fn address_binding(invitation: &str) -> Binding<'_> {
    Binding {
        provider: "identity",
        owner: invitation,
        column: "invitations.email_sealed",
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = invitations)]
struct Row {
    invitation_id: Uuid,
    email_sealed: Option<Vec<u8>>,
    roles: Vec<String>,
    owner: bool,
    invited_by: Uuid,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    sent_at: Option<DateTime<Utc>>,
    accepted_at: Option<DateTime<Utc>>,
    accepted_by: Option<Uuid>,
    revoked_at: Option<DateTime<Utc>>,
}

/// A row with the members that it names: who invited, and who accepted.
struct Found {
    row: Row,
    inviter: Option<String>,
    member_sealed: Option<Vec<u8>>,
}

impl Identity {
    /// Every invitation of the last 90 days, the newest first; 500 at most.
    pub async fn invitation_list(
        &self,
        who: &Principal,
        state: Option<InvitationState>,
    ) -> Outcome<Vec<Invitation>> {
        let acting = Acting::of(who)?;
        let rows = self
            .inner
            .db
            .auth(acting.scope, |tx| rows(tx, None))
            .await?;
        let mut shown = Vec::with_capacity(rows.len());
        for row in rows {
            let invitation = self.invitation_shown(who.tenant, row).await?;
            if state.is_none_or(|wanted| wanted == invitation.state) {
                shown.push(invitation);
            }
        }
        Ok(shown)
    }

    pub async fn invitation_create(
        &self,
        who: &Principal,
        email: &str,
        roles: Vec<Role>,
    ) -> Outcome<Invitation> {
        let acting = Acting::of(who)?;
        let new = NewInvitation::make(&self.inner, who.tenant, email, &roles, false).await?;
        let row = self
            .inner
            .db
            .auth(acting.scope, move |tx| {
                lock_tenant(tx)?;
                check_room(tx, new.email_hash.as_deref().unwrap_or_default())?;
                let id = new.store(tx, &acting)?;
                one(tx, id)
            })
            .await?;
        self.invitation_shown(who.tenant, row).await
    }

    /// Sends a new link, good for 7 days from now; the older one is void from this moment.
    pub async fn invitation_resend(
        &self,
        who: &Principal,
        id: InvitationId,
    ) -> Outcome<Invitation> {
        let acting = Acting::of(who)?;
        let row = self
            .inner
            .db
            .auth(acting.scope, move |tx| {
                let expires = tx.now() + INVITATION_LIFE;
                let changed = update(waiting(tx, id))
                    .set((
                        invitations::token_hash.eq(None::<Vec<u8>>),
                        invitations::sent_at.eq(None::<DateTime<Utc>>),
                        invitations::expires_at.eq(expires),
                    ))
                    .execute(tx.conn())?;
                closed_or_unknown(tx, id, changed)?;
                acting.audit(tx, Entry::new(Action::InvitationResend, "invitation", id))?;
                jobs::publish(tx, &Event::Invitation { invitation: id })?;
                one(tx, id)
            })
            .await?;
        self.invitation_shown(who.tenant, row).await
    }

    pub async fn invitation_revoke(&self, who: &Principal, id: InvitationId) -> Outcome<()> {
        let acting = Acting::of(who)?;
        self.inner
            .db
            .auth(acting.scope, move |tx| {
                let changed = close(tx, id)?;
                closed_or_unknown(tx, id, changed)?;
                acting.audit(tx, Entry::new(Action::InvitationRevoke, "invitation", id))?;
                Ok(db::hint(tx, "members")?)
            })
            .await
    }

    async fn invitation_shown(&self, tenant: TenantId, found: Found) -> Outcome<Invitation> {
        let row = found.row;
        let id = InvitationId::from_uuid(row.invitation_id);
        let email = match (&row.email_sealed, row.accepted_by.zip(found.member_sealed)) {
            (Some(sealed), _) => self.open_address(tenant, id, sealed).await?,
            (None, Some((user, sealed))) => {
                let user = UserId::from_uuid(user);
                self.inner.open_email(user, &sealed).await?
            }
            (None, None) => None,
        };
        let state = match (row.accepted_at, row.revoked_at) {
            (Some(_), _) => InvitationState::Accepted,
            (None, Some(_)) => InvitationState::Revoked,
            (None, None) if row.expires_at <= self.inner.clock.now() => InvitationState::Expired,
            (None, None) => InvitationState::Pending,
        };
        Ok(Invitation {
            id,
            email,
            roles: roles_of(&row.roles),
            owner: row.owner,
            state,
            invited_by: UserId::from_uuid(row.invited_by),
            invited_by_name: found.inviter,
            created_at: row.created_at,
            expires_at: row.expires_at,
            sent_at: row.sent_at,
        })
    }

    /// The address of an invitation that waits; `None` while the secrets backend is sealed.
    pub(crate) async fn open_address(
        &self,
        tenant: TenantId,
        id: InvitationId,
        sealed: &[u8],
    ) -> Outcome<Option<String>> {
        let bound = id.to_string();
        let sealed = Sealed::parse(sealed)?;
        match self
            .inner
            .vault
            .open(tenant, &address_binding(&bound), &sealed)
            .await
        {
            Ok(clear) => Ok(String::from_utf8(clear.expose().clone()).ok()),
            Err(error) if error.is_waiting() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Invitation `id` of the scope's tenant, while it waits; expired or not.
#[diesel::dsl::auto_type]
fn waiting_rows(tenant: Uuid, id: Uuid) -> _ {
    invitations::table
        .filter(invitations::tenant_id.eq(tenant))
        .filter(invitations::invitation_id.eq(id))
        .filter(invitations::accepted_at.is_null())
        .filter(invitations::revoked_at.is_null())
}

fn waiting(tx: &AuthTx<'_>, id: InvitationId) -> waiting_rows {
    waiting_rows(tx.tenant().uuid(), id.uuid())
}

fn close(tx: &mut AuthTx<'_>, id: InvitationId) -> Outcome<usize> {
    let now = tx.now();
    Ok(update(waiting(tx, id))
        .set((
            invitations::revoked_at.eq(now),
            invitations::email_hash.eq(None::<Vec<u8>>),
            invitations::email_sealed.eq(None::<Vec<u8>>),
            invitations::token_hash.eq(None::<Vec<u8>>),
        ))
        .execute(tx.conn())?)
}

fn closed_or_unknown(tx: &mut AuthTx<'_>, id: InvitationId, changed: usize) -> Outcome<()> {
    if changed == 1 {
        return Ok(());
    }
    one(tx, id)?;
    Err(Refusal::InvitationClosed.into())
}

/// Refuses an address that belongs to a member or has an invitation that waits. One that is too old
/// makes room.
fn check_room(tx: &mut AuthTx<'_>, email_hash: &[u8]) -> Outcome<()> {
    if let Some(login) = tx.user_by_email(email_hash)?
        && is_member(tx, UserId::from_uuid(login.user_id))?
    {
        return Err(Refusal::AlreadyMember.into());
    }
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let open = invitations::table
        .filter(invitations::tenant_id.eq(tenant))
        .filter(invitations::accepted_at.is_null())
        .filter(invitations::revoked_at.is_null());
    let same: Option<(Uuid, DateTime<Utc>)> = open
        .filter(invitations::email_hash.eq(email_hash))
        .select((invitations::invitation_id, invitations::expires_at))
        .first(tx.conn())
        .optional()?;
    match same {
        Some((_, expires)) if expires > now => return Err(Refusal::InvitationPending.into()),
        Some((id, _)) => {
            close(tx, InvitationId::from_uuid(id))?;
        }
        None => {}
    }
    let live: i64 = open
        .filter(invitations::expires_at.gt(now))
        .select(count_star())
        .first(tx.conn())?;
    if live >= MOST_WAITING {
        return Err(Refusal::TooManyInvitations.into());
    }
    Ok(())
}

fn one(tx: &mut AuthTx<'_>, id: InvitationId) -> Outcome<Found> {
    rows(tx, Some(id))?
        .pop()
        .ok_or_else(|| Refusal::UnknownThing.into())
}

fn rows(tx: &mut AuthTx<'_>, id: Option<InvitationId>) -> Outcome<Vec<Found>> {
    let (tenant, since) = (tx.tenant().uuid(), tx.now() - TimeDelta::days(90));
    let mut query = invitations::table
        .filter(invitations::tenant_id.eq(tenant))
        .filter(invitations::created_at.gt(since))
        .order((
            invitations::created_at.desc(),
            invitations::invitation_id.desc(),
        ))
        .limit(500)
        .select(Row::as_select())
        .into_boxed();
    if let Some(id) = id {
        query = query.filter(invitations::invitation_id.eq(id.uuid()));
    }
    let rows: Vec<Row> = query.load(tx.conn())?;
    let named: Vec<Uuid> = rows
        .iter()
        .flat_map(|row| [Some(row.invited_by), row.accepted_by])
        .flatten()
        .collect();
    let members: Vec<(Uuid, String, Vec<u8>)> = people::table
        .filter(people::tenant_id.eq(tenant))
        .filter(people::user_id.eq_any(named))
        .select((people::user_id, people::name, people::email_sealed))
        .load(tx.conn())?;
    let members: HashMap<Uuid, (String, Vec<u8>)> = members
        .into_iter()
        .map(|(id, name, sealed)| (id, (name, sealed)))
        .collect();
    let found = |row: Row| Found {
        inviter: members.get(&row.invited_by).map(|(name, _)| name.clone()),
        member_sealed: row
            .accepted_by
            .and_then(|id| members.get(&id))
            .map(|(_, sealed)| sealed.clone()),
        row,
    };
    Ok(rows.into_iter().map(found).collect())
}

/// Uses an invitation up, for the person who proved to have its link. Of two who try at once, one
/// gets it.
pub(crate) fn invitation_use(
    tx: &mut AuthTx<'_>,
    found: &InvitationFound,
    token_hash: &[u8],
    user: UserId,
) -> Outcome<()> {
    let now = tx.now();
    let id = InvitationId::from_uuid(found.invitation_id);
    let live = waiting(tx, id)
        .filter(invitations::token_hash.eq(token_hash))
        .filter(invitations::expires_at.gt(now));
    let used = update(live)
        .set((
            invitations::accepted_at.eq(now),
            invitations::accepted_by.eq(user.uuid()),
            invitations::email_hash.eq(None::<Vec<u8>>),
            invitations::email_sealed.eq(None::<Vec<u8>>),
            invitations::token_hash.eq(None::<Vec<u8>>),
        ))
        .execute(tx.conn())?;
    if used == 1 {
        Ok(())
    } else {
        Err(Refusal::InvitationInvalid.into())
    }
}

/// Stores the hash of the token that a mail is about to carry, in place of an older one, and answers
/// what the mail says. `None` when the invitation does not wait any more.
pub(crate) fn invitation_arm(
    tx: &mut AuthTx<'_>,
    id: InvitationId,
    token_hash: &[u8],
) -> Outcome<Option<InvitationFound>> {
    let now = tx.now();
    let live = waiting(tx, id).filter(invitations::expires_at.gt(now));
    let armed = update(live)
        .set(invitations::token_hash.eq(token_hash))
        .execute(tx.conn())?;
    if armed == 0 {
        return Ok(None);
    }
    Ok(tx.invitation_by_token(token_hash)?)
}

/// The mail has left.
pub(crate) fn invitation_mark_sent(tx: &mut AuthTx<'_>, id: InvitationId) -> Outcome<()> {
    let now = tx.now();
    update(waiting(tx, id))
        .set(invitations::sent_at.eq(now))
        .execute(tx.conn())?;
    Ok(db::hint(tx, "members")?)
}
