//! The daemon killed at each point of an erasure: the next one brings it to its end.

use diesel::connection::SimpleConnection;
use serde_json::{Value, json};
use stack::{
    console::Console,
    daemon::{Daemon, DaemonOptions},
    world::World,
};

use crate::{
    canary::{Canary, found},
    harness::column,
    live::{claims_run_out, superuser, until},
};

const POINTS: [&str; 5] = [
    "erase_begun",
    "erase_batch",
    "erase_people",
    "erase_key_destroyed",
    "erase_before_end",
];

fn options(point: Option<&str>) -> DaemonOptions {
    DaemonOptions {
        more: "[erasure]\ncooling_off_days = 0\nbackups_kept_days = 35\n".to_owned(),
        failpoints: point.map(|point| format!("{point}=1*panic")),
        do_not_wait: point.is_some(),
        ..DaemonOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_each_point_of_an_erasure_it_is_brought_to_its_end() {
    let world = World::start(stack::postgres::Durability::Tests)
        .await
        .unwrap();
    let daemon = world.daemon(options(None)).await.unwrap();
    let console = Console::set_up(&daemon).await.unwrap();
    for point in POINTS {
        let (name, id) = organisation(&world, &console, point).await;
        let path = format!("/platform/tenants/{id}/deletion");
        console
            .post(&path, json!({ "confirm": name }))
            .await
            .unwrap();
    }
    assert!(daemon.stop().await.unwrap().success());
    for point in POINTS {
        let mut doomed = world.daemon(options(Some(point))).await.unwrap();
        // The time between the shutting and the first row is the machine's; it passes here at once.
        let ended = loop {
            hurry(&world);
            let within = std::time::Duration::from_millis(500);
            match tokio::time::timeout(within, doomed.wait_ended()).await {
                Ok(ended) => break ended.unwrap(),
                Err(_) => continue,
            }
        };
        assert!(!ended.success() && doomed.log().contains(point), "{point}");
        claims_run_out(&world);
    }
    let daemon = world.daemon(options(None)).await.unwrap();
    let console = Console::sign_in(&daemon).await.unwrap();
    let erased = until("not all are erased", async || {
        hurry(&world);
        let list = console.get("/platform/erasures").await.unwrap();
        let items = list["items"].as_array().unwrap();
        let done = items.iter().filter(|item| !item["finished_at"].is_null());
        if done.count() == POINTS.len() {
            Ok(list.clone())
        } else {
            Err(list.to_string())
        }
    })
    .await;
    signed(&erased);
    traceless(&world, &daemon);
    assert!(daemon.stop().await.unwrap().success());
}

/// Neither a dump of the database nor the log says a name.
fn traceless(world: &World, daemon: &Daemon) {
    let dump = world.postgres.dump("postgres", "revkeep", &[]).unwrap();
    let places = [("the dump", dump), ("the log", daemon.log())];
    let canaries = [
        Canary::new("a name", "Zyxcanary"),
        Canary::new("an address", "zyx.owner"),
    ];
    assert_eq!(found(&canaries, &places), Vec::<String>::new());
}

fn signed(erased: &Value) {
    for item in erased["items"].as_array().unwrap() {
        assert!(
            item["statement"]
                .as_str()
                .unwrap()
                .contains("key-destroyed yes"),
            "{item}"
        );
        assert_eq!(item["signature"].as_str().unwrap().len(), 128);
    }
}

/// An organisation with an owner who belongs to it alone.
async fn organisation(world: &World, console: &Console, point: &str) -> (String, String) {
    let name = format!("Zyxcanary {point}");
    let input = json!({ "name": name, "owner_email": format!("zyx.owner.{point}@canary.example") });
    let made = console.post("/platform/tenants", input).await.unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    let uuid = uuid::Uuid::parse_str(id.trim_start_matches("tenant_")).unwrap();
    superuser(world)
        .batch_execute(&format!(
            "INSERT INTO users (user_id, email_hash, email_sealed, name) VALUES ('{uuid}', sha256('{uuid}'), '\\x00', 'Zyxcanary person'); \
             INSERT INTO memberships (tenant_id, user_id, roles, owner) VALUES ('{uuid}', '{uuid}', '{{admin}}', true); \
             INSERT INTO layer_records (tenant_id, object, record_id, fields, source_modified_at, imported_at) \
             SELECT '{uuid}', 'Lead', 'r' || i, '{{\"Name\": \"Zyxcanary lead\"}}', now(), now() FROM generate_series(1, 2500) i"
        ))
        .unwrap();
    (name, id)
}

fn hurry(world: &World) {
    let mut conn = superuser(world);
    conn.batch_execute(
        "UPDATE tenant_erasures SET begun_at = begun_at - interval '10 minutes' WHERE finished_at IS NULL AND begun_at > now() - interval '5 minutes'; \
         UPDATE jobs SET run_at = now() WHERE kind = 'tenant.erase' AND state = 'queued' AND run_at > now()",
    )
    .unwrap();
    let _ = column(&mut conn, "SELECT count(*) FROM tenant_erasures");
}
