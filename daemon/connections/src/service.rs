//! What people do with the tenant's routing connection: configure, authorise, disconnect.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use db::{Db, TenantTx, Unit};
use jobs::NewJob;
use kernel::{Action, Actor, ConnectionId, Principal, Secret, SessionId};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use vault::Vault;

use crate::{
    error::ConnectionError,
    model::{Connection, Environment, State},
    provider::{App, CALL_TIMEOUT, Grant, Provider, ProviderError},
    seal::{Seals, Token, seal_token},
    store::{self, Begun, Form, NewGrant, Row, SealedColumns},
};

/// How long a person may take at the provider.
const STATE_LIFE: TimeDelta = TimeDelta::minutes(10);

/// The form of the connection.
#[derive(Debug)]
pub struct Configure {
    pub environment: Environment,
    /// Host of the My Domain; needed for that environment only.
    pub my_domain: Option<String>,
    pub consumer_key: String,
    /// `None` keeps the stored secret.
    pub consumer_secret: Option<Secret<String>>,
}

/// What the browser brought back from the provider.
#[derive(Debug)]
pub enum Returned {
    Code(Secret<String>),
    /// The provider's `error` parameter.
    Refused(String),
}

/// The verbs. Cheap to clone.
#[derive(Clone)]
pub struct Connections {
    db: Db,
    vault: Vault,
    provider: Arc<dyn Provider>,
    redirect_uri: String,
}

impl Connections {
    /// `redirect_uri` is the console's page to which the provider sends the browser back.
    pub const fn new(
        db: Db,
        vault: Vault,
        provider: Arc<dyn Provider>,
        redirect_uri: String,
    ) -> Self {
        Self {
            db,
            vault,
            provider,
            redirect_uri,
        }
    }

    /// The tenant's routing connection; `None` while nobody configured it.
    pub async fn connection_get(
        &self,
        who: &Principal,
    ) -> Result<Option<Connection>, ConnectionError> {
        let provider = self.provider.name();
        self.db
            .run(who, move |tx| store::connection_for_routing(tx, provider))
            .await
    }

    /// Stores application and host. Of a connected connection only the secret may change.
    pub async fn connection_configure(
        &self,
        who: &Principal,
        input: Configure,
    ) -> Result<Connection, ConnectionError> {
        let login_host = self.check(&input)?;
        let known = self.connection_get(who).await?.map(|found| found.id);
        let id = known.unwrap_or_else(|| ConnectionId::generate(self.db.clock().as_ref()));
        let consumer_secret = match &input.consumer_secret {
            Some(secret) => Some(self.seals(who).seal_consumer_secret(id, secret).await?),
            None => None,
        };
        let form = Form {
            provider: self.provider.name(),
            environment: input.environment,
            login_host,
            consumer_key: input.consumer_key.trim().to_owned(),
            consumer_secret,
        };
        self.db
            .run(who, move |tx| configure(tx, id, known.is_some(), form))
            .await
    }

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
        let completed = self.complete(who, state, returned, &begun).await;
        if let Err(error) = &completed {
            self.note_refusal(who, &begun, error).await?;
        }
        completed
    }

    /// Deletes the tokens at once, then tells the provider to end the grant. The second part is best
    /// effort and its result is an audit entry of its own: the tokens are gone either way, so it
    /// cannot be tried later (LR-19, OB-33).
    pub async fn connection_disconnect(
        &self,
        who: &Principal,
    ) -> Result<Connection, ConnectionError> {
        let row = self.row(who).await?;
        let grant = self.grant_in_hand(who, &row).await;
        let id = row.id();
        self.db
            .run(who, move |tx| {
                store::tokens_delete(tx, id, State::Disconnected)?;
                audit::Entry::new(Action::ConnectionDisconnect, "connection", id)
                    .after(json!({ "step": "tokens_deleted" }))
                    .write(tx)?;
                db::hint(tx, "connection")?;
                Ok::<_, ConnectionError>(())
            })
            .await?;
        let revoked = match grant {
            Some((app, token)) => self.revoke(&app, &token).await,
            None => Err("no token could be presented".to_owned()),
        };
        self.db
            .run(who, move |tx| {
                let entry = audit::Entry::new(Action::ConnectionDisconnect, "connection", id)
                    .after(
                        json!({ "step": "revoked_at_provider", "detail": revoked.as_ref().err() }),
                    );
                match revoked {
                    Ok(()) => entry.write(tx)?,
                    Err(_) => entry.failed("revoke_failed").write(tx)?,
                }
                view(tx, id)
            })
            .await
    }

    /// Moves the connection's secrets to the newest version of the tenant's key. `false` when they
    /// changed meanwhile: then they are new already.
    pub async fn connection_rewrap(&self, who: &Principal) -> Result<bool, ConnectionError> {
        let row = self.row(who).await?;
        let (seals, id) = (self.seals(who), row.id());
        let secret = match &row.consumer_secret_sealed {
            Some(stored) => Some(seals.rewrap_consumer_secret(id, stored).await?),
            None => None,
        };
        let access = match &row.access_sealed {
            Some(stored) => Some(seals.rewrap_token(id, Token::Access, stored).await?),
            None => None,
        };
        let refresh = match &row.refresh_sealed {
            Some(stored) => Some(seals.rewrap_token(id, Token::Refresh, stored).await?),
            None => None,
        };
        self.db
            .run(who, move |tx| {
                let rewrapped = SealedColumns {
                    secret,
                    access,
                    refresh,
                };
                store::rewrapped_store(tx, &row, rewrapped)
            })
            .await
    }

    fn check(&self, input: &Configure) -> Result<String, ConnectionError> {
        let key = input.consumer_key.trim();
        if key.is_empty() || key.len() > 512 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConnectionError::Input {
                field: "consumer_key",
                message: "This is not a consumer key. Copy it from the External Client App in Salesforce.",
            });
        }
        let my_domain = input.my_domain.as_deref();
        self.provider
            .login_host(input.environment, my_domain)
            .ok_or(ConnectionError::Input {
                field: "my_domain",
                message: "This is not a Salesforce domain. Write it like acme.my.salesforce.com; an address of your own must be declared in Revkeep's root configuration.",
            })
    }

    fn seals(&self, who: &Principal) -> Seals<'_> {
        Seals {
            vault: &self.vault,
            tenant: who.tenant,
            provider: self.provider.name(),
        }
    }

    async fn row(&self, who: &Principal) -> Result<Row, ConnectionError> {
        let provider = self.provider.name();
        self.db
            .run(who, move |tx| store::routing_row(tx, provider))
            .await?
            .ok_or(ConnectionError::NotConfigured)
    }

    async fn app(&self, who: &Principal, row: &Row) -> Result<App, ConnectionError> {
        let client_secret = match &row.consumer_secret_sealed {
            Some(stored) => Some(
                self.seals(who)
                    .open_consumer_secret(row.id(), stored)
                    .await?,
            ),
            None => None,
        };
        Ok(App {
            login_host: row.login_host.clone(),
            client_id: row.consumer_key.clone(),
            client_secret,
            redirect_uri: self.redirect_uri.clone(),
        })
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
        let refresh = match self.judge(&row, &grant, begun.new_organisation) {
            Ok(refresh) => refresh,
            Err(error) => {
                self.drop_grant(&app, &grant).await;
                return Err(error);
            }
        };
        let new = NewGrant {
            access: seal_token(&access_key, &grant.access)?,
            refresh: seal_token(&refresh_key, refresh)?,
            instance_url: grant.instance_url.clone(),
            organisation: grant.organisation.clone(),
            user: grant.user.clone(),
            scopes: grant.scopes.clone(),
        };
        let (id, version) = (row.id(), row.version);
        let first_jobs = self.provider.first_jobs();
        self.db
            .run(who, move |tx| connect(tx, id, version, new, first_jobs))
            .await
    }

    /// What a new grant must have before its tokens are kept; answers its refresh token.
    fn judge<'g>(
        &self,
        row: &Row,
        grant: &'g Grant,
        new_organisation: bool,
    ) -> Result<&'g Secret<String>, ConnectionError> {
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
        grant
            .refresh
            .as_ref()
            .ok_or_else(|| ConnectionError::GrantRefused("no refresh token was granted".to_owned()))
    }

    /// A grant that is not kept is ended, so that it does not live on unseen.
    async fn drop_grant(&self, app: &App, grant: &Grant) {
        let token = grant.refresh.as_ref().unwrap_or(&grant.access);
        if let Err(error) = self.revoke(app, token).await {
            log::warn!("a grant that was not accepted could not be revoked: {error}");
        }
    }

    async fn revoke(&self, app: &App, token: &Secret<String>) -> Result<(), String> {
        let call = self.provider.revoke(app, token);
        match tokio::time::timeout(CALL_TIMEOUT, call).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    /// The refresh token in the clear, to end the grant with. `None` when there is none or the
    /// secrets backend does not open it: that must not keep the tokens from being deleted.
    async fn grant_in_hand(&self, who: &Principal, row: &Row) -> Option<(App, Secret<String>)> {
        let sealed = row.refresh_sealed.as_deref()?;
        let opened = async {
            let token = self
                .seals(who)
                .open_token(row.id(), Token::Refresh, sealed)
                .await?;
            Ok::<_, ConnectionError>((self.app(who, row).await?, token))
        };
        opened
            .await
            .inspect_err(|error| log::warn!("the grant cannot be revoked at the provider: {error}"))
            .ok()
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

fn configure(
    tx: &mut TenantTx<'_>,
    id: ConnectionId,
    known: bool,
    form: Form,
) -> Result<Connection, ConnectionError> {
    let row = store::row_locked(tx, id)?;
    let after = json!({ "environment": form.environment.name(), "login_host": &form.login_host,
        "consumer_key": &form.consumer_key, "consumer_secret_changed": form.consumer_secret.is_some() });
    let mut entry = audit::Entry::new(Action::ConnectionConfigure, "connection", id).after(after);
    match row {
        None if known => return Err(ConnectionError::Moved),
        None => store::form_insert(tx, id, form)?,
        Some(row) => {
            entry = entry.before(
                json!({ "login_host": &row.login_host, "consumer_key": &row.consumer_key }),
            );
            let same_app =
                row.login_host == form.login_host && row.consumer_key == form.consumer_key;
            if !same_app && row.state() == State::Connected {
                return Err(ConnectionError::InUse);
            }
            store::form_update(tx, &row, form)?;
            if !same_app {
                // Tokens are good for the application that they were granted to.
                store::tokens_delete(tx, id, State::Configured)?;
            }
        }
    }
    entry.write(tx)?;
    db::hint(tx, "connection")?;
    view(tx, id)
}

fn connect(
    tx: &mut TenantTx<'_>,
    id: ConnectionId,
    version: i64,
    grant: NewGrant,
    first_jobs: &[&str],
) -> Result<Connection, ConnectionError> {
    let row = store::row_locked(tx, id)?.ok_or(ConnectionError::NotConfigured)?;
    if row.version != version {
        return Err(ConnectionError::Moved);
    }
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

fn view(tx: &mut TenantTx<'_>, id: ConnectionId) -> Result<Connection, ConnectionError> {
    Ok(store::row_locked(tx, id)?
        .ok_or(ConnectionError::NotConfigured)?
        .view())
}

fn session(who: &Principal) -> Result<SessionId, ConnectionError> {
    match who.actor {
        Actor::Human { session, .. } => Ok(session),
        Actor::System { .. } | Actor::Local { .. } => Err(ConnectionError::NotHuman),
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
