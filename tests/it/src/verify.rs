//! OB-01, OB-06, CX-29: `revkeep verify` on a live daemon. Nothing fails on a sound appliance; then it is
//! broken in one place after another, and each break is found by its name.

mod breaks;
mod built;
mod face;
mod ways;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection;
use serde_json::Value;
use sha2::{Digest, Sha256};
use stack::{
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    world::World,
};
use vault::Vault;

use crate::{
    harness::column,
    live::{configured, section, superuser, until, world},
};
use breaks::{Break, breaks};

const TABLE: &str = include_str!("../../../daemon/revkeep/src/controls/controls.toml");
const PENDING: &str = include_str!("../../../docs/security/pending.toml");
const IDS: &str = include_str!("../../golden/control-ids.txt");

/// Probes that no test can break here: the code that seals has no switch for opening elsewhere, the
/// way out is broken in `verify::probes::outside`, the way to the database and where it is in `verify::probes::appliance`,
/// and the unit's sandbox in `checks::unit` and, for real, on the machine of `./dev appliance`.
const BROKEN_ELSEWHERE: [&str; 5] = [
    "egress_refuses",
    "sealed_in_place",
    "database_unread_on_the_way",
    "data_services_private",
    "unit_confined",
];

/// Opens a port to the network, then becomes the daemon, which has it open from then on.
const DOOR_AJAR: &str = "import os, socket, sys\n\
    door = socket.socket()\n\
    door.bind((\"0.0.0.0\", 0))\n\
    door.listen()\n\
    door.set_inheritable(True)\n\
    os.execv(sys.argv[1], sys.argv[1:])";

fn verify(daemon: &Daemon, ids: &[&str]) -> Value {
    let arguments: Vec<&str> = ["verify"].iter().chain(ids).copied().collect();
    daemon.command(&arguments).unwrap()
}

fn control<'v>(told: &'v Value, id: &str) -> &'v Value {
    let controls = told["controls"]
        .as_array()
        .unwrap_or_else(|| panic!("{told}"));
    controls
        .iter()
        .find(|control| control["id"] == id)
        .unwrap_or_else(|| panic!("{id} is not in {told}"))
}

fn with_status(told: &Value, status: &str) -> BTreeSet<String> {
    told["controls"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|control| control["status"] == status)
        .map(|control| control["id"].as_str().unwrap().to_owned())
        .collect()
}

fn evidence_of(told: &Value, status: &str) -> String {
    let controls = told["controls"].as_array().unwrap();
    controls
        .iter()
        .filter(|control| control["status"] == status)
        .map(|control| format!("{}: {}\n", control["id"], control["evidence"]))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_live_appliance_nothing_fails_and_every_control_stands_once() {
    let world = world().await;
    let (daemon, _console) = configured(&world).await;
    let begun = Instant::now();
    let told = verify(&daemon, &[]);
    assert!(
        begun.elapsed() < Duration::from_secs(60),
        "{:?}",
        begun.elapsed()
    );
    // No test's daemon is in the unit, and it says that it cannot know.
    assert_eq!(
        (
            evidence_of(&told, "failing").as_str(),
            with_status(&told, "unknown")
        ),
        ("", BTreeSet::from(["LM-73".to_owned()])),
        "{}",
        evidence_of(&told, "unknown")
    );
    assert_eq!(told["holds"], Value::Null, "{told}");

    let ids: Vec<&str> = IDS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let listed: Vec<&str> = told["controls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|control| control["id"].as_str().unwrap())
        .collect();
    assert_eq!(listed, ids);
    let pending: toml::Table = toml::from_str(PENDING).unwrap();
    let pending: BTreeSet<String> = pending
        .values()
        .flat_map(|section| section.as_table().unwrap().keys().cloned())
        .collect();
    let mut absent = pending;
    absent.extend(built::controls());
    assert_eq!(with_status(&told, "absent"), absent);
    assert_eq!(control(&told, "LR-46")["status"], "customer_owned");
    assert!(
        with_status(&told, "enforced").len() > 40,
        "{}",
        told["counts"]
    );
    for control in told["controls"].as_array().unwrap() {
        assert_ne!(control["evidence"], "", "{control}");
    }

    // Nothing of the scratch tenants stayed.
    let left = column(
        &mut superuser(&world),
        "SELECT count(*) FROM leases WHERE name = 'probe' UNION ALL SELECT count(*) FROM tenants WHERE name = 'probe'",
    );
    assert_eq!(left, ["0", "0"]);
    is_signed_and_on_record(&world, &told).await;
    assert!(daemon.stop().await.unwrap().success());
}

/// The statement speaks of exactly these results, and the key of the audit log signed it.
async fn is_signed_and_on_record(world: &World, told: &Value) {
    let statement = told["statement"].as_str().unwrap();
    let mut hash = Sha256::new();
    for control in told["controls"].as_array().unwrap() {
        let status = match control["status"].as_str().unwrap() {
            "build_evidence" => "build evidence",
            "customer_owned" => "customer-owned",
            "failing" => "FAILING",
            other => other,
        };
        hash.update(format!(
            "{}\t{status}\t{}\n",
            control["id"].as_str().unwrap(),
            control["evidence"].as_str().unwrap()
        ));
    }
    let results = audit::hex(&hash.finalize());
    assert!(
        statement.contains(&format!("\nresults {results}\n")),
        "{statement}"
    );
    let vault = Vault::new(
        section(&world.directory().join("setup/revkeep.toml"), "secrets"),
        std::sync::Arc::new(kernel::SystemClock),
    )
    .unwrap();
    let key = *vault
        .signing_keys(audit::SIGNING_KEY)
        .await
        .unwrap()
        .last()
        .unwrap();
    let signature: Vec<u8> = told["signature"]
        .as_str()
        .unwrap()
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    assert!(vault::signature_holds(
        &key.bytes,
        statement.as_bytes(),
        &signature
    ));
    let forged = statement.replace("failing 0", "failing 1");
    assert!(!vault::signature_holds(
        &key.bytes,
        forged.as_bytes(),
        &signature
    ));
    let recorded = column(
        &mut superuser(world),
        "SELECT actor_id || ' ' || outcome FROM audit_log WHERE action = 'controls_verify'",
    );
    assert_eq!(recorded, ["local:root done"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_broken_control_is_found_by_its_name() {
    let world = world().await;
    let (daemon, _console) = configured(&world).await;
    for broken in breaks() {
        found(&world, &daemon, &broken);
    }
    let key = world.directory().join("server.key");
    let mode = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    fails(&daemon, "LR-39", "private_key_closed", "mode 644");
    mode(0o600);
    whole_again(&daemon, "LR-39");
    let archives = world.directory().join("backups");
    fs::create_dir(&archives).unwrap();
    let mode = |mode| fs::set_permissions(&archives, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o755);
    fails(&daemon, "LM-95", "archives_closed", "can read");
    mode(0o700);
    whole_again(&daemon, "LM-95");
    the_owner_comes_within_reach(&world, &daemon).await;
    let failed = column(
        &mut superuser(&world),
        "SELECT count(*) FROM audit_log WHERE action = 'controls_verify' AND outcome = 'failed' AND code = 'control_failing'",
    );
    assert_ne!(failed, ["0"], "no failing run is on record");
    assert!(
        daemon.log().contains("control LM-77 is failing"),
        "{}",
        daemon.log()
    );
    assert!(daemon.stop().await.unwrap().success());
}

fn found(world: &World, daemon: &Daemon, broken: &Break) {
    let mut conn = superuser(world);
    let mend = broken.mend.prepare(&mut conn);
    let change = broken.sql(&mut conn);
    conn.batch_execute(&change)
        .unwrap_or_else(|error| panic!("{}: {error}", broken.probe));
    fails(daemon, broken.control, broken.probe, broken.names);
    conn.batch_execute(&mend)
        .unwrap_or_else(|error| panic!("{}: {error}", broken.probe));
    whole_again(daemon, broken.control);
}

/// The control fails, by that probe, and the evidence names what was broken.
fn fails(daemon: &Daemon, id: &str, probe: &str, names: &str) {
    let told = verify(daemon, &[id]);
    let found = control(&told, id);
    assert_eq!(found["status"], "failing", "{probe}: {found}");
    assert_eq!(told["holds"], false, "{told}");
    let tried = found["live"].as_array().unwrap();
    let said = tried
        .iter()
        .find(|tried| tried["probe"] == probe)
        .unwrap_or_else(|| panic!("{probe}: {found}"));
    assert_eq!(said["verdict"], "fails", "{probe}: {found}");
    let evidence = said["evidence"].as_str().unwrap();
    assert!(evidence.contains(names), "{probe}: {evidence}");
}

fn whole_again(daemon: &Daemon, id: &str) {
    let told = verify(daemon, &[id]);
    assert_eq!(control(&told, id)["status"], "enforced", "{told}");
}

async fn the_owner_comes_within_reach(world: &World, daemon: &Daemon) {
    let map = world.postgres.socket_directory().join("data/pg_ident.conf");
    let sound = fs::read_to_string(&map).unwrap();
    let line = format!("{sound}revkeep {} revkeep_owner\n", stack::accounts::DAEMON);
    let reload = |text: &str| {
        fs::write(&map, text).unwrap();
        superuser(world)
            .batch_execute("SELECT pg_reload_conf()")
            .unwrap();
    };
    for (text, status) in [(line.as_str(), "failing"), (sound.as_str(), "enforced")] {
        reload(text);
        until("the map is not read", async || {
            let told = verify(daemon, &["CX-26"]);
            if control(&told, "CX-26")["status"] == status {
                Ok(())
            } else {
                Err(told.to_string())
            }
        })
        .await;
    }
}

/// What stands before the daemon speaks old TLS, answers in clear, forgets every header and lets
/// everybody in; and the list of breached passwords is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_weak_face_is_found_in_each_of_its_weaknesses() {
    let world = World::start(Durability::Tests).await.unwrap();
    let weak = face::weak();
    let daemon = world
        .daemon(DaemonOptions {
            more: format!(
                "[verify]\naddress = \"127.0.0.1:{}\"\n[identity]\nsigning_algorithm = \"EdDSA\"\n[identity.breach]\nhash_file = \"/nonexistent/list\"\n",
                weak.port
            ),
            ..DaemonOptions::default()
        })
        .await
        .unwrap();
    for (id, probe, names) in [
        ("LR-43", "tls_versions", "TLS 1.0 is spoken"),
        ("LR-43", "plain_http_refused", "without TLS was answered"),
        ("OB-28", "certificate_days", "ends in 3 days"),
        (
            "LR-44",
            "security_headers",
            "x-content-type-options is not nosniff",
        ),
        (
            "LM-36",
            "content_security_policy",
            "no content-security-policy",
        ),
        ("CX-23", "one_origin", "lets the origin * read"),
        ("LR-13", "signed_out_refused", "answered 200"),
        ("LM-07", "forged_token_refused", "answered 200"),
        ("LM-16", "breach_list_readable", "/nonexistent/list"),
    ] {
        fails(&daemon, id, probe, names);
    }
    assert!(daemon.stop().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_no_setting_names_is_found() {
    let world = World::start(Durability::Tests).await.unwrap();
    let daemon = world
        .daemon(DaemonOptions {
            under: ["python3", "-c", DOOR_AJAR].map(str::to_owned).into(),
            ..DaemonOptions::default()
        })
        .await
        .unwrap();
    let names = "which no setting names";
    fails(&daemon, "LM-72", "ports_closed", names);
    fails(&daemon, "CX-22", "ports_closed", names);
    assert!(daemon.stop().await.unwrap().success());
}

#[test]
fn every_live_probe_is_seen_to_fail() {
    let table: toml::Table = toml::from_str(TABLE).unwrap();
    let named: BTreeSet<String> = table
        .values()
        .filter_map(|control| control.get("live")?.as_array())
        .flatten()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    let mut seen: BTreeSet<String> = BROKEN_ELSEWHERE.map(str::to_owned).into();
    seen.extend(breaks().iter().map(|broken| broken.probe.to_owned()));
    let here = concat!(include_str!("verify.rs"), include_str!("verify/ways.rs"));
    let missing: Vec<&String> = named
        .iter()
        .filter(|name| !seen.contains(*name) && !here.contains(&format!("\"{name}\"")))
        .filter(|name| *name != "owner_out_of_reach")
        .collect();
    assert_eq!(missing, Vec::<&String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn papers_and_assessment_results_tell_what_the_run_found() {
    let world = World::start(Durability::Tests).await.unwrap();
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    let told = daemon.command(&["verify", "--oscal"]).unwrap();
    let results = &told["assessment-results"]["results"][0];
    let findings = results["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 231);
    let state = |id: &str| {
        let found = findings.iter().find(|found| found["title"] == id).unwrap();
        found["target"]["status"]["state"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(state("OB-04"), "satisfied");
    assert_eq!(state("OB-02"), "not-satisfied");
    let stranger = daemon.command(&["verify", "LR-99"]).unwrap();
    assert_eq!(stranger["error"]["code"], "control_unknown", "{stranger}");
    assert!(daemon.stop().await.unwrap().success());
}
