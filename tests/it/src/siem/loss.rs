//! Must hold 1: receivers restarted and killed, the network cut, the daemon killed, and nothing lost.

use std::time::Instant;

use delivery::Transport;
use diesel::connection::SimpleConnection;
use kernel::Secret;
use serde_json::{Value, json};
use stack::{
    cable::Cable,
    collector::{Collector, Fault, TOKEN},
    console::Console,
    daemon::DaemonOptions,
    postgres::Durability,
    syslog::{Input, Rsyslog},
    world::World,
};

use super::{Archive, Stand, input, rows_sql, shown, streams};
use crate::{
    harness::column,
    live::{claims_run_out, superuser, until},
};

/// How many events: some in the ordinary run, 200,000 in the long one.
fn events() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    let asked = std::env::var("REVKEEP_SIEM_EVENTS").ok();
    asked
        .and_then(|events| events.parse().ok())
        .unwrap_or(6_000)
}

#[derive(Clone, Copy, Debug)]
enum Blow {
    RestartReceiver,
    CutCable,
    KillDaemon,
}

const BLOWS: [Blow; 9] = [
    Blow::RestartReceiver,
    Blow::CutCable,
    Blow::RestartReceiver,
    Blow::KillDaemon,
    Blow::RestartReceiver,
    Blow::RestartReceiver,
    Blow::CutCable,
    Blow::KillDaemon,
    Blow::RestartReceiver,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_nothing_is_lost_when_the_receiver_restarts_the_network_is_cut_and_the_daemon_is_killed()
 {
    let world = World::start(Durability::Tests).await.unwrap();
    let mut receiver = Rsyslog::start(Input::Tls, &["localhost"]).await.unwrap();
    let cable = Cable::to(receiver.port).unwrap();
    let options = || DaemonOptions {
        more: "[audit]\nseal_seconds = 1\n".to_owned(),
        endpoints: vec![format!("localhost:{}", cable.port)],
        ..DaemonOptions::default()
    };
    let mut daemon = world.daemon(options()).await.unwrap();
    let console = Console::set_up(&daemon).await.unwrap();
    let target = json!({
        "name": "Archive", "transport": "syslog_tls", "format": "rfc5424", "address": format!("localhost:{}", cable.port),
        "authorities": receiver.authority, "enabled": true, "from_start": true,
    });
    console
        .post("/platform/siem/targets", target)
        .await
        .unwrap();
    let mut archive = Archive::default();
    let each = events() / BLOWS.len();
    let began = Instant::now();
    for blow in BLOWS {
        write(&world, each);
        // Some are on their way when it comes.
        let before = archive.times.len();
        until("the stream stands still", async || {
            take(&mut receiver, &mut archive);
            if archive.times.len() > before {
                Ok(())
            } else {
                Err(blow_said(&blow, &archive))
            }
        })
        .await;
        match blow {
            Blow::RestartReceiver => {
                receiver.down().unwrap();
                receiver.up().await.unwrap();
            }
            Blow::CutCable => cable.cut(),
            Blow::KillDaemon => {
                drop(daemon);
                claims_run_out(&world);
                daemon = world.daemon(options()).await.unwrap();
            }
        }
    }
    let wanted = sealed(&world).await;
    until("events are lost", async || {
        take(&mut receiver, &mut archive);
        archive.has(&wanted)
    })
    .await;
    archive.assert_in_order();
    assert!(!archive.heads().is_empty(), "no head came");
    #[expect(clippy::print_stderr, reason = "the figures of the long run")]
    {
        eprintln!(
            "{} events, {} repeats, {:?}, the daemon's memory {} kB",
            wanted.len(),
            archive.repeats(),
            began.elapsed(),
            memory(daemon.pid()),
        );
    }
    assert!(daemon.stop().await.unwrap().success());
}

fn blow_said(blow: &Blow, archive: &Archive) -> String {
    format!("before {blow:?}, with {} events", archive.times.len())
}

/// The most memory that the process ever had, in kB.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn take(receiver: &mut Rsyslog, archive: &mut Archive) {
    for line in receiver.received().unwrap() {
        archive.line(&line);
    }
}

/// Rows of two tenants that have no people.
fn write(world: &World, rows: usize) {
    let mut conn = superuser(world);
    for tenant in [1_u128, 2] {
        let tenant = kernel::TenantId::from_uuid(uuid::Uuid::from_u128(tenant));
        conn.batch_execute(&rows_sql(tenant, rows / 2)).unwrap();
    }
}

/// The ids of all entries, once all are sealed.
async fn sealed(world: &World) -> Vec<String> {
    until("entries wait to be sealed", async || {
        let left = column(
            &mut superuser(world),
            "SELECT (SELECT count(*) FROM audit_log) - (SELECT count(*) FROM audit_leaves)",
        );
        if left == ["0"] {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await;
    column(
        &mut superuser(world),
        "SELECT replace(audit_id::text, '-', '') FROM audit_leaves",
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_relp_nothing_is_lost_when_the_receiver_is_killed() {
    let stand = Stand::lay();
    let mut receiver = Rsyslog::start(Input::Relp, &["localhost"]).await.unwrap();
    let cable = Cable::to(receiver.port).unwrap();
    let siem = stand.siem(&[cable.port]);
    let target = input(Transport::Relp, &format!("localhost:{}", cable.port));
    siem.target_create(&stand.platform, target, true)
        .await
        .unwrap();
    let _streams = streams(&siem);
    let mut archive = Archive::default();
    for blow in 0..4 {
        stand.write(events() / 4).await;
        let before = archive.times.len();
        until("the stream stands still", async || {
            take(&mut receiver, &mut archive);
            if archive.times.len() > before {
                Ok(())
            } else {
                Err(format!("{before}"))
            }
        })
        .await;
        if blow % 2 == 0 {
            receiver.kill().unwrap();
            receiver.up().await.unwrap();
        } else {
            cable.cut();
        }
    }
    let wanted = stand.ids(&stand.platform);
    until("events are lost", async || {
        take(&mut receiver, &mut archive);
        archive.has(&wanted)
    })
    .await;
    archive.assert_in_order();
    until("it still waits", async || {
        let standing = shown(&siem, &stand.platform).await.standing;
        let done = standing.waiting == 0 && !standing.failing;
        if done {
            Ok(())
        } else {
            Err(format!("{standing:?}"))
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_a_collector_nothing_is_lost_whatever_it_answers() {
    let stand = Stand::lay();
    let collector = Collector::start().unwrap();
    let cable = Cable::to(collector.port).unwrap();
    let siem = stand.siem(&[cable.port]);
    let mut target = input(
        Transport::Https,
        &format!("https://localhost:{}/services/collector/event", cable.port),
    );
    target.format = delivery::Format::Json;
    target.authorities = Some(collector.authority.clone());
    target.token = Some(Secret::new(TOKEN.to_owned()));
    siem.target_create(&stand.platform, target, true)
        .await
        .unwrap();
    let _streams = streams(&siem);
    for fault in [Fault::Busy, Fault::Cut, Fault::Refused] {
        collector.fail(&[fault]);
        stand.write(events() / 4).await;
        until("the fault does not come", async || {
            match collector.faults_left() {
                0 => Ok(()),
                left => Err(format!("{left} left")),
            }
        })
        .await;
    }
    cable.cut();
    stand.write(events() / 4).await;
    let wanted = stand.ids(&stand.platform);
    let archive = until("events are lost", async || {
        let mut archive = Archive::default();
        for event in collector.events() {
            let text = |path: &str| {
                event
                    .pointer(path)
                    .and_then(Value::as_str)
                    .unwrap()
                    .to_owned()
            };
            let position = event.pointer("/event/position").and_then(Value::as_i64);
            assert_eq!(text("/fields/id"), text("/event/id"));
            archive.take(&text("/event/id"), &text("/event/tenant"), position);
        }
        archive.has(&wanted).map(|()| archive)
    })
    .await;
    archive.assert_in_order();
    // Kept, and not confirmed: so it came twice.
    assert!(archive.repeats() > 0);
}
