//! A restore that is tried, by this machine and by itself: what was backed up comes back whole, and what could
//! not come back is told before anybody needs it.

use std::fs;

use super::*;

fn rehearsed(daemon: &Daemon, by: &[&str]) -> Value {
    daemon
        .command(&[&["restore", "--rehearse"], by].concat())
        .unwrap()
}

/// What a command says of one subject.
fn finding(daemon: &Daemon, command: &str, subject: &str) -> Value {
    let told = daemon.command(&[command]).unwrap();
    let list = if command == "status" {
        "backups"
    } else {
        "findings"
    };
    let findings = told[list].as_array().unwrap();
    let found = findings.iter().find(|found| found["subject"] == subject);
    found.map_or(Value::Null, |found| found["verdict"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_restores_on_trial_and_nothing_of_it_stays() {
    let (world, daemon) = sealed().await;
    let none = rehearsed(&daemon, &[]);
    assert_eq!(none["error"]["code"], "backup_none", "{none}");
    assert_eq!(finding(&daemon, "check", "backup"), "warn");
    let (archive, _) = created(&daemon, &[]);
    assert_eq!(finding(&daemon, "check", "backup"), "pass");
    assert_eq!(finding(&daemon, "check", "rehearsal"), "warn");

    // Beside a daemon that serves.
    let told = rehearsed(&daemon, &[]);
    assert_eq!(told["holds"], true, "{told}");
    assert_eq!(told["archive"], archive.to_str().unwrap());
    assert!(told["rows"].as_i64() > Some(0), "{told}");
    assert_eq!(databases(&world), ["revkeep"]);
    for command in ["check", "doctor", "status"] {
        assert_eq!(finding(&daemon, command, "rehearsal"), "pass", "{command}");
    }
    let by = identity(&world);
    let named = rehearsed(&daemon, &[archive.to_str().unwrap(), by[0], by[1]]);
    assert_eq!(named["holds"], true, "{named}");

    let mut flipped = fs::read(&archive).unwrap();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&archive, flipped).unwrap();
    let told = rehearsed(&daemon, &[]);
    assert_eq!(told["code"], "backup_damaged", "{told}");
    assert_eq!(finding(&daemon, "check", "rehearsal"), "fail");
    assert_eq!(databases(&world), ["revkeep"]);
    assert!(daemon.stop().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_changed_before_the_backup_is_told_by_the_trial() {
    let (world, daemon) = sealed().await;
    run(
        &world,
        "ALTER TABLE audit_log DISABLE TRIGGER USER; \
         UPDATE audit_log SET resource_id = 'another' WHERE audit_id IN (SELECT audit_id FROM audit_leaves)",
    );
    created(&daemon, &[]);
    let told = rehearsed(&daemon, &[]);
    assert_eq!(told["code"], "backup_not_restored", "{told}");
    assert!(
        told["message"].as_str().unwrap().contains("audit log"),
        "{told}"
    );
    assert_eq!(databases(&world), ["revkeep"]);
    assert!(daemon.stop().await.unwrap().success());
}
