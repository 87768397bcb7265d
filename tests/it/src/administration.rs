//! What an administrator does on the machine, by the command (design of the admin socket): each deed is
//! in the audit log of the platform under `local:<user>`, and no secret is where it must not be.

use stack::{daemon::DaemonOptions, postgres::Durability, world::World};
use vault::{IfMissing, Vault};

use crate::{
    harness::column,
    live::{section, superuser},
};

const PASSWORD: &str = "Canary-smtp-4711";

fn audited(world: &World, action: &str) -> Vec<String> {
    column(
        &mut superuser(world),
        &format!(
            "SELECT actor_kind || ' ' || actor_id || ' ' || outcome || ' ' || resource_id || ' ' || \
             (tenant_id NOT IN (SELECT tenant_id FROM tenants)) FROM audit_log WHERE action = '{action}' ORDER BY at"
        ),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_up_code_is_made_by_somebody() {
    let world = World::start(Durability::Tests).await.unwrap();
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    let told = daemon.command(&["setup"]).unwrap();
    let code = told["code"].as_str().unwrap();
    assert_eq!(
        audited(&world, "setup_code_create"),
        ["system local:root done code true"]
    );
    let dump = world.postgres.dump("postgres", "revkeep", &[]).unwrap();
    assert!(!dump.contains(code) && !daemon.log().contains(code));
    assert!(daemon.stop().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_told_by_standard_input_and_only_one_that_revkeep_does_not_make() {
    let world = World::start(Durability::Tests).await.unwrap();
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    let vault = Vault::new(
        section(&world.directory().join("setup/revkeep.toml"), "secrets"),
        std::sync::Arc::new(kernel::SystemClock),
    )
    .unwrap();
    let stored = async |name: &str| {
        let found = vault.named_secret(name, IfMissing::Fail).await.unwrap();
        found.expose().clone()
    };
    let line = format!("{PASSWORD}\n");
    let told = daemon
        .command_with(&["secret", "set", "smtp-password"], &line)
        .unwrap();
    assert_eq!(told["stored"], "smtp-password", "{told}");
    assert_eq!(stored("smtp-password").await, PASSWORD.as_bytes());
    assert!(!daemon.log().contains(PASSWORD), "{}", daemon.log());

    // The key of the tenant context, overwritten, would lock everybody out.
    let key = stored("database-context-key").await;
    for name in ["database-context-key", "../smtp-password", "SMTP-PASSWORD"] {
        let refused = daemon
            .command_with(&["secret", "set", name], &line)
            .unwrap();
        assert_eq!(refused["error"]["code"], "secret_unknown", "{refused}");
    }
    assert_eq!(stored("database-context-key").await, key);
    let empty = daemon
        .command_with(&["secret", "set", "smtp-password"], "\n")
        .unwrap();
    assert_eq!(empty["error"]["code"], "empty");
    assert_eq!(stored("smtp-password").await, PASSWORD.as_bytes());
    assert_eq!(
        audited(&world, "secret_set"),
        ["system local:root done smtp-password true"]
    );
    let none = daemon.command(&["keys", "recovery-key"]).unwrap();
    assert_eq!(none["error"]["code"], "no_keystore", "{none}");
    assert!(daemon.stop().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_says_whose_view_it_is() {
    let world = World::start(Durability::Production).await.unwrap();
    let mut daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    let told = daemon.command(&["check"]).unwrap();
    assert_eq!(
        (&told["view"], &told["holds"]),
        (&"daemon".into(), &true.into()),
        "{told}"
    );
    daemon.signal(15); // SIGTERM
    assert!(daemon.wait_ended().await.unwrap().success());
    let told = daemon.command(&["check"]).unwrap();
    assert_eq!(told["view"], "command", "{told}");
    assert!(told["findings"].as_array().unwrap().len() >= 4, "{told}");
}
