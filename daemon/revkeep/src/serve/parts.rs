//! The parts of the daemon and how they are joined. Nothing is contacted here: a part that is away
//! when the daemon starts is waited for.

use std::{net::TcpListener, path::Path, sync::Arc, time::Duration};

use audit::Sealer;
use connections::{AccessTokens, Connections, Provider};
use console::{Change, Console, Live, SystemDesk};
use custody::Custody;
use db::Db;
use delivery::{Siem, Webhooks};
use egress::Egress;
use gateway::{Gateway, Ledger};
use identity::{Identity, sso::Sso};
use jobs::{Handler, Worker, WorkerConfig};
use kernel::{SharedClock, SystemClock, port::AuditKeyring};
use salesforce::{SalesforceClient, SalesforceOAuth, SalesforceSource};
use tokio::sync::{broadcast, watch};
use vault::Vault;

use super::{
    ServeError,
    readiness::DaemonReadiness,
    renewal::Renewal,
    schema::{Found, Schema},
};
use crate::{
    config::Config,
    unlock,
    verify::{self, Sight, Verifier},
};

/// How often a secrets backend that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(2);
/// Webhooks that are posted to at a time; each waits on the network and costs next to nothing.
const SENDERS: usize = 32;

#[derive(Clone)]
pub(super) struct Parts {
    pub(super) vault: Vault,
    pub(super) db: Db,
    pub(super) schema: Schema,
    pub(super) identity: Identity,
    pub(super) sealer: Sealer,
    pub(super) custody: Custody,
    pub(super) siem: Siem,
    webhooks: Webhooks,
    pub(super) verifier: Verifier,
    reader: audit::Reader,
    sso: Sso,
    connections: Connections,
    salesforce: SalesforceClient,
    pub(super) egress: Egress,
    pub(super) registry: prometheus::Registry,
}

impl Parts {
    pub(super) fn new(config: &Config) -> Result<Self, ServeError> {
        let clock: SharedClock = Arc::new(SystemClock);
        let vault = Vault::new(config.secrets.clone(), Arc::clone(&clock))?;
        let schema = Schema::new(&config.database, Arc::clone(&clock));
        let db = Db::new(&config.database, clock)?;
        let keyring = Arc::new(audit::Keyring::new(db.clone(), vault.clone()));
        let for_writing: Arc<dyn AuditKeyring> = keyring.clone();
        db.set_audit_keyring(for_writing);
        let sealer = Sealer::new(db.clone(), vault.clone());
        let egress = Egress::new(config.egress.clone())?;
        let identity = Identity::new(db.clone(), vault.clone(), config.identity.clone());
        identity.set_egress(&egress);
        identity.set_site(&config.site.public_url);
        // The running program, whatever has been installed in its place since.
        let own = Path::new("/proc/self/exe");
        let sso = Sso::new(identity.clone(), &egress, &config.site.public_url, own);
        let provider: Arc<dyn Provider> =
            Arc::new(SalesforceOAuth::new(&egress, &config.salesforce));
        let redirect = format!("{}/connect/salesforce", config.site.public_url);
        let connections = Connections::new(
            db.clone(),
            vault.clone(),
            Arc::clone(&provider),
            redirect.clone(),
        );
        let tokens = AccessTokens::new(db.clone(), vault.clone(), provider, &own_name(), redirect);
        let salesforce = SalesforceClient::new(&egress, tokens, &config.salesforce);
        let verifier = Verifier::new(Sight {
            db: db.clone(),
            vault: vault.clone(),
            identity: identity.clone(),
            sealer: sealer.clone(),
            egress: egress.clone(),
            config: config.clone(),
        });
        Ok(Self {
            custody: Custody::new(
                db.clone(),
                vault.clone(),
                identity.clone(),
                config.export.clone(),
                config.erasure.clone(),
            ),
            webhooks: Webhooks::new(&db, &vault, &egress),
            siem: Siem::new(&db, &vault, &egress, &config.siem, &own_host()),
            reader: audit::Reader::new(db.clone(), keyring, sealer.clone()),
            sealer,
            verifier,
            vault,
            db,
            schema,
            identity,
            sso,
            connections,
            salesforce,
            egress,
            registry: prometheus::Registry::new(),
        })
    }

    /// What `/metrics` shows.
    pub(super) const fn registry(&self) -> &prometheus::Registry {
        &self.registry
    }

    /// Asks the secrets backend for what the daemon works with until it has told it all.
    pub(super) async fn unlock(self, mut stop: watch::Receiver<bool>) {
        let mut told = false;
        while !self.db.is_unlocked() || !self.identity.is_unlocked() {
            if let Err(error) = self.try_unlock().await {
                if !told {
                    log::warn!("waiting for the keys: {error}");
                }
                told = true;
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(if self.identity.is_unlocked() { Duration::ZERO } else { AGAIN }) => {}
            }
        }
        log::info!("the keys are in memory: people can sign in");
    }

    async fn try_unlock(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if !self.db.is_unlocked() {
            let key = unlock::context_key(&self.vault).await?;
            if self.schema.look(key).await? == Found::Behind {
                return Err(
                    "the database lacks migrations of this program. Next step: `revkeep migrate`"
                        .into(),
                );
            }
            self.db.unlock(unlock::context_key(&self.vault).await?);
        }
        self.identity.unlock().await?;
        Ok(())
    }

    pub(super) fn start_server(
        &self,
        config: &Config,
        handed: Option<TcpListener>,
        readiness: Arc<DaemonReadiness>,
        (changes, stop): (broadcast::Sender<Change>, watch::Receiver<bool>),
        system: Arc<dyn SystemDesk>,
        ledger: &Ledger,
    ) -> Result<(http::Running, http::Shared), ServeError> {
        let shared = http::Shared::new(
            &config.server,
            self.identity.clone(),
            Arc::clone(self.db.clock()),
            readiness,
            self.registry.clone(),
        )?;
        shared.set_key_ledger(Arc::new(ledger.clone()));
        let console = Console {
            db: self.db.clone(),
            audit: self.reader.clone(),
            identity: self.identity.clone(),
            sso: self.sso.clone(),
            siem: self.siem.clone(),
            webhooks: self.webhooks.clone(),
            shared: shared.clone(),
            connections: self.connections.clone(),
            custody: self.custody.clone(),
            source: Arc::new(SalesforceSource::new(
                self.db.clone(),
                self.salesforce.clone(),
            )),
            live: Live::new(changes, stop),
            controls: Arc::new(self.verifier.clone()),
            system,
            public_url: config.site.public_url.trim_end_matches('/').to_owned(),
            security_contact: config.site.security_contact.clone(),
            budget_percent: config.salesforce.budget_percent,
        };
        shared.set_site(&config.site.public_url);
        let (gateway, site) = (
            Gateway::new(self.db.clone()),
            config.site.public_url.clone(),
        );
        let running = http::serve(&config.server, handed, shared.clone(), move |app| {
            console::configure(app, &console);
            gateway::configure(app, &gateway, &site);
        })?;
        Ok((running, shared))
    }

    pub(super) fn renewal(
        &self,
        config: &Config,
        served: &Arc<http::Certificate>,
    ) -> Option<Renewal> {
        Renewal::new(config, &self.egress, served, &self.db)
    }

    pub(super) fn worker(&self, config: &Config) -> Result<Worker, ServeError> {
        let mut handlers = salesforce::handlers(&self.db, &self.salesforce);
        handlers.extend(self.connections.handlers());
        handlers.extend(self.custody.handlers());
        handlers.extend(routing::handlers(&self.db));
        handlers.push(super::rewrap::handler(
            &self.db,
            &self.vault,
            &self.identity,
            &self.connections,
            (&self.siem, &self.webhooks),
        ));
        handlers.push(verify::handler(&self.verifier));
        handlers.extend(delivery::handlers(
            &self.db,
            &self.vault,
            &self.identity,
            &self.egress,
            &config.mail,
            &config.site.public_url,
        ));
        Ok(self.working(config, config.worker.parallel, handlers))
    }

    /// Sends to webhooks and does nothing else: a receiver that is slow takes no worker from routing (LR-38).
    pub(super) fn sender(&self, config: &Config) -> Worker {
        self.working(config, SENDERS, self.webhooks.handlers())
    }

    fn working(&self, config: &Config, parallel: usize, handlers: Vec<Arc<dyn Handler>>) -> Worker {
        let settings = WorkerConfig {
            parallel: parallel.max(1),
            poll: Duration::from_millis(config.worker.poll_milliseconds.max(10)),
            ..WorkerConfig::default()
        };
        Worker::new(self.db.clone(), own_name(), settings, handlers)
    }
}

/// Tells this daemon from others in the leases and jobs that it holds.
pub(super) fn own_name() -> String {
    format!("{}:{}", own_host(), std::process::id())
}

/// What this machine calls itself.
fn own_host() -> String {
    // From the kernel and not from /proc, which shows a confined unit nothing but processes.
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
