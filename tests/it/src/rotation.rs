//! Must hold 6: the tenant's key is rotated, and the connection's secrets rewrapped, while leads are
//! routed.

use std::sync::Arc;

use connections::{Connections, Provider};
use db::{ContextKey, Db, DbConfig};
use egress::Egress;
use kernel::{Principal, Secret, SharedClock, SystemClock, TenantId};
use salesforce::SalesforceOAuth;
use stack::{scenario, world::World};
use vault::{IfMissing, Vault};

use crate::{
    harness::column,
    live::{
        all_routed, configured, connection, counted, daemon, no_token_was_reused, section,
        superuser, until, world,
    },
};

const LEADS: u32 = 20;

/// The service that rewraps, beside the daemon, over the same database and OpenBao.
struct Keeper {
    vault: Vault,
    connections: Connections,
    who: Principal,
}

impl Keeper {
    async fn new(world: &World) -> Self {
        let config = world.directory().join("setup/revkeep.toml");
        let clock: SharedClock = Arc::new(SystemClock);
        let vault = Vault::new(section(&config, "secrets"), Arc::clone(&clock)).unwrap();
        let database = DbConfig {
            host: world.postgres.socket_directory().display().to_string(),
            port: world.postgres.port(),
            name: "revkeep".to_owned(),
            tls_ca: None,
            app_connections: 2,
            auth_connections: 1,
        };
        let db = Db::new(&database, clock).unwrap();
        let key = vault
            .named_secret("database-context-key", IfMissing::Fail)
            .await
            .unwrap();
        let key = <[u8; ContextKey::BYTES]>::try_from(key.expose().as_slice()).unwrap();
        db.unlock(ContextKey::new(Secret::new(key)));
        db.set_audit_keyring(Arc::new(audit::Keyring::new(db.clone(), vault.clone())));
        let egress = Egress::new(section(&config, "egress")).unwrap();
        let settings: salesforce::Config = section(&config, "salesforce");
        let provider: Arc<dyn Provider> = Arc::new(SalesforceOAuth::new(&egress, &settings));
        let tenant = column(&mut superuser(world), "SELECT tenant_id FROM connections").remove(0);
        Self {
            connections: Connections::new(
                db,
                vault.clone(),
                provider,
                "https://localhost/connect/salesforce".to_owned(),
            ),
            vault,
            who: Principal::system(TenantId::from_uuid(tenant.parse().unwrap()), None),
        }
    }

    /// A new version of the tenant's key, and everything of the connection under it.
    async fn rotate(&self) {
        self.vault.rotate_tenant_key(self.who.tenant).await.unwrap();
        // `false`: a refresh came between, and what it stored may be older than the rotation.
        until("the connection is not rewrapped", async || {
            match self.connections.connection_rewrap(&self.who).await {
                Ok(true) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tenants_key_rotates_while_leads_are_routed() {
    let world = world().await;
    let (first, console) = configured(&world).await;
    scenario::activate(&console).await.unwrap();
    let keeper = Keeper::new(&world).await;
    assert_eq!(key_versions(&world), "1 1 1");
    for turn in 0..5 {
        scenario::arrive(&world, 4_000 + turn, LEADS).await.unwrap();
        if turn % 2 == 0 {
            world.salesforce.expire_sessions().await.unwrap();
        }
        keeper.rotate().await;
    }
    let arrived = usize::try_from(LEADS).unwrap();
    let account = all_routed(&world, &console, &first).await;
    assert_eq!(counted(&account, "assigned"), 5 * arrived, "{account:#?}");
    keeper.rotate().await;
    assert_eq!(key_versions(&world), "7 7 7");
    assert!(first.stop().await.unwrap().success());

    // A daemon that remembers no key opens everything, the refresh token included.
    let (second, console) = daemon(&world).await;
    world.salesforce.expire_sessions().await.unwrap();
    scenario::arrive(&world, 4_010, LEADS).await.unwrap();
    let account = all_routed(&world, &console, &second).await;
    assert_eq!(counted(&account, "assigned"), 6 * arrived, "{account:#?}");
    assert_eq!(connection(&console).await, ("connected".to_owned(), None));
    no_token_was_reused(&world).await;
    assert!(second.stop().await.unwrap().success());
}

/// The version of the tenant's key in the heads of the consumer secret, the access token and the
/// refresh token as they are stored.
fn key_versions(world: &World) -> String {
    column(
        &mut superuser(world),
        "SELECT concat_ws(' ', get_byte(consumer_secret_sealed, 5), get_byte(access_sealed, 7), get_byte(refresh_sealed, 7)) FROM connections",
    )
    .remove(0)
}
