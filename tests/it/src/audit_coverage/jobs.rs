//! Every kind of job is really done, and writes its entry under the job's own id. What they are called stands in
//! `tests/golden/audit-jobs.txt`; a kind that is not there, or that writes something else, fails.

use std::collections::{BTreeMap, BTreeSet};

use ::jobs::{Worker, WorkerConfig};
use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use kernel::Role;
use simulators::wire::{Effect, Fault};

use crate::{
    erasure::Ends,
    export::Office,
    harness::{Bed, column, connect},
    live::{configured, superuser, until, world},
    mailroom::Mailroom,
    org::Org,
    person::{
        Two,
        found_in_crm::{ADDRESS, Crm},
    },
    salesforce::Routed,
};

/// The entries of jobs: `kind action`.
const WROTE: &str = "SELECT DISTINCT j.kind || ' ' || l.action FROM jobs j JOIN audit_log l \
     ON l.actor_kind = 'system' AND l.actor_id = 'job_' || replace(j.job_id::text, '-', '') AND l.outcome <> 'refused' ORDER BY 1";

/// What the golden file says of each kind: its actions, or why it has none.
fn golden() -> BTreeMap<&'static str, &'static str> {
    include_str!("../../../golden/audit-jobs.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once([':', ' ']).unwrap())
        .collect()
}

/// Exactly what the golden file says of these kinds was written.
fn as_told(wrote: Vec<String>, kinds: &[&str]) {
    let golden = golden();
    let told: Vec<String> = kinds
        .iter()
        .flat_map(|kind| {
            golden[kind]
                .split_whitespace()
                .map(move |action| format!("{kind} {action}"))
        })
        .collect();
    assert_eq!(wrote, told);
}

fn wrote(bed: &Bed) -> Vec<String> {
    column(&mut connect(&bed.database, "revkeep_owner"), WROTE)
}

#[tokio::test]
async fn routing_and_the_synchronisation_of_reps_are_on_record() {
    let routed = Routed::active(3).await;
    routed.arrive(7, 2).await;
    routed.cycle().await;
    as_told(wrote(&routed.org.bed), &["reps.sync", "routing.cycle"]);
}

#[tokio::test]
async fn the_end_of_a_grant_is_on_record() {
    let org = Org::connected().await;
    let deaf = Fault {
        method: None,
        path: Some("/services/oauth2/revoke".to_owned()),
        record: None,
        skip: 0,
        count: Some(1),
        effect: Effect::DropBefore,
    };
    org.admin.fault(&deaf).await.unwrap();
    org.connections
        .connection_disconnect(&org.person)
        .await
        .unwrap();
    org.bed.clock.advance(TimeDelta::seconds(31));
    let worker = Worker::new(
        org.bed.db.clone(),
        "test".to_owned(),
        WorkerConfig::default(),
        org.connections.handlers(),
    );
    worker.run_due().await.unwrap();
    as_told(wrote(&org.bed), &["connection.revoke"]);
}

#[tokio::test]
async fn exports_and_erasures_are_on_record() {
    let office = Office::open().await;
    let ada = office.company.ada.clone();
    office.made(&ada).await;
    office.company.house.advance(TimeDelta::days(8));
    office.work().await;
    as_told(wrote(office.bed()), &["export.expire", "export.make"]);
    let ends = Ends::open().await;
    ends.ask().await;
    ends.erase().await;
    as_told(wrote(ends.office.bed()), &["tenant.erase"]);
}

#[tokio::test]
async fn the_end_of_a_search_and_an_erasure_of_a_person_are_on_record() {
    let crm = Crm::open().await;
    crm.searched(ADDRESS).await;
    crm.office.company.house.advance(TimeDelta::days(7));
    crm.office.work().await;
    as_told(wrote(crm.office.bed()), &["person.close"]);
    let two = Two::open().await;
    two.erase_leaver().await;
    as_told(wrote(two.office.bed()), &["person.erase"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_is_on_record() {
    let (room, grant) = Mailroom::open().await;
    let ada = room.house.who(&grant).await.unwrap();
    let invited =
        room.house
            .identity
            .invitation_create(&ada, "canary-bob@acme.example", vec![Role::Member]);
    invited.await.unwrap();
    assert_eq!(room.mails().await.len(), 1);
    as_told(wrote(&room.house.bed), &["notice.send"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemons_own_jobs_are_on_record() {
    let world = world().await;
    let (daemon, _console) = configured(&world).await;
    daemon.command(&["keys", "rewrap"]).unwrap();
    let planned = "SELECT name FROM schedules WHERE kind = 'controls.verify'";
    until("its schedule is not made", async || {
        match column(&mut superuser(&world), planned).len() {
            1 => Ok(()),
            none => Err(none.to_string()),
        }
    })
    .await;
    let due = "UPDATE schedules SET next_at = now() WHERE kind = 'controls.verify'";
    superuser(&world).batch_execute(due).unwrap();
    let kinds = ["controls.verify", "keys.rewrap"];
    let wrote = until("not both were on record", async || {
        let found = column(&mut superuser(&world), WROTE);
        let own: Vec<String> = found
            .into_iter()
            .filter(|line| kinds.iter().any(|kind| line.starts_with(kind)))
            .collect();
        if own.len() < kinds.len() + 1 {
            Err(format!("{own:?}"))
        } else {
            Ok(own)
        }
    });
    as_told(wrote.await, &kinds);
    assert!(daemon.stop().await.unwrap().success());
}

/// Every kind that some handler does stands in the golden file, and no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kind_of_job_is_forgotten() {
    let org = Org::new();
    let office = Office::open().await;
    let mail = delivery::handlers(
        &org.bed.db,
        &org.bed.vault,
        &office.company.house.identity,
        &org.egress,
        &delivery::Config::default(),
        "https://revkeep.example",
    );
    let handlers = [
        org.connections.handlers(),
        office.custody.handlers(),
        mail,
        salesforce::handlers(&org.bed.db, &org.client()),
    ];
    let mut kinds: BTreeSet<&str> = handlers
        .iter()
        .flatten()
        .map(|handler| handler.kind())
        .collect();
    // Those of the binary's own crate cannot be made here; no more of them may come.
    kinds.extend(["controls.verify", "keys.rewrap"]);
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../daemon/revkeep/src");
    assert_eq!(
        handlers_below(own.as_ref()),
        2,
        "handlers of the binary's own"
    );
    let golden: BTreeSet<&str> = golden().into_keys().collect();
    assert_eq!(kinds, golden);
}

fn handlers_below(directory: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            if path.is_dir() {
                handlers_below(&path)
            } else {
                let source = std::fs::read_to_string(&path).unwrap_or_default();
                source.matches("impl Handler for ").count()
            }
        })
        .sum()
}
