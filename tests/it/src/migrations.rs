//! Migrations: what `revkeep migrate --plan` says of their locks is what PostgreSQL says, a database of a
//! newer program is refused, and one that fails leaves the daemon serving (CX-26).

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command, time::Duration};

use db::setup::Setup;
use diesel::{Connection, PgConnection, connection::SimpleConnection};
use serde_json::Value;
use stack::{
    daemon::{Daemon, DaemonOptions},
    database,
    postgres::Durability,
    world::World,
};

use crate::{harness::column, live::superuser};

const LOCKS: &str = "daemon/db/sql/migration-locks.txt";
/// One that nothing after it rests on.
const NEWER: &str = "00000000000044";
const POLL: Duration = Duration::from_millis(50);
const LOOKS: u32 = 400;
/// Weaker ones keep nobody out, and every statement takes them.
const STRONG: &str = "'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Tables by the oid of what belongs to them, with what tells that their contents were read or written anew.
fn tables(conn: &mut PgConnection) -> BTreeMap<String, (String, String)> {
    column(
        conn,
        "SELECT c.oid || ' ' || coalesce(p.relname, t.relname) || ' ' || c.relfilenode FROM pg_class c \
         LEFT JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_class t ON t.oid = coalesce(i.indrelid, c.oid) \
         LEFT JOIN pg_inherits h ON h.inhrelid = t.oid LEFT JOIN pg_class p ON p.oid = h.inhparent \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'i', 'I') AND t.relname NOT LIKE '\\_\\_diesel%'",
    )
    .into_iter()
    .map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        (fields[0].to_owned(), (fields[1].to_owned(), fields[2].to_owned()))
    })
    .collect()
}

/// What only a reading of all rows can bring: indexes, checked constraints, columns that are never null.
fn checked(conn: &mut PgConnection) -> Vec<String> {
    column(
        conn,
        "SELECT i.indrelid || ' index ' || c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace \
         UNION ALL SELECT conrelid || ' constraint ' || conname FROM pg_constraint WHERE convalidated AND contype IN ('c', 'f') AND conrelid <> 0 \
         UNION ALL SELECT attrelid || ' not null ' || attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
           WHERE c.relnamespace = 'public'::regnamespace AND a.attnotnull AND a.attnum > 0",
    )
}

/// One line for each table and lock that a migration holds at its end.
fn measured(conn: &mut PgConnection, version: &str, sql: &str) -> Vec<String> {
    let (before, had) = (tables(conn), checked(conn));
    conn.batch_execute(&format!("BEGIN; {sql}"))
        .unwrap_or_else(|error| panic!("{version}: {error}"));
    let held = column(
        conn,
        &format!(
            "SELECT relation || ' ' || mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND mode IN ({STRONG})"
        ),
    );
    let (after, has) = (tables(conn), checked(conn));
    conn.batch_execute("COMMIT").unwrap();
    let mut lines = Vec::new();
    for lock in held {
        let (oid, mode) = lock.split_once(' ').unwrap();
        let Some((table, node)) = before.get(oid) else {
            continue;
        };
        let rewritten = after.get(oid).is_some_and(|(_, now)| now != node);
        let oids: Vec<&String> = before
            .iter()
            .filter(|(_, (of, _))| of == table)
            .map(|(oid, _)| oid)
            .collect();
        let scanned = has
            .iter()
            .filter(|line| !had.contains(line))
            .any(|line| oids.iter().any(|oid| line.starts_with(&format!("{oid} "))));
        let work = match (rewritten, scanned) {
            (true, _) => "rewrite",
            (false, true) => "scan",
            (false, false) => "brief",
        };
        lines.push(format!("{version} {table} {mode} {work}\n"));
    }
    lines.sort();
    lines.dedup();
    lines
}

fn migrations() -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = fs::read_dir(root().join("migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let version = name.split('_').next().unwrap().to_owned();
            (version, fs::read_to_string(path.join("up.sql")).unwrap())
        })
        .collect();
    all.sort();
    all
}

#[test]
fn what_the_plan_says_of_locks_is_what_postgresql_says() {
    let postgres = &database::shared().unwrap().postgres;
    let name = "revkeep_locks";
    let mut admin = Setup::connect(&postgres.dsn("postgres", "postgres")).unwrap();
    admin.drop_database(name).unwrap();
    admin.make_database(name, None).unwrap();
    admin.grant_database(name).unwrap();
    let mut conn = PgConnection::establish(&postgres.dsn("revkeep_owner", name)).unwrap();
    // As diesel makes it.
    conn.batch_execute("CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)").unwrap();
    let mut found = String::new();
    for (version, sql) in migrations() {
        found.extend(measured(&mut conn, &version, &sql));
    }
    drop(conn);
    admin.drop_database(name).unwrap();
    let file = root().join(LOCKS);
    if std::env::var_os("REVKEEP_BLESS").is_some() {
        fs::write(&file, &found).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), found);
    assert!(found.contains("AccessExclusiveLock"), "{found}");
}

/// Takes one migration back, as if the program before it had made this database.
fn one_back(world: &World) {
    let down =
        fs::read_to_string(root().join(format!("migrations/{NEWER}_upkeep/down.sql"))).unwrap();
    let mut owner = PgConnection::establish(&world.dsn("revkeep_owner")).unwrap();
    owner
        .batch_execute(&format!(
            "BEGIN; {down}; DELETE FROM __diesel_schema_migrations WHERE version = '{NEWER}'; COMMIT"
        ))
        .unwrap();
}

fn migrate(world: &World, more: &[&str]) -> (Option<i32>, Value) {
    let run = Command::new(world.directory().join("revkeep"))
        .args(["migrate", "--json", "--config"])
        .arg(world.directory().join("setup/revkeep.toml"))
        .args(more)
        .output()
        .unwrap();
    let told = serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    (run.status.code(), told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_fails_leaves_the_daemon_serving_and_runs_once_it_can() {
    let world = World::start(Durability::Tests).await.unwrap();
    let mut daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    one_back(&world);
    let (code, told) = migrate(&world, &["--plan"]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(told["pending"].as_array().unwrap().len(), 1, "{told}");
    assert!(
        told["pending"][0]["migration"]
            .as_str()
            .unwrap()
            .contains(NEWER)
    );
    // The plan ran nothing.
    let has = format!("SELECT count(*) FROM __diesel_schema_migrations WHERE version = '{NEWER}'");
    assert_eq!(column(&mut superuser(&world), &has), ["0"]);

    superuser(&world)
        .batch_execute(
            "CREATE FUNCTION upkeep_census(timestamptz) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        )
        .unwrap();
    let (code, told) = migrate(&world, &[]);
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told["error"]["message"]
            .as_str()
            .unwrap()
            .contains("upkeep_census"),
        "{told}"
    );
    // Nothing of it stayed, and the daemon of before serves.
    let left = column(
        &mut superuser(&world),
        &format!("{has} UNION ALL SELECT count(*) FROM pg_proc WHERE proname = 'migrations_run'"),
    );
    assert_eq!(left, ["0", "0"]);
    daemon.wait_ready().await.unwrap();
    // One that starts does not work on a schema that it does not know, and says so.
    let waits = DaemonOptions {
        do_not_wait: true,
        ..DaemonOptions::default()
    };
    let mut again = world.daemon(waits).await.unwrap();
    says_behind(&again).await;

    superuser(&world)
        .batch_execute("DROP FUNCTION upkeep_census(timestamptz)")
        .unwrap();
    let (code, told) = migrate(&world, &[]);
    assert_eq!(
        (code, told["ran"].as_array().map(Vec::len)),
        (Some(0), Some(1)),
        "{told}"
    );
    again.wait_ready().await.unwrap();
    // What was there before is in an archive, made by each of the two attempts.
    let archive = told["backup"].as_str().unwrap().to_owned();
    let found = daemon.command(&["backup", "verify", &archive]).unwrap();
    assert_eq!(found["holds"], true, "{found}");
    assert_eq!(archives(&world), 2);
    // There is nothing to run, so there is nothing to keep.
    let (code, told) = migrate(&world, &[]);
    assert_eq!((code, &told["backup"]), (Some(0), &Value::Null), "{told}");
    assert_eq!(archives(&world), 2);
    assert!(again.stop().await.unwrap().success());
    assert!(daemon.stop().await.unwrap().success());
}

fn archives(world: &World) -> usize {
    fs::read_dir(world.directory().join("backups"))
        .unwrap()
        .filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_str().unwrap().ends_with(".age")
        })
        .count()
}

/// It has asked the database first, and never gets ready.
async fn says_behind(daemon: &Daemon) {
    let (client, mut tick) = (daemon.client().unwrap(), tokio::time::interval(POLL));
    let mut said = String::new();
    for _ in 0..LOOKS {
        tick.tick().await;
        let asked = client.get(format!("{}/health/ready", daemon.url)).send();
        if let Ok(answer) = asked.await {
            assert!(!answer.status().is_success(), "it is ready");
            said = answer.text().await.unwrap();
        }
        if said.contains("\"behind\"") {
            return;
        }
    }
    panic!("{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_backup_nothing_is_migrated() {
    let world = World::start(Durability::Tests).await.unwrap();
    one_back(&world);
    // Where the archive would go there is a file.
    fs::write(world.directory().join("backups"), "").unwrap();
    let (code, told) = migrate(&world, &[]);
    assert_eq!(code, Some(2), "{told}");
    let said = told["error"]["message"].as_str().unwrap();
    assert!(said.contains("nothing was changed"), "{said}");
    let has = format!("SELECT count(*) FROM __diesel_schema_migrations WHERE version = '{NEWER}'");
    assert_eq!(column(&mut superuser(&world), &has), ["0"]);
    let (code, told) = migrate(&world, &["--no-backup"]);
    assert_eq!((code, &told["backup"]), (Some(0), &Value::Null), "{told}");
    assert_eq!(column(&mut superuser(&world), &has), ["1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_a_newer_program_is_refused_by_name() {
    let world = World::start(Durability::Tests).await.unwrap();
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    superuser(&world)
        .batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990000000000')")
        .unwrap();
    for more in [&[][..], &["--plan"]] {
        let (code, told) = migrate(&world, more);
        assert_eq!(code, Some(2), "{told}");
        let said = told["error"]["message"].as_str().unwrap();
        assert!(
            said.contains("99990000000000") && said.contains("Next step"),
            "{said}"
        );
    }
    let told = daemon.command(&["check"]).unwrap();
    let said = told["findings"].to_string();
    assert!(said.contains("does not know: 99990000000000"), "{said}");
    assert!(daemon.stop().await.unwrap().success());
}
