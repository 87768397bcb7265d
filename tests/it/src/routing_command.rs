//! `revkeep routing`, as an administrator uses it at the machine: a record explained, and the rules taken out,
//! planned and put back as a file.

use std::fs;

use kernel::TenantId;
use serde_json::{Value, json};
use stack::scenario;

use crate::{
    harness::column,
    live::{configured, superuser, world},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_explained_and_the_rules_live_in_a_file() {
    let world = world().await;
    let (daemon, console) = configured(&world).await;
    scenario::activate(&console).await.unwrap();
    scenario::arrive(&world, 4_711, 3).await.unwrap();
    scenario::settle(&world, &console).await.unwrap();

    let log = console.get("/assignments").await.unwrap();
    let entry = &log["items"][0];
    let (id, record) = (
        entry["id"].as_str().unwrap(),
        entry["record_id"].as_str().unwrap(),
    );
    for asked in [id, record] {
        let told = daemon.command(&["routing", "explain", asked]).unwrap();
        assert_eq!(
            (&told["again"], &told["record_id"]),
            (&json!("same"), &entry["record_id"]),
            "{told}"
        );
        assert!(told["said"].as_array().unwrap().len() >= 4, "{told}");
    }
    let refused = daemon
        .command(&["routing", "explain", "005000000000001AAA"])
        .unwrap();
    assert_eq!(refused["error"]["code"], "id_unknown", "{refused}");
    // An organisation that does not exist has no such entry, and learns of nobody else's.
    let nobody = TenantId::generate(&kernel::SystemClock).to_string();
    let told = daemon
        .command(&["routing", "explain", id, "--tenant", &nobody])
        .unwrap();
    assert_eq!(told["error"]["code"], "not_found", "{told}");

    let told = daemon.command(&["routing", "export"]).unwrap();
    let mut rules: Value = serde_json::from_str(told["text"].as_str().unwrap()).unwrap();
    rules["rules"].as_array_mut().unwrap().truncate(1);
    rules["rules"][0]["name"] = json!("Canary-rule-4711");
    let file = world.directory().join("rules.json");
    fs::write(&file, rules.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let plan = daemon.command(&["routing", "plan", file]).unwrap();
    let kinds: Vec<&str> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["change"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["added", "removed", "removed", "removed"]);
    let draft = plan["draft_version"].as_i64().unwrap();
    let stale = (draft - 1).to_string();
    let refused = daemon
        .command(&["routing", "apply", file, "--draft", &stale])
        .unwrap();
    assert_eq!(refused["error"]["code"], "version_conflict", "{refused}");
    let draft = draft.to_string();
    let applied = daemon
        .command(&[
            "routing", "apply", file, "--draft", &draft, "--note", "From git",
        ])
        .unwrap();
    assert_eq!(applied["version"], 2, "{applied}");
    let versions = console.get("/routers/Lead/versions").await.unwrap();
    assert_eq!(versions["items"][0]["note"], "From git");
    let by = column(
        &mut superuser(&world),
        "SELECT actor_kind || ' ' || actor_id FROM audit_log WHERE action = 'rules_publish' ORDER BY at DESC LIMIT 1",
    );
    assert_eq!(by, ["system local:root"]);
    assert!(
        !daemon.log().contains("Canary-rule-4711"),
        "what was written is in the log"
    );
    assert!(daemon.stop().await.unwrap().success());
}
