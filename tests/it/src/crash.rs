//! Must hold 3: the daemon killed at each named point of the cycle loses nothing, assigns nothing twice,
//! and every write is in the log. Judged from Salesforce's side.

use stack::{
    account_for::account_for,
    console::Console,
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    scenario,
    world::World,
};

/// Points of routing, each reached by leads that come in.
const ROUTING_POINTS: [&str; 9] = [
    "job_claimed",
    "after_pull_page_before_store",
    "after_propose",
    "after_claim",
    "before_patch",
    "after_patch_before_record",
    "after_record",
    "job_done_before_store",
    "before_refresh_call",
];
const LEADS: u32 = 25;

/// How often each point is visited: once in the ordinary run, five times in the long one.
fn rounds() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    let asked = std::env::var("REVKEEP_CRASH_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

/// An organisation that routes, its daemon stopped.
async fn organisation() -> World {
    let world = World::start(Durability::Tests).await.unwrap();
    scenario::populate(&world, 1, 40).await.unwrap();
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    let console = Console::set_up(&daemon).await.unwrap();
    scenario::connect(&world, &console).await.unwrap();
    scenario::configure(&console, 1).await.unwrap();
    scenario::activate(&console).await.unwrap();
    assert!(daemon.stop().await.unwrap().success());
    world
}

/// Starts a daemon that dies at `point`, and waits until it did.
async fn die_at(world: &World, point: &str) {
    let options = DaemonOptions {
        failpoints: Some(format!("{point}=1*panic")),
        do_not_wait: true,
        ..DaemonOptions::default()
    };
    let mut daemon = world.daemon(options).await.unwrap();
    let status = daemon.wait_ended().await.unwrap_or_else(|error| panic!("{point} was not reached: {error:#}"));
    assert!(!status.success(), "{point}: the daemon ended well");
    assert!(daemon.log().contains(point), "{point}: it died of something else:\n{}", daemon.log());
}

/// Starts an ordinary daemon, waits until nothing is on its way, and compares with Salesforce.
async fn recover(world: &World, what: &str) -> Daemon {
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    let console = Console::sign_in(&daemon).await.unwrap();
    let settled = scenario::settle(world, &console).await;
    assert!(settled.is_ok(), "{what}: {settled:?}\n{}", daemon.log());
    let enrolled = scenario::enrolled(world).await.unwrap();
    let account = account_for(world, &console, &enrolled).await.unwrap();
    assert!(account.holds, "{what}: {account:#?}");
    assert_eq!(account.by_state.get("in_doubt"), None, "{what}: {account:#?}");
    daemon
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_each_point_of_the_cycle_nothing_is_lost_and_nothing_doubled() {
    let world = organisation().await;
    for round in 0..rounds() {
        for (index, point) in ROUTING_POINTS.iter().enumerate() {
            let seed = 1_000 + round * 100 + u64::try_from(index).unwrap();
            scenario::arrive(&world, seed, LEADS).await.unwrap();
            if *point == "before_refresh_call" {
                world.salesforce.expire_sessions().await.unwrap();
            }
            die_at(&world, point).await;
            let daemon = recover(&world, point).await;
            assert!(daemon.stop().await.unwrap().success());
        }
    }
}
