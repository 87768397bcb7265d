//! Inclusion proofs, checked by our own code and by the script of the documentation.

use std::process::Command;

use audit::{Proof, ProofError, prove};
use kernel::AuditId;

use super::*;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit-verify.py");

fn proof_at(log: &Log, position: usize) -> Proof {
    let id = log.superuser(&format!(
        "SELECT audit_id FROM audit_leaves WHERE position = {position}"
    ));
    prove(
        &mut log.auditor(),
        AuditId::from_uuid(id[0].parse().unwrap()),
    )
    .unwrap()
}

/// Whether the script accepts a proof for a trusted key.
fn script(proof: &Proof, key: &Hash) -> Result<String, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), serde_json::to_string(proof).unwrap()).unwrap();
    let run = Command::new("python3")
        .arg(SCRIPT)
        .arg(file.path())
        .arg(audit::hex(key))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    if run.status.success() {
        Ok(said)
    } else {
        Err(format!("{said}{}", String::from_utf8_lossy(&run.stderr)))
    }
}

#[tokio::test]
async fn every_row_of_trees_of_every_shape_is_proven() {
    for size in [1, 2, 7, 300, 520] {
        let log = Log::of(&[size]).await;
        let key = log.keys().await[0];
        for position in [
            0,
            size / 2,
            size - 1,
            (size - 1).min(255),
            (size - 1).min(256),
        ] {
            let proof = proof_at(&log, position);
            assert!(proof.holds(), "{position} of {size}");
            assert_eq!(proof.position, position as u64);
            if position + 1 == size {
                let said = script(&proof, &key).unwrap();
                assert!(said.contains("rule_update"), "{said}");
            }
        }
    }
}

#[test]
fn the_script_is_short_enough_to_be_read() {
    let lines = std::fs::read_to_string(SCRIPT).unwrap().lines().count();
    assert!(lines <= 60, "{lines}");
}

#[tokio::test]
async fn a_proof_that_was_changed_anywhere_proves_nothing() {
    let log = Log::of(&[300]).await;
    let key = log.keys().await[0];
    let good = proof_at(&log, 123);
    let text = good.stored.clone();
    let flip = |text: &str| {
        let other = if text.starts_with('0') { "1" } else { "0" };
        format!("{other}{}", &text[1..])
    };
    let mut forged = vec![
        Proof {
            stored: flip(&text),
            ..good.clone()
        },
        Proof {
            position: 122,
            ..good.clone()
        },
    ];
    for step in 0..good.path.len() {
        let mut path = good.path.clone();
        path[step] = flip(&path[step]);
        forged.push(Proof {
            path,
            ..good.clone()
        });
    }
    let mut short = good.clone();
    short.path.pop();
    forged.push(short);
    let mut long = good.clone();
    long.path.push("00".repeat(32));
    forged.push(long);
    let mut unsigned = good.clone();
    unsigned.head.signature = flip(&unsigned.head.signature);
    forged.push(unsigned);
    let mut restated = good.clone();
    restated.head.statement = restated.head.statement.replace("number 1", "number 2");
    forged.push(restated);
    assert!(script(&good, &key).is_ok());
    for proof in &forged {
        assert!(!proof.holds(), "{proof:?}");
        assert!(script(proof, &key).is_err(), "{proof:?}");
    }
    let refused = script(&good, &[7; 32]).unwrap_err();
    assert!(refused.contains("key"), "{refused}");
}

#[tokio::test]
async fn what_is_not_there_is_not_proven() {
    let log = Log::of(&[300]).await;
    let strange = AuditId::generate(&kernel::SystemClock);
    let refused = prove(&mut log.auditor(), strange);
    assert!(matches!(refused, Err(ProofError::NoRow)), "{refused:?}");
    let id: uuid::Uuid = log.superuser(&row_at(5)[1..row_at(5).len() - 1])[0]
        .parse()
        .unwrap();
    log.tamper(&format!(
        "UPDATE audit_log SET action = 'x' WHERE audit_id = '{id}'"
    ));
    let refused = prove(&mut log.auditor(), AuditId::from_uuid(id));
    assert!(matches!(refused, Err(ProofError::Broken)), "{refused:?}");
    log.tamper(&format!("DELETE FROM audit_log WHERE audit_id = '{id}'"));
    let refused = prove(&mut log.auditor(), AuditId::from_uuid(id));
    assert!(
        matches!(refused, Err(ProofError::RowGone(5))),
        "{refused:?}"
    );
}
