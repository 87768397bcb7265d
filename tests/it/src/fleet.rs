//! Must hold 4: two daemons on one database route each record once, and an expired session costs one
//! refresh whoever needs it.

use std::collections::HashMap;

use diesel::connection::SimpleConnection;
use futures_util::future::join_all;
use serde_json::Value;
use stack::{
    console::Console,
    daemon::{Daemon, DaemonOptions},
    scenario,
    world::World,
};

use crate::{
    harness::column,
    live::{all_routed, configured, counted, no_token_was_reused, superuser, until, world},
};

const LEADS: u32 = 40;
/// Waves of leads: until both daemons had a part in them, and this many at least.
const WAVES: u64 = 6;
const MOST_WAVES: u64 = 40;
/// Needs of one daemon at a time: fifty in all.
const NEEDS: usize = 25;
/// How long Salesforce takes over a refresh, so that another with the same token would meet it.
const REFRESH_MILLISECONDS: u64 = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_daemons_route_each_lead_once_and_refresh_once_for_fifty() {
    let world = world().await;
    let (one, first) = configured(&world).await;
    scenario::activate(&first).await.unwrap();
    // Another rhythm than the first one's, so that now one and now the other is earlier.
    let options = DaemonOptions {
        more: "[worker]\npoll_milliseconds = 170\n".to_owned(),
        ..DaemonOptions::default()
    };
    let two = world.daemon(options).await.unwrap();
    let second = Console::sign_in(&two).await.unwrap();

    let mut arrived = 0;
    for wave in 0..MOST_WAVES {
        if wave >= WAVES && workers(&world) == 2 {
            break;
        }
        scenario::arrive(&world, 3_000 + wave, LEADS).await.unwrap();
        arrived += usize::try_from(LEADS).unwrap();
        if wave % 2 == 1 {
            world.salesforce.expire_sessions().await.unwrap();
        }
        all_routed(&world, &first, &one).await;
    }
    assert_eq!(workers(&world), 2, "one daemon did all the work");
    let account = all_routed(&world, &second, &two).await;
    assert_eq!(counted(&account, "assigned"), arrived, "{account:#?}");
    each_was_written_once(&world, arrived).await;
    no_token_was_reused(&world).await;

    fifty_needs_cost_one_refresh(&world, &first, &second).await;
    status_shows_the_nodes(&world, one, two).await;
}

/// Whichever daemon is asked: both, and the server that takes writes. One that stopped is gone from the
/// list, and one that was killed is silent on it.
async fn status_shows_the_nodes(world: &World, one: Daemon, two: Daemon) {
    for daemon in [&one, &two] {
        let nodes = status(daemon);
        assert_eq!(states(&nodes), ["alive", "alive"], "{nodes}");
        let own: Vec<_> = daemons(&nodes)
            .into_iter()
            .filter(|node| node["asked"] == true)
            .map(|node| node["name"].as_str().unwrap().to_owned())
            .collect();
        let [own] = &own[..] else {
            panic!("not one of them was asked: {nodes}")
        };
        assert!(own.ends_with(&format!(":{}", daemon.pid())), "{own}");
        assert_eq!(nodes["database"][0]["role"], "primary", "{nodes}");
    }
    assert!(one.stop().await.unwrap().success());
    assert_eq!(states(&status(&two)), ["alive"]);
    drop(two);
    superuser(world)
        .batch_execute("UPDATE daemons SET seen_at = seen_at - interval '1 minute'")
        .unwrap();
    let three = world.daemon(DaemonOptions::default()).await.unwrap();
    let nodes = until("the new daemon is not on the list", async || {
        let nodes = status(&three);
        if daemons(&nodes).len() == 2 {
            Ok(nodes)
        } else {
            Err(nodes.to_string())
        }
    })
    .await;
    assert_eq!(states(&nodes), ["silent", "alive"], "{nodes}");
    assert!(three.stop().await.unwrap().success());
}

fn status(daemon: &Daemon) -> Value {
    daemon.command(&["status"]).unwrap()["nodes"].clone()
}

fn daemons(nodes: &Value) -> Vec<Value> {
    nodes["daemons"].as_array().unwrap().clone()
}

/// By their age.
fn states(nodes: &Value) -> Vec<String> {
    daemons(nodes)
        .iter()
        .map(|node| node["state"].as_str().unwrap().to_owned())
        .collect()
}

/// By Salesforce's own log.
async fn each_was_written_once(world: &World, arrived: usize) {
    let mut writes: HashMap<String, usize> = HashMap::new();
    for write in world.salesforce.writes(0).await.unwrap() {
        *writes.entry(write.id.to_string()).or_default() += 1;
    }
    let twice: Vec<_> = writes.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "written more than once: {twice:?}");
    // A lead whose owner was the right one already needs no write.
    assert!(writes.len() <= arrived && writes.len() > arrived / 2);
}

/// How many daemons ran routing cycles.
fn workers(world: &World) -> usize {
    let workers = column(
        &mut superuser(world),
        "SELECT DISTINCT worker FROM jobs WHERE kind = 'routing.cycle' AND worker IS NOT NULL",
    );
    workers.len()
}

async fn fifty_needs_cost_one_refresh(world: &World, first: &Console, second: &Console) {
    let mut settings = world.salesforce.settings().await.unwrap();
    settings.refresh_hold_ms = REFRESH_MILLISECONDS;
    world.salesforce.set_settings(&settings).await.unwrap();
    for expiry in 1..=3 {
        let before = world.salesforce.stats().await.unwrap().refreshes;
        world.salesforce.expire_sessions().await.unwrap();
        let needs = (0..NEEDS).flat_map(|_| [first, second]);
        let answers =
            join_all(needs.map(|console| console.get("/layer/objects/Lead/available"))).await;
        let refused: Vec<_> = answers
            .iter()
            .filter_map(|answer| answer.as_ref().err())
            .collect();
        assert!(refused.is_empty(), "{refused:?}");
        let stats = world.salesforce.stats().await.unwrap();
        assert_eq!(stats.refreshes - before, 1, "expiry {expiry}");
        no_token_was_reused(world).await;
    }
    let grants = world.salesforce.tokens().await.unwrap().grants;
    assert_eq!(grants.len(), 1, "somebody had to connect again: {grants:?}");
}
