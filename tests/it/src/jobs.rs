//! The queue: exactly what was committed runs, once per claim, in its own tenant (LM-20).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use chrono::TimeDelta;
use db::DbError;
use jobs::{Handler, Job, JobError, JobsError, NewJob, Worker, WorkerConfig};
use kernel::Principal;
use serde_json::json;

use crate::harness::{Bed, column, connect};

struct Counting {
    ran: AtomicUsize,
    result: fn() -> Result<(), JobError>,
}

#[async_trait]
impl Handler for Counting {
    fn kind(&self) -> &'static str {
        "test.count"
    }
    async fn run(&self, _: &Job) -> Result<(), JobError> {
        self.ran.fetch_add(1, Ordering::SeqCst);
        (self.result)()
    }
}

fn worker(bed: &Bed, result: fn() -> Result<(), JobError>) -> (Worker, Arc<Counting>) {
    let handler = Arc::new(Counting {
        ran: AtomicUsize::new(0),
        result,
    });
    let handlers: Vec<Arc<dyn Handler>> = vec![handler.clone()];
    (
        Worker::new(
            bed.db.clone(),
            "test".to_owned(),
            WorkerConfig::default(),
            handlers,
        ),
        handler,
    )
}

async fn enqueue(bed: &Bed, who: &Principal, attempts: i32) {
    bed.db
        .run(who, move |tx| {
            jobs::enqueue(tx, NewJob::new("test.count", json!({})).attempts(attempts))
        })
        .await
        .unwrap();
}

fn states(bed: &Bed) -> Vec<String> {
    column(
        &mut connect(&bed.database, "revkeep_owner"),
        "SELECT state || ' ' || attempts || ' ' || coalesce(error_code, '') FROM jobs ORDER BY job_id",
    )
}

#[tokio::test]
async fn a_job_exists_only_if_its_transaction_committed() {
    let bed = Bed::new();
    let who = bed.tenant();
    let rolled_back: Result<(), JobsError> = bed
        .db
        .run(&who, |tx| {
            jobs::enqueue(tx, NewJob::new("test.count", json!({})))?;
            Err(JobsError::Db(DbError::NotFound))
        })
        .await;
    assert!(rolled_back.is_err());
    let (worker, handler) = worker(&bed, || Ok(()));
    assert_eq!(worker.run_due().await.unwrap(), 0);
    enqueue(&bed, &who, 3).await;
    assert_eq!(worker.run_due().await.unwrap(), 1);
    assert_eq!(handler.ran.load(Ordering::SeqCst), 1);
    assert_eq!(states(&bed), ["done 1 "]);
}

#[tokio::test]
async fn a_failing_job_backs_off_and_becomes_a_dead_letter() {
    let bed = Bed::new();
    let who = bed.tenant();
    enqueue(&bed, &who, 2).await;
    let (worker, _) = worker(&bed, || {
        Err(JobError::Retry {
            code: "nope",
            detail: "no".to_owned(),
            after: None,
        })
    });
    assert_eq!(worker.run_due().await.unwrap(), 1);
    assert_eq!(states(&bed), ["queued 1 nope"]);
    assert_eq!(
        worker.run_due().await.unwrap(),
        0,
        "ran again before its backoff was over"
    );
    bed.clock.advance(TimeDelta::minutes(10));
    assert_eq!(worker.run_due().await.unwrap(), 1);
    assert_eq!(states(&bed), ["dead 2 nope"]);
}

#[tokio::test]
async fn waiting_for_a_part_does_not_count_as_an_attempt() {
    let bed = Bed::new();
    let who = bed.tenant();
    enqueue(&bed, &who, 1).await;
    let (worker, handler) = worker(&bed, || {
        Err(JobError::Wait {
            code: "sealed",
            detail: "sealed".to_owned(),
        })
    });
    for _ in 0..5 {
        assert_eq!(worker.run_due().await.unwrap(), 1);
        bed.clock.advance(TimeDelta::seconds(5));
    }
    assert_eq!(handler.ran.load(Ordering::SeqCst), 5);
    assert_eq!(states(&bed), ["queued 0 sealed"]);
}

#[tokio::test]
async fn a_handler_that_panics_is_a_dead_letter_and_not_the_end_of_the_worker() {
    let bed = Bed::new();
    let who = bed.tenant();
    enqueue(&bed, &who, 3).await;
    let (breaks, _) = worker(&bed, || panic!("a defect of the handler"));
    assert_eq!(breaks.run_due().await.unwrap(), 1);
    assert_eq!(states(&bed), ["dead 1 job_panicked"]);
    // The same worker goes on with what comes next.
    enqueue(&bed, &who, 3).await;
    assert_eq!(breaks.run_due().await.unwrap(), 1);
    assert_eq!(states(&bed), ["dead 1 job_panicked", "dead 1 job_panicked"]);
}

#[tokio::test]
async fn a_job_that_ends_the_daemon_each_time_is_given_up_without_being_run() {
    let bed = Bed::new();
    let who = bed.tenant();
    enqueue(&bed, &who, 3).await;
    // Claimed again and again, and never a result: as many daemons died over it.
    bed.owner("UPDATE jobs SET attempts = 22");
    let (worker, handler) = worker(&bed, || {
        Err(JobError::Wait {
            code: "sealed",
            detail: "sealed".to_owned(),
        })
    });
    worker.run_due().await.unwrap();
    assert_eq!(handler.ran.load(Ordering::SeqCst), 1, "given up too early");
    bed.owner("UPDATE jobs SET attempts = 23, run_at = created_at");
    worker.run_due().await.unwrap();
    assert_eq!(handler.ran.load(Ordering::SeqCst), 1, "run once more");
    assert_eq!(states(&bed), ["dead 24 job_ends_daemon"]);
}

#[tokio::test]
async fn a_job_whose_payload_names_another_tenant_never_runs() {
    let bed = Bed::new();
    let (who, other) = (bed.tenant(), bed.tenant());
    enqueue(&bed, &who, 3).await;
    bed.owner(&format!(
        "UPDATE jobs SET payload = '{{\"tenant\": \"{}\"}}'",
        other.tenant
    ));
    let (worker, handler) = worker(&bed, || Ok(()));
    worker.run_due().await.unwrap();
    assert_eq!(handler.ran.load(Ordering::SeqCst), 0);
    assert_eq!(states(&bed), ["dead 1 tenant_mismatch"]);
    let audited = column(
        &mut connect(&bed.database, "revkeep_owner"),
        "SELECT action || ' ' || outcome || ' ' || code FROM audit_log",
    );
    assert_eq!(audited, ["access_deny refused tenant_mismatch"]);
}

#[tokio::test]
async fn a_dead_workers_job_passes_to_another_and_its_late_result_is_refused() {
    let bed = Bed::new();
    let who = bed.tenant();
    enqueue(&bed, &who, 3).await;
    let at = kernel::Clock::now(bed.clock.as_ref());
    let claim = move |name: &'static str, at| {
        let db = bed.db.clone();
        async move {
            db.system(move |tx| {
                tx.jobs_claim(&["test.count"], name, at, TimeDelta::seconds(60), 10)
            })
            .await
            .unwrap()
        }
    };
    let first = claim("one", at).await;
    assert_eq!(first.len(), 1);
    assert!(
        claim("two", at + TimeDelta::seconds(59)).await.is_empty(),
        "a held job was claimed"
    );
    let second = claim("two", at + TimeDelta::seconds(61)).await;
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].fence, first[0].fence + 1);
}

#[tokio::test]
async fn two_workers_share_the_queue_without_running_a_job_twice() {
    let bed = Bed::new();
    let who = bed.tenant();
    for _ in 0..40 {
        enqueue(&bed, &who, 1).await;
    }
    let (one, first) = worker(&bed, || Ok(()));
    let (two, second) = worker(&bed, || Ok(()));
    let (a, b) = tokio::join!(one.run_due(), two.run_due());
    assert_eq!(a.unwrap() + b.unwrap(), 40);
    assert_eq!(
        first.ran.load(Ordering::SeqCst) + second.ran.load(Ordering::SeqCst),
        40
    );
}

#[tokio::test]
async fn a_schedule_fires_once_for_all_daemons_and_does_not_pile_up() {
    let bed = Bed::new();
    let who = bed.tenant();
    bed.db
        .run(&who, |tx| {
            jobs::schedule_set(tx, "tick", "test.count", json!({}), 10)
        })
        .await
        .unwrap();
    let (one, first) = worker(&bed, || Ok(()));
    let (two, second) = worker(&bed, || Ok(()));
    for _ in 0..3 {
        let (a, b) = tokio::join!(one.run_due(), two.run_due());
        a.unwrap();
        b.unwrap();
        bed.clock.advance(TimeDelta::seconds(11));
    }
    assert_eq!(
        first.ran.load(Ordering::SeqCst) + second.ran.load(Ordering::SeqCst),
        3
    );
}

#[tokio::test]
async fn a_schedule_goes_on_after_the_clock_was_set_back() {
    let bed = Bed::new();
    let who = bed.tenant();
    bed.db
        .run(&who, |tx| {
            jobs::schedule_set(tx, "tick", "test.count", json!({}), 10)
        })
        .await
        .unwrap();
    let (worker, counting) = worker(&bed, || Ok(()));
    let no_kind = Vec::new();
    let config = WorkerConfig::default();
    let firing = Worker::new(bed.db.clone(), "fires".to_owned(), config, no_kind);
    worker.run_due().await.unwrap();
    // Due by the old clock, queued, and not begun when the clock changes.
    bed.clock.advance(TimeDelta::seconds(11));
    firing.run_due().await.unwrap();
    bed.clock.advance(TimeDelta::hours(-1));
    worker.run_due().await.unwrap();
    assert_eq!(counting.ran.load(Ordering::SeqCst), 2);
    worker.run_due().await.unwrap();
    assert_eq!(counting.ran.load(Ordering::SeqCst), 2);
    bed.clock.advance(TimeDelta::seconds(11));
    worker.run_due().await.unwrap();
    assert_eq!(counting.ran.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn daemons_whose_clocks_differ_a_little_do_not_fire_a_schedule_twice() {
    let bed = Bed::new();
    let who = bed.tenant();
    bed.db
        .run(&who, |tx| {
            jobs::schedule_set(tx, "tick", "test.count", json!({}), 10)
        })
        .await
        .unwrap();
    let (worker, counting) = worker(&bed, || Ok(()));
    worker.run_due().await.unwrap();
    bed.clock.advance(TimeDelta::seconds(-30));
    worker.run_due().await.unwrap();
    assert_eq!(counting.ran.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_lease_has_one_holder_and_a_late_one_is_told_apart_by_its_fence() {
    let bed = Bed::new();
    let who = bed.tenant();
    let take = |owner: &'static str| {
        bed.db.run(&who, move |tx| {
            jobs::lease_acquire(tx, "refresh", owner, TimeDelta::seconds(30))
        })
    };
    let first = take("one").await.unwrap().unwrap();
    assert_eq!(take("two").await.unwrap(), None);
    bed.clock.advance(TimeDelta::seconds(31));
    let second = take("two").await.unwrap().unwrap();
    assert_ne!(first, second);
    let late = bed
        .db
        .run(&who, move |tx| {
            jobs::lease_check(tx, "refresh", "one", first)
        })
        .await
        .unwrap();
    let held = bed
        .db
        .run(&who, move |tx| {
            jobs::lease_check(tx, "refresh", "two", second)
        })
        .await
        .unwrap();
    assert_eq!((late, held), (false, true));
}
