//! `revkeep audit` against a running daemon, with OpenBao's signatures.

use stack::{daemon::DaemonOptions, postgres::Durability, world::World};

use super::*;
use crate::live::superuser;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_verifies_proves_and_compares() {
    let world = World::start(Durability::Tests).await.unwrap();
    let daemon = world
        .daemon(DaemonOptions {
            more: "[audit]\nseal_seconds = 1\n".to_owned(),
            ..DaemonOptions::default()
        })
        .await
        .unwrap();
    daemon.command(&["setup"]).unwrap();
    let verify = || daemon.command(&["audit", "verify"]).unwrap();
    until("nothing is sealed yet", async || {
        let report = verify();
        if report["leaves"].as_u64() > Some(1) {
            Ok(())
        } else {
            Err(report.to_string())
        }
    })
    .await;
    assert_eq!(verify()["holds"], true);
    let status = daemon.command(&["status"]).unwrap();
    assert!(status["audit"]["head"].as_u64() >= Some(1), "{status}");

    let rows = "SELECT audit_id FROM audit_log WHERE action = 'setup_code_create'";
    let id = column(&mut superuser(&world), rows).remove(0);
    let proof = daemon.command(&["audit", "prove", &id]).unwrap();
    let proof: audit::Proof = serde_json::from_value(proof).unwrap();
    assert!(proof.holds());
    let keys = daemon.command(&["audit", "keys"]).unwrap();
    assert!(
        proof
            .head
            .statement
            .contains(keys["keys"][0].as_str().unwrap())
    );

    // The journal is an archive.
    let archive = world.directory().join("archive.jsonl");
    let journal: Vec<String> = daemon
        .log()
        .lines()
        .filter_map(|line| Some(line[line.find("{\"number\"")?..=line.rfind('}')?].to_owned()))
        .collect();
    assert!(!journal.is_empty(), "{}", daemon.log());
    std::fs::write(&archive, journal.join("\n")).unwrap();
    let archive = archive.to_str().unwrap();
    let compared = daemon.command(&["audit", "compare", archive]).unwrap();
    let said = (&compared["holds"], compared["heads"].as_u64());
    assert_eq!(
        said,
        (&true.into(), Some(journal.len() as u64)),
        "{compared}"
    );

    superuser(&world)
        .batch_execute(&format!(
            "SET session_replication_role = replica; UPDATE audit_log SET actor_id = 'local:nobody' WHERE audit_id = '{id}'"
        ))
        .unwrap();
    let report = verify();
    assert_eq!(
        (&report["holds"], &report["findings"][0]["fault"]),
        (&false.into(), &"row_changed".into())
    );
    let told = "SELECT outcome || ' ' || code FROM audit_log WHERE action = 'audit_verify' ORDER BY at DESC LIMIT 1";
    assert_eq!(
        column(&mut superuser(&world), told),
        ["failed audit_findings"]
    );
    let read = "SELECT count(*) > 3 FROM audit_log WHERE action = 'audit_read' AND actor_id = 'local:root'";
    assert_eq!(column(&mut superuser(&world), read), ["true"]);
    assert!(daemon.stop().await.unwrap().success());
}
