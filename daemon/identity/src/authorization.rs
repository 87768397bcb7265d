//! Sessions of a person's own programs, by an authorization code with PKCE (RFC 6749 section 4.1, RFC
//! 7636): where the program and a browser are on one machine (RFC 8252), the person reads who asks and
//! approves, and the browser carries a code back to the program. The session that comes of it is the
//! same as by device code.
//!
//! A code is 256 random bits, stored as a hash, good once and for a minute, for the program, the address
//! and the verifier that it was asked for with. Whatever does not fit voids it; a code that comes back
//! ends the session that was made from it (section 4.1.2).

use audit::Entry;
use chrono::TimeDelta;
use db::{AuthScope, AuthTx, Unit};
use kernel::{Action, Actor, Principal, ProviderId, Secret, SessionId, TenantId, UserId};
use openssl::memcmp;

use crate::{
    authorization_request::{AuthorizationRequest, is_verifier},
    error::IdentityError,
    grant::Grant,
    identity::{Caller, Identity},
    opaque::RefreshToken,
    program,
    session::{human, short_hex},
    sso::browser::challenge,
    store::{self, AuthorizationCodeRow},
};

const CODE_LIFE: TimeDelta = TimeDelta::seconds(60);

/// What a program presents for its session.
pub struct CodeExchange {
    pub code: Secret<String>,
    pub client_id: String,
    pub redirect_uri: String,
    pub verifier: Secret<String>,
}

/// What was found under a code.
enum Judged {
    Good(AuthorizationCodeRow),
    /// It was used before.
    Again(AuthorizationCodeRow),
    Nothing,
}

const fn nothing() -> IdentityError {
    IdentityError::DeviceGrant("invalid_grant")
}

impl Identity {
    /// The name of the program that asks. Nothing is approved by looking.
    pub fn authorization_show(
        &self,
        request: &AuthorizationRequest,
    ) -> Result<&'static str, IdentityError> {
        Ok(request.check()?.name)
    }

    /// Lets the program have a session of the person, in the tenant that they are in. Who has a second
    /// factor has just proven it. Answers where the browser goes, with the code.
    pub async fn authorization_approve(
        &self,
        who: &Principal,
        request: &AuthorizationRequest,
        issuer: &str,
    ) -> Result<Secret<String>, IdentityError> {
        let program = request.check()?;
        self.factor_fresh(who).await?;
        let inner = &self.inner;
        let (user, session) = human(who)?;
        let code = RefreshToken::generate()?;
        let now = inner.clock.now();
        let mut row = AuthorizationCodeRow {
            hash: code.hash(),
            client: program.id.to_owned(),
            redirect_uri: request.redirect_uri.clone(),
            challenge: request.code_challenge.clone(),
            state: String::from("waiting"),
            user_id: user.uuid(),
            tenant_id: who.tenant.uuid(),
            sso_tenant_id: None,
            sso_provider_id: None,
            session_id: None,
            created_at: now,
            expires_at: now + CODE_LIFE,
        };
        let (by, scope) = (who.clone(), scope_of(&row));
        inner
            .db
            .auth(scope, move |tx| {
                program::check_approver(tx, session)?;
                // Its session will be bound as this one is.
                let (owner, provider) = store::session_opener(tx, session)?.unzip();
                row.sso_tenant_id = owner.map(TenantId::uuid);
                row.sso_provider_id = provider.map(ProviderId::uuid);
                let entry = Entry::new(
                    Action::AuthorizationApprove,
                    "authorization",
                    short_hex(&row.hash),
                )
                .after(serde_json::json!({ "client": row.client }));
                store::authorization_code_insert(tx, &row)?;
                entry.write_auth(tx, &by.actor, by.origin.as_ref(), by.request)?;
                Ok::<_, IdentityError>(())
            })
            .await?;
        let code = code.into_text();
        Ok(Secret::new(request.answer(("code", code.expose()), issuer)))
    }

    /// Answers where the browser goes to tell the program that it gets no session.
    pub async fn authorization_deny(
        &self,
        who: &Principal,
        request: &AuthorizationRequest,
        issuer: &str,
    ) -> Result<String, IdentityError> {
        let program = request.check()?;
        let (user, _) = human(who)?;
        let scope = AuthScope {
            tenant: Some(who.tenant),
            user: Some(user),
        };
        let by = who.clone();
        self.inner
            .db
            .auth(scope, move |tx| {
                Entry::new(Action::AuthorizationDeny, "authorization", program.id).write_auth(
                    tx,
                    &by.actor,
                    by.origin.as_ref(),
                    by.request,
                )?;
                Ok::<_, IdentityError>(())
            })
            .await?;
        Ok(request.answer(("error", "access_denied"), issuer))
    }

    /// The program presents its code and the verifier, and gets its session.
    pub async fn authorization_exchange(
        &self,
        presented: CodeExchange,
        caller: &Caller,
    ) -> Result<Grant, IdentityError> {
        let inner = &self.inner;
        let hash = RefreshToken::parse(presented.code.expose())
            .ok_or_else(nothing)?
            .hash();
        let from = caller.clone();
        let judged = inner
            .db
            .auth(AuthScope::default(), move |tx| {
                judge(tx, &hash, &presented, &from)
            })
            .await?;
        let row = match judged {
            Judged::Good(row) => row,
            Judged::Again(row) => return self.end_made_from(row, caller).await,
            Judged::Nothing => return Err(nothing()),
        };
        let (user, tenant) = (
            UserId::from_uuid(row.user_id),
            TenantId::from_uuid(row.tenant_id),
        );
        let new = inner.new_session(user, tenant, caller).await?;
        let (inactivity, from, used) = (inner.config.inactivity(), caller.clone(), row.clone());
        let opened = inner
            .db
            .auth(scope_of(&row), move |tx| {
                if !store::authorization_code_use(tx, &used.hash, new.session_id)? {
                    return Ok(None);
                }
                let owner = used.sso_tenant_id.map(TenantId::from_uuid);
                let opener = owner.zip(used.sso_provider_id.map(ProviderId::from_uuid));
                program::open(tx, new, opener, (inactivity, &from)).map(Some)
            })
            .await?;
        match opened {
            Some(opened) => inner.grant(opened, None).await,
            // Somebody else was faster with the same code.
            None => self.end_made_from(row, caller).await,
        }
    }

    /// A code came back: the program, or whoever stole the code, has the session already. It ends.
    async fn end_made_from(
        &self,
        row: AuthorizationCodeRow,
        caller: &Caller,
    ) -> Result<Grant, IdentityError> {
        let from = caller.clone();
        let ended = self
            .inner
            .db
            .auth(scope_of(&row), move |tx| {
                let made = store::authorization_code_session(tx, &row.hash)?;
                let Some(session) = made.map(SessionId::from_uuid) else {
                    return Ok(None);
                };
                if store::session_end(tx, session, "code_replayed")? > 0 {
                    Entry::new(Action::AuthorizationReplay, "session", session).write_auth(
                        tx,
                        &Actor::System { job: None },
                        Some(&from.origin()),
                        from.request,
                    )?;
                    db::hint(tx, "sessions")?;
                }
                Ok::<_, IdentityError>(Some(session))
            })
            .await?;
        if let Some(session) = ended {
            self.inner.standings.forget(session);
        }
        Err(nothing())
    }
}

const fn scope_of(row: &AuthorizationCodeRow) -> AuthScope {
    AuthScope {
        tenant: Some(TenantId::from_uuid(row.tenant_id)),
        user: Some(UserId::from_uuid(row.user_id)),
    }
}

/// What is refused is an outcome, not an error: that the code is void now is committed.
fn judge(
    tx: &mut AuthTx<'_>,
    hash: &[u8],
    presented: &CodeExchange,
    caller: &Caller,
) -> Result<Judged, IdentityError> {
    let Some(row) = store::authorization_code_locked(tx, hash)? else {
        return Ok(Judged::Nothing);
    };
    if row.state == "used" {
        return Ok(Judged::Again(row));
    }
    if row.state != "waiting" || row.expires_at <= tx.now() {
        return Ok(Judged::Nothing);
    }
    let fits = row.client == presented.client_id
        && row.redirect_uri == presented.redirect_uri
        && is_verifier(presented.verifier.expose())
        && memcmp::eq(
            challenge(&presented.verifier).as_bytes(),
            row.challenge.as_bytes(),
        );
    if fits {
        return Ok(Judged::Good(row));
    }
    store::authorization_code_void(tx, hash)?;
    Entry::new(
        Action::AuthorizationRefuse,
        "authorization",
        short_hex(hash),
    )
    .refused("invalid_grant")
    .write_auth(
        tx,
        &Actor::System { job: None },
        Some(&caller.origin()),
        caller.request,
    )?;
    Ok(Judged::Nothing)
}
