//! The routing cycle against Salesforce: what matches gets an owner once, and everything that does not
//! go well is told (LR-26 to LR-31, LR-49, LR-51).

mod availability;
mod connection;
mod routers;
mod writes;

use std::sync::Arc;

use chrono::TimeDelta;
use jobs::{Worker, WorkerConfig};
use kernel::Classified;
use layer::Object;
use routing::{Accounting, PoolInput, RouterInput, RoutingError, Target};
use serde_json::{Value, json};
use simulators::wire::{Effect, Fault, Generate, WriteEntry};

use crate::{
    harness::{column, connect},
    org::Org,
};

const ENROLLMENT: &str = "SELECT Id FROM Lead WHERE Status = 'Open - Not Contacted'";

/// Twice the time that a write may take.
const TWICE: TimeDelta = TimeDelta::seconds(60);

pub(crate) struct Routed {
    pub(crate) org: Org,
    worker: Worker,
}

fn rows(org: &Org, sql: &str) -> Vec<String> {
    column(&mut connect(&org.bed.database, "revkeep_owner"), sql)
}

fn on_write(effect: Effect) -> Fault {
    Fault {
        method: Some("PATCH".to_owned()),
        path: None,
        record: None,
        skip: 0,
        count: Some(1),
        effect,
    }
}

impl Routed {
    /// A router that is active, with a baseline of `before` leads and a pool of all reps.
    pub(crate) async fn active(before: u32) -> Self {
        let org = Org::connected().await;
        let wanted = Generate {
            seed: 1,
            users: 4,
            inactive_users: 1,
            queues: 1,
            leads: before,
            spread_seconds: 600,
            ..Generate::default()
        };
        org.admin.generate(&wanted).await.unwrap();
        let handlers = salesforce::handlers(&org.bed.db, &org.client());
        let worker = Worker::new(
            org.bed.db.clone(),
            "test".to_owned(),
            WorkerConfig::default(),
            handlers,
        );
        worker.run_due().await.unwrap();
        let routed = Self { org, worker };
        routed.configure().await;
        routed.cycle().await;
        routed
    }

    async fn configure(&self) {
        let work = |tx: &mut db::TenantTx<'_>| {
            let reps = routing::rep_list(tx, None)?;
            let members = reps
                .iter()
                .filter(|rep| rep.rep.active && rep.rep.name != "Iris Integration")
                .map(|rep| (rep.rep.id(), 1))
                .collect();
            let pool = routing::pool_create(
                tx,
                &PoolInput {
                    calendar: None,
                    caps: routing::Caps::default(),
                    name: "All".to_owned(),
                    members,
                },
            )?;
            let input = RouterInput {
                object: Object::Lead,
                enrollment: ENROLLMENT.to_owned(),
                canonical: format!("{ENROLLMENT} AND IsConverted = FALSE"),
                fallback: Some(Target::Pool {
                    pool_id: pool.pool.id(),
                }),
                cycle_seconds: 2,
                version: None,
            };
            routing::router_configure(tx, &input)?;
            routing::router_activate(tx, Object::Lead).map(drop)
        };
        self.org.bed.db.run(&self.org.person, work).await.unwrap();
    }

    /// Lets the schedule come due once.
    pub(crate) async fn cycle(&self) {
        self.org.bed.clock.advance(TimeDelta::seconds(3));
        self.worker.run_due().await.unwrap();
    }

    pub(crate) async fn arrive(&self, seed: u64, leads: u32) -> Vec<String> {
        let wanted = Generate {
            seed,
            leads,
            ..Generate::default()
        };
        let made = self.org.admin.generate(&wanted).await.unwrap();
        made.leads.iter().map(ToString::to_string).collect()
    }

    async fn accounting(&self) -> Accounting {
        self.org
            .bed
            .db
            .run(&self.org.daemon, routing::accounting)
            .await
            .unwrap()
    }

    async fn writes(&self) -> Vec<WriteEntry> {
        let writes = self.org.admin.writes(0).await.unwrap();
        assert!(
            writes
                .iter()
                .all(|entry| entry.sobject == "Lead" && entry.field == "OwnerId"),
            "something other than an owner was written"
        );
        writes
    }

    async fn last_cycle(&self) -> Value {
        let router = self
            .org
            .bed
            .db
            .run(&self.org.daemon, |tx| routing::router_get(tx, Object::Lead))
            .await
            .unwrap();
        router.unwrap().last_cycle.unwrap()
    }
}

/// Record by record: our log of assigned owners is Salesforce's log of accepted writes.
fn agrees(org: &Org, writes: &[WriteEntry]) {
    let mut ours = rows(
        org,
        "SELECT record_id || ' ' || new_owner FROM assignments WHERE state = 'assigned' AND outcome_code IS DISTINCT FROM 'already_owner'",
    );
    let mut theirs: Vec<String> = writes
        .iter()
        .filter(|entry| entry.code == "OK")
        .map(|entry| format!("{} {}", entry.id, entry.new.as_str().unwrap_or_default()))
        .collect();
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
}
