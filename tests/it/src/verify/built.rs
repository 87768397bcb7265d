//! Evidence of the build: what `.ci/evidence.py` signs is believed by the program that it names, and by no
//! other; what was changed, signed by others, of something else or bad news fails by name.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use openssl::{
    pkey::{Id, PKey, Private},
    sign::Signer,
};
use serde_json::{Value, json};
use stack::{
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    world::World,
};

use super::{TABLE, control, verify};

/// The ids of the controls that rest on the build.
pub(super) fn controls() -> Vec<String> {
    let table: toml::Table = toml::from_str(TABLE).unwrap();
    let rows = table
        .into_iter()
        .filter(|(_, row)| row.get("build").is_some());
    rows.map(|(id, _)| id).collect()
}

/// A key whose secret bytes are all `seed`; the tests' programs believe 7.
fn key(seed: u8) -> PKey<Private> {
    PKey::private_key_from_raw_bytes(&[seed; 32], Id::ED25519).unwrap()
}

/// A manifest of the running program as builds write it, with every check passed.
fn made(folder: &Path, program: &Path) -> PathBuf {
    let (pem, manifest) = (folder.join("build.pem"), folder.join("build-manifest.json"));
    fs::write(&pem, key(7).private_key_to_pem_pkcs8().unwrap()).unwrap();
    let make = "import sys, pathlib, evidence\n\
        key, program, path = map(pathlib.Path, sys.argv[1:])\n\
        bill = b'{\"components\": []}'\n\
        made = evidence.checks(bill, lambda step: (0, 'nothing found by ' + step))\n\
        evidence.write(key, evidence.manifest(program.read_bytes(), made, bill), path)";
    let run = Command::new("python3")
        .args(["-c", make])
        .args([&pem, program, &manifest])
        .env(
            "PYTHONPATH",
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.ci"),
        )
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    manifest
}

/// Puts a manifest in place, signed with the key of `seed`.
fn place(manifest: &Path, told: &Value, seed: u8) {
    let text = told.to_string();
    let mut signer = Signer::new_without_digest(&key(seed)).unwrap();
    let signature = signer.sign_oneshot_to_vec(text.as_bytes()).unwrap();
    fs::write(manifest, text).unwrap();
    fs::write(beside(manifest), audit::hex(&signature)).unwrap();
}

fn beside(manifest: &Path) -> PathBuf {
    manifest.with_extension("json.sig")
}

/// Every control that rests on the build stands so, and its evidence names why.
fn stands(daemon: &Daemon, status: &str, names: &str) {
    let ids = controls();
    let told = verify(daemon, &ids.iter().map(String::as_str).collect::<Vec<_>>());
    for id in &ids {
        let found = control(&told, id);
        assert_eq!(found["status"], status, "{names}: {found}");
        let evidence = found["evidence"].as_str().unwrap();
        assert!(evidence.contains(names), "{names}: {evidence}");
    }
    assert_eq!(told["holds"], status != "failing", "{names}: {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evidence_of_the_build_counts_for_this_program_alone() {
    let world = World::start(Durability::Tests).await.unwrap();
    let manifest = world.directory().join("build-manifest.json");
    let daemon = world
        .daemon(DaemonOptions {
            more: format!("[verify]\nbuild_manifest = \"{}\"\n", manifest.display()),
            ..DaemonOptions::default()
        })
        .await
        .unwrap();
    stands(&daemon, "absent", "is not there");
    assert_eq!(made(world.directory(), daemon.program()), manifest);
    stands(
        &daemon,
        "build_evidence",
        "secrets: nothing found by secrets",
    );

    let sound = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        sound.replace("nothing found by secrets", "nothing found bY secrets"),
    )
    .unwrap();
    stands(
        &daemon,
        "failing",
        "not signed by the key of this program's build",
    );
    let told: Value = serde_json::from_str(&sound).unwrap();
    place(&manifest, &told, 8);
    stands(
        &daemon,
        "failing",
        "not signed by the key of this program's build",
    );
    fs::remove_file(beside(&manifest)).unwrap();
    stands(&daemon, "failing", "no signature");
    for (pointer, value, names) in [
        ("/version", json!("9.9.9"), "is of version 9.9.9"),
        ("/program", json!("00".repeat(32)), "is of another program"),
        ("/made_at", json!("2020-01-01T00:00:00Z"), "days old"),
        (
            "/checks/secrets",
            json!({ "passed": false, "evidence": "1 secrets in 3 files" }),
            "The check secrets failed",
        ),
    ] {
        let mut other = told.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        place(&manifest, &other, 7);
        stands(&daemon, "failing", names);
    }
    place(&manifest, &told, 7);
    stands(&daemon, "build_evidence", "Build of commit");
    assert!(daemon.stop().await.unwrap().success());
}
