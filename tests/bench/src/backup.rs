//! `bench backup`: an archive as an administrator makes it, counted, encrypted and read back, against pg_dump
//! into age alone; and whether it restores.

use std::{
    fs::File,
    io,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use age::{Encryptor, Recipient, x25519};
use anyhow::{Context as _, Result, ensure};
use diesel::{Connection as _, PgConnection, connection::SimpleConnection as _};
use serde_json::Value;
use stack::{
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    world::World,
};

use crate::report::{self, Figure, Limit};

/// Whole time over that of pg_dump into age.
const BAR: f64 = 1.3;
/// Seconds in which an archive of a million assignments is tried.
const REHEARSED_BAR: f64 = 600.0;

pub(crate) fn run(assignments: u32, rounds: u16) -> Result<Vec<Figure>> {
    tokio::runtime::Runtime::new()?.block_on(measure(assignments, usize::from(rounds)))
}

async fn measure(assignments: u32, rounds: usize) -> Result<Vec<Figure>> {
    let world = World::start(Durability::Production).await?;
    let daemon = world
        .daemon(DaemonOptions {
            // One archive at a time is enough on the disk.
            instead: "[backup]\nkeep = 1\n".to_owned(),
            ..DaemonOptions::default()
        })
        .await?;
    fill(&world, assignments)?;
    let (mut whole, mut alone, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        let floor = floor(&world)?;
        let ours = ours(&daemon)?;
        report::progress(&format!(
            "backup {round}/{rounds}: {ours:.1} s, pg_dump into age {floor:.1} s"
        ));
        whole.push(ours);
        alone.push(floor);
        ratios.push(ours / floor);
    }
    let (value, interval) = report::median(&mut whole).context("no rounds")?;
    let (floor, _) = report::median(&mut alone).context("no rounds")?;
    let (ratio, ratio_interval) = report::median(&mut ratios).context("no rounds")?;
    let backup = Figure {
        value,
        interval,
        floor,
        ratio,
        ratio_interval,
        ..Figure::new("backup", "create", "s", rounds)
    };
    let seconds = rehearsed(&daemon)?;
    report::progress(&format!("backup: restored on trial in {seconds:.1} s"));
    let tried = Figure {
        value: seconds,
        interval: [seconds, seconds],
        floor,
        ratio: seconds / floor,
        ratio_interval: [seconds / floor, seconds / floor],
        ..Figure::new("backup", "rehearsal", "s", 1)
    };
    Ok(vec![
        backup.bounded(Limit::RatioAtMost(BAR)),
        tried.bounded(Limit::AtMost(REHEARSED_BAR)),
    ])
}

/// The routing log of a busy organisation.
#[expect(
    clippy::disallowed_methods,
    reason = "a million rows are the server's to make"
)]
fn fill(world: &World, assignments: u32) -> Result<()> {
    report::progress(&format!("backup: writing {assignments} assignments"));
    let mut owner = PgConnection::establish(&world.dsn("revkeep_owner"))?;
    owner.batch_execute(&format!(
        "INSERT INTO assignments (tenant_id, decided_at, assignment_id, object, record_id, router_id, rules_version, rule_id, rule_version, \
           target_kind, target_id, rep_id, new_owner, previous_owner, state, reasons, source_created_at, sent_at, written_at) \
         SELECT t.id, now() - n * interval '1 millisecond', gen_random_uuid(), 'Lead', '00Q' || lpad(n::text, 12, '0') || 'AAA', t.id, 7, t.id, 3, \
           'pool', t.id, gen_random_uuid(), '005' || lpad((n % 50)::text, 12, '0') || 'AAA', '005000000000099AAA', 'assigned', \
           jsonb_build_object('rules', jsonb_build_array(jsonb_build_object('rule', gen_random_uuid(), 'passed', n % 3 = 0))), \
           now() - n * interval '1 millisecond', now(), now() \
         FROM generate_series(1, {assignments}) n, (SELECT gen_random_uuid() AS id) t"
    ))?;
    let mut admin = PgConnection::establish(&world.dsn("postgres"))?;
    for statement in ["VACUUM ANALYZE", "CHECKPOINT"] {
        admin.batch_execute(statement)?;
    }
    Ok(())
}

/// What nobody can do without: the same dump, encrypted, on the disk.
fn floor(world: &World) -> Result<f64> {
    let file = world.directory().join("floor.age");
    let begun = Instant::now();
    dump_into_age(world, &file)?;
    let seconds = begun.elapsed().as_secs_f64();
    std::fs::remove_file(&file)?;
    Ok(seconds)
}

fn dump_into_age(world: &World, file: &Path) -> Result<()> {
    let key: x25519::Identity = std::fs::read_to_string(&world.backup_identity)?
        .parse()
        .map_err(anyhow::Error::msg)?;
    let recipient = key.to_public();
    let lock = Encryptor::with_recipients(
        std::iter::once(&recipient).map(|one| -> &dyn Recipient { one }),
    )?;
    let mut dump = Command::new("pg_dump")
        .args(["--format=custom", "--no-password"])
        .arg(format!("--exclude-table={}", db::NOT_DUMPED))
        .arg(format!("--dbname={}", world.dsn("revkeep_backup")))
        .stdout(Stdio::piped())
        .spawn()?;
    let mut from = dump.stdout.take().context("pg_dump has no output")?;
    let mut to = lock.wrap_output(File::create(file)?)?;
    io::copy(&mut from, &mut to)?;
    to.finish()?.sync_all()?;
    ensure!(dump.wait()?.success(), "pg_dump failed");
    Ok(())
}

fn ours(daemon: &Daemon) -> Result<f64> {
    let begun = Instant::now();
    let told = daemon.command(&["backup", "create"])?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(
        told.get("checked") == Some(&Value::from("opened")),
        "{told}"
    );
    Ok(seconds)
}

fn rehearsed(daemon: &Daemon) -> Result<f64> {
    let begun = Instant::now();
    let told = daemon.command(&["restore", "--rehearse"])?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(told.get("holds") == Some(&Value::Bool(true)), "{told}");
    Ok(seconds)
}
