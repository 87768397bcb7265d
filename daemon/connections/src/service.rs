//! What people do with the tenant's routing connection: configure, authorise, disconnect.

mod login;
mod rewrap;

pub use login::Returned;

use db::{Db, TenantTx};
use jobs::Handler;
use kernel::{Action, ConnectionId, Principal, Secret};
use serde_json::json;
use std::sync::Arc;
use vault::Vault;

use crate::{
    endings::{Endings, Revoke, ending_begin},
    error::ConnectionError,
    model::{Connection, Environment, State},
    provider::{App, Provider},
    seal::Seals,
    store::{self, Ending, Form, Row},
};

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

/// The verbs. Cheap to clone.
#[derive(Clone)]
pub struct Connections {
    db: Db,
    vault: Vault,
    provider: Arc<dyn Provider>,
    redirect_uri: String,
    endings: Endings,
}

impl Connections {
    /// `redirect_uri` is the console's page to which the provider sends the browser back.
    pub fn new(db: Db, vault: Vault, provider: Arc<dyn Provider>, redirect_uri: String) -> Self {
        let endings = Endings {
            db: db.clone(),
            vault: vault.clone(),
            provider: Arc::clone(&provider),
            redirect_uri: redirect_uri.clone(),
        };
        Self {
            endings,
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

    /// Deletes the tokens at once, whether or not the secrets backend or the provider can be reached,
    /// then has the provider end the grant: now, or later by the job `connection.revoke` (LR-19, OB-33).
    pub async fn connection_disconnect(
        &self,
        who: &Principal,
    ) -> Result<Connection, ConnectionError> {
        let id = self.row(who).await?.id();
        let (ending, ended) = self.db.run(who, move |tx| disconnect(tx, id)).await?;
        if let Some(ending) = ending {
            self.endings.end_now(who, &ending, None).await;
        }
        Ok(ended)
    }

    /// The background work of connections.
    pub fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        vec![Arc::new(Revoke(self.endings.clone()))]
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
                // Tokens are good for the application that they were granted to; the job revokes them.
                ending_begin(tx, &row)?;
                store::tokens_delete(tx, id, State::Configured)?;
            }
        }
    }
    entry.write(tx)?;
    db::hint(tx, "connection")?;
    view(tx, id)
}

fn disconnect(
    tx: &mut TenantTx<'_>,
    id: ConnectionId,
) -> Result<(Option<Ending>, Connection), ConnectionError> {
    let row = store::row_locked(tx, id)?.ok_or(ConnectionError::NotConfigured)?;
    let ending = ending_begin(tx, &row)?;
    store::tokens_delete(tx, id, State::Disconnected)?;
    audit::Entry::new(Action::ConnectionDisconnect, "connection", id)
        .even_sealed()
        .write(tx)?;
    db::hint(tx, "connection")?;
    Ok((ending, view(tx, id)?))
}

fn view(tx: &mut TenantTx<'_>, id: ConnectionId) -> Result<Connection, ConnectionError> {
    Ok(store::row_locked(tx, id)?
        .ok_or(ConnectionError::NotConfigured)?
        .view())
}
