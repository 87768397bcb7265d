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
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    syslog::{Input, Rsyslog},
    world::World,
};

use super::{Archive, Stand, input, rows_sql, streams};
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
    KillReceiver,
    CutCable,
    KillDaemon,
}

/// Five restarts, two cuts, two kills of the daemon.
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

/// What a receiver that confirms what it has written down bears as well.
const BLOWS_OF_THE_EXACT: [Blow; 11] = [
    Blow::KillReceiver,
    Blow::RestartReceiver,
    Blow::CutCable,
    Blow::RestartReceiver,
    Blow::KillDaemon,
    Blow::RestartReceiver,
    Blow::RestartReceiver,
    Blow::CutCable,
    Blow::KillDaemon,
    Blow::RestartReceiver,
    Blow::KillReceiver,
];

/// More than a stream needs, and less than what it would have to keep.
const MOST_GROWTH_KB: u64 = 40 << 10;

enum Receiver {
    Syslog(Rsyslog),
    Collector(Collector),
}

impl Receiver {
    const fn port(&self) -> u16 {
        match self {
            Self::Syslog(receiver) => receiver.port,
            Self::Collector(receiver) => receiver.port,
        }
    }

    fn take(&mut self, archive: &mut Archive) {
        match self {
            Self::Syslog(receiver) => {
                for line in receiver.received().unwrap() {
                    archive.line(&line);
                }
            }
            Self::Collector(receiver) => {
                for event in receiver.received() {
                    take_collected(&event, archive);
                }
            }
        }
    }

    async fn again(&mut self, blow: Blow) {
        match (self, blow) {
            (Self::Syslog(receiver), Blow::KillReceiver) => {
                receiver.kill().unwrap();
                receiver.up().await.unwrap();
            }
            (Self::Syslog(receiver), _) => {
                receiver.down().unwrap();
                receiver.up().await.unwrap();
            }
            // It says goodbye to nobody, so its restart is its death.
            (Self::Collector(receiver), _) => {
                receiver.down().unwrap();
                receiver.up().unwrap();
            }
        }
    }
}

fn take_collected(event: &Value, archive: &mut Archive) {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap();
    let position = event.pointer("/event/position").and_then(Value::as_i64);
    assert_eq!(text("/fields/id"), text("/event/id"));
    archive.take(text("/event/id"), text("/event/tenant"), position);
}

/// A daemon whose log is streamed over a cable to a receiver.
struct Line {
    world: World,
    daemon: Option<Daemon>,
    cable: Cable,
    receiver: Receiver,
    archive: Archive,
    /// What the daemon that runs needed when its first events had come, in kB.
    needed: u64,
}

impl Line {
    /// `target` says what its set-up asks beside the name, given the port of the cable.
    async fn lay(receiver: Receiver, target: impl FnOnce(u16) -> Value) -> Self {
        let world = World::start(Durability::Tests).await.unwrap();
        let cable = Cable::to(receiver.port()).unwrap();
        let mut target = target(cable.port);
        target["name"] = json!("Archive");
        target["enabled"] = json!(true);
        target["from_start"] = json!(true);
        let mut line = Self {
            world,
            daemon: None,
            cable,
            receiver,
            archive: Archive::default(),
            needed: 0,
        };
        line.start().await;
        let console = Console::set_up(line.daemon.as_ref().unwrap())
            .await
            .unwrap();
        console
            .post("/platform/siem/targets", target)
            .await
            .unwrap();
        line
    }

    async fn start(&mut self) {
        let options = DaemonOptions {
            more: "[audit]\nseal_seconds = 1\n".to_owned(),
            endpoints: vec![format!("localhost:{}", self.cable.port)],
            ..DaemonOptions::default()
        };
        self.daemon = Some(self.world.daemon(options).await.unwrap());
        self.needed = 0;
    }

    fn memory(&self) -> u64 {
        memory(self.daemon.as_ref().unwrap().pid())
    }

    /// Writes events, and deals each blow while some of them are on their way.
    async fn endure(mut self, blows: &[Blow]) -> Archive {
        let (each, began, mut growth) = (events() / blows.len(), Instant::now(), 0);
        for blow in blows {
            write(&self.world, each);
            let before = self.archive.times.len();
            until("the stream stands still", async || {
                self.receiver.take(&mut self.archive);
                if self.archive.times.len() > before {
                    return Ok(());
                }
                Err(format!("before {blow:?}, with {before} events"))
            })
            .await;
            if self.needed == 0 {
                self.needed = self.memory();
            }
            match blow {
                Blow::CutCable => self.cable.cut(),
                Blow::RestartReceiver | Blow::KillReceiver => self.receiver.again(*blow).await,
                Blow::KillDaemon => {
                    growth = growth.max(self.memory().saturating_sub(self.needed));
                    drop(self.daemon.take());
                    claims_run_out(&self.world);
                    self.start().await;
                }
            }
        }
        let wanted = sealed(&self.world).await;
        until("events are lost", async || {
            self.receiver.take(&mut self.archive);
            self.archive.has(&wanted)
        })
        .await;
        self.archive.assert_in_order();
        assert!(!self.archive.heads().is_empty(), "no head came");
        growth = growth.max(self.memory().saturating_sub(self.needed));
        #[expect(clippy::print_stderr, reason = "the figures of the long run")]
        {
            eprintln!(
                "{} events, {} repeats, {:?}, the daemon's peak {} kB, its growth {growth} kB",
                wanted.len(),
                self.archive.repeats(),
                began.elapsed(),
                self.memory(),
            );
        }
        assert!(growth < MOST_GROWTH_KB, "it grew by {growth} kB");
        assert!(self.daemon.take().unwrap().stop().await.unwrap().success());
        self.archive
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_nothing_is_lost_when_the_receiver_restarts_the_network_is_cut_and_the_daemon_is_killed()
 {
    let receiver = Rsyslog::start(Input::Tls, &["localhost"]).await.unwrap();
    let authority = receiver.authority.clone();
    let line = Line::lay(
        Receiver::Syslog(receiver),
        |port| json!({ "transport": "syslog_tls", "format": "rfc5424", "address": format!("localhost:{port}"), "authorities": authority }),
    );
    line.await.endure(&BLOWS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_relp_nothing_is_lost_when_the_receiver_is_killed_as_well() {
    let receiver = Rsyslog::start(Input::RelpTls, &["localhost"])
        .await
        .unwrap();
    let authority = receiver.authority.clone();
    let (certificate, key) = receiver.client.clone();
    let line = Line::lay(Receiver::Syslog(receiver), |port| {
        json!({
            "transport": "relp_tls", "format": "rfc5424", "address": format!("localhost:{port}"),
            "authorities": authority, "client_certificate": certificate, "client_key": key,
        })
    });
    line.await.endure(&BLOWS_OF_THE_EXACT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_a_collector_nothing_is_lost_when_it_restarts_the_network_is_cut_and_the_daemon_is_killed()
 {
    let collector = Collector::start().unwrap();
    let authority = collector.authority.clone();
    let line = Line::lay(Receiver::Collector(collector), |port| {
        json!({
            "transport": "https", "format": "json", "token": TOKEN, "authorities": authority,
            "address": format!("https://localhost:{port}/services/collector/event"),
        })
    });
    line.await.endure(&BLOWS_OF_THE_EXACT).await;
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
async fn to_a_collector_nothing_is_lost_whatever_it_answers() {
    let stand = Stand::lay();
    let mut collector = Collector::start().unwrap();
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
    let mut archive = Archive::default();
    until("events are lost", async || {
        for event in collector.received() {
            take_collected(&event, &mut archive);
        }
        archive.has(&wanted)
    })
    .await;
    archive.assert_in_order();
    // Kept, and not confirmed: so it came twice.
    assert!(archive.repeats() > 0);
}
