//! Two daemons take over Salesforce's lists at once.

use super::bed::Bed;
use crate::{SyncedQueue, SyncedRep, queues_sync, reps_sync};

const USERS: u32 = 300;

fn rep(n: u32) -> SyncedRep {
    SyncedRep {
        external_id: format!("005xx0000001{n:03}AAA"),
        name: format!("Rep {n}"),
        active: true,
    }
}

fn queue(n: u32) -> SyncedQueue {
    SyncedQueue {
        external_id: format!("00Gxx0000001{n:03}AAA"),
        name: format!("Queue {n}"),
        objects: vec![String::from("Lead")],
    }
}

/// Each list lacks what another one has, so that each changes rows of the others' too.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lists_that_come_at_once_do_not_wait_for_each_other_in_a_circle() {
    let bed = Bed::new().await;
    let sync = |round: u32, of: u32| {
        let listed = move |n: &u32| (n + round) % 3 != of % 3;
        let reps: Vec<_> = (0..USERS).filter(listed).map(rep).collect();
        let queues: Vec<_> = (0..USERS).filter(listed).map(queue).collect();
        bed.run(move |tx| {
            reps_sync(tx, &reps)?;
            queues_sync(tx, &queues)
        })
    };
    for round in 0..6 {
        let (a, b, c, d) = tokio::join!(
            sync(round, 0),
            sync(round, 1),
            sync(round, 2),
            sync(round, 3)
        );
        for outcome in [a, b, c, d] {
            outcome.unwrap();
        }
    }
}
