//! Must hold 3, second half: PostgreSQL stopped and OpenBao sealed while owners are being written, and
//! at start. The daemon stays up, says what is missing, and goes on by itself.

use simulators::wire::{Effect, Fault};
use stack::{
    console::Console,
    daemon::{Daemon, DaemonOptions},
    scenario,
    world::World,
};

use crate::live::{all_routed, configured, counted, health, no_token_was_reused, until, world};

const LEADS: u32 = 33;
/// How long Salesforce takes over the write that an outage meets.
const WRITE_MILLISECONDS: u64 = 2_500;

/// Leads come in, and the daemon's write of their owners is on its way.
async fn in_mid_cycle(world: &World, seed: u64) {
    let slow = Fault {
        method: Some("PATCH".to_owned()),
        path: Some("/composite/sobjects".to_owned()),
        record: None,
        skip: 0,
        count: Some(1),
        effect: Effect::Latency {
            ms: WRITE_MILLISECONDS,
        },
    };
    world.salesforce.clear_faults().await.unwrap();
    world.salesforce.fault(&slow).await.unwrap();
    scenario::arrive(world, seed, LEADS).await.unwrap();
    until("no owner is written", async || {
        let faults = world.salesforce.faults().await.unwrap();
        let hits = faults.iter().map(|fault| fault.hits).sum::<u64>();
        if hits > 0 {
            Ok(())
        } else {
            Err(format!("{faults:?}"))
        }
    })
    .await;
}

/// `/health/ready` and the administrator's command name what is missing; the daemon lives.
async fn says(daemon: &Daemon, reason: &str, part: &str) {
    until(
        "readiness does not tell the outage",
        async || match health(daemon).await? {
            (503, reasons) if reasons.iter().any(|told| told == reason) => Ok(()),
            other => Err(format!("{other:?}")),
        },
    )
    .await;
    let status = daemon.command(&["status"]).unwrap();
    assert_eq!(status["ready"], false, "{status}");
    let parts = status["parts"].as_array().unwrap();
    let told = parts.iter().find(|told| told["part"] == part).unwrap();
    assert_eq!(told["state"], "bad", "{status}");
    assert!(!told["detail"].as_str().unwrap().is_empty(), "{status}");
    let live = daemon
        .client()
        .unwrap()
        .get(format!("{}/health/live", daemon.url))
        .send()
        .await
        .unwrap();
    assert!(live.status().is_success());
}

async fn settled(world: &World, console: &Console, daemon: &Daemon, arrived: u32) {
    let account = all_routed(world, console, daemon).await;
    let assigned = counted(&account, "assigned");
    assert_eq!(assigned, usize::try_from(arrived).unwrap(), "{account:#?}");
    no_token_was_reused(world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_part_the_daemon_waits_says_so_and_goes_on_by_itself() {
    let mut world = world().await;
    let (mut daemon, console) = configured(&world).await;
    scenario::activate(&console).await.unwrap();

    in_mid_cycle(&world, 2_001).await;
    world.postgres.stop().unwrap();
    says(&daemon, "database: unreachable", "database").await;
    world.postgres.resume().unwrap();
    daemon.wait_ready().await.unwrap();
    settled(&world, &console, &daemon, LEADS).await;

    in_mid_cycle(&world, 2_002).await;
    world.openbao.seal().await.unwrap();
    // The next call needs the refresh token, which nobody can open now.
    world.salesforce.expire_sessions().await.unwrap();
    scenario::arrive(&world, 2_003, LEADS).await.unwrap();
    says(&daemon, "secrets: sealed", "secrets").await;
    world.openbao.unseal().await.unwrap();
    daemon.wait_ready().await.unwrap();
    settled(&world, &console, &daemon, 3 * LEADS).await;

    let daemon = starts_while_sealed(&world, daemon).await;
    starts_with_everything_down(&mut world, daemon).await;
}

/// Nobody can sign in, and no lead is routed, until OpenBao is unsealed.
async fn starts_while_sealed(world: &World, old: Daemon) -> Daemon {
    assert!(old.stop().await.unwrap().success());
    world.openbao.seal().await.unwrap();
    scenario::arrive(world, 2_004, LEADS).await.unwrap();
    let mut daemon = unready(world).await;
    says(&daemon, "secrets: sealed", "secrets").await;
    let writes = world.salesforce.stats().await.unwrap().writes;
    let refused = Console::sign_in(&daemon).await.err().unwrap().to_string();
    assert!(
        refused.contains("503") && refused.contains("sealed"),
        "{refused}"
    );
    assert_eq!(world.salesforce.stats().await.unwrap().writes, writes);
    world.openbao.unseal().await.unwrap();
    daemon.wait_ready().await.unwrap();
    let console = Console::sign_in(&daemon).await.unwrap();
    settled(world, &console, &daemon, 4 * LEADS).await;
    daemon
}

/// The parts come one after the other, the database last.
async fn starts_with_everything_down(world: &mut World, old: Daemon) {
    assert!(old.stop().await.unwrap().success());
    world.openbao.seal().await.unwrap();
    world.postgres.stop().unwrap();
    scenario::arrive(world, 2_005, LEADS).await.unwrap();
    let mut daemon = unready(world).await;
    says(&daemon, "secrets: sealed", "secrets").await;
    world.openbao.unseal().await.unwrap();
    says(&daemon, "database: unreachable", "database").await;
    world.postgres.resume().unwrap();
    daemon.wait_ready().await.unwrap();
    let console = Console::sign_in(&daemon).await.unwrap();
    settled(world, &console, &daemon, 5 * LEADS).await;
    assert!(daemon.stop().await.unwrap().success());
}

async fn unready(world: &World) -> Daemon {
    let options = DaemonOptions {
        do_not_wait: true,
        ..DaemonOptions::default()
    };
    world.daemon(options).await.unwrap()
}
