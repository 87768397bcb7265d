//! A tenant with a Salesforce organisation of its own: the simulator in this process, reached through
//! the product's own egress.

use std::sync::Arc;

use connections::{
    AccessToken, AccessTokens, Configure, Connection, ConnectionError, Connections, Environment,
    Provider, Returned,
};
use egress::{Egress, EgressConfig};
use kernel::{Actor, Principal, Roles, Secret, SessionId, SystemClock, UserId};
use salesforce::{SalesforceClient, SalesforceOAuth};
use simulators::{Admin, Running};
use stack::tls::TestCa;

use crate::harness::Bed;

const REDIRECT: &str = "https://revkeep.example/connect/salesforce";

pub(crate) struct Org {
    pub(crate) bed: Bed,
    pub(crate) admin: Admin,
    pub(crate) egress: Egress,
    pub(crate) config: salesforce::Config,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) connections: Connections,
    pub(crate) tokens: AccessTokens,
    /// An administrator of the tenant, in a session.
    pub(crate) person: Principal,
    /// The daemon in the same tenant.
    pub(crate) daemon: Principal,
    /// host:port
    pub(crate) host: String,
    _simulator: Running,
    _files: tempfile::TempDir,
}

pub(crate) fn person_in(who: &Principal) -> Principal {
    Principal {
        actor: Actor::Human {
            user: UserId::generate(&SystemClock),
            session: SessionId::generate(&SystemClock),
        },
        roles: Roles::default(),
        ..who.clone()
    }
}

impl Org {
    /// Nothing is configured yet. `instance` is the name by which the simulator calls itself.
    pub(crate) fn called(instance: &str) -> Self {
        let ca = TestCa::new().unwrap();
        let leaf = ca.leaf(&["localhost", "127.0.0.1"]).unwrap();
        let mut settings = simulators::Config::new(leaf.certificate, leaf.key, "admin");
        settings.public_url = Some(format!("https://{instance}:0"));
        let simulator = simulators::start(settings).unwrap();
        let admin = simulator.admin(&ca.pem().unwrap()).unwrap();
        let files = tempfile::tempdir().unwrap();
        let port = simulator.address.port();
        let host = format!("localhost:{port}");
        let egress = Egress::new(EgressConfig {
            private_endpoints: vec![host.parse().unwrap()],
            ca_file: Some(ca.write(files.path()).unwrap()),
            ..EgressConfig::default()
        })
        .unwrap();
        let config = salesforce::Config {
            declared_hosts: vec![host.clone()],
            page_size: 200,
            ..salesforce::Config::default()
        };
        let bed = Bed::new();
        let daemon = bed.tenant();
        let provider: Arc<dyn Provider> = Arc::new(SalesforceOAuth::new(&egress, &config));
        let connections = Connections::new(
            bed.db.clone(),
            bed.vault.clone(),
            Arc::clone(&provider),
            REDIRECT.to_owned(),
        );
        let tokens = tokens_of(&bed, &provider, "one");
        Self {
            person: person_in(&daemon),
            bed,
            admin,
            egress,
            config,
            provider,
            connections,
            tokens,
            daemon,
            host,
            _simulator: simulator,
            _files: files,
        }
    }

    /// The same organisation, spoken to through `provider`.
    pub(crate) fn behind(mut self, provider: Arc<dyn Provider>) -> Self {
        let (db, vault) = (self.bed.db.clone(), self.bed.vault.clone());
        self.connections = Connections::new(db, vault, Arc::clone(&provider), REDIRECT.to_owned());
        self.tokens = tokens_of(&self.bed, &provider, "gated");
        self.provider = provider;
        self
    }

    pub(crate) fn new() -> Self {
        Self::called("localhost")
    }

    pub(crate) async fn connected() -> Self {
        let org = Self::new();
        org.configure().await.unwrap();
        org.login(false).await.unwrap();
        org
    }

    pub(crate) async fn configure(&self) -> Result<Connection, ConnectionError> {
        self.connections
            .connection_configure(&self.person, self.form())
            .await
    }

    pub(crate) fn form(&self) -> Configure {
        Configure {
            environment: Environment::MyDomain,
            my_domain: Some(self.host.clone()),
            consumer_key: simulators::CLIENT_ID.to_owned(),
            consumer_secret: Some(Secret::new(simulators::CLIENT_SECRET.to_owned())),
        }
    }

    /// Through Salesforce's login page and consent, as far as the browser's return: code and state.
    pub(crate) async fn return_of(&self, new_organisation: bool) -> (Returned, String) {
        let url = self
            .connections
            .connection_authorize(&self.person, new_organisation)
            .await
            .unwrap();
        let back = self
            .admin
            .sign_in(&url, simulators::USERNAME, simulators::PASSWORD, true)
            .await
            .unwrap();
        let parameter = |name: &str| {
            let found = back.query_pairs().find(|(key, _)| key == name);
            found.unwrap().1.into_owned()
        };
        (
            Returned::Code(Secret::new(parameter("code"))),
            parameter("state"),
        )
    }

    pub(crate) async fn login(
        &self,
        new_organisation: bool,
    ) -> Result<Connection, ConnectionError> {
        let (returned, state) = self.return_of(new_organisation).await;
        self.connections
            .connection_complete(&self.person, &state, returned)
            .await
    }

    pub(crate) async fn token(&self) -> AccessToken {
        self.tokens.for_routing(&self.daemon).await.unwrap()
    }

    pub(crate) async fn connection(&self) -> Connection {
        let found = self.connections.connection_get(&self.daemon).await.unwrap();
        found.unwrap()
    }

    /// A client whose tokens are this daemon's.
    pub(crate) fn client(&self) -> SalesforceClient {
        SalesforceClient::new(&self.egress, self.tokens.clone(), &self.config)
    }
}

/// The tokens as another daemon sees them, with nothing shared but the database and the vault.
pub(crate) fn tokens_of(bed: &Bed, provider: &Arc<dyn Provider>, daemon: &str) -> AccessTokens {
    AccessTokens::new(
        bed.db.clone(),
        bed.vault.clone(),
        Arc::clone(provider),
        daemon,
        REDIRECT.to_owned(),
    )
}
