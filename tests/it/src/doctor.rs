//! `revkeep check` and `revkeep doctor` on a live daemon: what is amiss is told with the next step, and what
//! is well is not.

use std::{collections::BTreeSet, fs, process::Command};

use diesel::connection::SimpleConnection;
use serde_json::Value;
use stack::{
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    world::World,
};

use crate::live::{configured, superuser, world};

/// What is left over, ages or lags, each with the words that tell it.
const LEFT_OVER: [(&str, &str, &str); 7] = [
    (
        "jobs",
        "jobs were given up",
        "INSERT INTO jobs (tenant_id, job_id, kind, payload, state, run_at, max_attempts, created_at, finished_at) \
         SELECT tenant_id, gen_random_uuid(), 'x', '{}', 'dead', now(), 1, now(), now() FROM tenants",
    ),
    (
        "interface keys",
        "older than 180 days",
        "INSERT INTO api_keys (tenant_id, key_id, name, secret_hash, scopes, created_by, created_at) \
         SELECT tenant_id, gen_random_uuid(), 'n', 'x', '{s}', gen_random_uuid(), now() - interval '181 days' FROM tenants",
    ),
    (
        "tokens",
        "not renewed for 90 days",
        "UPDATE connections SET connected_at = now() - interval '91 days', refreshed_at = NULL WHERE state = 'connected'",
    ),
    (
        "partitions",
        "rows stand in the default partition",
        "INSERT INTO audit_log SELECT (jsonb_populate_record(a, '{\"at\": \"2001-01-01T00:00:00Z\"}')).* FROM audit_log a LIMIT 1",
    ),
    (
        "partitions",
        "have no partition",
        "DO $$ BEGIN EXECUTE 'DROP TABLE assignments_' || to_char(now() + interval '3 months', 'YYYY_MM'); END $$",
    ),
    (
        "siem",
        "fail or are behind",
        "INSERT INTO siem_targets (tenant_id, target_id, name, transport, format, address, actions, outcomes, enabled, version, created_at, updated_at) \
         VALUES ('00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000001', 'x', 'syslog_tcp', 'json', '127.0.0.1:1', '{}', '{}', true, 1, now(), now()); \
         INSERT INTO siem_cursors (tenant_id, target_id, next_position, again_position, next_head, again_head, failing) \
         VALUES ('00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000001', 0, 0, 1, 1, true)",
    ),
    (
        "signing key",
        "has signed for 100 days",
        "UPDATE signing_keys SET current_since = current_since - interval '100 days' WHERE state = 'current'",
    ),
];

fn findings<'t>(told: &'t Value, verdict: &str) -> Vec<&'t Value> {
    let all = told["findings"].as_array();
    all.unwrap_or_else(|| panic!("{told}"))
        .iter()
        .filter(|finding| finding["verdict"] == verdict)
        .collect()
}

fn says(finding: &Value, subject: &str, words: &str) -> bool {
    finding["subject"] == subject && finding["detail"].as_str().unwrap().contains(words)
}

/// The one that says so, and is not well.
fn amiss<'t>(told: &'t Value, subject: &str, words: &str) -> &'t Value {
    let all = told["findings"].as_array().unwrap();
    all.iter()
        .find(|finding| says(finding, subject, words) && finding["verdict"] != "pass")
        .unwrap_or_else(|| panic!("{subject}: {words}: {told}"))
}

fn doctor(daemon: &Daemon) -> Value {
    daemon.command(&["doctor"]).unwrap()
}

fn exit_code(daemon: &Daemon) -> Option<i32> {
    let run = Command::new(daemon.program())
        .args(["doctor", "--config"])
        .arg(&daemon.config)
        .output();
    run.unwrap().status.code()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_appliance_is_looked_at_from_every_side_and_nothing_fails() {
    let world = World::start(Durability::Production).await.unwrap();
    let mut daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    let told = doctor(&daemon);
    assert_eq!(findings(&told, "fail"), Vec::<&Value>::new());
    let subjects: BTreeSet<&str> = told["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["subject"].as_str().unwrap())
        .collect();
    for subject in [
        "audit log",
        "certificate",
        "clock",
        "configuration",
        "connections",
        "controls",
        "database",
        "disk",
        "egress",
        "files",
        "interface keys",
        "jobs",
        "key file",
        "mail",
        "partitions",
        "passwords",
        "ports",
        "sandbox",
        "secrets",
        "siem",
        "signing key",
        "system updates",
        "tokens",
    ] {
        assert!(subjects.contains(subject), "{subject}: {told}");
    }
    // No test's daemon is in the unit.
    amiss(&told, "sandbox", "was not started as revkeep.service");
    assert_eq!(
        (&told["worst"], exit_code(&daemon)),
        (&"warn".into(), Some(3))
    );

    daemon.signal(15); // SIGTERM
    assert!(daemon.wait_ended().await.unwrap().success());
    let told = doctor(&daemon);
    assert_eq!(told["findings"][0]["subject"], "daemon", "{told}");
    assert_eq!(told["findings"][0]["verdict"], "fail", "{told}");
    assert!(told["findings"].as_array().unwrap().len() > 10, "{told}");
    assert_eq!(exit_code(&daemon), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ages_and_what_is_left_over_is_told_with_the_next_step() {
    let world = world().await;
    let (daemon, _console) = configured(&world).await;
    // The cluster of most tests would lose what it took with the machine's power.
    amiss(&doctor(&daemon), "database", "fsync is off");
    for (subject, words, broken) in LEFT_OVER {
        let before = doctor(&daemon);
        let told_before = before["findings"].as_array().unwrap();
        assert!(
            !told_before
                .iter()
                .any(|finding| says(finding, subject, words) && finding["verdict"] != "pass"),
            "{subject}: {before}"
        );
        superuser(&world)
            .batch_execute(&format!("SET session_replication_role = replica; {broken}"))
            .unwrap_or_else(|error| panic!("{subject}: {error}"));
        let after = doctor(&daemon);
        let found = amiss(&after, subject, words);
        assert_ne!(found["next_step"], Value::Null, "{found}");
    }
    assert!(daemon.stop().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_file_says_now_is_looked_at_before_a_restart_takes_it() {
    let world = World::start(Durability::Tests).await.unwrap();
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    let more = daemon.config.with_file_name("conf.d");
    fs::create_dir_all(&more).unwrap();
    let file = more.join("50-change.toml");
    fs::write(
        &file,
        "[site]\npublic_url = \"https://revkeep.elsewhere.example\"\n\
         [mail]\nserver = \"127.0.0.1:1\"\n[egress]\nprivate_endpoints = [\"127.0.0.1:1\"]\n",
    )
    .unwrap();
    let told = daemon.command(&["check"]).unwrap();
    amiss(
        &told,
        "certificate",
        "does not name revkeep.elsewhere.example",
    );
    amiss(&told, "mail", "127.0.0.1:1");
    amiss(&told, "egress", "127.0.0.1:1");
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let told = daemon.command(&["check"]).unwrap();
    amiss(&told, "files", "can be changed by others");
    fs::write(&file, "[site]\nnonsense = 1\n").unwrap();
    let told = daemon.command(&["check"]).unwrap();
    assert_eq!(told["error"]["code"], "configuration", "{told}");
    assert!(daemon.stop().await.unwrap().success());
}
