//! LM-95, CX-36: an archive becomes the appliance again, or nothing of it is changed.

mod machine;
mod quarantine;
mod refused;
mod rehearsal;

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use stack::{
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    world::World,
};

use crate::{
    backup::{created, identity, run},
    harness::column,
    live::{superuser, until},
};

const CANARY: &str = "Canary-restore-4711";

/// A world with an organisation, whose audit log is sealed, and its daemon.
async fn sealed() -> (World, Daemon) {
    let world = World::start(Durability::Tests).await.unwrap();
    let options = DaemonOptions {
        more: "[audit]\nseal_seconds = 1\n".to_owned(),
        ..DaemonOptions::default()
    };
    let daemon = world.daemon(options).await.unwrap();
    daemon.command(&["setup"]).unwrap();
    run(
        &world,
        &format!("INSERT INTO tenants (tenant_id, name) VALUES (gen_random_uuid(), '{CANARY}')"),
    );
    is_sealed(&world).await;
    (world, daemon)
}

/// Waits until the audit log has a head, by which a restore knows the database that it replaces.
async fn is_sealed(world: &World) {
    until("nothing is sealed yet", async || {
        match column(&mut superuser(world), "SELECT count(*) FROM audit_heads")[0].as_str() {
            "0" => Err("no head".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
}

/// A command of an appliance whose daemon may be gone, with crash points.
fn ask(program: &Path, config: &Path, arguments: &[&str], points: &str) -> Output {
    Command::new(program)
        .args(arguments)
        .args(["--json", "--config"])
        .arg(config)
        .env("FAILPOINTS", points)
        .output()
        .unwrap()
}

fn restore(program: &Path, config: &Path, arguments: &[&str], points: &str) -> Output {
    ask(program, config, &[&["restore"], arguments].concat(), points)
}

/// What the command says.
fn restored(program: &Path, config: &Path, arguments: &[&str]) -> Value {
    let run = restore(program, config, arguments, "");
    serde_json::from_slice(&run.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&run.stderr)))
}

/// Every database that is not PostgreSQL's own.
fn databases(world: &World) -> Vec<String> {
    let all = "SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1') ORDER BY datname";
    column(&mut superuser(world), all)
}

/// Tables, functions, rights and policies, without rows.
fn schema(world: &World, database: &str) -> Vec<String> {
    let dump = world
        .postgres
        .dump("postgres", database, &["--schema-only"])
        .unwrap();
    // A word that differs from dump to dump.
    let lines = dump.lines().filter(|line| !line.contains("restrict "));
    lines.map(str::to_owned).collect()
}

fn names(world: &World) -> Vec<String> {
    column(
        &mut superuser(world),
        "SELECT name FROM tenants ORDER BY name",
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_backed_up_comes_back_and_what_was_there_is_kept() {
    let (world, daemon) = sealed().await;
    let (archive, told) = created(&daemon, &[]);
    let archive = archive.to_str().unwrap();
    run(&world, "UPDATE tenants SET name = 'Later'");
    let program = daemon.program().to_owned();
    let config = daemon.config.clone();

    // Whoever works on it would lose what they do meanwhile.
    let refused = restored(&program, &config, &[archive, "--replace"]);
    assert_eq!(refused["error"]["code"], "restore_in_use", "{refused}");
    assert!(daemon.stop().await.unwrap().success());
    let before = schema(&world, "revkeep");
    let refused = restored(&program, &config, &[archive]);
    assert_eq!(refused["error"]["code"], "restore_not_empty", "{refused}");
    assert_eq!(databases(&world), ["revkeep"]);
    assert_eq!(names(&world), ["Later"]);

    let back = restored(&program, &config, &[archive, "--replace"]);
    assert_eq!(back["taken_at"], told["taken_at"], "{back}");
    assert_eq!(back["head"], told["head"], "{back}");
    assert_eq!(names(&world), [CANARY]);
    let kept = back["kept"].as_str().unwrap();
    assert!(kept.starts_with("revkeep_before_"), "{kept}");
    assert_eq!(databases(&world), ["revkeep", kept]);
    let after = schema(&world, "revkeep");
    let differing = after.iter().zip(&before).find(|(now, then)| now != then);
    assert_eq!((differing, after.len()), (None, before.len()));

    // It serves, and its log goes on under the head that it came with.
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    let verified = daemon.command(&["audit", "verify"]).unwrap();
    assert_eq!(verified["holds"], true, "{verified}");
    assert!(daemon.stop().await.unwrap().success());
}

/// A database that set-up made and nobody used is no reason to refuse, and is not kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_goes_into_a_database_without_an_appliance() {
    let (world, daemon) = sealed().await;
    let (archive, _) = created(&daemon, &[]);
    let archive = archive.to_str().unwrap();
    let program = daemon.program().to_owned();
    let config = daemon.config.clone();
    assert!(daemon.stop().await.unwrap().success());
    let gone = || {
        let mut admin = db::setup::Setup::connect(&world.postgres.dsn("postgres", "postgres"));
        admin.as_mut().unwrap().drop_database("revkeep").unwrap();
    };
    gone();
    let back = restored(&program, &config, &[archive]);
    assert_eq!(back["kept"], Value::Null, "{back}");
    gone();
    world.prepare_database("").unwrap();
    let back = restored(&program, &config, &[archive]);
    assert_eq!(back["kept"], Value::Null, "{back}");
    assert_eq!(databases(&world), ["revkeep"]);
    assert_eq!(names(&world), [CANARY]);
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    assert!(daemon.stop().await.unwrap().success());
}

/// Cut off at any moment there is one whole database of that name: the old one, or the new.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_cut_off_leaves_the_old_database_serving() {
    let (world, daemon) = sealed().await;
    let (archive, _) = created(&daemon, &[]);
    run(&world, "UPDATE tenants SET name = 'Later'");
    let program = daemon.program().to_owned();
    let config = daemon.config.clone();
    assert!(daemon.stop().await.unwrap().success());
    let by = identity(&world);
    let arguments = [archive.to_str().unwrap(), "--replace", by[0], by[1]];
    for point in ["restore_filled", "restore_before_name"] {
        let run = restore(&program, &config, &arguments, &format!("{point}=panic"));
        assert!(!run.status.success() && run.stdout.is_empty(), "{point}");
        assert_eq!(databases(&world), ["revkeep", "revkeep_restoring"]);
        assert_eq!(names(&world), ["Later"], "{point}");
        let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
        assert!(daemon.stop().await.unwrap().success());
    }
    let run = restore(&program, &config, &arguments, "restore_named=panic");
    assert!(!run.status.success());
    assert_eq!(names(&world), [CANARY]);
    let back = restored(&program, &config, &arguments);
    assert_eq!(names(&world), [CANARY], "{back}");
    assert!(!databases(&world).contains(&"revkeep_restoring".to_owned()));
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    assert!(daemon.stop().await.unwrap().success());
}
