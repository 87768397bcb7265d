//! What a browser is given to act with, and a session as the web app shows it.

use std::time::Duration;

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthTx, SessionStanding, TenantName, Unit};
use kernel::{
    Action, Actor, Event, ProviderId, Roles, Secret, SessionId, TenantId, UserId, uuid_at,
};
use vault::{Binding, Sealed};

use crate::{
    config::{ACCESS_LIFE, CLIENT_ACCESS_LIFE, SESSION_LIFE},
    device::{Origin, device_hash},
    error::IdentityError,
    factor::FactorStanding,
    identity::{Caller, Inner},
    opaque::RefreshToken,
    permission::{Permission, permissions_of},
    sso::only,
    standing,
    store::{self, NewRefreshToken, NewSession, ViewRows},
    token::{self, Claims},
};

/// What holds a session: a browser, or a program of the person's own (CX-01).
pub(crate) const WEB: &str = "web";
pub(crate) const COMMAND_LINE: &str = "command_line";

/// A session as the web app shows it.
#[derive(Clone, Debug)]
pub struct SessionView {
    pub user: UserId,
    pub name: String,
    /// Absent while the secrets backend cannot open it.
    pub email: Option<String>,
    pub tenant: TenantName,
    pub trial_ends_at: Option<DateTime<Utc>>,
    /// The tenant's provider that opened the session, with its name.
    pub provider: Option<(ProviderId, String)>,
    /// When a super_admin is on a visit.
    pub support: Option<Support>,
    pub roles: Roles,
    pub tenants: Vec<TenantName>,
    pub permissions: Vec<Permission>,
    pub factor: FactorStanding,
    /// Until when what needs a fresh factor goes through without another question.
    pub fresh_until: Option<DateTime<Utc>>,
}

/// A visit as the visitor sees it.
#[derive(Clone, Debug)]
pub struct Support {
    pub reason: String,
    pub writes: bool,
    pub ends_at: DateTime<Utc>,
}

/// What a browser gets to act with.
pub struct Grant {
    pub access_token: String,
    /// Of the access token.
    pub expires_in: Duration,
    /// `None`: the browser keeps the refresh token that it has (CX-02).
    pub refresh: Option<RefreshGrant>,
    pub view: SessionView,
}

pub struct RefreshGrant {
    pub token: Secret<String>,
    /// Until the session's absolute end.
    pub expires_in: Duration,
}

/// A session that was just opened or changed, before it is shown.
pub(crate) struct Opened {
    pub(crate) session: SessionId,
    pub(crate) rows: ViewRows,
    pub(crate) refresh: Option<RefreshToken>,
}

impl Inner {
    /// Everything that needs the secrets backend, before the transaction begins. The session is that
    /// of somebody who has just given their password, and no second factor.
    pub(crate) async fn new_session(
        &self,
        user: UserId,
        tenant: TenantId,
        caller: &Caller,
    ) -> Result<NewSession, IdentityError> {
        let session = SessionId::generate(self.clock.as_ref());
        let owner = session.to_string();
        let origin = Origin {
            address: caller.address.to_string(),
            user_agent: caller.user_agent.clone(),
        };
        let origin = serde_json::to_vec(&origin)
            .map_err(|_| IdentityError::Crypto("writing a session's origin"))?;
        let sealed = self
            .vault
            .seal(TenantId::PLATFORM, &device_binding(&owner), &origin)
            .await?;
        let device_hash = device_hash(
            &self.secrets()?.index_key,
            user,
            caller.address,
            &caller.user_agent,
        )?;
        let now = self.clock.now();
        Ok(NewSession {
            session_id: session.uuid(),
            user_id: user.uuid(),
            tenant_id: tenant.uuid(),
            created_at: now,
            expires_at: now + SESSION_LIFE,
            last_used_at: now,
            device_sealed: Some(sealed.to_bytes()),
            password_at: Some(now),
            factor_at: None,
            client: WEB,
            device_hash,
            sso_tenant_id: None,
            sso_provider_id: None,
        })
    }

    /// Signs the access token and makes the view.
    pub(crate) async fn grant(
        &self,
        opened: Opened,
        email: Option<String>,
    ) -> Result<Grant, IdentityError> {
        let now = self.clock.now();
        let ends = opened.rows.standing.expires_at;
        let life = if opened.rows.client == WEB {
            ACCESS_LIFE
        } else {
            CLIENT_ACCESS_LIFE
        };
        let expires = ends.min(now + life);
        let standing = &opened.rows.standing;
        let ids = (
            UserId::from_uuid(standing.user_id),
            opened.session,
            TenantId::from_uuid(standing.tenant_id),
        );
        let keys = self.keys()?;
        let access_token = token::sign(&keys, &Claims::new(ids, standing.epoch, now, expires))?;
        let refresh = opened.refresh.map(|token| RefreshGrant {
            token: token.into_text(),
            expires_in: until(ends, now),
        });
        Ok(Grant {
            access_token,
            expires_in: until(expires, now),
            refresh,
            view: self.view(opened.rows, email).await?,
        })
    }

    /// An address that cannot be opened just now is left out: a running session does not end because
    /// the secrets backend was sealed.
    pub(crate) async fn view(
        &self,
        rows: ViewRows,
        email: Option<String>,
    ) -> Result<SessionView, IdentityError> {
        let user = UserId::from_uuid(rows.standing.user_id);
        let email = match email {
            Some(email) => Some(email),
            None => self.open_email(user, &rows.email_sealed).await?,
        };
        let now = self.clock.now();
        let standing = &rows.standing;
        let roles = standing::roles(standing, now);
        let state =
            standing::tenant_state(&standing.tenant_state, standing.trial_ends_at, now).to_owned();
        let factor = FactorStanding::of(standing);
        Ok(SessionView {
            user,
            name: rows.name,
            email,
            tenant: TenantName {
                tenant_id: standing.tenant_id,
                name: standing.tenant_name.clone(),
                state,
            },
            trial_ends_at: standing.trial_ends_at,
            provider: rows.provider,
            support: support(standing),
            permissions: permissions_of(&roles),
            roles,
            tenants: rows.tenants,
            factor,
            fresh_until: factor.fresh_until(now),
        })
    }

    pub(crate) async fn open_email(
        &self,
        user: UserId,
        sealed: &[u8],
    ) -> Result<Option<String>, IdentityError> {
        let owner = user.to_string();
        let sealed = Sealed::parse(sealed)?;
        let opened = self
            .vault
            .open(TenantId::PLATFORM, &email_binding(&owner), &sealed)
            .await;
        match opened {
            Ok(clear) => Ok(String::from_utf8(clear.expose().clone()).ok()),
            Err(error) if error.is_waiting() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

pub(crate) fn email_binding(owner: &str) -> Binding<'_> {
    Binding {
        provider: "identity",
        owner,
        column: "users.email_sealed",
    }
}

/// The place of a session's device; `owner` is the session.
pub(crate) fn device_binding(owner: &str) -> Binding<'_> {
    Binding {
        provider: "identity",
        owner,
        column: "sessions.device_sealed",
    }
}

/// Stores the session with its first refresh token, audits `action`, and tells the person when they
/// never came from this device before.
pub(crate) fn open_session(
    tx: &mut AuthTx<'_>,
    new: NewSession,
    action: Action,
    caller: &Caller,
) -> Result<Opened, IdentityError> {
    let session = SessionId::from_uuid(new.session_id);
    let user = UserId::from_uuid(new.user_id);
    if new.sso_tenant_id.is_none() {
        let tenant = TenantId::from_uuid(new.tenant_id);
        only::check_password_session(tx, (user, session), tenant, caller)?;
    }
    let refresh = RefreshToken::generate()?;
    store::session_insert(tx, &new)?;
    let first = NewRefreshToken {
        token_id: uuid_at(tx.clock().as_ref()),
        session_id: new.session_id,
        user_id: new.user_id,
        hash: refresh.hash(),
        issued_at: tx.now(),
    };
    store::token_insert(tx, &first)?;
    let seen = store::device_seen(tx, user, &new.device_hash)?;
    if seen == store::Seen::New {
        jobs::publish(tx, &Event::NewDevice { user, session })?;
    }
    Entry::new(action, "session", session).write_auth(
        tx,
        &Actor::Human { user, session },
        Some(&caller.origin()),
        caller.request,
    )?;
    opened(tx, session, Some(refresh))
}

pub(crate) fn opened(
    tx: &mut AuthTx<'_>,
    session: SessionId,
    refresh: Option<RefreshToken>,
) -> Result<Opened, IdentityError> {
    let rows = store::view_rows(tx, session)?.ok_or(IdentityError::SessionRevoked)?;
    Ok(Opened {
        session,
        rows,
        refresh,
    })
}

fn support(standing: &SessionStanding) -> Option<Support> {
    Some(Support {
        reason: standing.visit_reason.clone()?,
        writes: standing.visit_writes?,
        ends_at: standing.visit_ends_at?,
    })
}

fn until(end: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (end - now).to_std().unwrap_or_default()
}
