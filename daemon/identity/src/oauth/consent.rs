//! A program asks, in the address that it opens, and a person answers (RFC 6749 section 4.1.1, RFC 7636, RFC 8707,
//! RFC 9207). What it asks for is judged anew at each step. What does not fit is told to the person and never to
//! the address, so that this is no way to send a browser elsewhere.

use audit::Entry;
use db::AuthTx;
use kernel::{Action, ClientId, GrantId, Principal, Reach, Secret};
use serde_json::json;

use super::{
    CODE_LIFE, ClientScope, GRANT_LIFE, redirect, resource_of, scope_by_name,
    store::{self, CodeRow, GrantRow},
};
use crate::{
    acting::Acting,
    authorization_request::{check_challenge, onward},
    error::IdentityError,
    identity::Identity,
    opaque::RefreshToken,
    permission::allows,
    program,
};

type Outcome<T> = Result<T, IdentityError>;

/// What a program asks for, as it stands in the address that it opens.
#[derive(Clone, Debug, Default)]
pub struct ConsentRequest {
    pub client_id: String,
    pub redirect_uri: String,
    pub response_type: String,
    pub code_challenge: String,
    pub code_challenge_method: String,
    /// Empty where the program sends none: the challenge guards the code.
    pub state: String,
    /// Empty: everything that the program may ask for.
    pub scope: String,
    pub resource: String,
}

/// What a person reads before they answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub client: ClientId,
    /// As the administrator named it.
    pub name: String,
    /// Where the answer goes.
    pub host: String,
    pub scopes: Vec<ClientScope>,
}

impl Identity {
    /// Who asks for what. Nothing is approved by looking.
    pub async fn consent_show(
        &self,
        who: &Principal,
        request: &ConsentRequest,
        issuer: &str,
    ) -> Outcome<Consent> {
        let acting = Acting::of(who)?;
        let (who, request, issuer) = (who.clone(), request.clone(), issuer.to_owned());
        self.inner
            .db
            .auth(acting.scope, move |tx| judge(tx, &who, &request, &issuer))
            .await
    }

    /// Lets the program do what it asks for, as far as the person may do it themselves. Who has a second factor has
    /// just proven it. Answers where the browser goes, with the code.
    pub async fn consent_approve(
        &self,
        who: &Principal,
        request: &ConsentRequest,
        issuer: &str,
    ) -> Outcome<Secret<String>> {
        self.factor_fresh(who).await?;
        let inner = &self.inner;
        let acting = Acting::of(who)?;
        let code = RefreshToken::generate()?;
        let (hash, id) = (code.hash(), GrantId::generate(inner.clock.as_ref()));
        let (by, asked, to) = (who.clone(), request.clone(), issuer.to_owned());
        inner
            .db
            .auth(acting.scope, move |tx| {
                program::check_approver(tx, acting.session)?;
                let consent = judge(tx, &by, &asked, &to)?;
                let now = db::Unit::now(tx);
                let scopes = consent.scopes.iter().map(|scope| scope.name.to_owned());
                let grant = GrantRow {
                    tenant_id: by.tenant.uuid(),
                    grant_id: id.uuid(),
                    client_id: consent.client.uuid(),
                    user_id: acting.user.uuid(),
                    scopes: scopes.collect(),
                    resource: asked.resource.clone(),
                    created_at: now,
                    expires_at: now + GRANT_LIFE,
                    begun_at: None,
                    renewed_at: None,
                    ended_at: None,
                };
                let code = CodeRow {
                    tenant_id: by.tenant.uuid(),
                    hash,
                    grant_id: id.uuid(),
                    redirect_uri: asked.redirect_uri.clone(),
                    challenge: asked.code_challenge.clone(),
                    used_at: None,
                    expires_at: now + CODE_LIFE,
                };
                store::grant_insert(tx, &grant, &code)?;
                let entry = Entry::new(Action::GrantApprove, "grant", id)
                    .after(json!({ "client": consent.client, "scopes": grant.scopes }));
                acting.audit(tx, entry)
            })
            .await?;
        let code = code.into_text();
        Ok(Secret::new(onward(
            &request.redirect_uri,
            ("code", code.expose()),
            &request.state,
            issuer,
        )))
    }

    /// Answers where the browser goes to tell the program that it gets nothing.
    pub async fn consent_deny(
        &self,
        who: &Principal,
        request: &ConsentRequest,
        issuer: &str,
    ) -> Outcome<String> {
        let acting = Acting::of(who)?;
        let (by, asked, to) = (who.clone(), request.clone(), issuer.to_owned());
        self.inner
            .db
            .auth(acting.scope, move |tx| {
                let consent = judge(tx, &by, &asked, &to)?;
                acting.audit(tx, Entry::new(Action::GrantDeny, "client", consent.client))
            })
            .await?;
        Ok(onward(
            &request.redirect_uri,
            ("error", "access_denied"),
            &request.state,
            issuer,
        ))
    }
}

/// What the request comes to, if it is one that may be put before this person.
fn judge(
    tx: &mut AuthTx<'_>,
    who: &Principal,
    request: &ConsentRequest,
    issuer: &str,
) -> Outcome<Consent> {
    let refused = |field, code| Err(IdentityError::input(field, code));
    let client = match request.client_id.parse::<ClientId>() {
        Ok(id) => store::clients(tx, Some(id))?.pop(),
        Err(_) => None,
    };
    let Some(client) = client.filter(|client| client.revoked_at.is_none()) else {
        return refused("client_id", "client_not_here");
    };
    let asked = &request.redirect_uri;
    if !client
        .redirect_uris
        .iter()
        .any(|named| redirect::fits(named, asked))
    {
        return refused("redirect_uri", "redirect_not_registered");
    }
    if request.response_type != "code" {
        return refused("response_type", "response_not_code");
    }
    check_challenge(&request.code_challenge_method, &request.code_challenge)?;
    let graphic = request.state.bytes().all(|byte| byte.is_ascii_graphic());
    if request.state.len() > 500 || !graphic {
        return refused("state", "state_invalid");
    }
    if request.resource != resource_of(issuer) {
        return refused("resource", "resource_unknown");
    }
    Ok(Consent {
        client: ClientId::from_uuid(client.client_id),
        name: client.name,
        host: redirect::host_of(asked),
        scopes: scopes_for(who, &request.scope, &client.scopes)?,
    })
}

/// What is asked for, of what the program may ask for, as far as the person may do it. A program that asks for all that
/// there is, as many do, gets what its administrator allows it (RFC 6749 section 3.3).
fn scopes_for(who: &Principal, asked: &str, allowed: &[String]) -> Outcome<Vec<ClientScope>> {
    let mut wanted: Vec<&str> = asked.split_ascii_whitespace().collect();
    if wanted.is_empty() {
        wanted = allowed.iter().map(String::as_str).collect();
    }
    let known = wanted.iter().all(|name| scope_by_name(name).is_some());
    wanted.retain(|name| allowed.iter().any(|held| held == name));
    if !known || wanted.is_empty() {
        return Err(IdentityError::input("scope", "scope_not_allowed"));
    }
    wanted.sort_unstable();
    wanted.dedup();
    // Who only visits a tenant is no member of it, and lets nobody in.
    let member = matches!(who.roles.reach(), Reach::Whole | Reach::TrialOver);
    let may = |scope: &&'static ClientScope| member && allows(&who.roles, scope.needs);
    let scopes: Vec<ClientScope> = wanted
        .into_iter()
        .filter_map(scope_by_name)
        .filter(may)
        .copied()
        .collect();
    if scopes.is_empty() {
        return Err(IdentityError::input("scope", "scope_beyond_you"));
    }
    Ok(scopes)
}
