//! The way to the provider and back: state, PKCE, the trade of the code, and what a grant must have.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use db::{TenantTx, Unit};
use jobs::NewJob;
use kernel::{Action, Actor, ConnectionId, Principal, Secret, SessionId};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Connections, view};
use crate::{
    endings::ending_begin,
    error::ConnectionError,
    model::{Connection, State},
    patience::until_stored,
    provider::{CALL_TIMEOUT, Grant, ProviderError},
    seal::{Token, seal_token},
    store::{self, Begun, NewGrant, Row},
};

/// How long a person may take at the provider.
const STATE_LIFE: TimeDelta = TimeDelta::minutes(10);

/// What the browser brought back from the provider.
#[derive(Debug)]
pub enum Returned {
    Code(Secret<String>),
    /// The provider's `error` parameter.
    Refused(String),
}

impl Connections {
    /// Begins a login at the provider; answers where the browser is to go. `new_organisation`
    /// permits that another organisation than the former one is connected.
    pub async fn connection_authorize(
        &self,
        who: &Principal,
        new_organisation: bool,
    ) -> Result<String, ConnectionError> {
        let session_id = session(who)?.uuid();
        let row = self.row(who).await?;
        let app = self.app(who, &row).await?;
        let (state, verifier) = (random::<32>()?, Secret::new(random::<48>()?));
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()));
        let verifier_sealed = self.seals(who).seal_verifier(&state, &verifier).await?;
        let hash = Sha256::digest(state.as_bytes()).to_vec();
        let id = row.id();
        self.db
            .run(who, move |tx| {
                let begun = Begun {
                    connection_id: id.uuid(),
                    session_id,
                    verifier_sealed,
                    new_organisation,
                    expires_at: tx.now() + STATE_LIFE,
                };
                store::begun_insert(tx, &hash, begun)?;
                let row = store::row_locked(tx, id)?.ok_or(ConnectionError::NotConfigured)?;
                if matches!(row.state(), State::Configured | State::Disconnected) {
                    store::state_set(tx, id, State::Authorizing)?;
                }
                audit::Entry::new(Action::ConnectionAuthorize, "connection", id)
                    .after(json!({ "step": "begun", "new_organisation": new_organisation }))
                    .write(tx)?;
                Ok::<_, ConnectionError>(())
            })
            .await?;
        Ok(self.provider.authorize_url(&app, &state, &challenge))
    }

    /// Ends the login: takes the state away, trades the code for tokens, checks what came, stores it.
    pub async fn connection_complete(
        &self,
        who: &Principal,
        state: &str,
        returned: Returned,
    ) -> Result<Connection, ConnectionError> {
        let begun = self.take_begun(who, state).await?;
        let (own, who, state) = (self.clone(), who.clone(), state.to_owned());
        // Whoever asked may be given up on (a request's time-out): a code that was traded is stored or
        // its grant ended, because nobody could see it otherwise.
        let completing = tokio::spawn(async move {
            let completed = own.complete(&who, &state, returned, &begun).await;
            if let Err(error) = &completed {
                own.note_refusal(&who, &begun, error).await?;
            }
            completed
        });
        completing.await.unwrap_or(Err(ConnectionError::Cut))
    }

    async fn take_begun(&self, who: &Principal, state: &str) -> Result<Begun, ConnectionError> {
        let session = session(who)?;
        let hash = Sha256::digest(state.as_bytes()).to_vec();
        let (begun, now) = self
            .db
            .run(who, move |tx| {
                Ok::<_, ConnectionError>((store::begun_take(tx, &hash)?, tx.now()))
            })
            .await?;
        let begun = begun
            .filter(|begun| begun.session_id == session.uuid())
            .ok_or(ConnectionError::StateInvalid)?;
        if begun.expires_at <= now {
            return Err(ConnectionError::StateExpired);
        }
        Ok(begun)
    }

    async fn complete(
        &self,
        who: &Principal,
        state: &str,
        returned: Returned,
        begun: &Begun,
    ) -> Result<Connection, ConnectionError> {
        let code = match returned {
            Returned::Code(code) => code,
            Returned::Refused(error) => return Err(ConnectionError::GrantRefused(shown(&error))),
        };
        let row = self.row(who).await?;
        if row.id().uuid() != begun.connection_id {
            return Err(ConnectionError::StateInvalid);
        }
        let app = self.app(who, &row).await?;
        let seals = self.seals(who);
        let verifier = seals.open_verifier(state, &begun.verifier_sealed).await?;
        // Fetched first: once the code is used, the answer must not wait for the secrets backend.
        let access_key = seals.fresh_key(row.id(), Token::Access).await?;
        let refresh_key = seals.fresh_key(row.id(), Token::Refresh).await?;
        let call = self.provider.exchange(&app, &code, &verifier);
        let grant = tokio::time::timeout(CALL_TIMEOUT, call)
            .await
            .unwrap_or_else(|_| Err(ProviderError::InDoubt("no answer in time".to_owned())))
            .map_err(|error| match error {
                ProviderError::Refused { detail, .. } => ConnectionError::GrantRefused(detail),
                other => ConnectionError::Provider(other),
            })?;
        // Whatever becomes of it, this is how the grant can be told to end.
        let ends = seal_token(
            &refresh_key,
            grant.refresh.as_ref().unwrap_or(&grant.access),
        )?;
        let kept = match self.judge(&row, &grant, begun.new_organisation) {
            Ok(()) => {
                let access = seal_token(&access_key, &grant.access)?;
                self.keep(who, &row, &grant, access, ends.clone()).await
            }
            Err(error) => Err(error),
        };
        if kept.is_err() {
            let token = grant.refresh.as_ref().unwrap_or(&grant.access);
            self.endings.drop_grant(who, &row, ends, token).await;
        }
        kept
    }

    /// Stores the new grant; the one that it replaces is ended.
    async fn keep(
        &self,
        who: &Principal,
        row: &Row,
        grant: &Grant,
        access: Vec<u8>,
        refresh: Vec<u8>,
    ) -> Result<Connection, ConnectionError> {
        let (id, version) = (row.id(), row.version);
        let first_jobs = self.provider.first_jobs();
        let new = NewGrant {
            access,
            refresh,
            instance_url: grant.instance_url.clone(),
            organisation: grant.organisation.clone(),
            user: grant.user.clone(),
            scopes: grant.scopes.clone(),
        };
        until_stored(|| {
            let new = new.clone();
            self.db
                .run(who, move |tx| connect(tx, id, version, new, first_jobs))
        })
        .await
    }

    /// What a new grant must have before its tokens are kept.
    fn judge(
        &self,
        row: &Row,
        grant: &Grant,
        new_organisation: bool,
    ) -> Result<(), ConnectionError> {
        if !self.provider.instance_allowed(&grant.instance_url) {
            return Err(ConnectionError::HostRefused);
        }
        let known = row.org_id.as_deref();
        if !new_organisation && known.is_some_and(|known| known != grant.organisation) {
            return Err(ConnectionError::OrganisationMismatch);
        }
        let granted = |wanted: &str| grant.scopes.iter().any(|scope| scope == wanted);
        if let Some(missing) = self.provider.scopes().iter().find(|scope| !granted(scope)) {
            return Err(ConnectionError::GrantRefused(format!(
                "the scope {missing} was not granted"
            )));
        }
        if grant.refresh.is_none() {
            let why = "no refresh token was granted".to_owned();
            return Err(ConnectionError::GrantRefused(why));
        }
        Ok(())
    }

    async fn note_refusal(
        &self,
        who: &Principal,
        begun: &Begun,
        error: &ConnectionError,
    ) -> Result<(), ConnectionError> {
        let id = ConnectionId::from_uuid(begun.connection_id);
        let code = kernel::Classified::code(error);
        self.db
            .run(who, move |tx| {
                Ok(
                    audit::Entry::new(Action::ConnectionAuthorize, "connection", id)
                        .failed(code)
                        .write(tx)?,
                )
            })
            .await
    }
}

fn connect(
    tx: &mut TenantTx<'_>,
    id: ConnectionId,
    version: i64,
    grant: NewGrant,
    first_jobs: &[&str],
) -> Result<Connection, ConnectionError> {
    let row = store::row_locked(tx, id)?.ok_or(ConnectionError::NotConfigured)?;
    if row.access_sealed.as_ref() == Some(&grant.access) {
        // An earlier try reached the database although its answer did not reach us.
        return Ok(row.view());
    }
    if row.version != version {
        return Err(ConnectionError::Moved);
    }
    ending_begin(tx, &row)?;
    let after = json!({ "step": "connected", "organisation": &grant.organisation, "user": &grant.user,
        "instance": &grant.instance_url, "scopes": &grant.scopes });
    store::grant_store(tx, id, grant)?;
    audit::Entry::new(Action::ConnectionAuthorize, "connection", id)
        .before(json!({ "organisation": row.org_id }))
        .after(after)
        .write(tx)?;
    for kind in first_jobs {
        jobs::enqueue(tx, NewJob::new(*kind, json!({})).dedupe("connected"))?;
    }
    db::hint(tx, "connection")?;
    view(tx, id)
}

fn session(who: &Principal) -> Result<SessionId, ConnectionError> {
    match who.actor {
        Actor::Human { session, .. } => Ok(session),
        Actor::System { .. }
        | Actor::Local { .. }
        | Actor::Provisioner { .. }
        | Actor::Program { .. }
        | Actor::Client { .. } => Err(ConnectionError::NotHuman),
    }
}

/// `N` random bytes in base64url: 32 give 43 characters, 48 give 64 (RFC 7636 asks for 43 to 128).
fn random<const N: usize>() -> Result<String, ConnectionError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| ConnectionError::Randomness)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A parameter from the browser's address, fit for a log line.
fn shown(error: &str) -> String {
    error
        .chars()
        .filter(|letter| letter.is_ascii_graphic())
        .take(60)
        .collect()
}
